"""What a run leaves behind, as its users open it: a seeded world's dataset, word for word."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from terminal import Place

GOLDEN = Path(__file__).parent / "golden"
TABLES = (
    "manifest.csv", "labels.csv", "unavailable.csv", "quality.csv", "ATTRIBUTION.csv",
    "suitable_classes.csv", "classes/Music.csv",
)  # fmt: skip
# Times, what the encoder of the day makes and what ffmpeg says of a damaged stream: everything
# else is the same every time.
_CHANGING = (
    (re.compile(r",corrupt,[^,]+,"), ",corrupt,<words>,"),
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{64},\d+,"), "<sha256>,<bytes>,"),
    (re.compile(r"\b[\d.]+ [kMG]?B\b"), "<size>"),
    (re.compile(r"urn:uuid:[0-9a-f-]{36}"), "<record>"),
)


def rows_of(path: Path) -> list[dict[str, str]]:
    """As the standard library reads it."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize(
    "name",
    ["manifest.csv", "labels.csv", "unavailable.csv", "ATTRIBUTION.csv", "CREDITS.md", "README.md",
     "suitable_classes.csv", "classes/Music.csv", "LICENSE.md", "CITATION.cff"],
)  # fmt: skip
def test_a_seeded_world_gives_this_dataset(finished: Place, name: str) -> None:
    """Word for word but for times, hashes and sizes. A file that is not there yet is written: look
    at it, and commit it.
    """
    text = (finished.output / "dataset" / name).read_bytes().decode("utf-8")
    for pattern, mark in _CHANGING:
        text = pattern.sub(mark, text)
    golden = GOLDEN / name
    if not golden.exists():
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_bytes(text.encode())
    assert text == golden.read_bytes().decode("utf-8")


def test_sha256sum_checks_the_whole_dataset(finished: Place) -> None:
    """Every clip and every file of `dataset/`, by the system's own tool, from `output.dir`."""
    sums = finished.output / "dataset" / "SHA256SUMS"
    names = {line.split("  ", 1)[1] for line in sums.read_text("utf-8").splitlines()}
    files = {path for path in sums.parent.rglob("*") if path.is_file() and path != sums}
    manifest = rows_of(finished.output / "dataset" / "manifest.csv")
    clips = {row["path"] for row in manifest if row["outcome"] == "clip"}
    assert names == {path.relative_to(finished.output).as_posix() for path in files} | clips
    lines = b"".join(
        b"%s  %s\n" % (hashlib.sha256((finished.output / name).read_bytes()).hexdigest().encode(),
                       name.encode())
        for name in sorted(names)
    )  # fmt: skip
    assert lines == sums.read_bytes()
    if shutil.which("sha256sum"):  # macOS has shasum instead
        checking = ["sha256sum", "--check", "--strict", "--quiet", "dataset/SHA256SUMS"]
        subprocess.run(checking, cwd=finished.output, check=True, timeout=30)


@pytest.mark.parametrize("name", TABLES)
def test_duckdb_and_pandas_read_what_is_there(finished: Place, name: str) -> None:
    """Found out by themselves, with nothing told of the format: the same columns and texts."""
    path = finished.output / "dataset" / name
    rows = rows_of(path)
    assert rows
    columns = list(rows[0])
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert frame.to_dict("records") == rows
    with duckdb.connect() as base:
        fetched = base.execute(f"SELECT * FROM read_csv('{path}', all_varchar = true)").fetchall()
    texts = [tuple(value or "" for value in row) for row in fetched]
    assert texts == [tuple(row[column] for column in columns) for row in rows]


def test_numbers_and_times_are_found_out_as_such(finished: Place) -> None:
    """DuckDB and pandas see numbers as numbers and times as times, and count what we count."""
    path = finished.output / "dataset" / "manifest.csv"
    with duckdb.connect() as base:
        base.execute(f"CREATE VIEW manifest AS SELECT * FROM read_csv('{path}')")
        kinds = dict(
            base.execute("SELECT column_name, column_type FROM (DESCRIBE manifest)").fetchall()
        )
        counted = dict(base.execute("SELECT outcome, count(*) FROM manifest GROUP BY 1").fetchall())
    assert kinds["start_seconds"] in ("DOUBLE", "BIGINT")
    assert kinds["bytes"] == kinds["sample_rate"] == kinds["attempts"] == "BIGINT"
    assert kinds["license_checked_at"].startswith("TIMESTAMP")
    assert kinds["title"] == "VARCHAR"
    rows = rows_of(path)
    assert counted == {
        outcome: sum(row["outcome"] == outcome for row in rows) for outcome in counted
    }
    frame = pd.read_csv(path, parse_dates=["license_checked_at", "fetched_at"])
    assert str(frame["license_checked_at"].dtype).startswith("datetime64")
    assert frame["bytes"].sum() == sum(int(row["bytes"] or 0) for row in rows)
