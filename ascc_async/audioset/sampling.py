"""Which rows to ask next, so that each class gets its N clips with not a request too many.

The final set is, for every chosen class, the first N rows of its seeded order that turn out to be
clips; together over all classes. It depends on the seed, the classes and what YouTube still has.

So a class needs the answers about its first N rows that are not known to be useless (`NO`), and
certainly about no other row. That is a function of the row states alone (`reach`): no matter in
which order answers come, how many are awaited, or how often a run was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from enum import IntEnum

import numpy as np

from ascc_async.audioset.segments import Bools, Bytes, Rows, offsets
from ascc_async.audioset.selection import Selection


class RowState(IntEnum):
    """What is known of a row, as one byte.

    `ASKED_OUT`: asked, not yet answered. `NO`: not shareable, unavailable, rejected, or unknown.
    `APPROVED`: Creative Commons, no clip yet.
    """

    UNASKED = 0
    ASKED_OUT = 1
    NO = 2
    APPROVED = 3
    CLIP = 4


def reach(order: Rows, states: Bytes, limit: int) -> int:
    """How many rows of a class's order have to be asked: all up to the `limit`-th that is not `NO`.

    Should all of these turn out to be clips, they are the class's share of the final set.
    """
    looked_at = 4 * limit
    while True:
        hopeful = np.flatnonzero(states[order[:looked_at]] != RowState.NO)
        if len(hopeful) >= limit:
            return int(hopeful[limit - 1]) + 1
        if looked_at >= len(order):
            return len(order)
        looked_at *= 4  # the largest class has a million rows, and mostly the first few suffice


def spare(selection: Selection, states: Bytes) -> Bools:
    """For every row of the table: a clip, and beyond N in each of its chosen classes."""
    clips: Bools = (states == RowState.CLIP) & selection.selected
    limit = selection.max_per_class
    if limit is None:
        return np.zeros(len(states), bool)
    rows, begins = selection.class_rows, selection.class_offsets
    is_clip = clips[rows]
    before = offsets(is_clip)
    in_class = before[:-1] - np.repeat(before[begins[:-1]], np.diff(begins))
    clips[rows[is_clip & (in_class < limit)]] = False
    return clips


class Sampler:
    """Hands out rows to ask and learns what became of them.

    `states` has one `RowState` for every row of the table; the sampler alone writes it from here
    on. Not for use from several threads.
    """

    def __init__(
        self,
        selection: Selection,
        states: Bytes,
        first: Bools | None = None,
        last: Bools | None = None,
    ) -> None:
        """`first` and `last`: for every row of the table, whether it comes before, or after, all
        others; first where it is both.
        """
        self.selection, self.states = selection, states
        turns = np.ones(len(states), np.uint8)
        for rows, turn in ((last, 2), (first, 0)):
            if rows is not None:
                turns[rows] = turn
        self._turns = turns if turns.min(initial=1) != turns.max(initial=1) else None
        self._limit = selection.max_per_class
        approved = np.flatnonzero((states == RowState.APPROVED) & selection.selected)
        self.approved: set[int] = set(approved.tolist())
        """The selected rows that are `APPROVED`, wanted or not."""
        self._reach: dict[int, int] = {}  # of the classes for which it is known
        self._changed: set[int] = set()  # classes to look at again when the queue is used up
        self._taken = 0  # so many of the queue were handed out
        self._queue: Rows | None = None  # rows found to be asked; None: look at everything again
        # Of two million rows this takes long enough to be noticed: here rather than in the first
        # `next`, since samplers are made in a thread and asked on the event loop.
        self._queue = self._rows_to_ask()

    def next(self, at_most: int) -> Rows:
        """Up to that many rows to ask now; they become `ASKED_OUT`.

        Empty: nothing to ask until a row is settled; nothing ever again if none is out or approved.
        """
        rows: list[int] = []
        while len(rows) < at_most:
            if self._queue is None or self._taken == len(self._queue):
                self._queue, self._taken = self._rows_to_ask(), 0
                if not len(self._queue):
                    break
            row = int(self._queue[self._taken])
            self._taken += 1
            if self.states.item(row) == RowState.UNASKED:  # it may be in the queue for two classes
                self.states[row] = RowState.ASKED_OUT
                rows.append(row)
        return np.array(rows, np.int32)

    @property
    def left(self) -> int:
        """Rows found to be asked, and not handed out yet."""
        return len(self._queue) - self._taken if self._queue is not None else 0

    def settle(self, rows: Iterable[int] | Rows, state: RowState) -> None:
        """These rows are now in this state; `UNASKED` puts them back to be asked again."""
        for row in map(int, rows):
            old, self.states[row] = int(self.states[row]), state
            if state == old or not self.selection.selected[row]:
                continue
            (self.approved.add if state is RowState.APPROVED else self.approved.discard)(row)
            if state is RowState.UNASKED or old == RowState.NO:
                # It goes back into the race: rows behind it in the queue may not be needed now.
                self._queue = None
            if self._limit is not None and RowState.NO in (state, old):
                for position in self.selection.classes_of(row):
                    self._changed.add(position)
                    self._reach.pop(position, None)

    def put_back(self, rows: Rows) -> None:
        """Many rows at once are to be asked again, a million in a fraction of a second."""
        self.states[rows] = RowState.UNASKED
        self.approved.difference_update(rows.tolist())
        self._queue = None
        self._reach.clear()

    def wanted(self, but: Set[int] = frozenset()) -> Rows:
        """`APPROVED` rows that are among the first N of a class if their clip can be made.

        The others wait: rows before them may still make them needless. `but`: rows not to look at.
        """
        rows = np.array(sorted(self.approved - but), np.int32)
        if self._limit is None:
            return self._by_turns(rows)
        # A row's rank says on which side of the last needed row of a class it lies.
        selection, rank = self.selection, self.selection.rank
        needed = [
            any(
                rank[row] <= rank[selection.order(position)[self._reach_of(position) - 1]]
                for position in selection.classes_of(row)
            )
            for row in rows.tolist()
        ]
        return self._by_turns(rows[np.array(needed, bool)])

    def _rows_to_ask(self) -> Rows:
        """The unasked rows that are needed, the classes by turns."""
        selection, states = self.selection, self.states
        if self._limit is None:
            if self._queue is not None:
                return selection.rows[:0]  # nothing was put back since all were handed out
            unasked: Rows = selection.rows[states[selection.rows] == RowState.UNASKED]
            return self._by_turns(unasked)
        classes = range(len(selection.chosen)) if self._queue is None else sorted(self._changed)
        self._changed = set()
        rows, turns = [selection.rows[:0]], [np.empty(0, np.int64)]
        for position in classes:
            # None beyond, though it would spare some waiting: which rows a run asks must not hang
            # on how fast answers come, or from how many machines.
            needed = selection.order(position)[: self._reach_of(position)]
            turn = np.flatnonzero(states[needed] == RowState.UNASKED)
            rows.append(needed[turn])
            turns.append(turn)
        in_turn: Rows = np.concatenate(rows)[np.argsort(np.concatenate(turns), kind="stable")]
        return self._by_turns(in_turn)

    def _by_turns(self, rows: Rows) -> Rows:
        """First ones first, last ones last, otherwise in the same order."""
        if self._turns is None:
            return rows
        in_turn: Rows = rows[np.argsort(self._turns[rows], kind="stable")]
        return in_turn

    def _reach_of(self, position: int) -> int:
        if position not in self._reach:
            assert self._limit is not None
            order = self.selection.order(position)
            self._reach[position] = reach(order, self.states, self._limit)
        return self._reach[position]
