"""AudioSet's metadata files in their full size and shape, for benchmarks: millions of rows."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ascc_async.standin.metadata import (
    CLASS_FILES,
    OFFICIAL_ROWS,
    WorldClass,
    segment_head,
    split_file,
    write_classes,
)

_LABELS_A_ROW = {"balanced_train": 2.386, "eval": 2.543, "unbalanced_train": 1.969}
_MOST_LABELS = 12
_PIECE = 200_000  # rows made at a time: bounds the memory
# in ASCII order, so that numbers sort as the ids made of them
_ALPHABET = np.frombuffer(
    b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz", np.uint8
)
_LAST = np.frombuffer(b"048AEIMQUYcgkosw", np.uint8)


def write_large(
    folder: Path,
    *,
    rows: int = sum(OFFICIAL_ROWS.values()),
    seed: int = 0,
    class_folder: Path | None = None,
) -> dict[str, int]:
    """AudioSet in its full shape, with `rows` rows; returns the rows of each split.

    Splits in official proportions, sorted by id, no id twice; about two labels a row; one start
    in 3,000 is a fraction, one row in 64 is not ten seconds long. Classes are those of
    `class_folder` (its three files are copied), else 527 made-up ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mids = _class_mids(folder, class_folder)
    rng = np.random.default_rng(seed)
    numbers = _unique_numbers(rng, rows)
    counts = _split_counts(rows)
    ends = np.cumsum(list(counts.values()))
    for (split, _), members in zip(counts.items(), np.split(numbers, ends[:-1]), strict=True):
        _write_split(folder / split_file(split), np.sort(members), rng, mids, split)
    return counts


def _split_counts(rows: int) -> dict[str, int]:
    total = sum(OFFICIAL_ROWS.values())
    small = {split: rows * OFFICIAL_ROWS[split] // total for split in ("balanced_train", "eval")}
    return {**small, "unbalanced_train": rows - sum(small.values())}


def _class_mids(folder: Path, class_folder: Path | None) -> list[bytes]:
    """The MIDs, most frequent first; the class files are put into the folder."""
    if class_folder is None:
        write_classes(folder, _made_up(527))
    else:
        for name in CLASS_FILES:
            shutil.copyfile(class_folder / name, folder / name)
    with (folder / CLASS_FILES[0]).open(encoding="utf-8", newline="") as file:
        return [record["mid"].encode() for record in csv.DictReader(file)]


def _unique_numbers(rng: np.random.Generator, rows: int) -> npt.NDArray[np.uint64]:
    numbers = np.zeros(0, np.uint64)
    while len(numbers) < rows:
        more = rng.integers(0, 2**64, rows - len(numbers), np.uint64)
        numbers = np.sort(np.concatenate([numbers, more]))
        numbers = numbers[np.append(True, np.diff(numbers) > 0)]  # np.unique takes 20 times as long
    rng.shuffle(numbers)
    return numbers


def _ids(numbers: npt.NDArray[np.uint64]) -> list[bytes]:
    """Eleven characters to a number; the last has 16 forms, as YouTube's."""
    shifts = np.arange(58, 3, -6, dtype=np.uint64)
    characters = np.empty((len(numbers), 11), np.uint8)
    characters[:, :10] = _ALPHABET[(numbers[:, None] >> shifts) & np.uint64(63)]
    characters[:, 10] = _LAST[numbers & np.uint64(15)]
    found: list[bytes] = characters.view("S11").ravel().tolist()
    return found


def _write_split(
    path: Path,
    numbers: npt.NDArray[np.uint64],
    rng: np.random.Generator,
    mids: Sequence[bytes],
    split: str,
) -> None:
    pieces, labels, used = [], 0, np.zeros(len(mids), bool)
    in_order = sorted(mids)
    place = np.array([in_order.index(mid) for mid in mids])
    for first in range(0, len(numbers), _PIECE):
        members = numbers[first : first + _PIECE]
        bounds, codes = _labels(rng, len(members), place, split)
        labels += len(codes)
        used[codes] = True
        texts = [in_order[code] for code in codes.tolist()]
        joined = [b",".join(texts[a:b]) for a, b in pairwise(bounds.tolist())]
        fields = zip(_ids(members), *_times(rng, len(members)), joined, strict=True)
        pieces.append(b"".join([b'%b, %b, %b, "%b"\n' % record for record in fields]))
    with path.open("wb") as file:
        file.write(segment_head(len(numbers), int(used.sum()), labels))
        file.writelines(pieces)


def _labels(
    rng: np.random.Generator, rows: int, place: npt.NDArray[np.int64], split: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each row's labels begin (and the last one's end), and the labels' codes.

    `place` gives the code of the most frequent class, of the next one, and so on. A row's codes
    are sorted and without doubles. The small splits are more even than the large one.
    """
    more = rng.poisson(_LABELS_A_ROW[split] - 0.87, rows) + 1
    counts = np.minimum(more, min(_MOST_LABELS, len(place)))
    steepness = 1.1 if split == "unbalanced_train" else 0.3
    weights = np.cumsum(1 / np.arange(1, len(place) + 1) ** steepness)
    drawn = np.searchsorted(weights, rng.random(int(counts.sum())) * weights[-1])
    keys = np.sort(np.repeat(np.arange(rows) << 16, counts) | place[drawn])
    keys = keys[np.diff(keys, prepend=-1) > 0]
    counts = np.bincount(keys >> 16, minlength=rows)
    return np.concatenate([[0], np.cumsum(counts)]), keys & 0xFFFF


def _times(rng: np.random.Generator, rows: int) -> tuple[list[bytes], list[bytes]]:
    """Starts and ends as text. Three in ten start at 30 s, the rest on whole tens, falling off."""
    start = 10_000 * np.minimum(rng.exponential(9, rows), 3_000).astype(np.int64)
    start[rng.random(rows) < 0.28] = 30_000
    start += np.where(rng.random(rows) < 1 / 3000, rng.integers(1, 10_000, rows), 0)
    short = rng.random(rows) < 1 / 64
    length = np.where(short, rng.integers(1, 10, rows) * 1000, 10_000)
    return _texts(start), _texts(start + length)


def _texts(times_ms: npt.NDArray[np.int64]) -> list[bytes]:
    values, places = np.unique(times_ms, return_inverse=True)
    texts = [b"%d.%03d" % divmod(value, 1000) for value in values.tolist()]
    return [texts[place] for place in places.tolist()]


def _made_up(classes: int) -> tuple[WorldClass, ...]:
    """An ontology of as many classes, ten beneath each of some abstract ones.

    Every fortieth class is blacklisted and every eighth was never rated, about as in AudioSet.
    """
    leaves = [_made_up_class(number) for number in range(classes)]
    groups = [
        WorldClass(
            f"/t/dd{first:05}",
            f"Group {first // 10}",
            " ".join(leaf.mid for leaf in leaves[first : first + 10]),
            "abstract",
        )
        for first in range(0, classes, 10)
    ]
    return (*groups, *leaves)


def _made_up_class(number: int) -> WorldClass:
    rated = (0, 0) if number % 8 == 7 else (10, number % 11)
    restriction = "blacklist" if number % 40 == 39 else ""
    mid = f"/m/0{number * 7919 % 1_000_003:06x}"
    # popularity falls as in AudioSet, where the first two classes fill half of it
    return WorldClass(mid, f"Class {number}", "", restriction, rated, 1 / (number + 1))
