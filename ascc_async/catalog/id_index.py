"""From video id to row, millions at a time: an open-addressing hash table in one array."""

from __future__ import annotations

import numpy as np

from ascc_async.catalog.arrays import ID_DTYPE, Ids, Int64s, Rows
from ascc_async.catalog.hashing import id_keys

_EMPTY = -1


class IdIndex:
    """Finds rows by id. Where an id stands twice, one of its rows is found.

    `repeated`: whether an id stands twice.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        size = 1 << max(4, (2 * len(ids)).bit_length())
        self._mask = np.int64(size - 1)
        self._table: Rows = np.full(size, _EMPTY, np.int32)
        self.repeated = False
        self._fill()

    def rows_of(self, ids: Ids) -> Rows:
        """The row of every id, -1 where there is none."""
        ids = np.asarray(ids, ID_DTYPE)
        found = np.full(len(ids), _EMPTY, np.int32)
        open_ = np.arange(len(ids))
        slots = self._slots(ids)
        while len(open_):
            rows = self._table[slots]
            there = rows != _EMPTY
            open_, slots, rows = open_[there], slots[there], rows[there]
            same = self._ids[rows] == ids[open_]
            found[open_[same]] = rows[same]
            open_, slots = open_[~same], (slots[~same] + 1) & self._mask
        return found

    def _slots(self, ids: Ids) -> Int64s:
        return id_keys(ids).astype(np.int64) & self._mask

    def _fill(self) -> None:
        rows = np.arange(len(self._ids), dtype=np.int32)
        slots = self._slots(self._ids)
        while len(rows):
            free = self._table[slots] == _EMPTY
            # Of several rows that want one slot, numpy keeps one; the others see it and move on.
            self._table[slots[free]] = rows[free]
            there = self._table[slots]
            left = np.flatnonzero(there != rows)
            # Rows of the same id walk the same slots, so the later one meets the earlier.
            same = self._ids[there[left]] == self._ids[rows[left]]
            self.repeated = self.repeated or bool(same.any())
            rows, slots = rows[left], (slots[left] + 1) & self._mask
