"""All files of the dataset, written and read back."""

from __future__ import annotations

import csv
import json
import os
import tomllib
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dataset_samples import (
    CHANNEL_ID,
    CLASSES,
    DAY,
    DOG,
    MAN,
    NOW,
    SPEECH,
    Sample,
    full,
    removals,
    selection,
)

from ascc_async.audioset.selection import ChosenClass
from ascc_async.dataset.manifest import COLUMNS
from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.dataset.terms import TOOL
from ascc_async.dataset.text import restored
from ascc_async.dataset.write import RunFacts, write_dataset
from ascc_async.journal.records import LicenseAnswer
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.model import License, Outcome
from ascc_async.settings import Settings

DESIGN_COLUMNS = (
    "segment_id, video_id, start_seconds, end_seconds, split, labels, license, license_text,"
    " license_source, license_checked_at, outcome, reason, path, sha256, bytes, duration_seconds,"
    " sample_rate, channels, source_format, title, channel, channel_id, fetched_at, attempts,"
    " evidence"
)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """One segment of each kind, written."""
    made = full(tmp_path)
    made.write()
    return made


def table(path: Path) -> list[dict[str, str]]:
    """A CSV file by the standard library."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def by_id(path: Path) -> dict[str, dict[str, str]]:
    """The same, by segment."""
    return {row["segment_id"]: row for row in table(path)}


def test_the_manifest_has_the_columns_of_the_design() -> None:
    """Users hold on to names and order."""
    assert ", ".join(COLUMNS) == DESIGN_COLUMNS


def test_every_selected_segment_has_one_row_in_order_of_its_id(sample: Sample) -> None:
    """The manifest accounts for all, also for what was never asked."""
    ids = [row["segment_id"] for row in table(sample.path("manifest.csv"))]
    assert ids == sorted(item.segment_id for item in sample.segments)


def test_outcomes_and_reasons_are_what_the_journal_says(sample: Sample) -> None:
    """One row of each kind, read back."""
    rows = by_id(sample.path("manifest.csv"))
    outcomes = {name[:7]: (row["outcome"], row["reason"]) for name, row in rows.items()}
    assert outcomes == {
        "-bcdefg": ("clip", ""),
        "NotAske": ("pending", ""),
        "Network": ("pending", "network"),
        "Private": ("unavailable", "private"),
        "Silent1": ("rejected", "silent"),
        "Standar": ("not_shareable", ""),
        "Unknown": ("not_shareable", "license_unknown"),
        "_SUM-A1": ("clip", ""),
        "half_se": ("clip", ""),
    }


def test_a_clip_s_row_says_all_of_it(sample: Sample) -> None:
    """Every column of one clip, as written to the file."""
    assert by_id(sample.path("manifest.csv"))["half_second_30500"] == {
        "segment_id": "half_second_30500",
        "video_id": "half_second",
        "start_seconds": "30.5",
        "end_seconds": "40.5",
        "split": "eval",
        "labels": DOG,
        "license": "creative_commons",
        "license_text": "Creative Commons Attribution license (reuse allowed)",
        "license_source": "innertube",
        "license_checked_at": "2025-12-31T23:00:00Z",
        "outcome": "clip",
        "reason": "",
        "path": "clips/ha/half_second_30500.flac",
        "sha256": "ab" * 32,
        "bytes": "500000",
        "duration_seconds": "7.291667",
        "sample_rate": "48000",
        "channels": "2",
        "source_format": "140 mp4 mp4a.40.2",
        "title": "Title of half_second",
        "channel": "A channel",
        "channel_id": CHANNEL_ID,
        "fetched_at": "2025-12-31T23:30:00Z",
        "attempts": "1",
        "evidence": "",
    }


def test_pandas_reads_every_table(sample: Sample) -> None:
    """No option is needed, and numbers are numbers."""
    manifest = pd.read_csv(sample.path("manifest.csv"))
    clips = manifest[manifest.outcome == "clip"]
    assert clips.start_seconds.tolist() == [30.0, 30.0, 30.5]
    assert clips["bytes"].sum() == 1_500_000
    assert pd.to_datetime(clips.license_checked_at).dt.year.tolist() == [2025] * 3
    quality = pd.read_csv(sample.path("quality.csv"))
    assert quality.rms_dbfs.tolist() == [-20.25] * 3
    labels = pd.read_csv(sample.path("labels.csv"), index_col="segment_id")
    assert labels.to_numpy().sum() == 4


def test_files_are_rfc_4180_in_utf8(sample: Sample) -> None:
    """CRLF after every line, no byte order mark, one header line."""
    for path in sample.path("").rglob("*.csv"):
        data = path.read_bytes()
        assert data.endswith(b"\r\n")
        assert data.count(b"\n") == data.count(b"\r\n")
        assert not data.startswith(b"\xef\xbb\xbf")
        data.decode("utf-8")


def test_labels_are_multi_hot_over_the_chosen_classes(sample: Sample) -> None:
    """One row per clip, one column per class in class order."""
    rows = table(sample.path("labels.csv"))
    assert list(rows[0]) == ["segment_id", "Speech", "Male speech, man speaking", "Dog"]
    assert [list(row.values()) for row in rows] == [
        ["-bcdefghijk_30000", "1", "1", "0"],
        ["_SUM-A1-ijk_30000", "0", "0", "1"],
        ["half_second_30500", "0", "0", "1"],
    ]


def test_each_class_has_its_list(sample: Sample) -> None:
    """Named as the class is displayed, commas and all."""
    names = sorted(path.name for path in sample.path("classes").iterdir())
    assert names == ["Dog.csv", "Male speech, man speaking.csv", "Speech.csv"]
    assert table(sample.path("classes/Dog.csv")) == [
        {
            "YTID": video_id, "MID": DOG, "class_name": "Dog",
            "file_name": f"{video_id}_{start}.flac", "sample_rate": rate,
            "segment_id": f"{video_id}_{start}",
            "path": f"clips/{video_id[:2]}/{video_id}_{start}.flac",
        }
        for video_id, start, rate in (
            ("_SUM-A1-ijk", 30000, "44100"), ("half_second", 30500, "48000"),
        )
    ]  # fmt: skip


def test_no_class_name_makes_a_bad_file_name(tmp_path: Path) -> None:
    """Neither a slash, nor a leading dot or dash, nor two names that differ in case only."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa")
    names = ["../a/b", "Dog", "dog", ".hidden", "-rf", ""]
    sample.classes = [ChosenClass(i, f"/m/{i}", name, 1.0) for i, name in enumerate(names)]
    sample.write()
    assert {path.name for path in sample.path("classes").iterdir()} == {
        "_.._a_b.csv", "Dog (1).csv", "dog (2).csv", "_.hidden.csv", "_-rf.csv", "_.csv",
    }  # fmt: skip


def test_suitable_classes_tell_index_and_quality(sample: Sample) -> None:
    """An unrated class has no quality, which is not the same as none confirmed."""
    assert [tuple(row.values()) for row in table(sample.path("suitable_classes.csv"))] == [
        ("0", SPEECH, "Speech", "1"),
        ("1", MAN, "Male speech, man speaking", "0.9"),
        ("2", DOG, "Dog", ""),
    ]


def test_unavailable_lists_everything_with_a_reason(sample: Sample) -> None:
    """What could not be had, in YouTube's words where there are any."""
    rows = by_id(sample.path("unavailable.csv"))
    assert {name[:7]: row["reason"] for name, row in rows.items()} == {
        "Network": "network", "Private": "private", "Silent1": "silent",
        "Unknown": "license_unknown",
    }  # fmt: skip
    assert rows["Private1111_30000"]["detail"] == "This video is private"
    assert rows["Private1111_30000"]["seen_at"] == "2025-12-31T23:00:00Z"
    assert rows["Silent11111_30000"]["seen_at"] == "2025-12-31T23:30:00Z"


def test_credits_name_title_author_source_license_and_changes(sample: Sample) -> None:
    """All that CC BY 3.0 asks for, in one row a clip."""
    rows = table(sample.path("ATTRIBUTION.csv"))
    assert len(rows) == 3
    assert rows[-1] == {
        "segment_id": "half_second_30500",
        "path": "clips/ha/half_second_30500.flac",
        "title": "Title of half_second",
        "author": "A channel",
        "channel_link": f"https://www.youtube.com/channel/{CHANNEL_ID}",
        "source_link": "https://www.youtube.com/watch?v=half_second&t=30s",
        "license": "Creative Commons Attribution 3.0 Unported (CC BY 3.0)",
        "license_link": "https://creativecommons.org/licenses/by/3.0/",
        "license_seen_at": "2025-12-31T23:00:00Z",
        "changes": "cut to 30.5–37.792 s of the video, sound only, converted to FLAC",
    }


def test_credits_are_grouped_by_channel(tmp_path: Path) -> None:
    """One heading a channel, in order of names."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa", channel="Zoo", channel_id="UCz")
    sample.add("bbbbbbbbbbb", channel="apes", channel_id="UCa")
    sample.add("ccccccccccc", channel="Zoo", channel_id="UCz")
    sample.write()
    lines = sample.path("CREDITS.md").read_text("utf-8").splitlines()
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == [
        "## [apes](https://www.youtube.com/channel/UCa)",
        "## [Zoo](https://www.youtube.com/channel/UCz)",
    ]
    assert len([line for line in lines if line.startswith("- ")]) == 3


AWKWARD = [
    '=HYPERLINK("http://e.vil","x")', "+1", "-2", "@SUM(A1)", "'quoted'", 'say "hi", you',
    "<img src=x onerror=alert(1)>", "[a](javascript:b)", "مرحبا 👩‍👩‍👧", "a | b `c` *d* _e_ # f",
]  # fmt: skip


@pytest.mark.parametrize("title", AWKWARD)
def test_awkward_titles_come_back_and_do_no_harm(tmp_path: Path, title: str) -> None:
    """Reversible in the tables, harmless in spreadsheet and page."""
    sample = Sample(tmp_path)
    sample.add("abcdefghijk", title=title, channel=title)
    sample.write()
    row = table(sample.path("manifest.csv"))[0]
    assert restored(row["title"]) == restored(row["channel"]) == title
    assert row["title"][0] not in "=+-@"
    author = table(sample.path("ATTRIBUTION.csv"))[0]["author"]
    assert restored(author) == title
    page = sample.path("CREDITS.md").read_text("utf-8")
    assert "<img" not in page
    assert "](javascript" not in page


def test_a_title_with_line_breaks_stays_on_one_line(tmp_path: Path) -> None:
    """Also a reader that knows no quoted line breaks counts right."""
    sample = Sample(tmp_path)
    sample.add("abcdefghijk", title="one\r\ntwo\x1b[2J\u202ethree")
    sample.write()
    assert len(sample.path("manifest.csv").read_text("utf-8").splitlines()) == 2
    assert table(sample.path("manifest.csv"))[0]["title"] == "one two[2Jthree"


def test_the_card_is_valid_and_its_numbers_are_those_of_the_manifest(sample: Sample) -> None:
    """Front matter as Hugging Face reads it, sums over the manifest below."""
    _, front, body = sample.path("README.md").read_text("utf-8").split("---\n", 2)
    matter = yaml.safe_load(front)
    assert matter["license"] == ["cc-by-3.0", "cc-by-4.0", "cc-by-sa-4.0"]
    assert matter["task_categories"] == ["audio-classification"]
    assert matter["size_categories"] == ["n<1K"]
    files = [config["data_files"] for config in matter["configs"]]
    assert all(sample.path(name).is_file() for name in files)
    assert "**3 clips**" in body
    assert "| eval | 2 | 2 | 0 | 1 | 2 | 0 |" in body
    assert "| **all** | 3 | 2 | 1 | 1 | 2 | 0 |" in body
    assert "| Male speech, man speaking | `/m/05zppz` | 1 |" in body
    assert "| 44,100 | 2 |" in body
    assert "| unavailable | private | the video is private | 1 |" in body
    assert "arXiv:2204.02121" in body
    assert "by-sa/4.0" in body
    assert "removals.txt" in body


def test_the_citation_names_what_the_card_asks_to_cite(sample: Sample) -> None:
    """CITATION.cff is YAML with what the format requires; LICENSE.md holds three licenses."""
    citation = yaml.safe_load(sample.path("CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["license"] == ["CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-4.0"]
    card = sample.path("README.md").read_text("utf-8")
    assert all(each["title"] in card for each in citation["references"])
    text = sample.path("LICENSE.md").read_text("utf-8")
    assert all(f"licenses/{name}/" in text for name in ("by/3.0", "by/4.0", "by-sa/4.0"))


def test_the_tool_s_address_is_the_project_s() -> None:
    """The card links to the page that pyproject.toml names."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["urls"]["Homepage"] == TOOL


def test_counts_are_sums_over_the_manifest(sample: Sample) -> None:
    """What a writing returns is what reading the file gives."""
    again = sample.write()
    assert again == ManifestIndex(sample.path("manifest.csv")).counts
    outcomes = Counter(row["outcome"] for row in table(sample.path("manifest.csv")))
    assert {name: again.outcome(Outcome(name)) for name in outcomes} == dict(outcomes)
    assert again.segments == 9
    assert again.asked == 8
    assert again.license(License.CREATIVE_COMMONS) == 5
    assert again.classes == {SPEECH: 1, MAN: 1, DOG: 2}
    assert again.seconds == pytest.approx(20 + 350_000 / 48_000, abs=1e-5)


def test_nothing_is_touched_when_nothing_changed(sample: Sample) -> None:
    """A second writing, an hour later, leaves every file with its bytes and its time."""
    before = {path: path.stat() for path in sample.path("").rglob("*")}
    sample.write(now=NOW + 3600)
    after = {path: path.stat() for path in sample.path("").rglob("*")}
    assert {path: (s.st_mtime_ns, s.st_ino) for path, s in before.items() if path.is_file()} == {
        path: (s.st_mtime_ns, s.st_ino) for path, s in after.items() if path.is_file()
    }


def test_only_what_changed_is_written(sample: Sample) -> None:
    """One new answer changes the files that tell of it and no other."""
    files = [path for path in sample.path("").rglob("*") if path.is_file()]
    before = {path: path.stat().st_ino for path in files}
    sample.add("zzzzzzzzzzz", license=License.STANDARD)
    sample.write()
    changed = sorted(path.name for path in files if path.stat().st_ino != before[path])
    assert changed == ["README.md", "SHA256SUMS", "manifest.csv"]


def test_lists_of_classes_no_longer_chosen_go(sample: Sample) -> None:
    """The folder holds the classes of now."""
    sample.classes = CLASSES[:1]
    sample.write()
    assert [path.name for path in sample.path("classes").iterdir()] == ["Speech.csv"]


def test_a_writing_that_fails_leaves_everything_as_it_was(sample: Sample) -> None:
    """No half file, no leftover."""
    before = sample.path("manifest.csv").read_bytes()
    sample.add("zzzzzzzzzzz", license=License.STANDARD)
    sample.settings = sample.settings.model_copy(update={"clips": None})
    with pytest.raises(AttributeError):
        sample.write()
    assert sample.path("manifest.csv").read_bytes() == before
    assert not list(sample.path("").glob(".*"))


def test_leftovers_of_a_killed_writing_are_removed(sample: Sample) -> None:
    """What a kill left behind goes with the next writing."""
    stale = sample.path(".staging-dead")
    stale.mkdir()
    (stale / "manifest.csv").write_text("half")
    sample.write()
    assert not stale.exists()


def test_clips_that_are_kept_out_are_named_nowhere(tmp_path: Path) -> None:
    """The file of a clip with old evidence, or asked to go, is no part of the dataset."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa", checked_at=NOW - 40 * DAY)
    sample.add("bbbbbbbbbbb")
    assert sample.write(removals=removals("bbbbbbbbbbb")).clips == 0
    assert all(row["path"] == "" for row in table(sample.path("manifest.csv")))


def test_what_the_removal_list_names_appears_nowhere(tmp_path: Path) -> None:
    """Neither title nor channel of a removed clip stand in any file."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa", title="Forget me", channel="Shy")
    sample.add("bbbbbbbbbbb")
    sample.write(removals=removals("channel: shy"))
    for path in sample.path("").rglob("*.*"):
        if path.is_file():
            assert "Forget me" not in path.read_text("utf-8")
            assert "Shy" not in path.read_text("utf-8")
    assert by_id(sample.path("manifest.csv"))["aaaaaaaaaaa_30000"]["outcome"] == "not_shareable"


def test_clips_beyond_the_limit_are_spare(tmp_path: Path) -> None:
    """A spare keeps its file in the manifest, and is in no other list."""
    sample = Sample(tmp_path)
    for video_id in ("aaaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc"):
        sample.add(video_id, DOG)
    sample.max_per_class = 2
    sample.write()
    rows = table(sample.path("manifest.csv"))
    assert sorted(row["outcome"] for row in rows) == ["clip", "clip", "spare"]
    assert all(row["path"] == f"clips/{row['path'][6:8]}/{row['segment_id']}.flac" for row in rows)
    assert len(table(sample.path("labels.csv"))) == 2
    assert len(table(sample.path("classes/Dog.csv"))) == 2


def test_the_card_says_that_a_limit_leaves_segments_unasked(tmp_path: Path) -> None:
    """With `max_per_class`, `pending` is no sign of an unfinished run."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa")
    sample.add("bbbbbbbbbbb", license=None)
    sampling = sample.settings.sampling.model_copy(update={"max_per_class": 1})
    sample.settings = sample.settings.model_copy(update={"sampling": sampling})
    sample.write()
    card = sample.path("README.md").read_text("utf-8")
    assert "| pending |  | not needed, as its classes have the clips wanted, or" in card
    assert "Of each class, 1 clips were wanted" not in card
    assert "Of each class, 1 clip was wanted" in card


def test_a_copied_stream_is_not_called_converted(tmp_path: Path) -> None:
    """The note of changes says what was done, and nothing that was not."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa", file={"note": "not re-encoded"})
    sample.add("bbbbbbbbbbb", file={"note": "last 2.500 s are silence, added"})
    sample.write()
    assert [row["changes"] for row in table(sample.path("ATTRIBUTION.csv"))] == [
        "cut to 30–40 s of the video, sound only, not re-encoded",
        "cut to 30–40 s of the video, sound only, converted to FLAC,"
        " last 2.500 s are silence, added",
    ]


def test_run_json_tells_settings_seed_versions_and_no_secret(tmp_path: Path) -> None:
    """All that is needed to do it again, without what must stay private."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa")
    network = sample.settings.network.model_copy(
        update={"proxy": "http://me:hush@inside:1", "cookies_file": tmp_path / "cookies.txt"}
    )
    sample.settings = sample.settings.model_copy(update={"network": network})
    sample.write()
    text = sample.path("run.json").read_text("utf-8")
    record = json.loads(text)
    assert record["versions"] == {"ascc_async": "0.1.0", "ffmpeg": "7.1"}
    assert record["settings"]["clips"]["format"] == "flac"
    assert record["seed"] == 0
    assert not [word for word in ("hush", "inside", "cookies", str(tmp_path)) if word in text]


async def test_the_real_journal_is_read(tmp_path: Path) -> None:
    """The journal's reader fits: an answer recorded there is in the manifest."""
    from ascc_async.journal.reader import Reader

    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa", license=None)
    async with Journal(tmp_path / JOURNAL_NAME) as journal:
        await journal.record(
            LicenseAnswer("aaaaaaaaaaa", License.STANDARD, "data_api", NOW, title="T")
        )
        reader = Reader(journal.path)
        counts = write_dataset(
            tmp_path,
            selection(sample.segments),
            reader,
            sample.terms,
            RunFacts(Settings(), {}),
        )
        reader.close()
    assert counts.license(License.STANDARD) == 1
    assert os.listdir(tmp_path / "dataset").count("manifest.csv") == 1
