"""The table of segments: rows by id and in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import table_of

from ascc_async.audioset.segments import SegmentTable, gather, offsets

# Of few letters, so that many ids share their first eight characters.
ids = st.lists(st.from_regex(rb"[A-Za-z0-9_-]{11}|aaaaaaa[a-]{4}", fullmatch=True), max_size=60)


def with_ids(some: list[bytes]) -> SegmentTable:
    """A table of these videos."""
    empty = table_of([[0]] * len(some), 1)
    return SegmentTable(**{**vars(empty), "ids": np.array(some, "S11")})


@settings(deadline=None)
@given(ids, ids)
def test_rows_of_finds_all_and_nothing_else(there: list[bytes], asked: list[bytes]) -> None:
    """Every id gets its row, every other id -1."""
    there = list(dict.fromkeys(there))
    table, wanted = with_ids(there), [*asked, *there]
    expected = [there.index(video) if video in there else -1 for video in wanted]
    assert table.rows_of(np.array(wanted, "S11")).tolist() == expected


@settings(deadline=None)
@given(ids)
def test_sorted_rows_are_in_the_order_of_the_ids(some: list[bytes]) -> None:
    """The order is that of the bytes; of equal ids that of the table."""
    rows = with_ids(some).sorted_rows(np.arange(len(some), dtype=np.int32))
    assert rows.tolist() == sorted(range(len(some)), key=lambda row: (some[row], row))


def test_labels_of_rows() -> None:
    """Labels are counted by class and by row, and gathered row after row."""
    table = table_of([[2, 0], [1], [0]], 3)
    assert table.class_counts().tolist() == [2, 1, 1]
    assert table.label_counts().tolist() == [2, 1, 1]
    some = np.array([2, 0], np.int32)
    assert table.label_codes[gather(table.label_offsets, some)].tolist() == [0, 2, 0]
    assert gather(table.label_offsets, some[:0]).tolist() == []
    assert offsets(np.array([2, 3])).tolist() == [0, 2, 5]
    assert table.segment_id(1) == "00000000001_0"
