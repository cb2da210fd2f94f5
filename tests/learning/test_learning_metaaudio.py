"""`export metaaudio` as a process, and MetaAudio's own code on what it wrote."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from learning_samples import Dataset

LEAVES = ("Frog", "Crow", "Bark", "Rain", "Thunder", "Wind", "Piano", "Singing", "Whistling", "Car")
EACH = 3


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Ten classes of three clips, split and exported."""
    dataset = Dataset(tmp_path_factory.mktemp("exported"))
    for number, name in enumerate(LEAVES):
        for copy in range(EACH):
            dataset.add(f"-{number}_{copy}abcdefg", name)
    dataset.add("two_1abcdef", "Frog", "Crow")
    dataset.write()
    code, said = dataset.command("export", "metaaudio")
    assert code == 1
    assert "few-shot --min-clips" in said, "no class has the ten clips of the default"
    assert dataset.command("few-shot", "--min-clips", "3")[0] == 0
    code, said = dataset.run("export", "metaaudio")
    assert (code, "30 clips of 10 classes, 60 new files" in said) == (0, True), said
    return dataset


@pytest.fixture
def copy(exported: Dataset, tmp_path: Path) -> Dataset:
    """A copy, to be changed."""
    shutil.copytree(exported.folder, tmp_path / "copy")
    return Dataset(tmp_path / "copy")


def test_every_used_clip_lies_under_its_class_twice(exported: Dataset) -> None:
    """For Windows, and for POSIX with a backslash in front; one file, not two."""
    folder = exported.folder / "exports" / "metaaudio"
    plain = {path.relative_to(folder / "spec") for path in folder.glob("spec/*/*")}
    assert {path.parent.name for path in plain} == set(LEAVES)
    assert len(plain) == len(LEAVES) * EACH
    for path in plain:
        posix = folder / "spec-posix" / f"\\{path}"
        assert posix.samefile(folder / "spec" / path)
        array = np.load(posix)
        assert (array.shape, array.dtype) == ((128, 313), np.float32)


def test_split_and_statistics_are_those_its_code_looks_for(exported: Dataset) -> None:
    """Names, shapes and values; the parameters name them all."""
    folder = exported.folder / "exports" / "metaaudio"
    split = np.load(folder / "split.npy", allow_pickle=True)
    assert sorted(name for part in split for name in part) == sorted(LEAVES)
    train = [np.load(path) for name in split[0] for path in folder.glob(f"spec/{name}/*.npy")]
    values = np.concatenate(train, axis=1).astype(float)
    stem = "AudioSet_spec_fixed__0.7_0.1_0.2.npy"
    everything = np.load(folder / "norm_stats" / f"global_{stem}")
    assert (everything.shape, everything.dtype) == ((2, 1, 1), np.float32)
    np.testing.assert_allclose(everything.ravel(), [values.mean(), values.std()], rtol=1e-6)
    channel = np.load(folder / "norm_stats" / f"channel_{stem}")
    assert channel.shape == (2, 128, 1)
    np.testing.assert_allclose(channel[1, :, 0], values.std(axis=1), rtol=1e-5)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    assert params["data"]["name"] == "AudioSet"
    assert params["data"]["type"] == "spec"


def test_the_second_call_touches_no_file(exported: Dataset) -> None:
    """Neither the export nor what it is made from."""
    before = exported.tree("exports", "clips", "dataset")
    code, said = exported.command("export", "metaaudio")
    assert (code, "0 new files" in said) == (0, True), said
    assert exported.tree("exports", "clips", "dataset") == before


def test_what_was_removed_or_left_by_a_kill_is_gone(copy: Dataset) -> None:
    """A removed clip is named nowhere, and half a file is no file."""
    folder = copy.folder / "exports" / "metaaudio"
    removed = next(folder.glob("spec/Frog/*.npy")).stem
    (copy.folder / "removals.txt").write_text(f"{removed[:11]}\n")
    for place in ("", "spec/Crow", "norm_stats"):
        (folder / place / ".part-0123456789abcdef").write_bytes(b"half")
    assert copy.command("export", "metaaudio")[0] == 0
    assert not list(folder.rglob(".part-*"))
    for path in folder.rglob("*"):
        assert removed not in path.name
        assert path.is_dir() or removed.encode() not in path.read_bytes()


def test_a_call_that_fails_leaves_the_export_as_it_is(copy: Dataset) -> None:
    """Without training classes there are no statistics, and nothing is touched."""
    split = copy.folder / "exports" / "few_shot" / "clips.csv"
    split.write_text(split.read_text().replace(",train,", ",val,"))
    before = copy.tree("exports/metaaudio")
    code, said = copy.command("export", "metaaudio")
    assert (code, "few-shot keeps no class for training" in said) == (1, True), said
    assert copy.tree("exports/metaaudio") == before


def peer() -> Path:
    """MetaAudio's example, if it and its packages are here."""
    path = Path(os.environ.get("PEERS_SOURCES", ""), "metaaudio", "Examples", "MAML_ESC")
    if not path.is_dir():
        pytest.skip("MetaAudio's repository is not in the folder that PEERS_SOURCES names")
    for name in ("torch", "librosa", "sklearn"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name}, which MetaAudio needs, is not here")
    return path


@pytest.mark.parametrize("slices", [(), ("--slices", "5")])
def test_its_own_loaders_read_it(copy: Dataset, tmp_path: Path, slices: tuple[str, ...]) -> None:
    """Unmodified, by the commands in the README, with each of its four normalisations."""
    example, repository = peer(), tmp_path / "MetaAudio"
    assert copy.run("export", "metaaudio", *slices)[0] == 0
    folder = copy.folder / "exports" / ("metaaudio-5s" if slices else "metaaudio")
    shutil.copytree(example, repository)
    commands = re.findall(r"```sh\n(.*?)cd ", (folder / "README.md").read_text(), re.DOTALL)[0]
    commands = commands.partition("\n")[2]
    subprocess.run(["sh", "-ec", f"example={repository}\n{commands}"], cwd=folder, check=True)
    shim = tmp_path / "shim"
    shim.mkdir()
    line = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)[0]
    (shim / "sitecustomize.py").write_text(line)
    ran = subprocess.run(
        [sys.executable, Path(__file__).with_name("metaaudio_loaders.py")],
        cwd=repository, env=os.environ | {"PYTHONPATH": f"{shim}:{repository}"}, text=True,
        capture_output=True, check=False, timeout=240,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout.partition("SEEN ")[2])
    assert set(seen) == {"global", "channel", "per_sample", "None"}
    split = np.load(folder / "split.npy", allow_pickle=True)
    for norm, what in seen.items():
        assert what["clips"] == len(split[0]) * EACH
        assert what["x"] == [2, 6, 1, 128, 157 if slices else 313]
        assert what["y"] == [2, 6]
        if norm != "None":
            assert abs(what["mean"]) < 0.05
            assert abs(what["deviation"] - 1) < 0.05
