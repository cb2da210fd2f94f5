"""What is known of a row, as one byte."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from ascc_async.audioset.arrays import Bools, Bytes


class RowState(IntEnum):
    """What became of asking a row.

    `NO`: not shareable, unavailable, rejected, or unknown. `HOPE`: Creative Commons, no clip yet.

    A row that is `ASKED_OUT`, `HOPE` or `CLIP` is *alive*: it may count for its classes.
    """

    UNASKED = 0
    ASKED_OUT = 1
    NO = 2
    APPROVED = 3
    CLIP = 4


UNASKED, OUT, NO, APPROVED, CLIP = (int(state) for state in RowState)
ALIVE = frozenset((OUT, APPROVED, CLIP))


def alive(states: Bytes) -> Bools:
    """Which of these states are alive."""
    living: Bools = (states != np.uint8(UNASKED)) & (states != np.uint8(NO))
    return living
