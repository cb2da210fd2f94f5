"""The two ways through the catalogue: all of it in order, or class by class with cursors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from ascc_async.audioset.arrays import Bools, Bytes, Rows, gather
from ascc_async.audioset.row_state import ALIVE, OUT, UNASKED, alive
from ascc_async.audioset.selection import Selection

# Rows looked at together: few at first, since whoever takes one row mostly finds it at once.
_SHORTEST, _LONGEST = 16, 1 << 16


class Walk(Protocol):
    """Yields rows to ask; whoever takes one marks it `ASKED_OUT` before taking the next."""

    def __iter__(self) -> Iterator[int]: ...

    def changed(self, row: int, old: int, new: int) -> None:
        """A row's state went from `old` to `new` (already written)."""

    def needed(self, rows: Rows) -> Bools:
        """Which of these rows certainly matter, as far as is known now."""

    def asking(self) -> int:
        """Classes that are not yet done."""


class WholeWalk:
    """No limit: every selected row, in catalogue order."""

    def __init__(self, selection: Selection, states: Bytes) -> None:
        self._selection, self._states = selection, states
        self._at = 0
        self._back: deque[int] = deque()

    def __iter__(self) -> Iterator[int]:
        while self._back:
            row = self._back.popleft()
            if self._states[row] == UNASKED:
                yield row
        rows, length = self._selection.rows, _SHORTEST
        while self._at < len(rows):
            begin = self._at
            # On a first sweep the very next row is nearly always the one.
            if self._states[rows[begin]] == UNASKED:
                self._at = begin + 1
                yield int(rows[begin])
                continue
            stretch = rows[begin : begin + length]
            length = min(_LONGEST, 4 * length)
            for place in np.flatnonzero(self._states[stretch] == UNASKED).tolist():
                self._at = begin + place + 1
                yield int(stretch[place])
            self._at = begin + len(stretch)

    def changed(self, row: int, old: int, new: int) -> None:
        passed = self._at and row <= self._selection.rows[self._at - 1]
        if new == UNASKED and old != UNASKED and passed:
            self._back.append(row)

    def needed(self, rows: Rows) -> Bools:
        return self._selection.selected[rows]

    def asking(self) -> int:
        unfinished = self._back or self._at < len(self._selection.rows)
        return len(self._selection.chosen) if unfinished else 0


class ClassWalk:
    """At most `limit` clips a class. See `sampling` for the idea.

    Per class: `cursor` is a place in `class_rows`; before it lie no unasked row and at most
    `limit` alive ones, of which `alive` are counted and `out` are still being asked. `ahead` is
    how far beyond the cursor rows were asked on the chance that they are needed.
    """

    def __init__(self, selection: Selection, states: Bytes, limit: int, lookahead: int) -> None:
        self._selection, self._states = selection, states
        self._limit, self._lookahead = limit, lookahead
        self._rows, self._rank = selection.class_rows, selection.rank
        self._ends = selection.class_offsets[1:].tolist()
        self._cursor: list[int] = selection.class_offsets[:-1].tolist()
        self._ahead = list(self._cursor)
        self._alive = [0] * len(self._ends)
        self._out = [0] * len(self._ends)
        for place in range(len(self._ends)):
            self._start(place)
        self._ready = deque(range(len(self._ends)))
        self._is_ready = [True] * len(self._ends)

    def __iter__(self) -> Iterator[int]:
        while self._ready:
            place = self._ready[0]
            row = self._advance(place)
            if row is None:
                self._ready.popleft()
                self._is_ready[place] = False
            else:
                self._ready.rotate(-1)
                yield row
        for place in range(len(self._ends)):
            if self._out[place]:
                yield from self._look_ahead(place)

    def changed(self, row: int, old: int, new: int) -> None:
        for place in self._selection.classes_of(row):
            if self._rank[row] >= self._cursor_rank(place):
                continue
            self._alive[place] += (new in ALIVE) - (old in ALIVE)
            self._out[place] += (new == OUT) - (old == OUT)
            if new == UNASKED:
                self._retreat(place, self._position(place, row))
            elif self._alive[place] > self._limit:
                self._retreat_to_limit(place)
            self._make_ready(place)

    def needed(self, rows: Rows) -> Bools:
        for place in self._ready:
            self._advance(place)
        limits = [self._cursor_rank(place) for place in range(len(self._ends))]
        of_place = np.array([*limits, -1])  # the last one answers for classes not chosen: -1
        table = self._selection.segments
        which = np.repeat(np.arange(len(rows)), table.label_counts()[rows])
        codes = table.label_codes[gather(table.label_offsets, rows)]
        before = self._rank[rows[which]] < of_place[self._selection.places[codes]]
        return np.bincount(which[before], minlength=len(rows)) > 0

    def asking(self) -> int:
        return sum(
            self._cursor[place] < end and (self._alive[place] < self._limit or self._out[place] > 0)
            for place, end in enumerate(self._ends)
        )

    def _start(self, place: int) -> None:
        """Put the cursor where answers from earlier runs allow, all at once."""
        begin, end = self._cursor[place], self._ends[place]
        states = self._states[self._rows[begin:end]]
        unasked = np.flatnonzero(states == UNASKED)
        passed = int(unasked[0]) if len(unasked) else end - begin
        living = np.flatnonzero(alive(states[:passed]))
        if len(living) >= self._limit:
            passed = int(living[self._limit - 1]) + 1
        self._cursor[place] = begin + passed
        self._alive[place] = min(len(living), self._limit)
        self._out[place] = int((states[:passed] == OUT).sum())

    def _advance(self, place: int) -> int | None:
        """Pass what is asked; the row at which the cursor stops if it is to be asked."""
        end, rows, states = self._ends[place], self._rows, self._states
        while self._cursor[place] < end and self._alive[place] < self._limit:
            row = int(rows[self._cursor[place]])
            state = int(states[row])
            if state == UNASKED:
                return row
            self._cursor[place] += 1
            self._alive[place] += state in ALIVE
            self._out[place] += state == OUT
        return None

    def _look_ahead(self, place: int) -> Iterator[int]:
        """Rows that are needed if one of those now being asked turns out to be none."""
        end = min(self._ends[place], self._cursor[place] + self._lookahead)
        self._ahead[place] = max(self._ahead[place], self._cursor[place])
        while self._ahead[place] < end:
            row = int(self._rows[self._ahead[place]])
            self._ahead[place] += 1
            if self._states[row] == UNASKED:
                yield row

    def _retreat(self, place: int, position: int) -> None:
        """Put the cursor back on a row that is to be asked again."""
        behind = self._states[self._rows[position + 1 : self._cursor[place]]]
        self._alive[place] -= int(alive(behind).sum())
        self._out[place] -= int((behind == OUT).sum())
        self._cursor[place] = position

    def _retreat_to_limit(self, place: int) -> None:
        """A row that was out of the race is back in it: the last alive one is not needed now."""
        while self._alive[place] > self._limit:
            self._cursor[place] -= 1
            state = int(self._states[self._rows[self._cursor[place]]])
            self._alive[place] -= state in ALIVE
            self._out[place] -= state == OUT
        while not self._is_alive(self._cursor[place] - 1):
            self._cursor[place] -= 1

    def _is_alive(self, position: int) -> bool:
        return int(self._states[self._rows[position]]) in ALIVE

    def _make_ready(self, place: int) -> None:
        if self._is_ready[place] or self._cursor[place] >= self._ends[place]:
            return
        if self._alive[place] < self._limit:
            self._ready.append(place)
            self._is_ready[place] = True

    def _cursor_rank(self, place: int) -> int:
        """Rows of a lower rank lie before the cursor."""
        cursor = self._cursor[place]
        return int(self._rank[self._rows[cursor]]) if cursor < self._ends[place] else 1 << 40

    def _position(self, place: int, row: int) -> int:
        begin, end = int(self._selection.class_offsets[place]), self._ends[place]
        ranks = self._rank[self._rows[begin:end]]
        return begin + int(np.searchsorted(ranks, self._rank[row]))
