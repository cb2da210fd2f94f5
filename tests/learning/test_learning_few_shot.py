"""`few-shot`: what it writes, and what it leaves as it is."""

from __future__ import annotations

import shutil
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from learning_samples import MIDS, Dataset

from ascc_async.errors import SetupError
from ascc_async.files import held
from ascc_async.learning import metaaudio

LEAVES = ("Frog", "Crow", "Bark", "Rain", "Thunder", "Wind", "Piano", "Singing", "Whistling", "Car")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Ten classes of four clips, and clips that must be left out."""
    dataset = Dataset(tmp_path_factory.mktemp("whole"))
    for number, name in enumerate(LEAVES):
        for copy in range(4):
            dataset.add(f"-{number}_{copy}abcdefg", name, "Animal")
    dataset.add("none_1abcde", "Animal")
    dataset.add("two_1abcdef", "Frog", "Crow")
    dataset.add("parts_1abcd", *LEAVES)
    dataset.add("vibration1a", "Vibration")
    for number, name in enumerate(LEAVES):
        dataset.add(f"same_{number}abcde", name, sound=99)
        dataset.add(f"chan_{number}abcde", name, channel_id="UC" + "y" * 22)
    dataset.write()
    code, said = dataset.command("few-shot", "--min-clips", "3")
    assert code == 0, said
    return dataset


@pytest.fixture
def copy(whole: Dataset, tmp_path: Path) -> Dataset:
    """A copy, to be changed."""
    shutil.copytree(whole.folder, tmp_path / "copy")
    return Dataset(tmp_path / "copy")


def test_every_clip_is_used_or_says_why(whole: Dataset) -> None:
    """Each kind of clip that is left out has its reason, and no used one has any."""
    clips = {row["segment_id"][:4]: row for row in whole.table("few_shot/clips.csv")}
    assert clips["none"]["why_not"] == "no_class"
    assert clips["two_"]["why_not"] in ("several_classes", "other_part")
    assert clips["part"]["why_not"] == "other_part"
    assert clips["vibr"]["why_not"] == "no_class", "its class is blacklisted"
    for row in whole.table("few_shot/clips.csv"):
        assert (row["used"] == "1") == (row["why_not"] == "")
        assert row["used"] == "0" or (row["mid"] and row["part"])
    assert len(whole.table("few_shot/clips.csv")) == len(whole.sample.segments)


def test_parts_share_no_video_channel_or_sound(whole: Dataset) -> None:
    """Of one sound one clip is used; a channel in several parts is used in one of them."""
    rows = whole.table("few_shot/clips.csv")
    assert sum(row["used"] == "1" for row in rows if row["segment_id"][:4] == "same") == 1
    channels = defaultdict(set)
    for row in rows:
        if row["used"] == "1" and row["segment_id"][:4] == "chan":
            channels["y"].add(row["part"])
    assert channels == {"y": {"test"}}
    used = {part: {row["segment_id"][:11] for row in rows if (row["part"], row["used"]) ==
                   (part, "1")} for part in ("train", "val", "test")}  # fmt: skip
    assert all(not one & other for one, other in combinations(used.values(), 2))


def test_classes_and_split_agree(whole: Dataset) -> None:
    """`split.npy` has the names of the kept classes, `usable_clips` what `clips.csv` shows."""
    classes = whole.table("few_shot/classes.csv")
    rows = whole.table("few_shot/clips.csv")
    for row in classes:
        usable = sum(
            clip["mid"] == row["mid"] and clip["why_not"] in ("", "too_few") for clip in rows
        )
        blacklisted = row["display_name"] in ("Vibration", "Song")
        assert int(row["usable_clips"]) == usable
        assert row["kept"] == str(int(usable >= 3 and not blacklisted))
    split = np.load(whole.folder / "exports/few_shot/split.npy", allow_pickle=True)
    for part, names in zip(("train", "val", "test"), split, strict=True):
        kept = {row["display_name"] for row in classes if (row["part"], row["kept"]) == (part, "1")}
        assert set(names) == kept
    frog = next(row for row in classes if row["mid"] == MIDS["Frog"])
    assert (frog["clips"], frog["root"]) == ("8", "Animal")


def test_a_second_call_touches_no_file_and_the_dataset_never_changes(copy: Dataset) -> None:
    """Nor is anything else of the output folder written."""
    before = copy.tree("exports"), copy.tree("dataset", "clips", "metadata")
    code, said = copy.command("few-shot", "--min-clips", "3")
    assert code == 0, said
    assert (copy.tree("exports"), copy.tree("dataset", "clips", "metadata")) == before
    assert set(copy.tree("exports")) == {"exports/.few_shot.lock"} | {
        f"exports/few_shot/{name}"
        for name in ("ATTRIBUTION.csv", "CREDITS.md", "classes.csv", "clips.csv", "sounds.csv",
                     "split.json", "split.npy")
    }  # fmt: skip


@pytest.mark.parametrize("last", ["sounds.csv", "clips.csv", "CREDITS.md"])
def test_killed_and_again_is_the_same(copy: Dataset, last: str) -> None:
    """Whatever was there when it was killed, the next call leaves the same files and no others."""
    folder = copy.folder / "exports/few_shot"
    whole = {path: sha256 for path, (sha256, _) in copy.tree("exports").items()}
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / ".part-0123456789abcdef").write_text("half")
    killed = copy.kill_when((folder / last).exists, "few-shot", "--min-clips", "3")
    assert killed or last == "CREDITS.md", "by then it may be done"
    assert copy.command("few-shot", "--min-clips", "3")[0] == 0
    assert {path: sha256 for path, (sha256, _) in copy.tree("exports").items()} == whole


def test_another_call_in_the_folder_is_waited_for(copy: Dataset) -> None:
    """Exit code 1 with nothing changed: nobody works on what another makes or reads."""
    assert copy.command("export", "metaaudio")[0] == 0
    before = copy.tree("exports")
    export = ("export", "metaaudio")
    for name, words in (("few_shot", ("few-shot",)), ("metaaudio", export), ("few_shot", export)):
        with held(copy.folder / "exports" / name):
            code, said = copy.command(*words)
        assert (code, "another command is working here" in said) == (1, True), said
        assert copy.tree("exports") == before
    recipe = metaaudio.recipe_of(None)
    with (
        held(copy.folder / "exports/features" / recipe.folder),
        pytest.raises(SetupError, match="another command is working here"),
    ):
        metaaudio.export(copy.folder, recipe)


def test_removing_clips_moves_no_class(copy: Dataset) -> None:
    """The part of each class hangs on ontology and seed alone; the removed are named nowhere."""
    before = {row["mid"]: row["part"] for row in copy.table("few_shot/classes.csv")}
    gone = [row["segment_id"][:11] for row in copy.table("few_shot/clips.csv")][::2]
    (copy.folder / "removals.txt").write_text("\n".join(gone) + "\n")
    code, said = copy.command("few-shot", "--min-clips", "3")
    assert code == 0, said
    assert {row["mid"]: row["part"] for row in copy.table("few_shot/classes.csv")} == before
    text = "".join(
        path.read_text("utf-8") for path in (copy.folder / "exports/few_shot").glob("*.[cm]*")
    )
    assert [video for video in gone if video in text] == []


def test_a_missing_or_altered_clip_stops_it(copy: Dataset) -> None:
    """Exit code 1 with its name and the remedy; what was there stays as it was."""
    before = copy.tree("exports")
    path = next((copy.folder / "clips").rglob("*.flac"))
    path.write_bytes(path.read_bytes()[:-1])
    code, said = copy.command("few-shot")
    assert (code, path.name in said, "verify --repair" in said) == (1, True, True), said
    assert copy.tree("exports") == before


def test_the_lowest_classes_with_enough_clips(copy: Dataset) -> None:
    """A class with too few clips of its own gives them to the one above it."""
    code, said = copy.command("few-shot", "--by", "lowest", "--min-clips", "5", "--apart", "video")
    assert code == 0, said
    classes = {row["display_name"] for row in copy.table("few_shot/classes.csv")}
    assert classes == {*LEAVES}
    code, said = copy.command("few-shot", "--by", "lowest", "--min-clips", "20", "--apart", "")
    classes = {row["display_name"] for row in copy.table("few_shot/classes.csv")}
    assert classes == {"Animal"}


def test_a_split_that_keeps_nothing_is_an_error_and_changes_nothing(copy: Dataset) -> None:
    """Exit code 1 with the largest class; the split of an earlier call stays."""
    before = copy.tree("exports")
    code, said = copy.command("few-shot", "--min-clips", "999")
    assert code == 1, said
    assert "no class has 999 or more usable clips, the largest has " in said
    assert "The split is as it was" in said
    assert copy.tree("exports") == before


@pytest.mark.parametrize(
    "arguments",
    [("--ratios", "0.7,0.1"), ("--ratios", "1,1,1"), ("--apart", "voice"), ("--min-clips", "0")],
)
def test_a_wrong_option_is_a_usage_error(whole: Dataset, arguments: tuple[str, str]) -> None:
    """Exit code 2, saying which and what is allowed."""
    code, said = whole.command("few-shot", *arguments)
    assert (code, arguments[0] in said, "expected" in said) == (2, True, True), said
