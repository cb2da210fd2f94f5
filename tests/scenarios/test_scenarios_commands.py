"""What users do with a finished dataset: verify, repair, rebuild, diff, plan."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario import Place, reach

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings


@pytest.fixture(scope="module")
def small() -> Iterator[StandinProcess]:
    """A stand-in with a small world, all of it Creative Commons or special."""
    with StandinProcess(WorldSettings(seed=5, videos=40, length_seconds=(12, 60))) as process:
        yield process


@pytest.fixture(scope="module")
def done(small: StandinProcess, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A finished run in that world."""
    folder = tmp_path_factory.mktemp("done")
    place = Place(folder / "out", (*reach(small), f"audioset.metadata_dir={folder / 'metadata'}"))
    code, said = place.run()
    assert code == 0, said
    return place


def test_verify_finds_and_repairs_an_altered_clip(done: Place) -> None:
    """One flipped bit: exit code 1 and its name; after repair and a run all is well again."""
    code, said = done.here("verify")
    assert (code, "0 problems" in said) == (0, True), said
    clip = next(row for row in done.manifest() if row["outcome"] == "clip")
    path = done.output / clip["path"]
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 1
    path.write_bytes(flipped)
    code, said = done.here("verify", "--json")
    found = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert (code, found["damaged"], found["missing"]) == (1, [clip["segment_id"]], [])
    assert found["checked"] == found["ok"] + 1
    code, said = done.here("verify", "--repair")
    assert code == 1
    assert clip["path"] in said
    assert "1 clip will be fetched again" in said
    code, said = done.run()
    assert code == 0, said
    assert path.read_bytes() == whole
    assert done.here("verify")[0] == 0


def test_a_clip_that_cannot_be_read_is_not_given_up(done: Place) -> None:
    """A disk that fails for a while: neither `--repair` nor a run forgets the clip."""
    clip = next(row for row in done.manifest() if row["outcome"] == "clip")
    path = done.output / clip["path"]
    path.rename(kept := path.with_name("kept"))
    path.symlink_to(path.name)  # a link to itself cannot be read, not even by root
    code, said = done.here("verify", "--repair")
    assert (code, f"unreadable: {clip['path']}" in said) == (1, True), said
    assert "will be fetched again" not in said
    code, said = done.run()
    assert (code, f"{path}: this clip cannot be read" in said) == (1, True), said
    kept.rename(path)
    code, said = done.run()
    assert (code, "fetched again" in said) == (0, False), said


def test_a_rebuild_is_the_same_dataset(done: Place, small: StandinProcess, tmp_path: Path) -> None:
    """From the manifest alone: every clip the same bytes, nothing else asked, `diff` empty."""
    manifest = done.output / "dataset/manifest.csv"
    clips = {row["video_id"] for row in done.manifest() if row["outcome"] == "clip"}
    small.reset_counters()
    again = Place(tmp_path / "again", reach(small))
    # The tags inside the clips say what the manifest says, not what YouTube says today.
    manifest = Path(shutil.copy(manifest, tmp_path))
    code, said = again.run("rebuild", str(manifest), "--log-format", "json")
    assert code == 0, said
    rebuilt = (again.output / "dataset/rebuilt.csv").read_text()
    assert rebuilt.count(",identical,") == len(clips)
    known = 4
    assert small.counters()["requests"]["next"] <= len(clips) + known
    assert "metadata" not in small.counters()["requests"]
    assert {row["sha256"] for row in again.manifest()} == {
        row["sha256"] for row in done.manifest() if row["outcome"] == "clip"
    }
    changes = Place(tmp_path / "none").run(
        "diff", "--json", str(manifest), str(again.output / "dataset/manifest.csv")
    )
    found = json.loads(changes[1])
    assert not any(found[key] for key in ("added", "lost", "licenses", "bytes")), found


def test_a_rebuild_into_its_own_dataset_is_refused(done: Place) -> None:
    """It would write over the manifest it goes by."""
    code, said = done.run("rebuild", str(done.output / "dataset/manifest.csv"))
    assert code == 1
    assert "--set output.dir=" in said


@pytest.mark.slow
def test_what_was_lost_since_is_listed(done: Place, tmp_path: Path) -> None:
    """In a world where videos are gone, a rebuild says which, and why."""
    with StandinProcess(WorldSettings(seed=5, videos=0)) as other:
        again = Place(tmp_path / "again", reach(other))
        code, said = again.run("rebuild", str(done.output / "dataset/manifest.csv"))
    assert code == 0, said
    assert "lost since" in said.lower()


def test_plan_counts_without_asking_youtube(done: Place, small: StandinProcess) -> None:
    """`plan` and `plan --classes` read the metadata and ask YouTube nothing."""
    small.reset_counters()
    code, said = done.here("plan", "--json")
    assert code == 0, said
    plan = json.loads(said)
    assert plan["segments"] == len(done.manifest())
    code, said = done.here("plan", "--classes")
    assert code == 0
    assert "/m/" in said
    assert small.counters()["requests"] == {}


def test_plan_makes_no_mistyped_folder(small: StandinProcess, tmp_path: Path) -> None:
    """A metadata_dir that is not there is named, with exit code 2; by default it is made."""
    place = Place(tmp_path / "out", reach(small))
    mistyped = f"audioset.metadata_dir={tmp_path / 'dta' / 'metadata'}"
    code, said = place.run("plan", "--set", mistyped)
    assert code == 2, said
    assert f"audioset.metadata_dir: there is no folder {tmp_path / 'dta' / 'metadata'}" in said
    assert not list(tmp_path.iterdir())
    assert place.run("status", "--set", mistyped)[0] == 1
    assert not list(tmp_path.iterdir())
    (tmp_path / "settings.yaml").write_text("audioset: {metadata_dir: data/metadata}")
    code, said = place.run("plan")
    assert code == 0, said
    assert (tmp_path / "data/metadata/ontology.json").exists()
