"""The table of segments: rows by id, by class, in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from metadata_files import catalog_with, row, video
from worlds import table_of

from ascc_async.audioset.hashing import id_keys, words
from ascc_async.audioset.id_index import IdIndex

ids = st.lists(st.from_regex(rb"[A-Za-z0-9_-]{11}", fullmatch=True), max_size=60, unique=True)


@settings(deadline=None)
@given(ids, ids)
def test_rows_of_finds_all_and_nothing_else(there: list[bytes], asked: list[bytes]) -> None:
    """Every id gets its row, every other id -1."""
    index = IdIndex(np.array(there, "S11"))
    expected = [there.index(one) if one in there else -1 for one in [*asked, *there]]
    assert index.rows_of(np.array([*asked, *there], "S11")).tolist() == expected


@settings(deadline=None)
@given(ids)
def test_words_sort_as_ids_do(some: list[bytes]) -> None:
    """The two numbers of an id order ids as their bytes do."""
    high, low = words(np.array(some, "S11"))
    order = np.lexsort((low, high)).tolist()
    assert [some[place] for place in order] == sorted(some)


def test_row_of_one_video() -> None:
    """A single id, also one that is none."""
    table = table_of([[0], [1]], 2)
    assert table.row_of("00000000001") == 1
    assert table.row_of("00000000009") is None
    assert table.row_of("short") is None
    assert table.row_of("ééééééééééé") is None


def test_rows_of_class(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """The rows of a class in catalogue order, and how many each has."""
    table = catalog_with(tmp_path, [row(5, "/m/c,/m/a"), row(3, "/m/b"), row(4)]).segments
    assert [table.rows_of_class(code).tolist() for code in range(3)] == [[0, 2], [1], [0]]
    assert table.class_counts().tolist() == [2, 1, 1]
    assert table.sorted_rows(np.arange(3, dtype=np.int32)).tolist() == [1, 2, 0]
    assert table.segment_id(0) == f"{video(5)}_30000"


def test_hash_never_changes() -> None:
    """The order that a seed gives is the same for ever, on every machine."""
    keys = id_keys(np.array([b"--PJHxphWEs", b"zzya4dDVRLk"], "S11"), 7)
    assert keys.tolist() == [1815063358276284607, 14168029351462160795]
    assert id_keys(np.array([b"--PJHxphWEs"], "S11"), 8)[0] != keys[0]
