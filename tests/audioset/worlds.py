"""Small selections for the tests of sampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ascc_async.audioset.segments import SegmentTable, offsets
from ascc_async.audioset.selection import ChosenClass, Selection


def table_of(labels: Sequence[Sequence[int]], classes: int) -> SegmentTable:
    """A table whose row `i` has these class codes."""
    n = len(labels)
    return SegmentTable(
        ids=np.array([f"{i:011d}".encode() for i in range(n)], "S11"),
        start_ms=np.zeros(n, np.int32),
        end_ms=np.full(n, 10_000, np.int32),
        split=np.zeros(n, np.uint8),
        splits=("balanced_train",),
        label_offsets=offsets(np.array([len(codes) for codes in labels], np.int64)),
        label_codes=np.array([code for codes in labels for code in codes], np.uint16),
        mids=tuple(f"/m/{code}" for code in range(classes)),
    )


def selection_of(
    labels: Sequence[Sequence[int]],
    chosen: Sequence[int],
    *,
    limit: int | None,
    seed: int = 0,
    classes: int = 6,
) -> Selection:
    """A selection of these classes from these rows."""
    table = table_of(labels, classes)
    rows = [i for i, codes in enumerate(labels) if set(codes) & set(chosen)]
    return Selection(
        table,
        tuple(ChosenClass(code, f"/m/{code}", f"Class {code}", None) for code in sorted(chosen)),
        np.array(rows, np.int32),
        seed,
        limit,
    )


def in_seeded_order(selection: Selection, code: int) -> list[int]:
    """The rows of a class in its seeded order, the plain way."""
    table = selection.segments
    row_of_label = np.repeat(np.arange(len(table)), table.label_counts())
    rows = row_of_label[table.label_codes == code].tolist()
    return sorted(rows, key=lambda row: int(selection.rank[row]))
