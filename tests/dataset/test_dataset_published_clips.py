"""What everything made of the dataset starts from."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest
from dataset_samples import CHANNEL_ID, Sample, full

from ascc_async.dataset.published_clips import checked_path, published_clips, write_credits_of
from ascc_async.errors import MetadataError, SetupError


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """One segment of each kind; three are clips."""
    made = full(tmp_path)
    made.write()
    return made


def ids(folder: Path) -> list[str]:
    return [row.segment_id for row in published_clips(folder)]


def test_only_clips_count_less_what_is_removed_by_now(sample: Sample) -> None:
    """A removal counts at once, before any run has written the manifest anew."""
    assert ids(sample.folder) == ["-bcdefghijk_30000", "_SUM-A1-ijk_30000", "half_second_30500"]
    (sample.folder / "removals.txt").write_text("half_second\n")
    assert ids(sample.folder) == ["-bcdefghijk_30000", "_SUM-A1-ijk_30000"]
    (sample.folder / "removals.txt").write_text(f"{CHANNEL_ID}\n")
    assert ids(sample.folder) == []


def test_without_a_dataset_it_says_how_to_make_one(tmp_path: Path) -> None:
    """No manifest is no empty dataset."""
    with pytest.raises(SetupError, match="no dataset here yet"):
        published_clips(tmp_path)


def test_a_clip_is_read_only_if_it_is_the_one_in_the_manifest(sample: Sample) -> None:
    """Missing and altered clips are named, with what helps."""
    row = published_clips(sample.folder)[0]
    with pytest.raises(
        SetupError, match=r"-bcdefghijk_30000\.flac: this clip is missing.*--repair"
    ):
        checked_path(sample.folder, row)
    path = sample.folder / row.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"sound")
    with pytest.raises(SetupError, match=r"other bytes.*verify --repair"):
        checked_path(sample.folder, row)
    right = row._replace(sha256=hashlib.sha256(b"sound").hexdigest())
    assert checked_path(sample.folder, right) == path


def test_credits_go_along_and_say_what_was_done(sample: Sample, tmp_path: Path) -> None:
    """Both files, for the given clips only; a second writing touches neither."""
    rows, folder = published_clips(sample.folder)[1:], tmp_path / "out"
    write_credits_of(folder, sample.folder, rows, "mixed to mono")
    with (folder / "ATTRIBUTION.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [line["segment_id"] for line in written] == [row.segment_id for row in rows]
    assert {line["changes"].rpartition("; ")[2] for line in written} == {"mixed to mono"}
    page = (folder / "CREDITS.md").read_text("utf-8")
    assert "mixed to mono" in page
    assert "-bcdefghijk" not in page
    before = [(path, path.stat().st_ino) for path in sorted(folder.iterdir())]
    write_credits_of(folder, sample.folder, rows, "mixed to mono")
    assert [(path, path.stat().st_ino) for path in sorted(folder.iterdir())] == before


def test_without_credits_nothing_is_made(sample: Sample, tmp_path: Path) -> None:
    """A clip that `ATTRIBUTION.csv` does not hold stops it, naming the file."""
    heading, _ = sample.path("ATTRIBUTION.csv").read_text("utf-8").split("\n", 1)
    sample.path("ATTRIBUTION.csv").write_text(f"{heading}\n", "utf-8")
    with pytest.raises(MetadataError, match=r"ATTRIBUTION\.csv: lacks clips"):
        write_credits_of(tmp_path / "out", sample.folder, published_clips(sample.folder), "x")
    assert not (tmp_path / "out").exists()


def test_a_bug_in_what_gives_the_rows_is_not_blamed_on_the_credits(
    sample: Sample, tmp_path: Path
) -> None:
    """Rows come from the caller's code, which may be wrong by itself."""
    rows = (row for row in published_clips(sample.folder) if {}["a bug"])
    with pytest.raises(KeyError, match="a bug"):
        write_credits_of(tmp_path / "out", sample.folder, rows)
