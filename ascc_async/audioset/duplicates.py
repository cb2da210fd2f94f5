"""A video stands once in AudioSet. Where a file says otherwise, find out what to make of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ascc_async.audioset.arrays import Bools
from ascc_async.audioset.segments import lines_of
from ascc_async.audioset.table import SegmentTable
from ascc_async.errors import MetadataError


def repeated_rows(table: SegmentTable, paths: Sequence[Path], warnings: list[str]) -> Bools | None:
    """The rows to leave out because an earlier one says the same; None when there are none.

    Raises `MetadataError` when two rows of one video differ: which is right, nobody can say.
    """
    if not table.repeated:
        return None
    found = table.rows_of(table.ids)
    odd = np.flatnonzero(found != np.arange(len(table)))
    rows = np.flatnonzero(np.isin(table.ids, np.unique(table.ids[odd])))
    first: dict[bytes, int] = {}
    again: list[int] = []
    for row in rows.tolist():
        earlier = first.setdefault(bytes(table.ids[row]), row)
        if earlier != row:
            _check_same(table, paths, earlier, row)
            again.append(row)
    warnings.append(_said(table, paths, first[bytes(table.ids[again[0]])], again))
    result = np.zeros(len(table), bool)
    result[again] = True
    return result


def _check_same(table: SegmentTable, paths: Sequence[Path], earlier: int, later: int) -> None:
    one, two = table.segment(earlier), table.segment(later)
    if (one.start_ms, one.end_ms) != (two.start_ms, two.end_ms):
        what = "other times"
    elif set(one.labels) != set(two.labels):
        what = "other labels"
    else:
        return
    raise MetadataError(
        paths[table.split[later]],
        _line(table, paths, earlier, later),
        f"{two.video_id} stands already in {_place(table, paths, earlier)} with {what};"
        " a video may stand once: delete the wrong row",
    )


def _said(table: SegmentTable, paths: Sequence[Path], earlier: int, again: list[int]) -> str:
    path, line = paths[table.split[again[0]]], _line(table, paths, earlier, again[0])
    return (
        f"{path}:{line}: {table.video_id(again[0])} stands already in"
        f" {_place(table, paths, earlier)}; rows that repeat an earlier one: {len(again)}, left out"
    )


def _place(table: SegmentTable, paths: Sequence[Path], row: int) -> str:
    path = paths[table.split[row]]
    return f"{path.name}:{lines_of(path, table.video_id(row))[0]}"


def _line(table: SegmentTable, paths: Sequence[Path], earlier: int, later: int) -> int:
    """The line of the later of two rows of one video."""
    lines = lines_of(paths[table.split[later]], table.video_id(later))
    return lines[1] if table.split[earlier] == table.split[later] else lines[0]
