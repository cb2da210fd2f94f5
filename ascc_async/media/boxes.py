"""MP4 boxes: walking them in bytes that may be cut short or hostile, and making them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ascc_async.media.packets import Buffer, corrupt


@dataclass(frozen=True, slots=True)
class Box:
    """One box: `first` … `end` in the buffer it was found in, its content from `body` on.

    `end` may lie beyond the buffer when that holds only the head of the box.
    """

    kind: bytes
    first: int
    body: int
    end: int


def boxes(data: Buffer, first: int = 0, end: int | None = None) -> Iterator[Box]:
    """Boxes one after another from `first`; stops where not even a header is left."""
    limit = len(data) if end is None else min(end, len(data))
    while first + 8 <= limit:
        box = _box(data, first, limit)
        if box is None:
            return
        yield box
        first = box.end


def _box(data: Buffer, first: int, limit: int) -> Box | None:
    size, kind = struct.unpack_from(">I4s", data, first)
    body = first + 8
    if size == 1:
        if first + 16 > limit:
            return None
        (size,) = struct.unpack_from(">Q", data, body)
        body += 8
    elif size == 0:
        size = limit - first
    if size < body - first:
        corrupt(f"a box of {size} bytes at {first}")
    return Box(kind, first, body, first + size)


def find(data: Buffer, path: bytes, first: int = 0, end: int | None = None) -> Box | None:
    """The first box at a path such as `b"mdia/minf/stbl"`, whole within `first` … `end`."""
    head, _, rest = path.partition(b"/")
    for box in boxes(data, first, end):
        if box.kind == head and box.end <= (len(data) if end is None else end):
            return find(data, rest, box.body, box.end) if rest else box
    return None


def need(data: Buffer, path: bytes, parent: Box) -> Box:
    """As `find`, within `parent`; raises `Rejected(CORRUPT)` when it is missing."""
    box = find(data, path, parent.body, parent.end)
    if box is None:
        corrupt(f"no {path.decode('latin-1')} in {parent.kind.decode('latin-1')}")
    return box


class Fields:
    """Reads numbers of one box in turn; raises `Rejected(CORRUPT)` past its end."""

    def __init__(self, data: Buffer, box: Box, *, skip: int = 0) -> None:
        self.data, self.at, self.end = data, box.body + skip, min(box.end, len(data))
        self.kind = box.kind

    def number(self, size: int, *, signed: bool = False) -> int:
        """A big-endian number of `size` bytes."""
        return int.from_bytes(self.raw(size), "big", signed=signed)

    def raw(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size < 0 or self.at + size > self.end:
            corrupt(f"{self.kind.decode('latin-1')} ends too early")
        self.at += size
        return bytes(self.data[self.at - size : self.at])

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return self.end - self.at


def made(kind: bytes, *parts: Buffer) -> bytes:
    """A box around its parts. Raises `Rejected(CORRUPT)` for one of 4 GiB and more."""
    size = 8 + sum(len(part) for part in parts)
    if size >> 32:
        corrupt("a box too large to write")
    return b"".join((struct.pack(">I4s", size, kind), *parts))


def full(kind: bytes, version: int, flags: int, *parts: Buffer) -> bytes:
    """A box with version and flags."""
    return made(kind, struct.pack(">I", version << 24 | flags), *parts)
