"""Which segments are wanted, and the seeded order in which each class takes its videos."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ascc_async.audioset.arrays import Bools, Codes, Int64s, Rows, offsets
from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.class_choice import ClassChoice, choose_classes
from ascc_async.audioset.hashing import id_keys, words
from ascc_async.audioset.table import SegmentTable
from ascc_async.settings import ClassesSettings, SamplingSettings


@dataclass(frozen=True, slots=True)
class ChosenClass:
    """A chosen class. `suitable_index` counts the suitable classes, `rows` its segments."""

    code: int
    suitable_index: int
    index: int
    mid: str
    name: str
    quality: float | None
    rows: int


@dataclass(frozen=True)
class Selection:
    """The segments that hold at least one chosen class, whole: no label of theirs is cut.

    `chosen` is in class list order. `rows` are rows of the catalogue, ascending. With
    `max_per_class`, class `j` of `chosen` takes its videos in the order of
    `class_rows[class_offsets[j]:class_offsets[j + 1]]`; it depends on the seed and the ids only.
    """

    segments: SegmentTable
    choices: tuple[ClassChoice, ...]
    chosen: tuple[ChosenClass, ...]
    rows: Rows
    seed: int
    max_per_class: int | None

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def selected(self) -> Bools:
        """For every row of the catalogue, whether it is selected."""
        mask = np.zeros(len(self.segments), bool)
        mask[self.rows] = True
        return mask

    @cached_property
    def rank(self) -> Rows:
        """For every row of the catalogue, its place in the seeded order of all rows."""
        ids = self.segments.ids
        keys = id_keys(ids, self.seed)
        order = np.argsort(keys, kind="stable")
        if (np.diff(keys[order]) == 0).any():
            order = np.lexsort((*reversed(words(ids)), keys))
        rank = np.empty(len(ids), np.int32)
        rank[order] = np.arange(len(ids), dtype=np.int32)
        return rank

    @property
    def class_rows(self) -> Rows:
        """The rows of every chosen class in seeded order, class after class."""
        return self._by_class[0]

    @property
    def class_offsets(self) -> Int64s:
        """Where each chosen class begins in `class_rows`, and the end of the last."""
        return self._by_class[1]

    @cached_property
    def places(self) -> Rows:
        """For every class code, its place in `chosen`, or -1."""
        places = np.full(len(self.segments.mids), -1, np.int32)
        for place, chosen in enumerate(self.chosen):
            places[chosen.code] = place
        return places

    def classes_of(self, row: int) -> tuple[int, ...]:
        """The places in `chosen` of a row's classes."""
        table = self.segments
        codes = table.label_codes[table.label_offsets[row] : table.label_offsets[row + 1]]
        return tuple(place for place in self.places[codes].tolist() if place >= 0)

    @cached_property
    def _by_class(self) -> tuple[Rows, Int64s]:
        places = self.places[self.segments.label_codes]
        rank = np.repeat(self.rank, self.segments.label_counts())[places >= 0]
        places = places[places >= 0]
        # One number for class and rank: sorting numbers is several times faster than lexsort.
        by_class = (places.astype(np.int64) << 32) | rank
        by_class.sort()
        by_rank = np.empty(len(self.segments), np.int32)
        by_rank[self.rank] = np.arange(len(by_rank), dtype=np.int32)
        rows = by_rank[by_class & 0xFFFF_FFFF]
        return rows, offsets(np.bincount(places, minlength=len(self.chosen)))


def select(catalog: Catalog, classes: ClassesSettings, sampling: SamplingSettings) -> Selection:
    """Choose classes and segments.

    Raises `SettingsError` for a misspelt class (with the nearest names) and when nothing is left.
    """
    choices = choose_classes(catalog.classes, catalog.ontology, classes)
    counts = catalog.segments.class_counts()
    chosen = tuple(
        ChosenClass(
            choice.code, choice.suitable_index, sound.index, sound.mid, sound.name, sound.quality,
            int(counts[choice.code]),
        )
        for choice, sound in zip(choices, catalog.classes, strict=True)
        if choice.chosen and choice.suitable_index is not None
    )  # fmt: skip
    rows = _rows_with(catalog.segments, np.array([one.code for one in chosen], np.uint16))
    return Selection(catalog.segments, choices, chosen, rows, sampling.seed, sampling.max_per_class)


def _rows_with(table: SegmentTable, codes: Codes) -> Rows:
    wanted = np.zeros(len(table.mids), bool)
    wanted[codes] = True
    # Every row has a label, so no run of `reduceat` is empty.
    has = np.logical_or.reduceat(wanted[table.label_codes], table.label_offsets[:-1])
    return np.flatnonzero(has).astype(np.int32)
