"""Class list and raters' counts: read exactly, or an error that names file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from metadata_folders import catalog_of, write_folder

from ascc_async.errors import MetadataError

CLASSES, COUNTS = "class_labels_indices.csv", "qa_true_counts.csv"
CLASSES_HEAD, COUNTS_HEAD = "index,mid,display_name\n", "label_id,num_rated,num_true\n"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (CLASSES, "index,mid\n", "csv:1: expected the heading"),
        (CLASSES, CLASSES_HEAD + '1,/m/a,"A"\n', "csv:2: index '1'"),
        (CLASSES, CLASSES_HEAD + "0,a,A\n", "csv:2: expected 0,/m/"),
        (CLASSES, CLASSES_HEAD + "0,/m/a,A\n1,/m/a,B\n", "csv:3: /m/a occurs twice"),
        (CLASSES, CLASSES_HEAD + '0,/m/a,"A\n', "csv:2: is not a row"),
        (CLASSES, CLASSES_HEAD, "holds no class"),
        (CLASSES, (CLASSES_HEAD + "0,/m/a,\xe9\n").encode("latin-1"), "csv:2: is not UTF-8"),
        (COUNTS, COUNTS_HEAD + "/m/a,3,4\n", "csv:2: '3', '4'"),
        (COUNTS, COUNTS_HEAD + "/m/a,x,4\n", "csv:2: 'x', '4'"),
        (COUNTS, COUNTS_HEAD + "/m/a,3\n", "csv:2: 2 fields"),
        (COUNTS, COUNTS_HEAD + "/m/a,3,3\n/m/a,3,3\n", "csv:3: /m/a occurs twice"),
        (COUNTS, "<html>", "captive portal"),
    ],
)
def test_bad_lists(tmp_path: Path, name: str, content: str | bytes, problem: str) -> None:
    """Class list and counts are checked with file, line and remedy."""
    write_folder(tmp_path, {name: content})
    with pytest.raises(MetadataError) as caught:
        catalog_of(tmp_path)
    for part in (name, problem, "delete the file"):
        assert part in str(caught.value)


def test_quality_is_the_share_that_raters_confirmed(tmp_path: Path) -> None:
    """A class that nobody rated has no quality, instead of the worst."""
    write_folder(tmp_path, {COUNTS: COUNTS_HEAD + "/m/a, 10, 9\n\n/m/b,0,0\n/m/c,4,0\n"})
    assert [sound.quality for sound in catalog_of(tmp_path).classes] == [0.9, None, 0.0]
