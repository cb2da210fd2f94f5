"""Packets written as a plain MP4 file: to feed ffmpeg, and as clips without re-encoding."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from ascc_async.media.boxes import full, made
from ascc_async.media.packets import Codec, Packets, corrupt

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True, slots=True)
class Written:
    """One track to write. `heard` (first tick, number of ticks) becomes its edit list; without
    it every packet decodes to all its samples, from the first on.
    """

    codec: Codec
    packets: Packets
    heard: tuple[int, int] | None = None

    @property
    def shown(self) -> int:
        """Ticks that a player shows."""
        return self.heard[1] if self.heard else sum(self.packets.durations)


def mp4_file(*tracks: Written) -> bytes:
    """A whole MP4 file, its tracks' packets one track after the other.

    Raises `Rejected(CORRUPT)` for sizes or durations that no MP4 file can hold.
    """
    try:
        return _file(tracks)
    except struct.error:
        corrupt("sizes or durations beyond all measure")


def _file(tracks: Sequence[Written]) -> bytes:
    head = made(b"ftyp", b"M4A \0\0\2\0isomiso2M4A mp42")
    start = len(head) + len(_moov(tracks, 0)) + 8
    data = made(b"mdat", *(packet for track in tracks for packet in track.packets.data))
    return b"".join((head, _moov(tracks, start), data))


def _moov(tracks: Sequence[Written], start: int) -> bytes:
    clock = tracks[0].codec.timescale
    places = accumulate((track.packets.bytes for track in tracks), initial=start)
    traks = [
        _trak(track, number, clock, place)
        for number, (track, place) in enumerate(zip(tracks, places, strict=False), 1)
    ]
    longest = max(_rescaled(track, clock) for track in tracks)
    return made(
        b"moov",
        full(b"mvhd", 0, 0, struct.pack(">4I", 0, 0, clock, longest),
             struct.pack(">IHHQ", 0x10000, 0x100, 0, 0), _MATRIX, bytes(24),
             struct.pack(">I", len(tracks) + 1)),
        *traks,
    )  # fmt: skip


def _rescaled(track: Written, clock: int) -> int:
    return -(-track.shown * clock // track.codec.timescale)


def _trak(track: Written, number: int, clock: int, place: int) -> bytes:
    codec, shown = track.codec, _rescaled(track, clock)
    return made(
        b"trak",
        full(b"tkhd", 0, 3, struct.pack(">5I", 0, 0, number, 0, shown), bytes(8),
             struct.pack(">HHHH", 0, 0, 0x100 if codec.kind == "audio" else 0, 0), _MATRIX,
             struct.pack(">II", codec.width << 16, codec.height << 16)),
        _edits(track.heard, shown),
        _mdia(codec, track.packets, place),
    )  # fmt: skip


def _edits(heard: tuple[int, int] | None, shown: int) -> bytes:
    if heard is None:
        return b""
    return made(b"edts", full(b"elst", 0, 0, struct.pack(">IIiI", 1, shown, heard[0], 0x10000)))


def _mdia(codec: Codec, packets: Packets, place: int) -> bytes:
    ticks = sum(packets.durations)
    sound = codec.kind == "audio"
    handler = b"soun" if sound else b"vide"
    media = full(b"smhd", 0, 0, bytes(4)) if sound else full(b"vmhd", 0, 1, bytes(8))
    return made(
        b"mdia",
        full(b"mdhd", 0, 0, struct.pack(">4IHH", 0, 0, codec.timescale, ticks, 0x55C4, 0)),
        full(b"hdlr", 0, 0, bytes(4), handler, bytes(12), b"\0"),
        made(
            b"minf",
            media,
            made(b"dinf", full(b"dref", 0, 0, struct.pack(">I", 1), full(b"url ", 0, 1))),
            _stbl(codec, packets, place),
        ),
    )


def _stbl(codec: Codec, packets: Packets, place: int) -> bytes:
    sizes = [len(packet) for packet in packets.data]
    tables = [
        full(b"stsd", 0, 0, struct.pack(">I", 1), codec.entry),
        full(b"stts", 0, 0, _runs(packets.durations, "II")),
        full(b"stsc", 0, 0, struct.pack(">4I", 1, 1, len(sizes), 1)),
        full(b"stsz", 0, 0, struct.pack(">II", 0, len(sizes)), _numbers(sizes)),
        full(b"stco", 0, 0, struct.pack(">II", 1, place)),
    ]
    if any(packets.shown):
        tables.append(full(b"ctts", 1, 0, _runs(packets.shown, "Ii")))
    if codec.kind == "video":
        keys = [key + 1 for key in packets.keys]
        tables.append(full(b"stss", 0, 0, struct.pack(">I", len(keys)), _numbers(keys)))
    return made(b"stbl", *tables)


def _numbers(values: Sequence[int]) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def _runs(values: Iterable[int], layout: str) -> bytes:
    """Equal values in a row as count and value."""
    runs = [(len(list(group)), value) for value, group in groupby(values)]
    return struct.pack(">I", len(runs)) + b"".join(struct.pack(">" + layout, *run) for run in runs)
