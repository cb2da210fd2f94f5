"""`export parquet` by the real command, read by the peers themselves."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dataset_samples import removals
from learning_samples import CLASSES, MIDS, Dataset
from peers_python import run_peer

from ascc_async.model import License

READER = Path(__file__).with_name("read_parquet.py").read_text("utf-8")
FILES = {
    "README.md", "croissant.json", "LICENSE", "LICENSES.md", "CREDITS.md", "ATTRIBUTION.csv",
    "CITATION.cff", "run.json", "SHA256SUMS", "evidence.warc.gz", "manifest.parquet",
    "few_shot.parquet",
    "data/balanced_train-00000-of-00001.parquet", "data/eval-00000-of-00001.parquet",
    "data/unbalanced_train-00000-of-00001.parquet",
}  # fmt: skip
TITLE = "=Frogs'n'crows|{x}"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Forty clips of three splits, and two segments that are none."""
    pytest.importorskip("pyarrow")
    dataset = Dataset(tmp_path_factory.mktemp("exported"))
    for number in range(36):
        dataset.add(f"-{number:02}unbalanc", "Frog", split="unbalanced_train", title=TITLE)
    dataset.add("-_balanced1", "Bark", "Speech", split="balanced_train", start_ms=30_500)
    dataset.add("-_balanced2", "Speech", split="balanced_train")
    dataset.add("-_evaluate1", "Piano", "Frog")
    dataset.add("-_evaluate2", "Frog")
    dataset.sample.add("NotAsked111", license=None)
    dataset.write()
    _join(dataset.folder / "exports", "-_evaluate1_30000")
    assert dataset.command("few-shot", "--min-clips", "1")[0] == 0
    code, said = dataset.run("export", "parquet")
    folder = dataset.folder / "exports" / "parquet"
    assert code == 0, said
    assert "40 clips in 3 tables, 3 new" in said
    assert f"hf upload NAME {folder} --repo-type dataset" in said
    return dataset


def _join(exports: Path, segment_id: str) -> None:
    """What `join` writes, for one clip."""
    (exports / "vggish").mkdir(parents=True)
    (exports / "strong").mkdir()
    np.save(exports / "vggish" / "one.npy", np.full((10, 128), 7, np.uint8))
    index = f"segment_id,path,sha256,seconds\n{segment_id},one.npy,{'0' * 64},10\n"
    (exports / "vggish" / "index.csv").write_text(index)
    line = f"clips/-_/{segment_id}.flac\t0.5\t1\tPiano\t{MIDS['Piano']}\n"
    heading = "filename\tonset\toffset\tevent_label\tmid\n"
    (exports / "strong" / "eval.tsv").write_text(heading + line)


@pytest.fixture
def copy(exported: Dataset, tmp_path: Path) -> Dataset:
    """A copy, to be changed."""
    return exported.copied(tmp_path / "copy")


def sums(dataset: Dataset) -> dict[str, str]:
    text = (dataset.folder / "exports" / "parquet" / "SHA256SUMS").read_text()
    return {name: sha256 for sha256, name in (line.split("  ") for line in text.splitlines())}


def read_by(peer: str, dataset: Dataset, cache: Path) -> Any:
    """What a peer reads."""
    folder = dataset.folder / "exports" / "parquet"
    return json.loads(run_peer(peer, READER, peer, folder, cache).splitlines()[-1])


def hashes(dataset: Dataset, *splits: str) -> dict[str, str]:
    """SHA-256 of the clips' files, by segment id."""
    with (dataset.folder / "dataset" / "manifest.csv").open(encoding="utf-8") as file:
        return {
            row["segment_id"]: hashlib.sha256(
                (dataset.folder / row["path"]).read_bytes()
            ).hexdigest()
            for row in csv.DictReader(file)
            if row["outcome"] == "clip" and (not splits or row["split"] in splits)
        }


def test_the_folder_holds_all_and_its_checksums_say_so(exported: Dataset) -> None:
    """Nothing of this machine is in any file."""
    folder = exported.folder / "exports" / "parquet"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == FILES
    assert set(sums(exported)) == FILES - {"SHA256SUMS"}
    for name, sha256 in sums(exported).items():
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256
        assert str(exported.folder).encode() not in content, name


def test_every_clip_lies_verbatim_in_its_table_in_small_row_groups(exported: Dataset) -> None:
    """Sound is stored as it is; a reader holds 32 rows at most and finds each page."""
    pq = pytest.importorskip("pyarrow.parquet")
    folder = exported.folder / "exports" / "parquet" / "data"
    path = folder / "unbalanced_train-00000-of-00001.parquet"
    content = path.read_bytes()
    for clip in exported.folder.glob("clips/-[0-9]/*.flac"):
        assert clip.read_bytes() in content
    table = pq.ParquetFile(path)
    groups = [table.metadata.row_group(group) for group in range(table.num_row_groups)]
    assert [group.num_rows for group in groups] == [32, 4]
    codecs = {
        groups[0].column(index).path_in_schema: groups[0].column(index).compression
        for index in range(groups[0].num_columns)
    }
    columns = [group.column(index) for group in groups for index in range(group.num_columns)]
    assert all(column.has_offset_index for column in columns)
    # Which is the least sound and which the greatest nobody asks.
    without = {column.path_in_schema for column in columns if not column.has_column_index}
    assert without == {"audio.bytes"}
    assert codecs.pop("audio.bytes") == "UNCOMPRESSED"
    assert set(codecs.values()) == {"ZSTD"}
    assert set(table.read(["title"])["title"].to_pylist()) == {TITLE}


def test_what_was_joined_stands_in_the_rows_of_its_clips(exported: Dataset) -> None:
    """Strong labels as records, features as bytes; the other clips have none."""
    pq = pytest.importorskip("pyarrow.parquet")
    path = exported.folder / "exports" / "parquet" / "data" / "eval-00000-of-00001.parquet"
    first, second = pq.read_table(path).to_pylist()
    event = {"onset": 0.5, "offset": 1.0, "event_label": "Piano", "mid": MIDS["Piano"]}
    assert first["strong_labels"] == [event]
    assert first["vggish"] == [[7] * 128] * 10
    assert (second["strong_labels"], second["vggish"]) == (None, None)


def test_hugging_face_loads_it_without_network_and_torch(exported: Dataset, tmp_path: Path) -> None:
    """Three splits of their own names, and the two configurations that papers use."""
    told = read_by("datasets", exported, tmp_path)
    train, big, test = "balanced_train", "unbalanced_train", "eval"
    for config, splits in (
        ("default", {train: [train], big: [big], test: [test]}),
        ("balanced", {"train": [train], "test": [test]}),
        ("full", {"train": [train, big], "test": [test]}),
    ):
        wanted = {name: hashes(exported, *of) for name, of in splits.items()}
        assert told[config]["splits"] == wanted
        assert told[config]["features"] == ["Audio", "ClassLabel"]
        assert told[config]["classes"] == len(CLASSES)


@pytest.mark.parametrize("peer", ["duckdb", "polars"])
def test_queries_count_what_labels_csv_counts(peer: str, exported: Dataset, tmp_path: Path) -> None:
    """Clips per class, and the length of every clip."""
    told = read_by(peer, exported, tmp_path)
    with (exported.folder / "dataset" / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counts = Counter(name for row in rows for name, held in row.items() if held == "1")
    assert told["counts"] == counts
    sizes = {path.stem: path.stat().st_size for path in exported.folder.glob("clips/*/*.flac")}
    assert told["lengths"] == sizes


def test_the_card_is_one(exported: Dataset, tmp_path: Path) -> None:
    """Its front matter is what the Hub reads; a title of any kind does no harm."""
    told = read_by("huggingface_hub", exported, tmp_path)
    assert told["license"] == ["cc-by-3.0", "cc-by-4.0", "cc-by-sa-4.0"]
    assert told["configs"] == ["default", "balanced", "full"]
    text = (exported.folder / "exports" / "parquet" / "README.md").read_text("utf-8")
    for heading in ("How it was made", "What is missing, and why", "How to cite", "removed"):
        assert heading in text
    assert "hf upload NAME . --repo-type dataset" in text


def test_croissant_validates_and_yields_every_record(exported: Dataset, tmp_path: Path) -> None:
    """Clips with their sound, all classes, all rows of the manifest; no warning."""
    told = read_by("mlcroissant", exported, tmp_path)
    assert told["conforms_to"] == "http://mlcommons.org/croissant/1.1"
    assert told["warnings"] == []
    assert told["clips"] == hashes(exported)
    assert (told["classes"], told["manifest"]) == (len(CLASSES), 41)


def test_a_second_run_touches_nothing_and_a_removed_video_is_gone(copy: Dataset) -> None:
    """Only the table that held it is made again; nothing names it any more."""
    before = copy.tree("exports")
    assert "0 new" in copy.command("export", "parquet")[1]
    assert copy.tree("exports") == before
    (copy.folder / "removals.txt").write_text("-_evaluate1\n")
    assert "39 clips in 3 tables, 1 new" in copy.command("export", "parquet")[1]
    for path in (copy.folder / "exports" / "parquet").rglob("*.*"):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert b"-_evaluate1" not in content, path.name
    (copy.folder / "removals.txt").write_text("-_evaluate1\n-_evaluate2\n")
    assert "38 clips in 2 tables, 0 new" in copy.command("export", "parquet")[1]
    (copy.folder / "removals.txt").write_text("".join(f"{key[:11]}\n" for key in hashes(copy)))
    assert "no clip" in copy.command("export", "parquet")[1]
    assert not (copy.folder / "exports" / "parquet").exists()


def test_who_was_left_out_by_a_run_is_not_in_the_manifest_either(tmp_path: Path) -> None:
    """By its channel, which the row no longer names; all other rows are there."""
    pq = pytest.importorskip("pyarrow.parquet")
    dataset = Dataset(tmp_path)
    dataset.add("-_leftout12", "Frog", channel="Leave me out")
    dataset.add("-_published", "Frog", start_ms=30_500)
    dataset.sample.add("Standard111", license=License.STANDARD)
    dataset.sample.add("NotAsked111", license=None)
    dataset.write()
    dataset.sample.write(removals=removals("channel: Leave me out"))
    assert dataset.command("export", "parquet")[0] == 0
    manifest = pq.read_table(tmp_path / "exports" / "parquet" / "manifest.parquet").to_pylist()
    assert [row["segment_id"][:11] for row in manifest] == [
        "-_published", "NotAsked111", "Standard111"
    ]  # fmt: skip
    assert (manifest[0]["start_seconds"], manifest[0]["labels"]) == (30.5, [MIDS["Frog"]])
    assert manifest[1]["duration_seconds"] is None


def test_killed_at_any_moment_it_ends_with_the_same_bytes(copy: Dataset) -> None:
    """After the first table, and before the last file; leftovers go."""
    folder = copy.folder / "exports" / "parquet"
    wanted = sums(copy)
    for moment in ("data/balanced_train-00000-of-00001.parquet", "README.md"):
        shutil.rmtree(folder)
        copy.kill_when((folder / moment).exists, "export", "parquet")
        (folder / "data" / ".part-0123").write_text("left by another kill")
        assert copy.command("export", "parquet")[0] == 0
        assert sums(copy) == wanted
        assert not list(folder.rglob(".part-*"))


def test_what_was_damaged_since_is_made_again(copy: Dataset) -> None:
    """A table, by its checksum; a clip stops it with its name."""
    folder, wanted = copy.folder / "exports" / "parquet", sums(copy)
    table = folder / "data" / "eval-00000-of-00001.parquet"
    content = bytearray(table.read_bytes())
    content[1000] ^= 255
    table.write_bytes(content)
    assert "1 new" in copy.command("export", "parquet")[1]
    assert sums(copy) == wanted
    table.unlink()
    clip = next(copy.folder.glob("clips/*/-_evaluate2*"))
    clip.write_bytes(b"other")
    code, said = copy.command("export", "parquet")
    assert code == 1
    assert clip.name in said
    assert not table.exists()
    (copy.folder / "removals.txt").write_text("-_evaluate2\n")
    shutil.rmtree(folder)
    for lost in ("exports/vggish/one.npy", "dataset/run.json"):
        content = (copy.folder / lost).read_bytes()
        (copy.folder / lost).unlink()
        code, said = copy.command("export", "parquet")
        assert (code, f"{lost}: cannot be read" in said) == (1, True), said
        (copy.folder / lost).write_bytes(content)


def test_a_full_disk_is_known_before_anything_is_done(
    copy: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there stays, but nothing that names a clip that was removed."""
    (copy.folder / "removals.txt").write_text("-_evaluate1\n")
    before = copy.tree("exports/parquet")
    names_it = {
        f"exports/parquet/{name}"
        for name in ("data/eval-00000-of-00001.parquet", "CREDITS.md", "ATTRIBUTION.csv",
                     "manifest.parquet", "few_shot.parquet", "evidence.warc.gz")
    }  # fmt: skip
    full = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr("ascc_async.files.shutil.disk_usage", lambda folder: full)
    code, said = copy.command("export", "parquet")
    assert (code, "make room" in said.lower()) == (1, True), said
    after = copy.tree("exports/parquet")
    assert {name for name in before if after.get(name) != before[name]} == names_it
    assert "exports/parquet/data/eval-00000-of-00001.parquet" not in after


def test_without_pyarrow_it_says_what_to_install(
    copy: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and the line for pip."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, said = copy.command("export", "parquet")
    assert code == 2
    assert "pip install 'ascc-async[parquet]'" in said
