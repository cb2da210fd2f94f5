"""Mean and standard deviation of arrays, streamed: over everything, and of each mel band."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ascc_async.files import replacing

STATISTICS = "stats.npz"
FEW_SHOT_TRAIN = "few_shot_train"  # the group of the training clips of the class split


def sha256_of_ids(segment_ids: Iterable[str]) -> str:
    """Tells whether statistics are of the very clips that are asked about."""
    return hashlib.sha256("\n".join(segment_ids).encode()).hexdigest()


def write_statistics(
    folder: Path, arrays: Iterable[tuple[str, Iterable[str]]], bands_axis: int | None
) -> None:
    """`stats.npz` of arrays, each given by its path and the groups it counts for.

    Of each group `<group>_global` (2, 1, 1) and `<group>_channel` (2, bands, 1): the mean, then
    the population's standard deviation, with 64 bits.
    """
    sums: defaultdict[str, npt.NDArray[np.float64] | float] = defaultdict(float)
    for path, groups in arrays:
        array = np.load(folder / path).astype(np.float64)
        bands = array.reshape(1, -1) if bands_axis is None else np.moveaxis(array, bands_axis, 0)
        bands = bands.reshape(len(bands), -1)
        counts = np.full(len(bands), bands.shape[1], np.float64)
        each = np.stack([counts, bands.sum(axis=1), np.square(bands).sum(axis=1)])
        for group in groups:
            sums[group] = sums[group] + each
    results: dict[str, Any] = {}
    for group, total in sorted(sums.items()):
        totals = np.asarray(total)
        results[f"{group}_global"] = _mean_and_deviation(totals.sum(axis=1, keepdims=True))
        results[f"{group}_channel"] = _mean_and_deviation(totals)
    with replacing(folder / STATISTICS) as part, part.open("wb") as file:
        np.savez(file, **results)


def _mean_and_deviation(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(2, bands, 1) of (3, bands): how many values, their sum, the sum of their squares."""
    number, total, squares = sums
    mean = total / number
    # Rounding may leave less than nothing where all values are equal.
    deviation = np.sqrt(np.maximum(0, squares / number - np.square(mean)))
    return np.stack([mean, deviation])[:, :, None]
