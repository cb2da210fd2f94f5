"""`features` as a process: what it writes, and that the bytes are the same however they came."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning_samples import Dataset

from ascc_async.cli import run_command
from ascc_async.dataset.published_clips import published_clips
from ascc_async.errors import SetupError
from ascc_async.files import held, sha256_of
from ascc_async.learning.feature_files import FeatureFiles
from ascc_async.learning.features import Features, make_features
from ascc_async.learning.recipe import FeatureRecipe

FOLDER = "exports/features/metaaudio-1s"
METAAUDIO = ("features", "metaaudio", "--seconds", "1")
CLIPS = 12
KINDS = ("global", "channel")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A dozen clips in two splits, and their arrays."""
    made = Dataset(tmp_path_factory.mktemp("features"))
    for number in range(CLIPS):
        split = "balanced_train" if number % 3 else "eval"
        made.add(f"-{number:02}abcdefgh", "Frog", split=split)
    made.write()
    code, said = made.run(*METAAUDIO, "--workers", "2")
    assert (code, "12 arrays, 12 new" in said) == (0, True), said
    return made


@pytest.fixture
def fresh(dataset: Dataset, tmp_path: Path) -> Dataset:
    """The same clips without arrays."""
    shutil.copytree(dataset.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("exports"))
    return Dataset(tmp_path / "copy")


@pytest.fixture
def copy(dataset: Dataset, tmp_path: Path) -> Dataset:
    """The same clips and arrays."""
    shutil.copytree(dataset.folder, tmp_path / "copy")
    return Dataset(tmp_path / "copy")


def make(dataset: Dataset, part: tuple[int, int] | None = None, **options: Any) -> Features:
    """The same call in this process, with one worker."""
    recipe = FeatureRecipe(**{"preset": "metaaudio", "seconds": 1} | options)
    return make_features(dataset.folder, recipe, 1, part)


def hashes(dataset: Dataset) -> dict[str, str]:
    """Every file that was made, but for the lock beside it."""
    return {name: sha256 for name, (sha256, _) in dataset.tree(FOLDER).items()}


def test_the_index_names_every_array_with_its_hash(dataset: Dataset) -> None:
    """And every clip is there, as float32 in C order in the first version of the format."""
    index = dataset.table("features/metaaudio-1s/index.csv")
    assert list(index[0]) == [
        "segment_id", "path", "sha256", "clip_sha256", "frames", "source_frames"
    ]  # fmt: skip
    assert [row["segment_id"] for row in index] == [
        f"-{number:02}abcdefgh_30000" for number in range(CLIPS)
    ]
    for row in index:
        path = dataset.folder / FOLDER / row["path"]
        assert row["path"] == f"{row['segment_id'][:2]}/{row['segment_id']}.npy"
        assert sha256_of(path) == row["sha256"]
        assert path.read_bytes()[:8] == b"\x93NUMPY\x01\x00"
        array = np.load(path)
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert array.shape == (128, 32)
        assert row["frames"] == row["source_frames"] == "32"


def test_nothing_else_is_left_beside_the_arrays(dataset: Dataset) -> None:
    """What one would publish, credits included, and what tells how it was made."""
    names = {path.name for path in (dataset.folder / FOLDER).iterdir()}
    assert names == {
        "-0", "-1", "index.csv", "preset.json", "stats.npz", "CREDITS.md", "ATTRIBUTION.csv"
    }  # fmt: skip
    record = json.loads((dataset.folder / FOLDER / "preset.json").read_text())
    assert record["parameters"]["bands"] == 128
    assert record["options"]["seconds"] == 1
    assert {"numpy", "soxr", "ascc_async"} <= set(record["versions"])
    credited = dataset.table("features/metaaudio-1s/ATTRIBUTION.csv")
    assert len(credited) == CLIPS
    assert all(
        row["changes"].endswith(
            "; mixed to mono, resampled to 16 kHz, cut or filled up with zeros to 1 s, log-mel"
            " spectrogram"
        )
        for row in credited
    )


def test_statistics_are_those_of_all_values_of_a_split(copy: Dataset) -> None:
    """With the deviation of the population; of few-shot's training clips once it says which."""
    few_shot = copy.folder / "exports" / "few_shot" / "clips.csv"
    few_shot.parent.mkdir()
    few_shot.write_text(
        "segment_id,mid,part,used,why_not\n-01abcdefgh_30000,/m/a,train,1,\n"
        "-02abcdefgh_30000,/m/a,train,0,too_few\n-03abcdefgh_30000,/m/a,test,1,\n"
    )
    assert make(copy).new == 0
    arrays = {
        row["segment_id"]: np.load(copy.folder / FOLDER / row["path"]).astype(float)
        for row in copy.table("features/metaaudio-1s/index.csv")
    }
    groups = {
        "eval": [array for number, array in enumerate(arrays.values()) if number % 3 == 0],
        "balanced_train": [array for number, array in enumerate(arrays.values()) if number % 3],
        "few_shot_train": [arrays["-01abcdefgh_30000"]],
    }
    statistics = np.load(copy.folder / FOLDER / "stats.npz")
    assert set(statistics) == {
        f"{name}_{kind}" for name in groups for kind in ("global", "channel")
    }
    for name, group in groups.items():
        joined = np.concatenate(group, axis=1)
        channel, everything = statistics[f"{name}_channel"], statistics[f"{name}_global"]
        assert channel.shape == (2, 128, 1)
        assert everything.shape == (2, 1, 1)
        assert channel.dtype == everything.dtype == np.float64
        np.testing.assert_allclose(channel[:, :, 0], [joined.mean(axis=1), joined.std(axis=1)])
        np.testing.assert_allclose(everything[:, 0, 0], [joined.mean(), joined.std()])


def test_the_second_call_touches_no_file(copy: Dataset) -> None:
    """Neither what it made nor what it was made from."""
    before = copy.tree("exports", "clips", "dataset")
    code, said = copy.command(*METAAUDIO)
    assert (code, "12 arrays, 0 new" in said) == (0, True), said
    assert copy.tree("exports", "clips", "dataset") == before


def test_one_worker_and_parts_in_any_order_give_the_same_bytes(
    dataset: Dataset, fresh: Dataset
) -> None:
    """As on a cluster: parts first, then the call without one, which writes the index."""
    for part in ((2, 2), (1, 2)):
        assert make(fresh, part).arrays == CLIPS / 2
        assert not (fresh.folder / FOLDER / "index.csv").exists()
    assert make(fresh).new == 0
    assert hashes(fresh) == hashes(dataset)


def test_killed_in_the_middle_it_goes_on_to_the_same_bytes(
    dataset: Dataset, fresh: Dataset
) -> None:
    """Killed once some arrays are there; nothing of the killed call is left in the end."""
    process = fresh.start(*METAAUDIO, "--workers", "1")
    while process.poll() is None and len(list((fresh.folder / FOLDER).glob("??/*.npy"))) < 3:
        os.sched_yield()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (fresh.folder / FOLDER / "index.csv").exists()
    (fresh.folder / FOLDER / "-0" / ".part-0123456789abcdef").write_bytes(b"half")
    code, said = fresh.command(*METAAUDIO, "--workers", "1")
    assert code == 0, said
    assert hashes(fresh) == hashes(dataset)


def test_a_clip_that_was_removed_is_gone_from_everything(copy: Dataset) -> None:
    """Array, index, credits and statistics; the others are not made again."""
    before = np.load(copy.folder / FOLDER / "stats.npz")["eval_global"]
    (copy.folder / "removals.txt").write_text("-00abcdefgh\n")
    made = make(copy)
    assert (made.arrays, made.new) == (CLIPS - 1, 0)
    assert len(list((copy.folder / FOLDER).glob("??/*.npy"))) == CLIPS - 1
    for path in (copy.folder / FOLDER).rglob("*"):
        assert "-00abcdefgh" not in path.name
        assert path.is_dir() or b"-00abcdefgh" not in path.read_bytes()
    assert (np.load(copy.folder / FOLDER / "stats.npz")["eval_global"] != before).all()


def test_a_clip_that_is_not_the_manifests_stops_it(fresh: Dataset) -> None:
    """Named, with what helps; no index says that all is well."""
    path = fresh.folder / "clips" / "-0" / "-03abcdefgh_30000.flac"
    path.write_bytes(b"something else")
    code, said = fresh.command(*METAAUDIO, "--workers", "1")
    assert code == 1
    assert "-03abcdefgh_30000.flac" in said
    assert "verify --repair" in said
    assert "Traceback" not in said
    assert not (fresh.folder / FOLDER / "index.csv").exists()


def test_a_wrong_clip_that_is_new_leaves_the_finished_ones_as_they_are(copy: Dataset) -> None:
    """What was whole before is whole after: only the new clip is missing."""
    index = copy.folder / FOLDER / "index.csv"
    finished = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(line for line in finished if b"-03abc" not in line))
    (copy.folder / "clips" / "-0" / "-03abcdefgh_30000.flac").unlink()
    before = copy.tree(FOLDER)
    with pytest.raises(SetupError, match="this clip is missing"):
        make(copy)
    assert copy.tree(FOLDER) == before


def test_a_wrong_clip_stops_it_though_its_array_is_there(copy: Dataset) -> None:
    """Whoever publishes arrays is told that their clip is not what the manifest says."""
    clip = copy.folder / "clips" / "-0" / "-03abcdefgh_30000.flac"
    before = copy.tree(FOLDER)
    clip.write_bytes(b"something else")
    code, said = copy.command(*METAAUDIO)
    assert (code, f"{clip}: this clip has other bytes" in said) == (1, True), said
    clip.unlink()
    with pytest.raises(SetupError, match="this clip is missing"):
        make(copy)
    assert copy.tree(FOLDER) == before


@pytest.mark.parametrize("name", ["index.csv", "stats.npz", "preset.json"])
def test_a_damaged_file_is_written_again(dataset: Dataset, copy: Dataset, name: str) -> None:
    """Half an index names nothing that can be believed; the arrays are compared all the same."""
    path = copy.folder / FOLDER / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    make(copy)
    assert hashes(copy) == hashes(dataset)


def test_an_array_that_is_damaged_is_made_again(dataset: Dataset, copy: Dataset) -> None:
    """What the index names is as it says, whatever happened to the files since."""
    path = copy.folder / FOLDER / "-0" / "-03abcdefgh_30000.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert make(copy).new == 1
    assert hashes(copy) == hashes(dataset)


def test_why_an_array_could_not_be_written_is_known(copy: Dataset) -> None:
    """By the number of the error, which tells a full disk from a bug; numpy's own has none."""
    recipe = FeatureRecipe("wave16k")
    files = FeatureFiles(copy.folder / "exports/features" / recipe.folder, recipe)
    row = published_clips(copy.folder)[0]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as failed:
            files.write(row, np.zeros(16_000, np.float32), 16_000, 16_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert failed.value.errno == errno.EFBIG


def test_other_versions_make_all_arrays_anew(dataset: Dataset, copy: Dataset) -> None:
    """Arrays of two versions of a resampler are never mixed."""
    path = copy.folder / FOLDER / "preset.json"
    path.write_text(path.read_text().replace('"soxr": "', '"soxr": "0.'))
    assert make(copy).new == CLIPS
    assert hashes(copy) == hashes(dataset)


def test_arrays_of_another_ffmpeg_are_not_taken(copy: Dataset) -> None:
    """Where it decodes the clips, its version is one that the arrays depend on."""
    folder, recipe = copy.folder / FOLDER, FeatureRecipe("metaaudio", seconds=1)
    rows = published_clips(copy.folder)
    assert [len(FeatureFiles(folder, recipe, one).made(rows)) for one in ("", "7.1")] == [CLIPS, 0]


def test_short_clips_that_are_left_out_are_listed(copy: Dataset) -> None:
    """In a table of their own, and not looked at again."""
    drop = {"preset": "vggish", "seconds": 2, "short": "drop"}
    made = make(copy, **drop)
    assert (made.arrays, made.new, made.dropped) == (0, CLIPS, CLIPS)
    dropped = copy.table("features/vggish-2s-drop/dropped.csv")
    assert [row["source_frames"] for row in dropped] == ["98"] * CLIPS
    made = make(copy, **drop)
    assert (made.new, made.dropped) == (0, CLIPS)


@pytest.mark.parametrize(
    "wrong", [["nothing"], [], ["vggish", "--part", "4/3"], ["ast", "--patches"]]
)
def test_wrong_options_are_errors_of_usage(wrong: list[str]) -> None:
    """Exit code 2, before anything starts."""
    try:
        code: object = run_command(["features", *wrong])
    except SystemExit as error:  # as argparse ends
        code = error.code
    assert code == 2


def test_only_one_call_finishes_a_folder_at_a_time(copy: Dataset) -> None:
    """A second one says so and changes nothing; parts share the folder."""
    with held(copy.folder / FOLDER, alone=False):
        assert make(copy, (1, 2)).new == 0
        with pytest.raises(SetupError, match="another command is working here"):
            make(copy)
