"""`join`: Google's features and strong labels beside the clips."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from learning_samples import CLASSES, MIDS, Dataset

from ascc_async.files import held
from ascc_async.standin.released import sequence_example, tfrecord

CODES = {item.name: item.index for item in CLASSES}
HEADING = "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n"


def embeddings(seed: int, seconds: int = 10) -> list[bytes]:
    random = np.random.default_rng(seed)
    return [random.bytes(128) for _ in range(seconds)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Five clips, and what Google released of them, in `google/`."""
    dataset = Dataset(tmp_path_factory.mktemp("made"))
    dataset.add("-dashed_abc", "Frog")
    dataset.add("half_secabc", "Crow", start_ms=30_500)
    dataset.add("labels_diff", "Rain")
    dataset.add("ends_earlya", "Wind")
    dataset.add("not_in_them", "Car")
    dataset.write()
    records = [
        sequence_example("-dashed_abc", 30, 40, (CODES["Frog"],), embeddings(1)),
        sequence_example("nobodysclip", 30, 40, (CODES["Frog"],), embeddings(2)),
        sequence_example("half_secabc", 30.5, 40.5, (CODES["Crow"],), embeddings(3)),
        sequence_example("labels_diff", 30, 40, (CODES["Rain"], CODES["Car"]), embeddings(4)),
        sequence_example("ends_earlya", 30, 38, (CODES["Wind"],), embeddings(5, 8)),
        sequence_example("not_in_them", 31, 41, (CODES["Car"],), embeddings(6)),
    ]
    google = dataset.folder / "google"
    google.mkdir()
    (google / "aa.tfrecord").write_bytes(tfrecord(records[:3]))
    (google / "bb.tfrecord").write_bytes(tfrecord(records[3:]))
    (google / "audioset_eval_strong.tsv").write_text(
        HEADING
        + f"-dashed_abc_30000\t0.200\t0.700\t{MIDS['Frog']}\n"
        + f"-dashed_abc_30000\t0.100\t9.500\t{MIDS['Animal']}\n"
        + f"-dashed_abc_30000\t2.000\t3.000\t{MIDS['Frog']}\n"
        + f"half_secabc_30000\t0.000\t1.000\t{MIDS['Crow']}\n"
        + "half_secabc_30500\t0.000\t0.500\t/g/122z_qxw\n"
    )
    return dataset


@pytest.fixture
def copy(made: Dataset, tmp_path: Path) -> Dataset:
    """A copy, to be joined."""
    shutil.copytree(made.folder, tmp_path / "copy")
    return Dataset(tmp_path / "copy")


def test_features_are_matched_by_id_and_start(copy: Dataset) -> None:
    """Arrays as they were released; a record with another start or of nobody's clip is none."""
    code, said = copy.command("join", str(copy.folder / "google"))
    assert code == 0, said
    index = copy.table("vggish/index.csv")
    assert [row["segment_id"] for row in index] == [
        "-dashed_abc_30000", "ends_earlya_30000", "half_secabc_30500", "labels_diff_30000",
    ]  # fmt: skip
    assert [row["seconds"] for row in index] == ["10", "8", "10", "10"]
    array = np.load(copy.folder / "exports/vggish" / index[2]["path"])
    assert (array.dtype, array.shape) == (np.uint8, (10, 128))
    assert array.tobytes() == b"".join(embeddings(3))
    other = "1 record left out, of a clip's video but with another start time."
    assert f"6 records read: 4 clips found; {other}" in said
    assert copy.table("vggish/differing.csv") == [
        {"segment_id": "ends_earlya_30000", "seconds": "8", "labels_csv": MIDS["Wind"],
         "labels_record": MIDS["Wind"]},
        {"segment_id": "labels_diff_30000", "seconds": "10", "labels_csv": MIDS["Rain"],
         "labels_record": f"{MIDS['Rain']},{MIDS['Car']}"},
    ]  # fmt: skip
    credits_ = {row["segment_id"]: row["changes"] for row in copy.table("vggish/ATTRIBUTION.csv")}
    assert set(credits_) == {row["segment_id"] for row in index}
    assert all("Google's VGGish features" in changes for changes in credits_.values())


def test_file_by_file_gives_the_same_and_again_touches_nothing(copy: Dataset) -> None:
    """What an earlier call joined stays; clips, dataset and metadata are as they were."""
    before = copy.tree("dataset", "clips", "metadata")
    assert copy.command("join", str(copy.folder / "google/bb.tfrecord"))[0] == 0
    assert copy.command("join", str(copy.folder / "google/aa.tfrecord"))[0] == 0
    parts = copy.tree("exports")
    assert copy.command("join", str(copy.folder / "google"))[0] == 0
    assert copy.tree("exports") == parts
    assert copy.tree("dataset", "clips", "metadata") == before


def test_killed_and_again_is_the_same(copy: Dataset) -> None:
    """Arrays that no index names yet, and half a file, are no trouble."""
    arguments = ["join", str(copy.folder / "google"),
                 str(copy.folder / "google/audioset_eval_strong.tsv")]  # fmt: skip
    assert copy.command(*arguments)[0] == 0
    whole = {path: sha256 for path, (sha256, _) in copy.tree("exports").items()}
    for last in ("vggish/-d", "vggish/index.csv", "strong"):
        shutil.rmtree(copy.folder / "exports")
        copy.kill_when((copy.folder / "exports" / last).exists, *arguments)
        assert copy.command(*arguments)[0] == 0
        assert {path: sha256 for path, (sha256, _) in copy.tree("exports").items()} == whole


def test_a_clip_that_was_removed_is_named_nowhere(copy: Dataset) -> None:
    """Its array is deleted by the next call."""
    both = [str(copy.folder / "google"), str(copy.folder / "google/audioset_eval_strong.tsv")]
    assert copy.command("join", *both)[0] == 0
    (copy.folder / "removals.txt").write_text("-dashed_abc\n")
    assert copy.command("join", *both)[0] == 0
    named = [path for path in copy.tree("exports") if "-dashed_abc" in path]
    texts = [path for path in (copy.folder / "exports").rglob("*.[ctm][sd]*")
             if "-dashed_abc" in path.read_text("utf-8")]  # fmt: skip
    assert (named, texts) == ([], [])
    assert len(copy.table("vggish/index.csv")) == 3


@pytest.mark.parametrize("name", ["vggish", "strong"])
def test_of_two_calls_at_once_one_is_told_to_wait(copy: Dataset, name: str) -> None:
    """Exit code 1 with nothing written while another works in the folder; then it works."""
    path = copy.folder / "google" / ("audioset_eval_strong.tsv" if name == "strong" else "")
    with held(copy.folder / "exports" / name):
        code, said = copy.command("join", str(path))
        assert (code, "another command is working here" in said) == (1, True), said
        assert not (copy.folder / "exports" / name).exists()
    assert copy.command("join", str(path))[0] == 0


@pytest.mark.parametrize("name", ["vggish/index.csv", "vggish/differing.csv", "strong/eval.tsv"])
def test_a_damaged_table_of_an_earlier_call_is_named(copy: Dataset, name: str) -> None:
    """What it named is not forgotten in silence; the call says how to begin again."""
    eval_, train = (
        copy.folder / f"google/audioset_{part}_strong.tsv" for part in ("eval", "train")
    )
    train.write_text(HEADING)
    assert copy.command("join", str(copy.folder / "google"), str(eval_))[0] == 0
    path = copy.folder / "exports" / name
    path.write_bytes(b"\xff" + path.read_bytes())
    before = copy.tree("exports")
    code, said = copy.command("join", str(copy.folder / "google" if "vggish" in name else train))
    assert (code, f"{path} is damaged: delete its folder" in said) == (1, True), said
    assert copy.tree("exports") == before


def test_a_flipped_byte_stops_it_with_nothing_written(copy: Dataset) -> None:
    """Exit code 1 with file and record."""
    path = copy.folder / "google/bb.tfrecord"
    content = bytearray(path.read_bytes())
    content[-400] ^= 1
    path.write_bytes(content)
    code, said = copy.command("join", str(copy.folder / "google"))
    assert (code, "bb.tfrecord, record 3" in said) == (1, True), said
    assert not (copy.folder / "exports").exists()


def test_strong_labels_are_within_the_clip(copy: Dataset) -> None:
    """The clip is one second long: what goes on is cut, what comes after left out."""
    path = copy.folder / "google/audioset_eval_strong.tsv"
    code, said = copy.command("join", str(path))
    assert code == 0, said
    written = (copy.folder / "exports/strong/eval.tsv").read_text("utf-8")
    clip, other = "clips/-d/-dashed_abc_30000.flac", "clips/ha/half_secabc_30500.flac"
    assert written == (
        "filename\tonset\toffset\tevent_label\tmid\n"
        f"{clip}\t0.1\t1\tAnimal\t{MIDS['Animal']}\n"
        f"{clip}\t0.2\t0.7\tFrog\t{MIDS['Frog']}\n"
        f"{other}\t0\t0.5\t/g/122z_qxw\t/g/122z_qxw\n"
    )
    assert "3 events of 2 clips" in said
    assert "1 event after the end of a clip" in said
    assert "mid_to_display_name.tsv" in said
    path.with_name("mid_to_display_name.tsv").write_text("/g/122z_qxw\tFirecracker\n")
    assert copy.command("join", str(path))[0] == 0
    assert "\tFirecracker\t" in (copy.folder / "exports/strong/eval.tsv").read_text("utf-8")
    assert (copy.folder / "exports/strong/CREDITS.md").exists()


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("nothing.tfrecord", None, 2, "no such file"),
        ("notes.txt", "hello", 2, "cannot tell what this is"),
        ("audioset_train_strong.tsv", "a\tb\n", 1, "audioset_train_strong.tsv:1: expected"),
        ("audioset_eval_strong.tsv", "a\tb\n", 1, "docs/learning.md says where"),
        ("audioset_train_strong.tsv", HEADING + "x\t1\n", 1, "audioset_train_strong.tsv:2: "),
        ("audioset_eval_strong.tsv", HEADING + "x\t-3\t5\t/m/1\n", 1, "_strong.tsv:2: "),
        ("audioset_eval_strong.tsv", HEADING + "x\tnan\t5\t/m/1\n", 1, "_strong.tsv:2: "),
        ("audioset_eval_strong.tsv", HEADING + "x\t5\t3\t/m/1\n", 1, "_strong.tsv:2: "),
        ("features.tar.gz", "<html>", 1, "cannot be read"),
    ],
)
def test_what_cannot_be_joined_is_explained(
    copy: Dataset, name: str, content: str | None, code: int, words: str
) -> None:
    """Usage is exit code 2, a file that is not right 1, with its line."""
    if content is not None:
        (copy.folder / name).write_text(content)
    ended, said = copy.command("join", str(copy.folder / name))
    assert (ended, words in said) == (code, True), said
