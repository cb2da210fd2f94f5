"""What `sampling.max_per_class` leaves of a run: which rows it will need, and in how many calls."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ascc_async.audioset.selection import Selection
from ascc_async.pipeline.plan_requests import VIDEOS_A_CALL
from ascc_async.pipeline.work_queue import LOOKAHEAD

Chances = NDArray[np.float64]


def rows_needed(selection: Selection, chances: Chances, limit: int | None) -> Chances:
    """For every row of the table how likely a run needs it: all rows, or of each class those up to
    its `limit`-th clip.
    """
    if limit is None:
        return selection.selected.astype(np.float64)
    needless = np.ones(len(selection.segments))
    for position in range(len(selection.chosen)):
        order = selection.order(position)
        likely, _ = _lacking(chances[order], limit)
        needless[order] *= 1 - likely
    return 1 - needless


def _lacking(chances: Chances, limit: int) -> tuple[Chances, Chances]:
    """For each row of a class how likely fewer than `limit` clips are before it, and how many it
    then lacks.

    By the normal distribution (its logistic approximation): with the mean alone a class with few
    clips would seem to need too many.
    """
    before, varies = _before(chances), _before(chances * (1 - chances))
    spread = np.sqrt(np.maximum(varies, 1e-9)) / 1.702
    off = np.clip((limit - 0.5 - before) / spread, -30, 30)
    likely = 1 / (1 + np.exp(-off))
    return likely, np.maximum(
        spread * np.log1p(np.exp(off)) / likely, np.maximum(1, limit - before)
    )


def _before(numbers: Chances) -> Chances:
    """For each the sum of those before it."""
    sums: Chances = np.cumsum(numbers) - numbers
    return sums


def calls_needed(selection: Selection, chances: Chances, to_ask: Chances) -> float:
    """Of the Data API; `to_ask`: how likely each row is asked.

    A class asks no more at once than it lacks clips, and a call that is not full waits for those
    under way (license_stage.py). So there are rounds, and the last ones ask for few rows each.
    """
    limit, rows = selection.max_per_class, len(to_ask)
    if limit is None:
        return float(to_ask.sum()) / VIDEOS_A_CALL
    asked, rounds = to_ask > 0, np.full(rows, np.inf)
    for _ in range(2):  # the second time without rows that another class asks sooner
        sooner, rounds, none_asked = rounds, np.full(rows, np.inf), np.ones(rows + 1)
        for position in range(len(selection.chosen)):
            order = selection.order(position)
            likely, lacking = _lacking(chances[order], limit)
            share = asked[order] / (lacking + LOOKAHEAD)  # of a round
            own = np.floor(_before(share)) <= sooner[order]
            turns = np.floor(_before(share * own))
            rounds[order] = np.minimum(rounds[order], turns)
            first = np.flatnonzero(np.diff(turns, prepend=-1) * asked[order])
            none_asked[turns[first].astype(int)] *= 1 - likely[first]
    together = np.bincount(rounds[asked].astype(int), to_ask[asked], len(none_asked))
    return float(np.maximum(together / VIDEOS_A_CALL, 1 - none_asked).sum())
