"""Names for the array types the catalogue is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.bytes_]
"""Video ids, dtype `S11`."""
Rows = NDArray[np.int32]
"""Rows of the catalogue."""
Int64s = NDArray[np.int64]
Keys = NDArray[np.uint64]
Codes = NDArray[np.uint16]
"""Classes, as places in the class list."""
Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]

ID_LENGTH = 11
ID_DTYPE = np.dtype("S11")


def runs(lengths: Int64s) -> Int64s:
    """`[2, 3]` -> `[0, 1, 0, 1, 2]`: the place of every item within its run."""
    ends = np.cumsum(lengths)
    if not len(ends):
        return np.empty(0, np.int64)
    return np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)


def offsets(lengths: Int64s) -> Int64s:
    """`[2, 3]` -> `[0, 2, 5]`: where every run begins, and the end of the last."""
    result = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=result[1:])
    return result


def gather(values_offsets: Int64s, rows: Rows | Int64s) -> Int64s:
    """The places of all items of the given rows of a table with row offsets."""
    first = values_offsets[rows]
    lengths = values_offsets[rows + 1] - first
    return np.repeat(first, lengths) + runs(lengths)
