"""A 64-bit hash of video ids, the same on every machine and in every version.

The seeded order of `sampling` rests on it: changing anything here changes which videos a seed
chooses.
"""

from __future__ import annotations

import numpy as np

from ascc_async.audioset.arrays import ID_LENGTH, Bytes, Ids, Keys

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


_STRETCH = 1 << 15
"""Ids hashed at a time: what fits a core's cache is hashed several times faster."""


def mix(values: Keys) -> Keys:
    """The finalizer of splitmix64: every bit of the input moves every bit of the result."""
    values = values ^ (values >> np.uint64(30))
    values *= _FIRST
    values ^= values >> np.uint64(27)
    values *= _SECOND
    values ^= values >> np.uint64(31)
    return values


def words(ids: Ids) -> tuple[Keys, Keys]:
    """Every id as two big-endian numbers, which sort as the ids do."""
    pairs = _padded(ids).view(">u8").astype(np.uint64)
    return pairs[:, 0], pairs[:, 1]


def id_keys(ids: Ids, seed: int = 0) -> Keys:
    """A seeded 64-bit hash of every id. Depends on the id and the seed, on nothing else."""
    result = np.empty(len(ids), np.uint64)
    salt = _salt(seed)
    for begin in range(0, len(ids), _STRETCH):
        pairs = _padded(ids[begin : begin + _STRETCH]).view("<u8")
        first = mix(pairs[:, 0] ^ salt)
        first += pairs[:, 1] * _GOLDEN
        result[begin : begin + _STRETCH] = mix(first)
    return result


def _padded(ids: Ids) -> Bytes:
    padded = np.zeros((len(ids), 16), np.uint8)
    padded[:, :ID_LENGTH] = np.ascontiguousarray(ids).view(np.uint8).reshape(-1, ID_LENGTH)
    return padded


def _salt(seed: int) -> Keys:
    """One number out of a seed of any size."""
    salt = np.zeros(1, np.uint64)
    while True:
        salt = mix(salt + _GOLDEN + np.uint64(seed & 0xFFFF_FFFF_FFFF_FFFF))
        seed >>= 64
        if not seed:
            return salt
