"""The whole catalogue: which files, what they say together, and videos that occur twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from metadata_folders import catalog_of, catalog_with, ontology, row, segments, video, write_folder

from ascc_async.audioset.metadata_files import ONTOLOGY, InputFile, MetadataFile, identify
from ascc_async.errors import MetadataError

SEGMENTS = "balanced_train_segments.csv"


@pytest.mark.parametrize(
    ("rows", "other", "message"),
    [
        ([row(1), row(2), row(1)], [row(9)], rf"{SEGMENTS}:6: {video(1)} .* {SEGMENTS}:4; a video"),
        ([row(1)], [row(2), row(1, end="41.000")], rf"eval_segments.csv:5: .*{SEGMENTS}:4; a"),
        ([row(1), row(1), row(2)], [row(2)], rf"{SEGMENTS}:5: .*:4 \(1 more rows repeat"),
    ],
)
def test_a_video_that_occurs_twice(
    tmp_path: Path, rows: list[str], other: list[str], message: str
) -> None:
    """Which row is right, nobody can say: both places are named, and how many more there are."""
    write_folder(tmp_path, {SEGMENTS: segments(rows), "eval_segments.csv": segments(other)})
    with pytest.raises(MetadataError, match=message):
        catalog_of(tmp_path, "balanced_train", "eval")


def test_missing_file_names_the_setting(tmp_path: Path) -> None:
    """A file that is not there is named, with where it should be."""
    write_folder(tmp_path)
    (tmp_path / "qa_true_counts.csv").unlink()
    with pytest.raises(MetadataError, match=r"qa_true_counts.csv: is missing.*metadata_dir"):
        catalog_of(tmp_path)


def test_layout_of_google(tmp_path: Path) -> None:
    """Files may lie in v1/csv and v1/qa below the folder."""
    write_folder(tmp_path)
    for below, name in (("v1/csv", SEGMENTS), ("v1/qa", "qa_true_counts.csv")):
        (tmp_path / below).mkdir(parents=True)
        (tmp_path / name).rename(tmp_path / below / name)
    assert len(catalog_of(tmp_path).segments) == 2


def test_other_version_is_used_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not the official one has its hash in the inputs; among official ones it has a
    line in the log: a whole set of one's own is no accident.
    """
    caplog.set_level("INFO", "ascc_async")
    content = "label_id,num_rated,num_true\n"
    write_folder(tmp_path, {"qa_true_counts.csv": content})
    catalog_of(tmp_path)
    assert not [r for r in caplog.records if "originals" in r.getMessage()]

    def google_has_this_ontology(file: MetadataFile, path: Path) -> InputFile:
        read = identify(file, path)
        return replace(read, official=True) if file is ONTOLOGY else read

    monkeypatch.setattr("ascc_async.audioset.catalog.identify", google_has_this_ontology)
    catalog = catalog_of(tmp_path)
    hashes = {file.name: (file.git_blob_sha1, file.official) for file in catalog.inputs}
    git_says = "ed075c9566d7fc2109c13367eaed1e6f94f40c17"
    assert hashes["qa_true_counts.csv"] == (git_says, False)
    (line,) = [r for r in caplog.records if "not Google's originals" in r.getMessage()]
    assert vars(line)["folder"] == str(tmp_path)
    assert len(vars(line)["files"].split(", ")) == 3


def test_small_files_that_do_not_agree(tmp_path: Path) -> None:
    """Counts or ontology that miss a class, or know one more, are used and said."""
    catalog = catalog_with(
        tmp_path,
        [row(1)],
        **{
            "qa_true_counts.csv": "label_id,num_rated,num_true\n/m/a,4,1\n/m/z,1,1\n",
            "ontology.json": ontology({"/m/a": ["/m/b"], "/m/b": []}),
        },
    )
    warnings = "\n".join(catalog.warnings)
    assert [sound.quality for sound in catalog.classes] == [0.25, None, None]
    assert [sound.leaf for sound in catalog.classes] == [False, True, True]
    assert "csv:3: '/m/z' is not in the class list" in warnings
    assert "no counts for /m/b, /m/c" in warnings
    assert "the ontology has no /m/c; treating them as leaves" in warnings
