"""Who may be in the dataset: every selected segment in the manifest's order, and the classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ascc_async.audioset.sampling import spare
from ascc_async.audioset.segments import (
    ID_DTYPE,
    Bools,
    Bytes,
    Rows,
    SegmentTable,
    gather,
    offsets,
)
from ascc_async.audioset.selection import Selection
from ascc_async.model import Segment

_AT_ONCE = 8192  # rows that exist as Python objects at a time


class Entry(NamedTuple):
    """One selected segment. `labels` are its MIDs, joined by commas, in file order."""

    segment_id: str
    video_id: str
    start_ms: int
    end_ms: int
    split: str
    labels: str


@dataclass(frozen=True, slots=True)
class DatasetClass:
    """A chosen class. `index` is its place in the class list; `quality` None means never rated."""

    index: int
    mid: str
    name: str
    quality: float | None


@dataclass(frozen=True)
class Roster:
    """The selected rows of a catalogue and the chosen classes, in their stable order.

    `spares` says, from the state of every row (in the order of `rows`), which clips are beyond
    `max_per_class`; None where there is no such limit.
    """

    table: SegmentTable
    rows: Rows
    classes: tuple[DatasetClass, ...]
    spares: Callable[[Bytes], Bools] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def entries(self) -> Iterator[Entry]:
        """Every selected segment, sorted by segment id; few of them in memory at a time."""
        for first in range(0, len(self.rows), _AT_ONCE):
            yield from _entries(self.table, self.rows[first : first + _AT_ONCE])


def roster_of(selection: Selection) -> Roster:
    """The roster of a selection."""
    rows = selection.segments.sorted_rows(selection.rows)
    classes = tuple(
        DatasetClass(one.index, one.mid, one.name, one.quality) for one in selection.chosen
    )
    return Roster(selection.segments, rows, classes, _spares(selection, rows))


def segment_table(segments: Sequence[Segment], mids: Iterable[str]) -> SegmentTable:
    """A catalogue of some segments; `mids` come first among its classes, in their order."""
    labels = [mid for one in segments for mid in one.labels]
    codes = {mid: code for code, mid in enumerate(dict.fromkeys([*mids, *labels]))}
    splits = tuple(sorted({one.split for one in segments}))
    return SegmentTable(
        ids=np.array([one.video_id for one in segments], ID_DTYPE),
        start_ms=np.array([one.start_ms for one in segments], np.int32),
        end_ms=np.array([one.end_ms for one in segments], np.int32),
        split=np.array([splits.index(one.split) for one in segments], np.uint8),
        splits=splits,
        label_offsets=offsets(np.array([len(one.labels) for one in segments], np.int64)),
        label_codes=np.array([codes[mid] for mid in labels], np.uint16),
        mids=tuple(codes),
    )


def _spares(selection: Selection, rows: Rows) -> Callable[[Bytes], Bools] | None:
    if selection.max_per_class is None:
        return None

    def spares(states: Bytes) -> Bools:
        everywhere = np.zeros(len(selection.segments), np.uint8)
        everywhere[rows] = states
        return spare(selection, everywhere)[rows]

    return spares


def _entries(table: SegmentTable, rows: Rows) -> Iterator[Entry]:
    counts = table.label_offsets[rows + 1] - table.label_offsets[rows]
    codes = table.label_codes[gather(table.label_offsets, rows)]
    mids = [table.mids[code] for code in codes.tolist()]
    ends = np.cumsum(counts)
    columns = zip(
        table.ids[rows].astype("U11").tolist(),
        table.start_ms[rows].tolist(),
        table.end_ms[rows].tolist(),
        table.split[rows].tolist(),
        (ends - counts).tolist(),
        ends.tolist(),
        strict=True,
    )
    for video_id, start, end, split, first, last in columns:
        labels = ",".join(mids[first:last])
        yield Entry(f"{video_id}_{start}", video_id, start, end, table.splits[split], labels)
