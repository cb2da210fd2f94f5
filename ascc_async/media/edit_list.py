"""How long the sound of an MP4 waits: the empty edits at the head of its edit list."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

_EMPTY = -1  # as the media time of an entry: nothing is played as long as it lasts


def sound_delay(data: bytes | mmap.mmap) -> float | None:
    """Seconds until the first sound track begins; None when `moov`, which tells, is not there."""
    moov = next(_inside(data, (0, len(data)), b"moov"), None)
    if moov is None:
        return None
    scale = 0
    for at, _ in _inside(data, moov, b"mvhd"):
        at += 20 if _is_wide(data, at) else 12
        scale = int.from_bytes(data[at : at + 4], "big")
    for track in _inside(data, moov, b"trak"):
        handlers = _inside(data, track, b"mdia", b"hdlr")
        if scale and any(data[at + 8 : at + 12] == b"soun" for at, _ in handlers):
            return sum(_empty_at_head(data, track)) / scale
    return 0.0


def sound_delay_in(path: Path) -> float | None:
    """The same of a file, of which only some pages are read."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return sound_delay(data)


def _empty_at_head(data: bytes | mmap.mmap, track: tuple[int, int]) -> Iterator[int]:
    for at, end in _inside(data, track, b"edts", b"elst"):
        entry = struct.Struct(">Qq4x" if _is_wide(data, at) else ">Ii4x")
        rows = data[at + 8 : end]
        for duration, time in entry.iter_unpack(rows[: len(rows) // entry.size * entry.size]):
            if time != _EMPTY:
                return
            yield duration


def _is_wide(data: bytes | mmap.mmap, at: int) -> bool:
    """Whether a box has times of 64 bits (its version is 1)."""
    return data[at : at + 1] == b"\1"


def _inside(
    data: bytes | mmap.mmap, outer: tuple[int, int], kind: bytes, *deeper: bytes
) -> Iterator[tuple[int, int]]:
    """Where the contents of the whole boxes of a kind lie, or of those deeper in them."""
    at, stop = outer
    while at + 16 <= stop:
        size, name, large = struct.unpack_from(">I4sQ", data, at)
        body = at + 8
        if size == 1:
            size, body = large, at + 16
        end = at + size if size else stop
        if end < body or end > stop:
            return
        if name == kind and deeper:
            yield from _inside(data, (body, end), *deeper)
        elif name == kind:
            yield body, end
        at = end
