"""`moof` and `mdat`: the packets of one fragment, as far as its bytes have been read."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, takewhile

from ascc_async.media.boxes import Box, Fields, boxes, find
from ascc_async.media.mp4_track import Mp4Track
from ascc_async.media.packets import Buffer, Packets, corrupt, joined

_BASE, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x01, 0x02, 0x08, 0x10, 0x20
_DATA_OFFSET, _FIRST_FLAGS = 0x001, 0x004
_EACH = ((0x100, "duration"), (0x200, "size"), (0x400, "flags"), (0x800, "shown"))
_NOT_A_KEY = 0x10000


@dataclass(frozen=True, slots=True)
class _Defaults:
    base: int
    duration: int
    size: int
    flags: int


@dataclass(frozen=True, slots=True)
class _Run:
    place: int
    durations: list[int]
    sizes: list[int]
    flags: list[int]
    shown: list[int]


def read_fragments(
    data: Buffer, base: int, track: Mp4Track, expected_start: int, *, none_is_fine: bool = False
) -> tuple[Packets, bool]:
    """The track's packets in `data` (byte `base` of the stream on), and whether none is missing.

    Packets whose bytes are not there are left out, and all after them. `expected_start` is used
    for a fragment that does not tell its time. Raises `Rejected(CORRUPT)`.
    """
    parts: list[Packets] = []
    whole = True
    for box in boxes(data):
        if box.kind != b"moof":
            continue
        if box.end > len(data):
            whole = False
            break
        expected = parts[-1].end if parts else expected_start
        part, whole = _fragment(data, base, box, track, expected)
        parts.append(part)
        if not whole:
            break
    if none_is_fine and not any(part.data for part in parts):
        return Packets((), (), expected_start), False
    return _whole_frames(joined(parts), track), whole


def _whole_frames(packets: Packets, track: Mp4Track) -> Packets:
    """A short last duration trims nothing when ffmpeg decodes fragments: count whole frames."""
    durations = packets.durations
    if track.codec.kind == "video" or len(durations) < 2 or durations[-1] >= durations[-2]:
        return packets
    return replace(packets, durations=[*durations[:-1], durations[-2]])


def _fragment(
    data: Buffer, base: int, moof: Box, track: Mp4Track, expected: int
) -> tuple[Packets, bool]:
    for traf in boxes(data, moof.body, moof.end):
        if traf.kind != b"traf":
            continue
        header = find(data, b"tfhd", traf.body, traf.end)
        if header is None:
            corrupt("a fragment without tfhd")
        track_id, defaults = _header(data, header, track, base + moof.first)
        if track_id == track.track_id:
            runs = _runs(data, traf, defaults)
            return _packets(data, base, runs, _time(data, traf, expected))
    return Packets((), (), expected), True


def _header(data: Buffer, box: Box, track: Mp4Track, moof: int) -> tuple[int, _Defaults]:
    fields = Fields(data, box)
    flags, track_id = fields.number(4), fields.number(4)
    place = fields.number(8) if flags & _BASE else moof
    if flags & _DESCRIPTION:
        fields.raw(4)
    duration = fields.number(4) if flags & _DURATION else track.default_duration
    size = fields.number(4) if flags & _SIZE else track.default_size
    each = fields.number(4) if flags & _FLAGS else track.default_flags
    return track_id, _Defaults(place, duration, size, each)


def _time(data: Buffer, traf: Box, expected: int) -> int:
    box = find(data, b"tfdt", traf.body, traf.end)
    if box is None:
        return expected
    fields = Fields(data, box)
    return fields.number(8 if fields.number(4) >> 24 else 4)


def _runs(data: Buffer, traf: Box, defaults: _Defaults) -> list[_Run]:
    found: list[_Run] = []
    for box in boxes(data, traf.body, traf.end):
        if box.kind == b"trun":
            follows = found[-1].place + sum(found[-1].sizes) if found else defaults.base
            found.append(_run(Fields(data, box), defaults, follows))
    return found


def _run(fields: Fields, defaults: _Defaults, follows: int) -> _Run:
    flags = fields.number(4)
    count = fields.number(4)
    offset = fields.number(4, signed=True) if flags & _DATA_OFFSET else None
    first_flags = fields.number(4) if flags & _FIRST_FLAGS else None
    place = follows if offset is None else defaults.base + offset
    columns = _columns(fields, flags, count)
    each = columns.get("flags", [defaults.flags] * count)
    if first_flags is not None and each:
        each = [first_flags, *each[1:]]
    return _Run(
        place,
        columns.get("duration", [defaults.duration] * count),
        columns.get("size", [defaults.size] * count),
        each,
        columns.get("shown", []),
    )


def _columns(fields: Fields, flags: int, count: int) -> dict[str, list[int]]:
    names = [name for bit, name in _EACH if flags & bit]
    width = 4 * len(names)
    if count > 1_000_000 or width * count > fields.left:
        corrupt("trun is shorter than it says")
    if not names:
        return {}
    signs = "".join("i" if name == "shown" else "I" for name in names)
    rows = list(struct.iter_unpack(">" + signs, fields.raw(width * count)))
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _samples(run: _Run) -> Iterator[tuple[int, int, int, int, int]]:
    """Place, size, ticks, flags and delay of each packet of a run."""
    places = accumulate(run.sizes, initial=run.place)
    delays = run.shown or [0] * len(run.sizes)
    return zip(places, run.sizes, run.durations, run.flags, delays, strict=False)


def _packets(data: Buffer, base: int, runs: list[_Run], start: int) -> tuple[Packets, bool]:
    view = memoryview(data)
    rows = [sample for run in runs for sample in _samples(run)]
    if any(place < base for place, *_ in rows):
        corrupt("a fragment that points outside itself")
    here = list(takewhile(lambda row: row[0] + row[1] <= base + len(view), rows))
    if any(ticks == 0 for _, _, ticks, _, _ in here[:-1]):
        corrupt("packets without a duration")
    packets = Packets(
        data=[view[place - base : place - base + size] for place, size, *_ in here],
        durations=[row[2] for row in here],
        start=start,
        shown=[row[4] for row in here],
        keys=[number for number, row in enumerate(here) if not row[3] & _NOT_A_KEY],
    )
    return packets, len(here) == len(rows)
