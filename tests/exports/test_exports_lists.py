"""`export lists` as a process, and lhotse on what it wrote."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from learning_samples import MIDS, Dataset
from peers_python import run_peer

from ascc_async.files import held

FOLDER = "exports/lists"
IDS = ("-bcdefghijk_30000", "Zbcdefghijk_30000", "_bcdefghijk_30500", "abcdefghijk_0")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four clips whose ids sort as bytes, not as words."""
    dataset = Dataset(tmp_path_factory.mktemp("lists"))
    for segment_id in reversed(IDS):
        video_id, start_ms = segment_id[:11], int(segment_id[12:])
        dataset.add(video_id, "Bark", "Speech", start_ms=start_ms, title="=1+1")
    dataset.add("othersplit1", "Frog", split="balanced_train")
    dataset.write()
    code, said = dataset.run("export", "lists")
    assert (code, "5 clips" in said) == (0, True), said
    return dataset


@pytest.fixture
def copy(exported: Dataset, tmp_path: Path) -> Dataset:
    """A copy, to be changed."""
    return exported.copied(tmp_path / "copy")


def test_lhotse_validates_and_loads_every_sound(exported: Dataset) -> None:
    """Both manifests by its own checks, in the folder that holds `clips/`."""
    said = run_peer(
        "lhotse",
        "import os, sys\n"
        "from lhotse import RecordingSet, SupervisionSet, validate_recordings_and_supervisions\n"
        "os.chdir(sys.argv[1])\n"
        "recordings = RecordingSet.from_file('exports/lists/lhotse/recordings.jsonl.gz')\n"
        "supervisions = SupervisionSet.from_file('exports/lists/lhotse/supervisions.jsonl.gz')\n"
        "validate_recordings_and_supervisions(recordings.to_eager(), supervisions.to_eager())\n"
        "for recording in recordings:\n"
        "    print(recording.id, recording.load_audio().shape)\n",
        exported.folder,
    )
    assert said.splitlines() == [
        f"{name} (1, 16000)" for name in sorted([*IDS, "othersplit1_30000"])
    ]


def test_ast_finds_files_labels_and_weights(exported: Dataset) -> None:
    """The keys and files its loader opens: one weight a clip, labels that the class list knows."""
    folder = exported.folder / FOLDER / "ast"
    data = json.loads((folder / "eval.json").read_bytes())["data"]
    assert [row["video_id"] for row in data] == sorted(IDS)
    assert all((exported.folder / row["wav"]).is_file() for row in data)
    with (folder / "class_labels_indices.csv").open(encoding="utf-8", newline="") as file:
        classes = {row["mid"]: row["display_name"] for row in csv.DictReader(file)}
    assert data[0]["labels"].split(",") == [MIDS["Bark"], MIDS["Speech"]]
    assert [classes[mid] for mid in data[0]["labels"].split(",")] == ["Bark", "Speech"]
    for split in ("eval", "balanced_train"):
        data = json.loads((folder / f"{split}.json").read_bytes())["data"]
        assert (folder / f"{split}_weight.csv").read_bytes() == ast_weights(data, list(classes))


def ast_weights(data: list[dict[str, str]], mids: list[str]) -> bytes:
    """What AST's `gen_weight_file.py` writes: a class weighs 1000 / (its clips + 0.01)."""
    held = np.array([[mid in row["labels"].split(",") for mid in mids] for row in data])
    file = io.BytesIO()
    np.savetxt(file, held @ (1000.0 / (held.sum(axis=0) + 0.01)), delimiter=",")
    return file.getvalue()


def test_the_kaldi_folder_is_sorted_as_kaldi_wants(exported: Dataset) -> None:
    """By bytes, every file with the same utterances; paths from the folder that holds `clips/`."""
    folder = exported.folder / FOLDER / "kaldi" / "eval"
    for name in ("wav.scp", "text", "utt2spk", "spk2utt"):
        lines = (folder / name).read_bytes().splitlines()
        assert [line.split()[0].decode() for line in lines] == [
            name.decode() for name in sorted(name.encode() for name in IDS)
        ]
    assert (folder / "text").read_text().splitlines()[
        0
    ] == f"{IDS[0]} {MIDS['Bark']} {MIDS['Speech']}"
    path = (folder / "wav.scp").read_text().split(" -i ")[1].split()[0]
    assert (exported.folder / path).is_file()


def test_the_playlist_names_files_from_where_it_lies(exported: Dataset) -> None:
    """So that a player opens it wherever the folder is."""
    playlist = exported.folder / FOLDER / "manifest.m3u"
    lines = playlist.read_text("utf-8").splitlines()
    paths = [line for line in lines if not line.startswith("#")]
    assert lines[0] == "#EXTM3U"
    assert len(paths) == 5
    assert all((playlist.parent / path).is_file() for path in paths)


def test_beside_another_call_it_refuses(copy: Dataset) -> None:
    """Two at once would take away each other's files; the other formats are not held up."""
    with held(copy.folder / FOLDER):
        code, said = copy.command("export", "lists")
        assert (code, "another command is working here" in said) == (1, True), said
        assert copy.command("export", "webdataset")[0] == 0


def test_a_second_call_touches_nothing_and_a_removed_video_goes(copy: Dataset) -> None:
    """Compressed lists too are the same bytes; a split without clips goes whole."""
    before = copy.tree(FOLDER)
    assert copy.command("export", "lists")[0] == 0
    assert copy.tree(FOLDER) == before
    (copy.folder / "removals.txt").write_text("othersplit1", "utf-8")
    assert copy.command("export", "lists")[0] == 0
    assert not any("balanced_train" in name for name in copy.tree(FOLDER))
    said = (copy.folder / FOLDER / "manifest.m3u").read_text("utf-8")
    assert "othersplit1" not in said
