"""From MID to its place in the class list, millions at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ascc_async.audioset.arrays import Bools, Bytes, Codes, Int64s, Keys
from ascc_async.audioset.hashing import mix

WIDTH = 16
"""MIDs longer than this are left to the exact path."""

_KEEP = (np.arange(WIDTH) < np.arange(WIDTH + 1)[:, None]).astype(np.uint8) * np.uint8(255)


class LabelCodes:
    """Looks labels up by their bytes. Exact: the hash only finds the candidate."""

    def __init__(self, mids: Sequence[str]) -> None:
        self.by_mid = {mid: code for code, mid in enumerate(mids)}
        short = [mid.encode() for mid in mids if len(mid.encode()) <= WIDTH]
        codes = [code for code, mid in enumerate(mids) if len(mid.encode()) <= WIDTH]
        pairs = np.array(short, f"S{WIDTH}").view(np.uint64).reshape(-1, 2)
        keys = _keys(pairs)
        order = np.argsort(keys)
        self._keys, self._pairs = keys[order], pairs[order]
        self._codes = np.array(codes, np.uint16)[order]

    def look_up(self, windows: Bytes, lengths: Int64s) -> tuple[Codes, Bools]:
        """Codes of the labels in the first `lengths` bytes of each window, and which are known."""
        if not len(self._keys):
            return np.zeros(len(windows), np.uint16), np.zeros(len(windows), bool)
        pairs = (windows & _KEEP[np.minimum(lengths, WIDTH)]).view(np.uint64)
        places = np.searchsorted(self._keys, _keys(pairs))
        places[places == len(self._keys)] = 0
        near = self._pairs[places]
        known = (near[:, 0] == pairs[:, 0]) & (near[:, 1] == pairs[:, 1]) & (lengths <= WIDTH)
        return self._codes[places], known


def _keys(pairs: Keys) -> Keys:
    return mix(pairs[:, 0] ^ mix(pairs[:, 1]))
