"""Whom to ask next, so that each class gets its N clips with hardly a request too many.

The final set is, for every chosen class, the first N rows of its seeded order that turn out to
be clips; together over all classes. It depends on the seed, the classes and what YouTube still
has. To know it, every row before a class's N-th clip must be asked, and no other row.

So each class walks its order with a cursor. The cursor passes asked rows; it stops at the first
row nobody asked, or when it has passed N rows that are clips or may become one. Whatever lies
before a cursor is certainly needed. Asking a few rows beyond it (`lookahead`) while answers are
awaited keeps requests in flight; those are the only ones that may turn out needless, at most
`lookahead` for each class.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from ascc_async.audioset.arrays import Bools, Bytes, Rows, offsets
from ascc_async.audioset.row_state import APPROVED, CLIP, OUT, RowState
from ascc_async.audioset.selection import Selection
from ascc_async.audioset.walks import ClassWalk, Walk, WholeWalk

__all__ = ["RowState", "Sampler", "SamplerSnapshot", "next_to_ask", "spare", "wanted_clips"]


@dataclass(frozen=True, slots=True)
class SamplerSnapshot:
    """How many selected rows are in which state, and how many classes still ask."""

    unasked: int
    asked_out: int
    no: int
    hope: int
    clip: int
    classes_asking: int


class Sampler:
    """Hands out rows to ask and learns what became of them.

    `states` has one `RowState` for every row of the catalogue; the sampler alone writes it from
    here on. Not for use from several threads.
    """

    def __init__(self, selection: Selection, states: Bytes, lookahead: int = 0) -> None:
        if len(states) != len(selection.segments):
            raise ValueError("one state for every row of the catalogue")
        self.selection, self.states = selection, states
        self._hopes = set(np.flatnonzero((states == APPROVED) & selection.selected).tolist())
        limit = selection.max_per_class
        self._walk: Walk = (
            WholeWalk(selection, states)
            if limit is None
            else ClassWalk(selection, states, limit, lookahead)
        )

    def next(self, at_most: int) -> Rows:
        """Up to that many rows to ask now; they become `ASKED_OUT`.

        Empty: nothing to ask until a row is settled; nothing ever again if none is out or hoped
        for.
        """
        rows: list[int] = []
        if at_most > 0:
            for row in self._walk:
                self.states[row] = OUT
                rows.append(row)
                if len(rows) == at_most:
                    break
        return np.array(rows, np.int32)

    def settle(self, rows: Iterable[int] | Rows, state: RowState) -> None:
        """These rows are now in this state; `UNASKED` puts them back to be asked again."""
        new = int(state)
        for row in map(int, rows):
            old, self.states[row] = int(self.states[row]), new
            if new != old and self.selection.selected[row]:
                self._walk.changed(row, old, new)
                (self._hopes.add if new == APPROVED else self._hopes.discard)(row)

    def needed(self, rows: Rows) -> Bools:
        """Which of these rows certainly matter: those that have to be asked, as known now."""
        return self._walk.needed(rows)

    @property
    def hopes(self) -> AbstractSet[int]:
        """The selected rows that are `HOPE`, wanted or not."""
        return self._hopes

    def wanted(self) -> Rows:
        """`HOPE` rows that are among the first N of a class if their clip can be made.

        The others wait: rows before them may still make them needless.
        """
        hopes = np.array(sorted(self._hopes), np.int32)
        return hopes[self._walk.needed(hopes)] if len(hopes) else hopes

    def spare(self) -> Bools:
        """`CLIP` rows beyond N in each of their chosen classes."""
        return spare(self.selection, self.states)

    def snapshot(self) -> SamplerSnapshot:
        """Counts over the selected rows."""
        counts = np.bincount(self.states[self.selection.rows], minlength=len(RowState))
        unasked, out, no, hope, clip = counts.tolist()
        return SamplerSnapshot(unasked, out, no, hope, clip, self._walk.asking())


def next_to_ask(selection: Selection, states: Bytes, at_most: int, lookahead: int = 0) -> Rows:
    """What `Sampler.next` says of these states. Costs a start each time; changes nothing."""
    return Sampler(selection, states.copy(), lookahead).next(at_most)


def wanted_clips(selection: Selection, states: Bytes) -> Rows:
    """What `Sampler.wanted` says of these states. Changes nothing."""
    return Sampler(selection, states.copy()).wanted()


def spare(selection: Selection, states: Bytes) -> Bools:
    """For every row of the catalogue: a clip, and beyond N in each of its chosen classes."""
    clips: Bools = (states == CLIP) & selection.selected
    limit = selection.max_per_class
    if limit is None:
        return np.zeros(len(states), bool)
    rows, begins = selection.class_rows, selection.class_offsets
    is_clip = clips[rows]
    before = offsets(is_clip.astype(np.int64))
    in_class = before[:-1] - np.repeat(before[begins[:-1]], np.diff(begins))
    clips[rows[is_clip & (in_class < limit)]] = False
    return clips
