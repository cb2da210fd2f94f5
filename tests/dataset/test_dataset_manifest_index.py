"""A manifest counted and found again by kind and class."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_samples import DOG, MAN, SPEECH, Sample, full

from ascc_async.dataset import manifest_index
from ascc_async.dataset.counts import RowKind
from ascc_async.dataset.manifest import manifest_pages
from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.errors import MetadataError
from ascc_async.model import Outcome, Reason


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """One segment of each kind, written."""
    made = full(tmp_path)
    made.write()
    return made


def names(index: ManifestIndex, *wanted: object) -> list[str]:
    """The videos of the rows that hold all these words, and the class where one is a MID."""
    mid = next((str(word) for word in wanted if str(word).startswith("/")), None)
    words = {word for word in wanted if word != mid}
    found = index.find(lambda kind: words <= set(kind), mid)
    return [row.video_id for row in index.rows(found)]


@pytest.mark.parametrize("block", [700, 1 << 24], ids=["many blocks", "one"])
def test_rows_are_counted_and_found_by_kind_and_class(
    sample: Sample, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Also where lines lie across two blocks."""
    monkeypatch.setattr(manifest_index, "_BLOCK", block)
    index = ManifestIndex(sample.path("manifest.csv"))
    assert len(index) == 9
    assert names(index, Reason.PRIVATE) == ["Private1111"]
    assert names(index, Outcome.CLIP) == ["-bcdefghijk", "_SUM-A1-ijk", "half_second"]
    assert names(index, Outcome.CLIP, DOG) == ["_SUM-A1-ijk", "half_second"]
    assert names(index, Outcome.CLIP, "/m/none") == []
    assert {mid: sum(kinds.values()) for mid, kinds in index.classes.items()} == {
        SPEECH: 7, MAN: 1, DOG: 2,
    }  # fmt: skip
    clip = RowKind("balanced_train", "creative_commons", "clip", "", tried=True)
    assert index.classes[MAN] == {clip: 1}
    assert names(index, False) == [
        "NotAsked111", "Private1111", "Standard111", "Unknown1111",
    ]  # fmt: skip


def test_rows_are_what_the_file_holds(sample: Sample) -> None:
    """All columns, in the file's order."""
    index = ManifestIndex(sample.path("manifest.csv"))
    (page,) = manifest_pages(sample.path("manifest.csv"))
    found = index.find(lambda kind: True)
    assert [*index.rows(found)] == [*page.itertuples(index=False, name=None)]


def test_a_manifest_that_is_replaced_stays_as_it_was(sample: Sample) -> None:
    """A run may write another one at any moment."""
    index = ManifestIndex(sample.path("manifest.csv"))
    before = [*index.rows(range(9))]
    sample.add("AnotherOne1", DOG)
    sample.write()
    assert [*index.rows(range(9))] == before
    assert len(ManifestIndex(sample.path("manifest.csv"))) == 10


def test_an_older_manifest_has_fewer_columns_and_an_empty_one_no_row(tmp_path: Path) -> None:
    """`evidence` came later."""
    made = full(tmp_path)
    made.write()
    manifest = made.path("manifest.csv")
    lines = manifest.read_bytes().split(b"\r\n")
    older = [line.rpartition(b",")[0] for line in lines if line]
    manifest.write_bytes(b"\r\n".join([*older, b""]))
    assert ManifestIndex(manifest).counts.clips == 3
    manifest.write_bytes(lines[0] + b"\r\n")
    assert (len(ManifestIndex(manifest)), ManifestIndex(manifest).counts.segments) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b",private,", b",sulking,"),
        (b"\r\nhalf_", b'\r\n"half_'),
        (b",outcome,", b",income,"),
        (b"\r\n", b""),
        (b",44100,", b",fast,"),
    ],
    ids=["a reason of no list", "a quote without end", "no column outcome", "cut short", "a rate"],
)
def test_what_no_run_wrote_is_an_error(sample: Sample, old: bytes, new: bytes) -> None:
    """Rather than wrong numbers; it says what names the line."""
    manifest = sample.path("manifest.csv")
    content = manifest.read_bytes()
    manifest.write_bytes(b"")
    with pytest.raises(MetadataError, match="empty"):
        ManifestIndex(manifest)
    assert old in content
    head, _, tail = content.rpartition(old)
    manifest.write_bytes(head + new + tail)
    with pytest.raises(MetadataError, match="verify"):
        ManifestIndex(manifest)
