"""`export webdataset` as a process, and WebDataset itself on what it wrote."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import soundfile
from learning_samples import Dataset
from peers_python import run_peer

from ascc_async.dataset.evidence import EVIDENCE_FILE
from ascc_async.exports.folder import code_to_read
from ascc_async.files import sha256_of

FOLDER = "exports/webdataset"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two splits, a shard each."""
    dataset = Dataset(tmp_path_factory.mktemp("webdataset"))
    dataset.add("-bcdefghijk", "Bark", "Speech", title="=1+1")
    dataset.add("half_second", "Frog", start_ms=30_500)
    for number in range(5):
        dataset.add(f"train{number}abcde", "Crow", split="balanced_train")
    dataset.write()
    code, said = dataset.run("export", "webdataset", "--shard-mb", "1")
    assert (code, "7 clips in 2 shards, 2 of them written now" in said) == (0, True), said
    return dataset


@pytest.fixture
def copy(exported: Dataset, tmp_path: Path) -> Dataset:
    """A copy, to be changed."""
    return exported.copied(tmp_path / "copy")


def test_each_clip_lies_in_its_split_with_all_that_is_known(exported: Dataset) -> None:
    """The file itself, byte for byte, and a JSON in which no value is missing, null or empty."""
    facts = {}
    for shard in sorted((exported.folder / FOLDER).glob("*/*.tar")):
        with tarfile.open(shard) as tar:
            members = tar.getmembers()
            assert [member.name for member in members] == sorted(tar.getnames())
            assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
            for sound, record in zip(members[::2], members[1::2], strict=True):
                segment_id = sound.name.removesuffix(".flac")
                assert record.name == f"{segment_id}.json"
                file = exported.folder / "clips" / segment_id[:2] / sound.name
                assert tar.extractfile(sound).read() == file.read_bytes()
                facts[segment_id] = json.loads(tar.extractfile(record).read())
                assert facts[segment_id]["split"] == shard.parent.name
    assert len(facts) == 7
    first, *others = facts.values()
    for record in others:
        assert {key: type(value) for key, value in record.items()} == {
            key: type(value) for key, value in first.items()
        }
    assert all(
        value not in (None, [], "") for record in facts.values() for value in record.values()
    )
    half = facts["half_second_30500"]
    assert (half["start_seconds"], half["tag"], half["text"]) == (
        30.5,
        ["Frog"],
        "The sound of Frog",
    )
    assert facts["-bcdefghijk_30000"]["title"] == "=1+1"
    sizes = exported.folder / FOLDER / "balanced_train" / "sizes.json"
    assert json.loads(sizes.read_bytes()) == {"000000.tar": 5}


def test_webdataset_reads_every_clip(exported: Dataset) -> None:
    """Keys, sounds and seconds by its own code; a start of 30.5 stays one beside a start of 0."""
    said = run_peer(
        "webdataset",
        "import io, json, sys, soundfile, webdataset as wds\n"
        "for sample in wds.WebDataset(sys.argv[1:], shardshuffle=False):\n"
        "    facts = json.loads(sample['json'])\n"
        "    sound, rate = soundfile.read(io.BytesIO(sample['flac']))\n"
        "    print(sample['__key__'], facts['start_seconds'], len(sound), rate)\n",
        *sorted((exported.folder / FOLDER).glob("*/*.tar")),
    )
    lines = said.splitlines()
    assert "-bcdefghijk_30000 30.0 16000 16000" in lines
    assert "half_second_30500 30.5 16000 16000" in lines
    assert len(lines) == 7


def test_the_sums_are_those_of_every_file(exported: Dataset) -> None:
    """Whoever has a copy can check it, with its licenses and credits."""
    folder = exported.folder / FOLDER
    sums = dict(
        reversed(line.split("  ", 1)) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert sums.keys() == files - {"SHA256SUMS"}
    assert all(sha256_of(folder / name) == sha256 for name, sha256 in sums.items())
    assert {"LICENSE.md", "CREDITS.md", "ATTRIBUTION.csv", "CITATION.cff", "README.md"} <= files


def test_a_second_call_touches_nothing_and_a_damaged_shard_is_written_anew(copy: Dataset) -> None:
    """What is right is left alone, also when another shard is wrong."""
    before = copy.tree(FOLDER)
    shard = copy.folder / FOLDER / "eval" / "000000.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + b"x")
    code, said = copy.command("export", "webdataset", "--shard-mb", "1")
    assert (code, "1 of them written now" in said) == (0, True), said
    assert shard.read_bytes() == whole
    again = copy.tree(FOLDER)
    copy.command("export", "webdataset", "--shard-mb", "1")
    assert copy.tree(FOLDER) == again
    del before[f"{FOLDER}/eval/000000.tar"], again[f"{FOLDER}/eval/000000.tar"]
    assert again == before


def test_killed_at_any_moment_the_same_call_gives_the_same_bytes(copy: Dataset) -> None:
    """Nothing half written, nothing left over."""
    folder = copy.folder / FOLDER
    expected = {name: sha256 for name, (sha256, _) in copy.tree(FOLDER).items()}
    for moment in (
        lambda: any(folder.glob("*/.part-*")),
        lambda: (folder / "README.md").exists(),
    ):
        shutil.rmtree(folder)
        copy.kill_when(moment, "export", "webdataset", "--shard-mb", "1")
        code, said = copy.command("export", "webdataset", "--shard-mb", "1")
        assert code == 0, said
        assert {name: sha256 for name, (sha256, _) in copy.tree(FOLDER).items()} == expected


def test_a_removed_video_is_gone_everywhere(copy: Dataset) -> None:
    """As soon as removals.txt names it; a split without clips goes whole, and so do all."""
    videos = ["-bcdefghijk", "half_second"]
    copy.folder.joinpath("removals.txt").write_text("\n".join(videos), "utf-8")
    assert copy.command("export", "webdataset", "--shard-mb", "1")[0] == 0
    folder = copy.folder / FOLDER
    assert not (folder / "eval").exists()
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not any(video.encode() in everything for video in videos)
    rest = [f"train{number}abcde" for number in range(5)]
    copy.folder.joinpath("removals.txt").write_text("\n".join(videos + rest), "utf-8")
    code, said = copy.command("export", "webdataset")
    assert (code, "holds no clip" in said) == (1, True), said
    assert not folder.exists()


def test_a_full_disk_is_said_before_anything_is_written(copy: Dataset) -> None:
    """How much is needed, and what to do; the shards of before stay."""
    before = copy.tree(FOLDER)
    words = ("--set", "output.min_free_gb=1000000")
    code, said = copy.command("export", "webdataset", "--shard-mb", "1", *words)
    assert (code, "1000.0 TB of free disk" in said, "Make room" in said) == (1, True, True), said
    assert copy.tree(FOLDER) == before
    (copy.folder / "removals.txt").write_text("half_second")
    assert copy.command("export", "webdataset", "--shard-mb", "1", *words)[0] == 1
    left = b"".join(path.read_bytes() for path in (copy.folder / FOLDER).rglob("*.*"))
    assert (b"half_second" in left, b"train0abcde" in left) == (False, True)


def test_what_the_manifest_names_must_be_there(copy: Dataset) -> None:
    """Without the evidence of its licenses nothing is shared; the message says how to get it."""
    evidence = copy.folder / "dataset" / EVIDENCE_FILE
    for content in (evidence.read_bytes()[:1500], b"no WARC", None):
        evidence.write_bytes(content) if content else evidence.unlink()
        code, said = copy.command("export", "webdataset", "--shard-mb", "1")
        assert (code, "writes it again" in said) == (1, True), said
        assert not (copy.folder / FOLDER / EVIDENCE_FILE).exists()


def test_the_way_to_read_a_clip_is_right_for_its_format(tmp_path: Path) -> None:
    """What the README shows reads M4A, too, also where its index lies at the end."""
    path = tmp_path / "clip.m4a"
    tone = ["-f", "lavfi", "-i", "sine=sample_rate=16000:duration=1"]
    subprocess.run([FFMPEG, "-loglevel", "error", *tone, "-f", "ipod", str(path)], check=True)
    (tmp_path / "ffmpeg").symlink_to(FFMPEG)
    code = code_to_read(path.name, "content").replace('"ffmpeg"', repr(str(tmp_path / "ffmpeg")))
    names: dict[str, Any] = {"io": io, "soundfile": soundfile, "content": path.read_bytes()}
    exec(code, names)
    assert (names["samples"].shape, names["rate"]) == ((16_000,), 16_000)
    assert "ffmpeg" not in code_to_read("clip.flac", "content")
