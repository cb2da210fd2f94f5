"""Which segments are wanted, and the seeded order in which each class takes its videos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.classes import choose_classes, require_one
from ascc_async.audioset.segments import (
    ID_LENGTH,
    Bools,
    Ids,
    Int64s,
    Rows,
    SegmentTable,
    offsets,
)
from ascc_async.settings import ClassesSettings, SamplingSettings

Uint64s = NDArray[np.uint64]

# splitmix64 (Steele, Lea, Flood 2014). The seeded order rests on these: changing anything changes
# which videos a seed chooses.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class ChosenClass:
    """A chosen class, as `suitable_classes.csv` has it."""

    index: int
    mid: str
    name: str
    quality: float | None


@dataclass(frozen=True)
class Selection:
    """The segments that hold at least one chosen class, whole: no label of theirs is cut.

    `chosen` is in the order of the table's classes. `rows` are rows of the table, ascending. With
    `max_per_class`, class `j` of `chosen` takes its videos in the order of
    `class_rows[class_offsets[j]:class_offsets[j + 1]]`; it depends on the seed and the ids only.
    """

    segments: SegmentTable
    chosen: tuple[ChosenClass, ...]
    rows: Rows
    seed: int
    max_per_class: int | None

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def selected(self) -> Bools:
        """For every row of the table, whether it is selected."""
        mask = np.zeros(len(self.segments), bool)
        mask[self.rows] = True
        return mask

    @cached_property
    def rank(self) -> Rows:
        """For every row of the table, its position in the seeded order of all rows."""
        # Among 2 million 64-bit keys two are equal once in ten million seeds: no rule for that.
        order = np.argsort(id_keys(self.segments.ids, self.seed), kind="stable")
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return rank

    @cached_property
    def class_offsets(self) -> Int64s:
        """Where each chosen class begins in `class_rows`, and the end of the last."""
        return offsets(self.segments.class_counts()[self._positions >= 0])

    @cached_property
    def class_rows(self) -> Rows:
        """The rows of every chosen class in seeded order, class after class."""
        positions = self._positions[self.segments.label_codes]
        rank = np.repeat(self.rank, self.segments.label_counts())[positions >= 0]
        positions = positions[positions >= 0]
        # One number for class and rank: sorting numbers is several times faster than lexsort.
        by_class = (positions.astype(np.int64) << 32) | rank
        by_class.sort()
        row_of_rank = np.empty(len(self.segments), np.int32)
        row_of_rank[self.rank] = np.arange(len(row_of_rank), dtype=np.int32)
        rows: Rows = row_of_rank[by_class & 0xFFFF_FFFF]
        return rows

    def order(self, position: int) -> Rows:
        """The rows of the chosen class at this position, in seeded order."""
        begin, end = self.class_offsets[position : position + 2]
        return self.class_rows[begin:end]

    def classes_of(self, row: int) -> tuple[int, ...]:
        """The positions in `chosen` of a row's classes."""
        table = self.segments
        codes = table.label_codes[table.label_offsets[row] : table.label_offsets[row + 1]]
        return tuple(position for position in self._positions[codes].tolist() if position >= 0)

    @cached_property
    def _positions(self) -> Rows:
        """For every class code, its position in `chosen`, or -1."""
        positions = {chosen.mid: position for position, chosen in enumerate(self.chosen)}
        return np.array([positions.get(mid, -1) for mid in self.segments.mids], np.int32)


def select(catalog: Catalog, classes: ClassesSettings, sampling: SamplingSettings) -> Selection:
    """Choose classes and segments.

    Raises `SettingsError` for a misspelt class (with the nearest names) and when nothing is left.
    """
    choices = choose_classes(catalog.classes, catalog.ontology, classes)
    require_one(choices, classes)
    table = catalog.segments
    sounds = [choice.sound for choice in choices if choice.chosen]
    chosen = tuple(ChosenClass(each.index, each.mid, each.name, each.quality) for each in sounds)
    wanted = np.array([choice.chosen for choice in choices])
    # Every row has a label, so no run of `reduceat` is empty.
    is_selected = np.logical_or.reduceat(wanted[table.label_codes], table.label_offsets[:-1])
    rows = np.flatnonzero(is_selected).astype(np.int32)
    selection = Selection(table, chosen, rows, sampling.seed, sampling.max_per_class)
    if sampling.max_per_class is not None:
        _ = selection.class_rows  # sorting takes a second: now, not later on the event loop
    return selection


def id_keys(ids: Ids, seed: int = 0) -> Uint64s:
    """A seeded 64-bit hash of every id: the same on every machine and in every version."""
    padded = np.zeros((len(ids), 16), np.uint8)
    padded[:, :ID_LENGTH] = np.ascontiguousarray(ids).view(np.uint8).reshape(-1, ID_LENGTH)
    halves = padded.view("<u8").astype(np.uint64)  # two numbers an id
    # One number out of a seed of any size; the first round also where the seed is 0.
    salt = np.zeros(1, np.uint64)
    for shift in range(0, max(1, seed.bit_length()), 64):
        salt = _mix(salt + _GOLDEN + np.uint64(seed >> shift & 0xFFFF_FFFF_FFFF_FFFF))
    keys = _mix(halves[:, 0] ^ salt)
    keys += halves[:, 1] * _GOLDEN
    return _mix(keys)


def _mix(values: Uint64s) -> Uint64s:
    """The finalizer of splitmix64: every bit of the input moves every bit of the result."""
    values = values ^ (values >> np.uint64(30))
    values *= _FIRST
    values ^= values >> np.uint64(27)
    values *= _SECOND
    values ^= values >> np.uint64(31)
    return values
