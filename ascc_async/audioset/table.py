"""The segments: two million rows in a handful of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ascc_async.audioset.arrays import Bytes, Codes, Ids, Int64s, Rows
from ascc_async.audioset.hashing import words
from ascc_async.audioset.id_index import IdIndex
from ascc_async.model import Segment


@dataclass(frozen=True)
class SegmentTable:
    """Segments in catalogue order: splits as in the settings, within a split as in the file.

    Times are whole milliseconds. The labels of row `i` are
    `label_codes[label_offsets[i]:label_offsets[i + 1]]`, places in the class list, in file
    order. No video id stands twice.
    """

    ids: Ids
    start_ms: Rows
    end_ms: Rows
    split: Bytes
    splits: tuple[str, ...]
    label_offsets: Int64s
    label_codes: Codes
    mids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def segment(self, row: int) -> Segment:
        """One row as a record."""
        first, end = self.label_offsets[row], self.label_offsets[row + 1]
        return Segment(
            video_id=self.video_id(row),
            start_ms=int(self.start_ms[row]),
            end_ms=int(self.end_ms[row]),
            split=self.splits[self.split[row]],
            labels=tuple(self.mids[code] for code in self.label_codes[first:end]),
        )

    def video_id(self, row: int) -> str:
        """The video of a row."""
        return str(self.ids[row], "ascii")

    def segment_id(self, row: int) -> str:
        """`YTID_30000`."""
        return f"{self.video_id(row)}_{self.start_ms[row]}"

    def row_of(self, video_id: str) -> int | None:
        """The row of a video, None when it is not in the catalogue."""
        encoded = video_id.encode()
        if len(encoded) != 11:
            return None
        row = int(self.rows_of(np.array([encoded], "S11"))[0])
        return row if row >= 0 else None

    def rows_of(self, ids: Ids) -> Rows:
        """The row of every id, -1 where the catalogue has none. Millions in a second."""
        return self._index.rows_of(ids)

    @property
    def repeated(self) -> bool:
        """Whether a video stands twice. Only while the table is made: `duplicates` sees to it."""
        return self._index.repeated

    def rows_of_class(self, code: int) -> Rows:
        """The rows labelled with the class at this place of the class list, in order."""
        rows, class_offsets = self._by_class
        return rows[class_offsets[code] : class_offsets[code + 1]]

    def class_counts(self) -> Int64s:
        """Rows per class, in class list order."""
        return np.bincount(self.label_codes, minlength=len(self.mids)).astype(np.int64)

    def label_counts(self) -> Int64s:
        """Labels per row."""
        return np.diff(self.label_offsets)

    def sorted_rows(self, rows: Rows) -> Rows:
        """The same rows in the order of their segment ids (that of the bytes)."""
        high, low = words(self.ids[rows])
        order = np.argsort(high, kind="stable")
        if (np.diff(high[order]) == 0).any():
            order = np.lexsort((low, high))
        return rows[order]

    @cached_property
    def _index(self) -> IdIndex:
        return IdIndex(self.ids)

    @cached_property
    def _by_class(self) -> tuple[Rows, Int64s]:
        order = np.argsort(self.label_codes, kind="stable")
        rows = np.repeat(np.arange(len(self), dtype=np.int32), self.label_counts())[order]
        return rows, np.concatenate(([0], np.cumsum(self.class_counts())))
