"""Manifests from elsewhere are checked row by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_samples import full

from ascc_async.dataset.manifest import ManifestRow, as_rows, manifest_pages
from ascc_async.errors import MetadataError


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest with a row of each kind; the first is a clip."""
    sample = full(tmp_path)
    sample.write()
    return sample.path("manifest.csv")


def test_what_was_written_reads_back(manifest: Path) -> None:
    """Nine rows of texts, in their order."""
    rows = read_manifest(manifest)
    assert len(rows) == 9
    assert rows[0].labels == "/m/09x0r,/m/05zppz"
    assert (rows[-1].start_seconds, rows[-1].end_seconds) == ("30.5", "40.5")


def read_manifest(path: Path) -> list[ManifestRow]:
    """All rows."""
    pages = list(manifest_pages(path))
    return [row for page in pages for row in as_rows(page)]


def edited(path: Path, change: Callable[[str], str]) -> Path:
    """The file with its text changed."""
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    changed = change(text)
    assert changed != text
    path.write_bytes(changed.encode())
    return path


def test_a_manifest_saved_by_a_spreadsheet_is_read(manifest: Path) -> None:
    """A byte order mark, plain line ends and a further column do no harm."""
    expected = read_manifest(manifest)
    edited(manifest, lambda t: "\ufeff" + t.replace("\r\n", ",note\n"))
    assert read_manifest(manifest) == expected


def test_an_older_manifest_lacks_a_later_column() -> None:
    """That of version 0.1, as it wrote it: nothing is known of its evidence."""
    older = Path(__file__).parents[1] / "fixtures/version_0_1_half_way/dataset/manifest.csv"
    assert "evidence" not in older.read_text("utf-8").partition("\r\n")[0]
    rows = read_manifest(older)
    assert {row.evidence for row in rows} == {""}
    assert any(row.outcome == "clip" for row in rows)


CASES = {
    "a column is missing": (("segment_id,", "id,"), 1, "columns missing: segment_id"),
    "a row is cut off": ((",clip,", "\r\n"), 2, "outcome '', expected one of: clip"),
    "an id that is none": (("-bcdefghijk_30000", "#NAME?"), 2, "segment_id '#NAME?'"),
    "another video": (("-bcdefghijk,30", "xbcdefghijk,30"), 2, "video_id 'xbcdefghijk'"),
    "another start": ((",30,40,", ",31,41,"), 2, "start_seconds '31'"),
    "an end before the start": ((",30,40,", ",30,29,"), 2, "end_seconds '29'"),
    "a time that is none": ((",30,40,", ",30,4e1,"), 2, "end_seconds '4e1'"),
    "no labels": (('"/m/09x0r,/m/05zppz"', ""), 2, "labels ''"),
    "a license nobody knows": ((",creative_commons,", ",cc,"), 2, "license 'cc'"),
    "an outcome nobody knows": ((",clip,", ",clipped,"), 2, "outcome 'clipped'"),
    "a path that leaves": (("clips/-b/", "../../etc/"), 2, "path '../../etc/"),
    "a hash that is none": (("abababab", "xyxyxyxy"), 2, "sha256 'xyxy"),
    "a size that is none": ((",500000,", ",5E+05,"), 2, "bytes '5E+05'"),
    "a row with more fields": ((",clip,", ",clip,,"), 2, "more fields than"),
    "a later row with more fields": (
        (",rejected,", ",rejected,,"),
        None,
        "Expected 25 fields in line 6, saw 26",
    ),
    "a quote that does not end": (("creative_commons,", 'creative_commons,"'), None, "not CSV"),
    "a row without its end": (("2025-12-31T23:30:00Z,1,\r\n", "\r\n"), 2, "attempts ''"),
    "evidence that is none": (("Z,1,\r\n", "Z,1,../x\r\n"), 2, "evidence '../x'"),
    "an empty line": (("\r\n", "\r\n\r\n"), 2, "segment_id ''"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_right_names_file_line_and_expectation(manifest: Path, case: str) -> None:
    """The first wrong row stops the reading."""
    (old, new), line, message = CASES[case]
    edited(manifest, lambda text: text.replace(old, new, 1))
    with pytest.raises(MetadataError) as error:
        read_manifest(manifest)
    assert error.value.path == manifest
    assert message in str(error.value)
    assert error.value.line == line


def test_rows_out_of_order_or_twice_are_reported(manifest: Path) -> None:
    """Reading side by side needs the order."""
    lines = manifest.read_bytes().split(b"\r\n")
    manifest.write_bytes(b"\r\n".join([lines[0], lines[2], lines[1], b""]))
    with pytest.raises(MetadataError, match=r":3: .*rows sorted"):
        read_manifest(manifest)
    manifest.write_bytes(b"\r\n".join([lines[0], lines[1], lines[1], b""]))
    with pytest.raises(MetadataError, match=r":3: .*each video only once"):
        read_manifest(manifest)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"not,a,manifest\r\n"])
def test_what_is_no_manifest_is_reported(tmp_path: Path, data: bytes) -> None:
    """Empty, binary or another table."""
    path = tmp_path / "other.csv"
    path.write_bytes(data)
    with pytest.raises(MetadataError):
        read_manifest(path)


def test_a_missing_manifest_is_reported(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(MetadataError, match=r"none\.csv: cannot be read"):
        read_manifest(tmp_path / "none.csv")
