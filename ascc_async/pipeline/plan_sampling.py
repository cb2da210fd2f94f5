"""What `sampling.max_per_class` leaves of a run: which rows it will need, and in how many calls."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ascc_async.audioset.segments import Rows
from ascc_async.audioset.selection import Selection
from ascc_async.pipeline.plan_requests import VIDEOS_A_CALL

Chances = NDArray[np.float64]


def rows_needed(selection: Selection, chances: Chances, limit: int | None) -> Chances:
    """For every row of the table how likely a run needs it: all rows, or of each class those up to
    its `limit`-th clip. `chances`: how likely each ends as a clip.
    """
    if limit is None:
        return selection.selected.astype(np.float64)
    needless = np.ones(len(selection.segments))
    for rows, likely, _ in _by_class(selection, chances, limit):
        needless[rows] *= 1 - likely
    return 1 - needless


def calls_needed(selection: Selection, chances: Chances, to_ask: Chances) -> float:
    """Of the Data API; `to_ask`: how likely each row is asked.

    A class asks no more at once than it lacks clips, and a call that is not full waits for those
    under way (license_stage.py). So there are rounds, and the last ones ask for few rows each.
    """
    limit, number = selection.max_per_class, len(to_ask)
    if limit is None:
        return float(to_ask.sum()) / VIDEOS_A_CALL
    asked, rounds = to_ask > 0, np.full(number, np.inf)
    classes = list(_by_class(selection, chances, limit))
    for _ in range(2):  # the second time without rows that another class asks sooner
        sooner, rounds, none_asked = rounds, np.full(number, np.inf), np.ones(number + 1)
        for rows, likely, lacking in classes:
            share = asked[rows] / lacking  # of a round
            own = np.floor(_before(share)) <= sooner[rows]
            turns = np.floor(_before(share * own))
            rounds[rows] = np.minimum(rounds[rows], turns)
            first = np.flatnonzero(np.diff(turns, prepend=-1) * asked[rows])
            none_asked[turns[first].astype(int)] *= 1 - likely[first]
    asked &= rounds < np.inf
    together = np.bincount(rounds[asked].astype(int), to_ask[asked], len(none_asked))
    return float(np.maximum(together / VIDEOS_A_CALL, 1 - none_asked).sum())


def _by_class(
    selection: Selection, chances: Chances, limit: int
) -> Iterator[tuple[Rows, Chances, Chances]]:
    """Of each class the rows that may be needed: how likely fewer than `limit` clips are before
    each, and how many the class then lacks.

    By the normal distribution (its logistic approximation): with the mean alone a class with few
    clips would seem to need too many.
    """
    for position in range(len(selection.chosen)):
        rows = selection.order(position)
        before = _before(chances[rows])
        rows = rows[: np.searchsorted(before, limit + 6 * sqrt(limit))]
        before, varies = before[: len(rows)], _before(chances[rows] * (1 - chances[rows]))
        spread = np.sqrt(np.maximum(varies, 1e-9)) / 1.702
        off = np.clip((limit - 0.5 - before) / spread, -30, 30)
        likely = 1 / (1 + np.exp(-off))
        lacking = np.maximum(limit - before, spread * np.log1p(np.exp(off)) / likely)
        yield rows, likely, np.maximum(1, lacking)


def _before(numbers: Chances) -> Chances:
    """For each the sum of those before it."""
    sums: Chances = np.cumsum(numbers) - numbers
    return sums
