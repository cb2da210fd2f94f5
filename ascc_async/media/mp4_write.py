"""Packets written as a plain MP4 file: to feed ffmpeg, and as clips without re-encoding."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import groupby

from ascc_async.media.boxes import full, made
from ascc_async.media.packets import Codec, Packets

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def mp4_file(codec: Codec, packets: Packets, heard: tuple[int, int] | None = None) -> bytes:
    """A whole MP4 file. `heard` (first tick, number of ticks) becomes its edit list.

    Without `heard` every packet decodes to all its samples, from the first on.
    """
    head = made(b"ftyp", b"M4A \0\0\2\0isomiso2M4A mp42")
    size = len(head) + len(_moov(codec, packets, 0, heard)) + 8
    return b"".join((head, _moov(codec, packets, size, heard), made(b"mdat", *packets.data)))


def _moov(codec: Codec, packets: Packets, place: int, heard: tuple[int, int] | None) -> bytes:
    ticks = sum(packets.durations)
    shown = heard[1] if heard else ticks
    return made(
        b"moov",
        full(b"mvhd", 0, 0, struct.pack(">4I", 0, 0, codec.timescale, shown),
             struct.pack(">IHHQ", 0x10000, 0x100, 0, 0), _MATRIX, bytes(24), struct.pack(">I", 2)),
        made(
            b"trak",
            full(b"tkhd", 0, 3, struct.pack(">5I", 0, 0, 1, 0, shown), bytes(8),
                 struct.pack(">HHHH", 0, 0, 0x100 if codec.kind == "audio" else 0, 0), _MATRIX,
                 struct.pack(">II", codec.width << 16, codec.height << 16)),
            _edits(heard),
            _mdia(codec, packets, ticks, place),
        ),
    )  # fmt: skip


def _edits(heard: tuple[int, int] | None) -> bytes:
    if heard is None:
        return b""
    return made(b"edts", full(b"elst", 0, 0, struct.pack(">IIiI", 1, heard[1], heard[0], 65536)))


def _mdia(codec: Codec, packets: Packets, ticks: int, place: int) -> bytes:
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
