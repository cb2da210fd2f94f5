"""`sidx`: the index at the head of a fragmented MP4 stream."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ascc_async.media.boxes import Box, Fields
from ascc_async.media.index import MOST_FRAGMENTS, Fragment
from ascc_async.media.packets import Buffer, corrupt


@dataclass(frozen=True, slots=True)
class Sidx:
    """One `sidx` box. `earliest` is the time of its first fragment, in ticks."""

    timescale: int
    earliest: int
    fragments: tuple[Fragment, ...]


def read_sidx(data: Buffer, box: Box, base: int = 0) -> Sidx:
    """Read a whole `sidx` that lies in `data`, whose first byte is byte `base` of the stream.

    Fragment times start at `earliest`. Raises `Rejected(CORRUPT)`.
    """
    fields = Fields(data, box)
    wide = 8 if fields.number(4) >> 24 else 4
    fields.raw(4)
    timescale, earliest = fields.number(4), fields.number(wide)
    place = base + box.end + fields.number(wide)
    fields.raw(2)
    count = fields.number(2)
    if timescale == 0 or count > MOST_FRAGMENTS or fields.left < count * 12:
        corrupt("sidx is shorter than it says")
    return Sidx(timescale, earliest, tuple(_references(fields, count, place, earliest)))


def _references(fields: Fields, count: int, place: int, time: int) -> list[Fragment]:
    found = []
    for size, ticks, _ in struct.iter_unpack(">III", fields.raw(count * 12)):
        nested, size = bool(size >> 31), size & 0x7FFFFFFF
        if size == 0:
            corrupt("sidx points to nothing")
        found.append(Fragment(place, place + size - 1, time, time + ticks, nested))
        place, time = place + size, time + ticks
    return found
