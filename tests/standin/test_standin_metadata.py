"""AudioSet's files as the stand-in makes them: official in form, odd where the real ones are."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ascc_async.standin.metadata import (
    CLASS_FILES,
    OFFICIAL_ROWS,
    ONTOLOGY,
    split_file,
    write_world,
)
from ascc_async.standin.world import World
from ascc_async.standin.world_settings import WorldSettings
from benchmarks.large_metadata import write_large

SHARED = Path(__file__).parents[2].parent / "shared" / "audioset"
ROW = re.compile(r'([A-Za-z0-9_-]{11}), (\d+\.\d{3}), (\d+\.\d{3}), "(/[mt]/\w+(?:,/[mt]/\w+)*)"\n')
HEAD = re.compile(
    r"# Segments csv created .+\n"
    r"# num_ytids=(\d+), num_segs=(\d+), num_unique_labels=(\d+), num_positive_labels=(\d+)\n"
    r"# YTID, start_seconds, end_seconds, positive_labels\n"
)


@dataclass(frozen=True)
class Rows:
    """A segment file, read strictly."""

    ids: list[str]
    times: list[tuple[float, float]]
    labels: list[list[str]]


def read(path: Path) -> Rows:
    """Every line must be of the official form, and the head must count right."""
    lines = path.read_text("ascii").splitlines(keepends=True)
    head = HEAD.fullmatch("".join(lines[:3]))
    assert head
    found = [match for line in lines[3:] if (match := ROW.fullmatch(line))]
    assert len(found) == len(lines) - 3
    labels = [match[4].split(",") for match in found]
    unique = {label for row in labels for label in row}
    counts = (len(found), len(found), len(unique), sum(map(len, labels)))
    assert tuple(map(int, head.groups())) == counts
    return Rows([m[1] for m in found], [(float(m[2]), float(m[3])) for m in found], labels)


def classes(folder: Path) -> dict[str, str]:
    """MID and name of the class list, whose index counts from 0."""
    with (folder / CLASS_FILES[0]).open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    assert [record["index"] for record in records] == [str(i) for i in range(len(records))]
    return {record["mid"]: record["display_name"] for record in records}


@pytest.fixture(scope="module")
def world_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo world's metadata."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder, World(WorldSettings()).videos)
    return folder


def test_world_rows_are_its_videos(world_folder: Path) -> None:
    """Each video is once in one of the splits, with the world's own times, sorted by id."""
    videos = {video.video_id: video for video in World(WorldSettings()).videos}
    seen = []
    for split in OFFICIAL_ROWS:
        rows = read(world_folder / split_file(split))
        assert rows.ids == sorted(rows.ids)
        for video_id, (start, end) in zip(rows.ids, rows.times, strict=True):
            video = videos[video_id]
            assert (1000 * start, 1000 * end) == (video.segment_start_ms, video.segment_end_ms)
        seen += rows.ids
    assert sorted(seen) == sorted(videos)


def test_world_uses_every_class(world_folder: Path) -> None:
    """All classes of the class list occur, blacklisted and unrated ones too; no other does."""
    used = {
        label
        for split in OFFICIAL_ROWS
        for labels in read(world_folder / split_file(split)).labels
        for label in labels
    }
    assert used == set(classes(world_folder))


def test_world_ontology_holds_the_oddities(world_folder: Path) -> None:
    """Names with commas, blacklisted, abstract and unrated classes, two parents; no dead links."""
    entries: list[dict[str, Any]] = json.loads((world_folder / "ontology.json").read_text("utf-8"))
    ids = [entry["id"] for entry in entries]
    children = [child for entry in entries for child in entry["child_ids"]]
    listed = classes(world_folder)
    assert len(set(ids)) == len(ids)
    assert set(children) < set(ids)
    assert max(children.count(child) for child in children) == 2
    assert "Male speech, man speaking" in listed.values()
    restricted = {entry["id"]: entry["restrictions"] for entry in entries if entry["restrictions"]}
    assert {"blacklist"} == {word for mid in listed for word in restricted.get(mid, [])}
    assert any("abstract" in words for words in restricted.values())
    with (world_folder / "qa_true_counts.csv").open(newline="") as file:
        rated = {record["label_id"]: int(record["num_rated"]) for record in csv.DictReader(file)}
    assert list(rated) == list(listed)
    assert 0 in rated.values()


def test_large_files_have_audiosets_shape(tmp_path: Path) -> None:
    """60,000 rows: proportions, order, unique ids, labels a row, odd lengths and starts."""
    counts = write_large(tmp_path, rows=60_000, seed=3)
    rows = {split: read(tmp_path / split_file(split)) for split in counts}
    assert {split: len(part.ids) for split, part in rows.items()} == counts
    assert counts == {"balanced_train": 637, "eval": 586, "unbalanced_train": 58_777}
    everything = [video_id for part in rows.values() for video_id in part.ids]
    assert len(set(everything)) == 60_000
    assert all(part.ids == sorted(part.ids) for part in rows.values())
    large = rows["unbalanced_train"]
    assert sum(map(len, large.labels)) / 58_777 == pytest.approx(2.0, abs=0.1)
    assert max(map(len, large.labels)) <= 12
    assert all(len(set(labels)) == len(labels) for labels in large.labels)
    assert {label for labels in large.labels for label in labels} == set(classes(tmp_path))
    lengths = [round(end - start, 3) for start, end in large.times]
    assert 400 < sum(length != 10 for length in lengths) < 1500
    assert min(lengths) == 1
    assert 5 < sum(start % 1 > 0 for start, _ in large.times) < 50
    assert sum(video_id[0] in "-_" for video_id in everything) == pytest.approx(1875, abs=300)


def test_large_rows_can_use_given_classes(world_folder: Path, tmp_path: Path) -> None:
    """With a class folder its files are copied and its most frequent classes come first."""
    write_large(tmp_path, rows=20_000, class_folder=world_folder)
    for name in CLASS_FILES:
        assert (tmp_path / name).read_bytes() == (world_folder / name).read_bytes()
    labels = [
        label for row in read(tmp_path / split_file("unbalanced_train")).labels for label in row
    ]
    mids = list(classes(tmp_path))
    assert set(labels) == set(mids) == {entry.mid for entry in ONTOLOGY if entry.rated is not None}
    assert labels.count(mids[0]) > labels.count(mids[1]) > labels.count(mids[9])


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/audioset")
def test_small_ontology_agrees_with_the_real_one() -> None:
    """MIDs, names and restrictions are AudioSet's; children are among its descendants there."""
    real = {
        entry["id"]: entry for entry in json.loads((SHARED / "ontology.json").read_text("utf-8"))
    }
    for entry in ONTOLOGY:
        assert real[entry.mid]["name"] == entry.name
        assert real[entry.mid]["restrictions"] == entry.restriction.split()
        assert set(entry.children.split()) <= descendants(real, entry.mid)


def descendants(real: dict[str, Any], mid: str) -> set[str]:
    """Everything below an entry."""
    children = set(real[mid]["child_ids"])
    return children.union(*(descendants(real, child) for child in children))
