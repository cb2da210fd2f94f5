"""One row per clip, joined from manifest, quality and credits."""

from __future__ import annotations

from pathlib import Path

import pytest
from learning_samples import CLASSES, MIDS, Dataset

from ascc_async.errors import MetadataError, SetupError
from ascc_async.exports.rows import read_clip, read_published


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two clips; one has a title that a spreadsheet would take for a formula."""
    made = Dataset(tmp_path)
    made.add("-bcdefghijk", "Bark", "Speech", title="=1+1", channel="'quoted'")
    made.add("half_second", "Frog", start_ms=30_500)
    made.write()
    return made


def test_a_row_holds_all_that_is_known_of_a_clip(dataset: Dataset) -> None:
    """Labels in three forms, numbers as numbers, texts without the tables' apostrophe."""
    published = read_published(dataset.folder, dataset.folder / "metadata")
    first, second = published.rows
    assert (first.segment_id, first.title, first.author) == (
        "-bcdefghijk_30000",
        "=1+1",
        "'quoted'",
    )
    assert first.labels == (MIDS["Bark"], MIDS["Speech"])
    assert first.human_labels == ("Bark", "Speech")
    assert [list(published.names)[index] for index in first.label_indices] == list(first.labels)
    assert len(published.names) == len(CLASSES)
    assert (second.start_seconds, second.end_seconds, second.sample_rate) == (30.5, 40.5, 16_000)
    assert second.source_link.endswith("half_second&t=30s")
    assert (second.rms_dbfs, second.channels, second.duration_seconds) == (-20.25, 1, 1.0)
    assert read_clip(dataset.folder, second) == (dataset.folder / second.path).read_bytes()


def test_a_dataset_alone_is_enough(dataset: Dataset) -> None:
    """`rebuild` leaves no metadata: then Google's class list is the copy that comes along."""
    with pytest.raises(SetupError, match="no dataset here yet"):
        read_published(dataset.folder / "empty", dataset.folder / "metadata")
    published = read_published(dataset.folder, dataset.folder / "no metadata")
    assert len(published.names) == 527
    assert published.rows[0].human_labels == ("Bark", "Speech")
    assert published.rows[0].label_indices == (75, 0)


def test_what_does_not_belong_together_is_refused(dataset: Dataset) -> None:
    """A changed clip, a table that lacks one, a class list of another time."""
    row = read_published(dataset.folder, dataset.folder / "metadata").rows[0]
    (dataset.folder / row.path).write_bytes(b"other")
    with pytest.raises(SetupError, match="other bytes"):
        read_clip(dataset.folder, row)
    quality = dataset.folder / "dataset" / "quality.csv"
    lines = quality.read_text("utf-8").splitlines()
    quality.write_text("\n".join(lines[:2]), "utf-8")
    with pytest.raises(MetadataError, match="lacks half_second_30500"):
        read_published(dataset.folder, dataset.folder / "metadata")
    classes = dataset.folder / "metadata" / "class_labels_indices.csv"
    classes.write_text('index,mid,display_name\n0,/m/09x0r,"Speech"\n', "utf-8")
    with pytest.raises(MetadataError, match="not the class list that the clips were chosen with"):
        read_published(dataset.folder, dataset.folder / "metadata")
