"""`stbl`: the table of samples of a plain MP4 file, the kind without fragments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ascc_async.media.boxes import Box, Fields, find, need
from ascc_async.media.packets import Buffer, Packets, corrupt

Numbers = npt.NDArray[np.int64]
_MOST_SAMPLES = 20_000_000


@dataclass(frozen=True, slots=True)
class SampleTable:
    """Place, size, time and duration (ticks) of every packet; `shown` and `keys` for pictures."""

    places: Numbers
    sizes: Numbers
    times: Numbers
    durations: Numbers
    shown: Numbers
    keys: Numbers

    def rows(self, first: int, end: int) -> tuple[int, int]:
        """First row and the one after the last that hold ticks `first` … `end`."""
        low = int(np.searchsorted(self.times, first, side="right")) - 1
        high = int(np.searchsorted(self.times, end, side="left"))
        low = max(0, low)
        return low, max(high, low + 1)

    def key_before(self, row: int) -> int:
        """The last key row not after `row`."""
        place = int(np.searchsorted(self.keys, row, side="right")) - 1
        return int(self.keys[place]) if place >= 0 else 0

    def packets(self, data: Buffer, base: int, low: int, high: int) -> Packets:
        """Rows `low` … `high` out of bytes that start at `base`. Raises `Rejected(CORRUPT)`."""
        view, found = memoryview(data), []
        for place, size in zip(
            self.places[low:high].tolist(), self.sizes[low:high].tolist(), strict=True
        ):
            if place < base or place - base + size > len(view):
                corrupt("a sample outside the stream")
            found.append(view[place - base : place - base + size])
        return Packets(
            found,
            self.durations[low:high].tolist(),
            int(self.times[low]),
            shown=self.shown[low:high].tolist(),
            keys=[int(key) - low for key in self.keys if low <= key < high],
        )


def read_table(data: Buffer, stbl: Box) -> SampleTable:
    """Read a whole `stbl`. Raises `Rejected(CORRUPT)` when its parts contradict each other."""
    sizes = _sizes(Fields(data, need(data, b"stsz", stbl), skip=4))
    count = len(sizes)
    durations = _runs(Fields(data, need(data, b"stts", stbl), skip=4), count)
    if count == 0 or len(durations) != count or not (durations[:-1] > 0).all():
        corrupt("a sample table that does not add up")
    delays = find(data, b"ctts", stbl.body, stbl.end)
    shown = _runs(Fields(data, delays, skip=4), count, "i4") if delays else np.zeros(count, "i8")
    if len(shown) != count:
        corrupt("a sample table that does not add up")
    sync = find(data, b"stss", stbl.body, stbl.end)
    keys = _column(Fields(data, sync, skip=4), 1)[:, 0] - 1 if sync else np.arange(count)
    times = np.cumsum(durations) - durations
    return SampleTable(_places(data, stbl, sizes), sizes, times, durations, shown, keys)


def _column(fields: Fields, width: int, kind: str = "u4") -> Numbers:
    """A counted table of 32-bit numbers, `width` in a row."""
    count = fields.number(4)
    if count > _MOST_SAMPLES:
        corrupt("a sample table without end")
    raw = fields.raw(count * width * 4)
    return np.frombuffer(raw, ">" + kind).astype(np.int64).reshape(count, width)


def _runs(fields: Fields, count: int, kind: str = "u4") -> Numbers:
    """Counts and values, written out."""
    rows = _column(fields, 2, kind)
    if (rows[:, 0] < 0).any() or int(rows[:, 0].sum()) > max(count, 1) * 2:
        corrupt("a sample table that does not add up")
    return np.repeat(rows[:, 1], rows[:, 0])[:count]


def _sizes(fields: Fields) -> Numbers:
    each, count = fields.number(4), fields.number(4)
    if count > _MOST_SAMPLES:
        corrupt("a sample table without end")
    if each:
        return np.full(count, each, np.int64)
    return np.frombuffer(fields.raw(count * 4), ">u4").astype(np.int64)


def _places(data: Buffer, stbl: Box, sizes: Numbers) -> Numbers:
    """Where each sample starts: its chunk's place plus the samples before it in the chunk."""
    chunks = _chunks(data, stbl)
    runs = _column(Fields(data, need(data, b"stsc", stbl), skip=4), 3)
    firsts = np.append(runs[:, 0] - 1, len(chunks))
    lengths = np.diff(firsts)
    if not len(runs) or firsts[0] != 0 or (lengths <= 0).any() or (runs[:, 1] <= 0).any():
        corrupt("a sample table that does not add up")
    per_chunk = np.repeat(runs[:, 1], lengths)
    starts = np.cumsum(per_chunk) - per_chunk
    if int(starts[-1]) >= len(sizes) or int(starts[-1] + per_chunk[-1]) < len(sizes):
        corrupt("a sample table that does not add up")
    chunk_of = np.searchsorted(starts, np.arange(len(sizes)), side="right") - 1
    before = np.cumsum(sizes) - sizes
    places: Numbers = chunks[chunk_of] + before - before[starts[chunk_of]]
    return places


def _chunks(data: Buffer, stbl: Box) -> Numbers:
    wide = find(data, b"co64", stbl.body, stbl.end)
    if wide is None:
        return _column(Fields(data, need(data, b"stco", stbl), skip=4), 1)[:, 0]
    halves = _column(Fields(data, wide, skip=4), 2)
    return halves[:, 0] << 32 | halves[:, 1]
