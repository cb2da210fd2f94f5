"""`Clips` gives what `features` and `few-shot` made, to any training loop."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning_samples import CLASSES, MIDS, Dataset

from ascc_async.dataset.tables import write_table
from ascc_async.errors import MetadataError, SetupError
from ascc_async.learning import Clips
from ascc_async.learning.statistics import sha256_of_ids
from ascc_async.learning.tables import ClassRow, FewShotClip, Made

NAMES = {"train": ("Frog", "Crow"), "val": ("Rain",), "test": ("Wind",)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Eight clips with a spectrogram of four bands and five frames each."""
    dataset = Dataset(tmp_path_factory.mktemp("made"))
    clips, index, arrays = [], [], []
    for part, names in NAMES.items():
        for name in names:
            for copy in range(2):
                segment_id = dataset.add(
                    f"{copy}{part}{name:_<10}"[:11], name, "Animal", title=f"+{name}", split="eval"
                )
                clips.append((segment_id, MIDS[name], part, "1", ""))
                arrays.append(np.random.default_rng(len(arrays)).random((4, 5), np.float32))
                index.append((segment_id, f"{segment_id[:2]}/{segment_id}.npy", "", "", "5", "5"))
    dataset.write()
    few_shot, features = dataset.folder / "exports/few_shot", dataset.folder / "exports/features"
    few_shot.mkdir(parents=True)
    write_table(few_shot / "clips.csv", FewShotClip._fields, clips)
    classes = [ClassRow(part, MIDS[name], name, "", "2", "2", "1")
               for part in NAMES for name in NAMES[part]]  # fmt: skip
    write_table(few_shot / "classes.csv", ClassRow._fields, classes)
    for preset in ("tiny", "wave", "patched"):
        (features / preset).mkdir(parents=True)
        write_table(features / preset / "index.csv", Made._fields, index)
        for (_, path, *_), array in zip(index, arrays, strict=True):
            (features / preset / path).parent.mkdir(exist_ok=True)
            shaped = {"tiny": array, "wave": array.reshape(-1), "patched": np.stack([array.T] * 2)}
            np.save(features / preset / path, shaped[preset])
        credits_ = (dataset.folder / "dataset/ATTRIBUTION.csv").read_bytes()
        (features / preset / "ATTRIBUTION.csv").write_bytes(credits_)
        training = sha256_of_ids(segment_id for segment_id, *_ in clips[:4])
        record = {"statistics_of": {"few_shot_train_sha256": training}}
        (features / preset / "preset.json").write_text(json.dumps(record))
        train = np.stack(arrays[:4]).astype(np.float64)
        every = np.array([[[train.mean()]], [[train.std()]]])
        axes = () if preset == "wave" else (0, 2)
        channel = every if not axes else np.stack([train.mean(axes), train.std(axes)])[..., None]
        np.savez(features / preset / "stats.npz", few_shot_train_global=every,
                 few_shot_train_channel=channel, eval_global=every)  # fmt: skip
    return dataset


def test_a_part_gives_arrays_and_classes(made: Dataset) -> None:
    """Classes count within the part; labels are there at once, for samplers."""
    clips = Clips(made.folder, preset="tiny", normalise="none")
    assert (len(clips), clips.classes) == (4, ["Frog", "Crow"])
    assert clips.get_labels() == [0, 0, 1, 1]
    array, label = clips[3]
    assert (array.dtype, array.shape, label) == (np.float32, (4, 5), 1)
    assert clips.segment_ids[3].startswith("1trainCrow")
    assert Clips(str(made.folder), "tiny", "test").classes == ["Wind"]


@pytest.mark.parametrize("preset", ["tiny", "wave", "patched"])
@pytest.mark.parametrize("normalise", ["global", "channel", "sample"])
def test_training_clips_are_normalised_to_mean_zero(
    made: Dataset, preset: str, normalise: str
) -> None:
    """And deviation 1: all together, each band, or each clip by itself."""
    clips = Clips(made.folder, preset, normalise=normalise)  # type: ignore[arg-type]
    arrays = np.stack([clips[index][0] for index in range(len(clips))])
    assert arrays.dtype == np.float32
    if normalise == "channel" and preset == "tiny":
        axes: tuple[int, ...] | None = (0, 2)
    elif normalise == "channel" and preset == "patched":
        axes = (0, 1, 2)
    else:
        axes = (1,) if normalise == "sample" and preset == "wave" else None
    assert np.allclose(arrays.mean(axes), 0, atol=1e-5)
    assert np.allclose(arrays.std(axes), 1, atol=1e-5)


def test_all_labels_of_audiosets_own_splits(made: Dataset) -> None:
    """A 1 for each class that the manifest names, in the order of the class list."""
    clips = Clips(made.folder, "tiny", "eval", "global", labels="multi", statistics="eval")
    names = [item.name for item in CLASSES]
    assert (len(clips), clips.classes) == (8, names)
    _, label = clips[clips.segment_ids.index("0trainFrog__30000"[:11] + "_30000")]
    assert (label.dtype, label.shape) == (np.float32, (len(CLASSES),))
    assert {names[code] for code in np.flatnonzero(label)} == {"Frog", "Animal"}
    assert np.asarray(clips.get_labels()).shape == (8, len(CLASSES))


def test_each_clip_has_its_credit(made: Dataset) -> None:
    """Title and author as they are, with the links that the license asks for."""
    credit = Clips(made.folder, "tiny", "val").credit(0)
    assert credit.startswith("+Rain by A channel, https://www.youtube.com/watch?v=0valRain")
    assert "creativecommons.org/licenses/by/3.0" in credit


def test_what_is_missing_is_named_with_its_command(made: Dataset, tmp_path: Path) -> None:
    """No clip of a part is left out silently."""
    with pytest.raises(SetupError, match="python -m ascc_async few-shot"):
        Clips(tmp_path)
    with pytest.raises(SetupError, match="python -m ascc_async features vggish"):
        Clips(made.folder, "vggish")
    with pytest.raises(SetupError, match="has no balanced_train_channel, only eval_global"):
        Clips(made.folder, "tiny", "eval", labels="multi")
    with pytest.raises(ValueError, match="labels='multi'"):
        Clips(made.folder, "tiny", "eval")
    with pytest.raises(ValueError, match="there are eval"):
        Clips(made.folder, "tiny", "unbalanced_train", labels="multi")
    index = made.folder / "exports/features/tiny/index.csv"
    text = index.read_text("utf-8")
    index.write_text("\n".join(text.splitlines()[:-1]), "utf-8")
    try:
        with pytest.raises(SetupError, match=r"no array of 1 clip, such as 1testWind"):
            Clips(made.folder, "tiny", "test")
        left_out = [text.splitlines()[-1].split(",")]
        write_table(index.parent / "dropped.csv", Made._fields, left_out)
        assert len(Clips(made.folder, "tiny", "test")) == 1, "features was told to drop it"
    finally:
        index.write_text(text, "utf-8")
        (index.parent / "dropped.csv").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("preset", "command"),
    [
        ("vggish-patches", "features vggish --patches"),
        ("ast-2.5s-repeat-sample", "features ast --seconds 2.5 --short repeat --normalise sample"),
        ("passt-drop", "features passt --short drop"),
        ("metaaudio-sample-slices5s", "export metaaudio --slices 5"),
    ],
)
def test_the_command_for_a_folder_is_one_that_there_is(
    made: Dataset, preset: str, command: str
) -> None:
    """The folder's name tells the options."""
    with pytest.raises(SetupError, match=f"`python -m ascc_async {command}` makes it"):
        Clips(made.folder, preset)


@pytest.mark.parametrize(
    "wrong", [{"normalise": "chanel"}, {"labels": "foo"}, {"preset": "vgish"}, {"preset": ""}]
)
def test_words_that_it_does_not_know_are_refused(made: Dataset, wrong: dict[str, Any]) -> None:
    """Instead of arrays that are not normalised, or other labels."""
    with pytest.raises(ValueError, match="expected"):
        Clips(made.folder, **{"preset": "tiny"} | wrong)


def test_a_part_without_clips_is_an_error(made: Dataset) -> None:
    """With what few-shot is to be told; nobody trains on nothing."""
    clips = made.folder / "exports/few_shot/clips.csv"
    text = clips.read_text("utf-8")
    clips.write_text(text.replace(",val,1,", ",val,0,too_few"), "utf-8")
    try:
        for labels in ("one", "multi"):
            with pytest.raises(SetupError, match=r"no clip of part 'val'.*few-shot --min-clips N"):
                Clips(made.folder, "tiny", "val", "none", labels)  # type: ignore[arg-type]
    finally:
        clips.write_text(text, "utf-8")


def test_a_class_list_that_lies_elsewhere_is_named(made: Dataset, tmp_path: Path) -> None:
    """With `class_list`, where the metadata is in another folder; it must have every class."""
    there, elsewhere = made.folder / "metadata", made.folder / "elsewhere"
    there.rename(elsewhere)
    try:
        with pytest.raises(SetupError, match="class_list="):
            Clips(made.folder, "tiny", "eval", "none", "multi")
        file = elsewhere / "class_labels_indices.csv"
        assert len(Clips(made.folder, "tiny", "eval", "none", "multi", class_list=file)) == 8
        other = tmp_path / "other.csv"
        other.write_text("index,mid,display_name\n0,/m/0zz,Other\n")
        with pytest.raises(MetadataError, match=r"other\.csv: lacks /m/\w+, a class of 0"):
            Clips(made.folder, "tiny", "eval", "none", "multi", class_list=other)
    finally:
        elsewhere.rename(there)


@pytest.mark.parametrize("name", ["index.csv", "stats.npz", "preset.json"])
def test_what_is_damaged_is_made_again_by_its_command(made: Dataset, name: str) -> None:
    """Half a file is named with what helps, and is no bug."""
    path = made.folder / "exports/features/tiny" / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(SetupError, match=r"python -m ascc_async features tiny`"):
            Clips(made.folder, "tiny")
    finally:
        path.write_bytes(whole)


def test_statistics_of_another_split_are_refused(made: Dataset) -> None:
    """After `few-shot` with another seed, what was a test clip must not normalise."""
    clips = made.folder / "exports/few_shot/clips.csv"
    text = clips.read_text("utf-8")
    clips.write_text(text.replace(",train,", ",moved,", 1), "utf-8")
    try:
        with pytest.raises(SetupError, match="run `python -m ascc_async features tiny` again"):
            Clips(made.folder, "tiny", "test")
        assert len(Clips(made.folder, "tiny", "test", normalise="sample")) == 2
    finally:
        clips.write_text(text, "utf-8")


def test_torch_and_pandas_are_not_imported() -> None:
    """A training process does not pay for what it does not use."""
    code = (
        "import sys; from ascc_async.learning import Clips, Episodes;"
        "print([m for m in ('torch', 'pandas', 'soundfile', 'aiohttp') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
