"""Refusals and network faults of one video: they say nothing of it, until they are too many."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setbacks:
    """So many counted; the last one when `done_then` others were done.

    One counts only when others were done since the one before: so a video that always breaks the
    line does not keep a run from ending, and a block, which hits all, costs none its turn.
    """

    counted: int = 0
    done_then: int = -1

    def one_more(self, done: int, weight: int = 1) -> Setbacks:
        """After another; `done`: how many others are done by now. The same where it counts not."""
        return self if done == self.done_then else Setbacks(self.counted + weight, done)


NONE_YET = Setbacks()
