"""From video id to row, millions at a time: an open-addressing hash table in one array."""

from __future__ import annotations

import numpy as np

from ascc_async.audioset.arrays import ID_DTYPE, Ids, Int64s, Rows
from ascc_async.audioset.hashing import id_keys

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
        pool = self._pool(ids)
        while len(open_):
            rows = self._table[pool]
            there = rows != _EMPTY
            open_, pool, rows = open_[there], pool[there], rows[there]
            same = self._ids[rows] == ids[open_]
            found[open_[same]] = rows[same]
            open_, pool = open_[~same], (pool[~same] + 1) & self._mask
        return found

    def _pool(self, ids: Ids) -> Int64s:
        return id_keys(ids).astype(np.int64) & self._mask

    def _fill(self) -> None:
        rows = np.arange(len(self._ids), dtype=np.int32)
        pool = self._pool(self._ids)
        while len(rows):
            free = self._table[pool] == _EMPTY
            # Of several rows that want one slot, numpy keeps one; the others see it and move on.
            self._table[pool[free]] = rows[free]
            there = self._table[pool]
            left = np.flatnonzero(there != rows)
            # Rows of the same id walk the same slots, so the later one meets the earlier.
            same = self._ids[there[left]] == self._ids[rows[left]]
            self.repeated = self.repeated or bool(same.any())
            rows, pool = rows[left], (pool[left] + 1) & self._mask
