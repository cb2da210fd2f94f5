"""Which clips are beyond `max_per_class`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from ascc_async.audioset.sampling import RowState
from ascc_async.audioset.segments import Bools
from ascc_async.dataset.cases import Case
from ascc_async.dataset.decision import PENDING, SPARE, Decision, Terms
from ascc_async.dataset.roster import Roster
from ascc_async.model import Outcome


@dataclass(frozen=True)
class Sampled:
    """`counted`: rows that were clips when all were looked at; `spare`: those beyond the limit."""

    counted: Bools
    spare: Bools

    @classmethod
    def of(cls, roster: Roster, every: Iterable[Case], terms: Terms) -> Self:
        """Look at every row of the roster, in its order."""
        assert roster.spares is not None
        states = np.fromiter((_state(case, terms) for case in every), np.uint8, len(roster))
        return cls(states == RowState.CLIP, roster.spares(states))

    def settle(self, place: int, decision: Decision) -> Decision:
        """The same, or `spare` for a clip beyond the limit.

        A clip that came while the dataset is being written waits for the next writing: taken in
        uncounted it could be one too many.
        """
        if decision.outcome is not Outcome.CLIP:
            return decision
        if not self.counted[place]:
            return PENDING
        return SPARE if self.spare[place] else decision


def _state(case: Case, terms: Terms) -> int:
    outcome = case.decided(terms).outcome
    if outcome is Outcome.CLIP:
        return RowState.CLIP
    if outcome is not Outcome.PENDING:
        return RowState.NO
    return RowState.UNASKED if case.answer is None else RowState.APPROVED
