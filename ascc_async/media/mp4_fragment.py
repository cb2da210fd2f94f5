"""`moof` and `mdat`: the packets of one fragment, as far as its bytes have been read."""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from ascc_async.media.boxes import Box, Fields, boxes, find
from ascc_async.media.mp4_track import Mp4Track
from ascc_async.media.packets import Buffer, Packets, corrupt, joined

_BASE, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x01, 0x02, 0x08, 0x10, 0x20
_DATA_OFFSET, _FIRST_FLAGS = 0x001, 0x004
_EACH = ((0x100, "duration"), (0x200, "size"), (0x400, "flags"), (0x800, "shown"))
_NOT_A_KEY = 0x10000
_MOST_PACKETS = 200_000


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
    whole, count = True, 0
    for box in boxes(data):
        if box.kind != b"moof":
            continue
        if box.end > len(data):
            whole = False
            break
        expected = parts[-1].end if parts else expected_start
        part, whole = _fragment(data, base, box, track, expected)
        parts.append(part)
        count = _counted(count + len(part.data))
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
    count = 0
    for box in boxes(data, traf.body, traf.end):
        if box.kind == b"trun":
            follows = found[-1].place + sum(found[-1].sizes) if found else defaults.base
            found.append(_run(Fields(data, box), defaults, follows))
            count = _counted(count + len(found[-1].sizes))
    return found


def _counted(packets: int) -> int:
    """A run of packets without sizes of their own costs a sender nothing, but us memory."""
    if packets > _MOST_PACKETS:
        corrupt("packets without end")
    return packets


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
    if count > _MOST_PACKETS or width * count > fields.left:
        corrupt("trun is shorter than it says")
    if not names:
        return {}
    signs = "".join("i" if name == "shown" else "I" for name in names)
    rows = list(struct.iter_unpack(">" + signs, fields.raw(width * count)))
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _packets(data: Buffer, base: int, runs: list[_Run], start: int) -> tuple[Packets, bool]:
    view, end = memoryview(data), base + len(data)
    parts = []
    for run in runs:
        if run.place < base:
            corrupt("a fragment that points outside itself")
        places = list(accumulate(run.sizes, initial=run.place - base))
        here = bisect_right(places, end - base) - 1
        parts.append(_there(view, run, places, max(here, 0)))
        if len(parts[-1].data) < len(run.sizes):
            break
    packets = _one_after_another(parts, start)
    if 0 in packets.durations[:-1]:
        corrupt("packets without a duration")
    return packets, len(packets.data) == sum(len(run.sizes) for run in runs)


def _there(view: memoryview, run: _Run, places: list[int], here: int) -> Packets:
    """The first `here` packets of a run."""
    return Packets(
        data=[view[place:stop] for place, stop in pairwise(places[: here + 1])],
        durations=run.durations[:here],
        start=0,
        shown=(run.shown or [0] * here)[:here],
        keys=[number for number, flags in enumerate(run.flags[:here]) if not flags & _NOT_A_KEY],
    )


def _one_after_another(parts: list[Packets], start: int) -> Packets:
    if not any(part.data for part in parts):
        return Packets((), (), start)
    return replace(joined(parts), start=start)
