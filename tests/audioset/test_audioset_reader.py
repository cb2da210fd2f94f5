"""Reading metadata: what is odd but safe is read and said, what is not stops with its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from metadata_files import catalog_of, catalog_with, ontology, row, segments, video, write_folder

from ascc_async.errors import MetadataError
from ascc_async.model import Segment

SEGMENTS = "balanced_train_segments.csv"
GOOD = segments([row(1), row(2, "/m/b,/m/c", "0.500", "10.001")])
RESULT = [
    Segment(video(1), 30_000, 40_000, "balanced_train", ("/m/a",)),
    Segment(video(2), 500, 10_001, "balanced_train", ("/m/b", "/m/c")),
]


def read(folder: Path) -> list[Segment]:
    """All segments of a folder."""
    table = catalog_of(folder).segments
    return [table.segment(i) for i in range(len(table))]


def test_official_form_needs_no_word(tmp_path: Path) -> None:
    """A file as Google made it is read without a warning."""
    assert read(write_folder(tmp_path, {SEGMENTS: GOOD})) == RESULT
    assert catalog_of(tmp_path).warnings == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD.replace("\n", "\r\n"), "line ends"),
        (GOOD.replace("\n", "\r"), "line ends"),
        ("\ufeff" + GOOD, "byte-order mark"),
        (GOOD.encode("utf-16"), "UTF-16"),
        (gzip.compress(GOOD.encode()), "gzip"),
        (GOOD.rstrip("\n"), "does not end with a newline"),
        (GOOD.replace('"', ""), "spread over columns"),
        (GOOD.replace("30.000, 40.000", "30,40"), "three decimals"),
        (GOOD.replace("0.500", ".5".rjust(3, "0")), "three decimals"),
        (GOOD.replace('"/m/a"', '"/m/a",,,'), ""),
        (GOOD.replace('"/m/b,/m/c"', '"/m/b,/m/c,/m/b"'), "twice in one row"),
        (GOOD.replace(", ", ","), ""),
        (GOOD + "\n\n", ""),
        (GOOD.replace(row(1), '"' + row(1).replace('"', '""') + '"'), "the whole row in quotes"),
        (GOOD + row(1) + "\n", "stands already in balanced_train_segments.csv:4"),
    ],
)
def test_odd_but_safe(tmp_path: Path, content: str | bytes, said: str) -> None:
    """The same segments come out, and a warning says what was odd."""
    assert read(write_folder(tmp_path, {SEGMENTS: content})) == RESULT
    assert said in "\n".join(catalog_of(tmp_path).warnings)


def test_spreadsheet_saved_it(tmp_path: Path) -> None:
    """Rows as a spreadsheet writes them, header included, lose nothing."""
    text = (
        "# Segments csv created,,,\n# num_ytids=2,num_segs=2,num_unique_labels=527,"
        f"num_positive_labels=3\n# YTID,start_seconds,end_seconds,positive_labels\n"
        f'{video(1)},30,40,"/m/a",\n{video(2)},0.5,10.001,"/m/b,/m/c",\n'
    )
    assert read(write_folder(tmp_path, {SEGMENTS: text})) == RESULT


BAD = [
    (b"", None, "is empty"),
    (b" \n \n", None, "is empty"),
    (b"<!DOCTYPE html><html>Sign in</html>", 1, "captive portal"),
    (b"\n <html>", 1, "captive portal"),
    (gzip.compress(b"<html>", mtime=0), 1, "captive portal"),
    (gzip.compress(GOOD.encode())[:-9], None, "broken gzip"),
    (b"PK\x03\x04rest", None, "spreadsheet"),
    (b"\xff\xfe\x00\xd8", None, "UTF-16"),
    (b"# only\n# a header\n", None, "holds no segment"),
    (GOOD[:-6].encode(), 5, "does not end as it should"),
    (GOOD[: GOOD.rindex("10.001")].encode(), 5, "2 of 4 fields"),
    (GOOD[: GOOD.rindex(video(2)) + 5].encode(), 5, "is not a video id"),
    (GOOD.replace("/m/b,", "").encode(), None, "num_positive_labels=3"),
    (segments([row(1), row(2)[1:]]).encode(), 5, "is not a video id"),
    (segments([row(1), "=" + row(2)[1:]]).encode(), 5, "is not a video id"),
    (segments(["#NAME?" + row(2)[11:], row(1)]).encode(), 4, "is not a video id"),
    (segments([row(1), "# " + row(2)]).encode(), 5, "is not a video id"),
    (segments([row(1, end="30.000")]).encode(), 4, "not after start"),
    (segments([row(1, end="20.000")]).encode(), 4, "not after start"),
    (segments([row(1, start="-5.000")]).encode(), 4, "is negative"),
    (segments([row(1, start="1e1")]).encode(), 4, "not a time"),
    (segments([row(1, start="nan")]).encode(), 4, "not a time"),
    (segments([row(1, start="0.0005")]).encode(), 4, "finer than a millisecond"),
    (segments([row(1, end="999999.000")]).encode(), 4, "absurd"),
    (segments([row(1, end="99999999999999.000")]).encode(), 4, "not a time"),
    (segments([row(1, end="9000.000")]).encode(), 4, "absurd"),
    (segments([row(1, "/m/a,/m/zz")]).encode(), 4, "'/m/zz' is not in the class list"),
    (segments([row(1, "")]).encode(), 4, "3 of 4 fields"),
    (segments([row(1).replace(", ", ";")]).encode(), 4, "not separated by commas"),
    (segments([row(1), row(2), row(1, start="31.000")]).encode(), 6, ".csv:4 with other times"),
    (segments([row(1), row(1, "/m/b")]).encode(), 5, ".csv:4 with other labels"),
    (b"# x\n" + b"\0" * 40 + b"\n", 2, "is not a video id"),
    (b"y" * (1 << 21), None, "lines of more than"),
]


@pytest.mark.parametrize(("content", "line", "said"), BAD)
def test_not_safe(tmp_path: Path, content: bytes, line: int | None, said: str) -> None:
    """The run stops, naming file, line and what is wrong."""
    write_folder(tmp_path, {SEGMENTS: content})
    with pytest.raises(MetadataError, match=r"balanced_train_segments\.csv") as caught:
        catalog_of(tmp_path)
    assert (caught.value.line, said in str(caught.value)) == (line, True), str(caught.value)


def test_several_problems_in_one_message(tmp_path: Path) -> None:
    """The first few wrong lines are named together, with the form that is expected."""
    rows = [row(1), row(2, "/m/x"), row(3, "/m/y"), row(4, "/m/z"), row(5, "/m/w")]
    write_folder(tmp_path, {SEGMENTS: segments(rows)})
    with pytest.raises(MetadataError, match=r"line 6: .*line 7: .*perhaps more.*30\.000, 40\.000"):
        catalog_of(tmp_path)


def test_duplicate_across_splits(tmp_path: Path) -> None:
    """The same row in two splits counts for the first; a row that differs stops the run."""
    write_folder(tmp_path, {"eval_segments.csv": segments([row(2, "/m/c,/m/b"), row(3)])})
    catalog = catalog_of(tmp_path, "balanced_train", "eval")
    assert [catalog.segments.segment(i).split for i in range(3)] == [
        "balanced_train", "balanced_train", "eval",
    ]  # fmt: skip
    assert "eval_segments.csv:4: 00000000002 stands already" in "\n".join(catalog.warnings)
    write_folder(tmp_path, {"eval_segments.csv": segments([row(2, start="31.000")])})
    with pytest.raises(MetadataError, match=r"eval_segments.csv:4: .*_segments.csv:5 with other"):
        catalog_of(tmp_path, "balanced_train", "eval")


def test_missing_file_names_the_setting(tmp_path: Path) -> None:
    """A file that is not there is named, with where it should be."""
    write_folder(tmp_path)
    (tmp_path / "qa_true_counts.csv").unlink()
    with pytest.raises(MetadataError, match=r"qa_true_counts.csv: is missing.*metadata_dir"):
        catalog_of(tmp_path)


def test_layout_of_google(tmp_path: Path) -> None:
    """Files may lie in v1/csv and v1/qa beneath the folder."""
    write_folder(tmp_path, {SEGMENTS: GOOD})
    for below, name in (("v1/csv", SEGMENTS), ("v1/qa", "qa_true_counts.csv")):
        (tmp_path / below).mkdir(parents=True)
        (tmp_path / name).rename(tmp_path / below / name)
    assert read(tmp_path) == RESULT


def test_fewer_rows_than_promised_are_read_and_said(tmp_path: Path) -> None:
    """A file cut between two lines, on purpose or not, gives what it holds, and a warning."""
    text = GOOD.replace("num_segs=2", "num_segs=5")
    assert read(write_folder(tmp_path, {SEGMENTS: text})) == RESULT
    said = "\n".join(catalog_of(tmp_path).warnings)
    assert "promises num_segs=5, the file holds 2 (cut short?" in said


def test_other_version_is_used_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is not the official one has its hash in the inputs and a line in the log."""
    caplog.set_level("INFO", "ascc_async")
    catalog = catalog_of(write_folder(tmp_path, {"rerated_video_ids.txt": "hello\n"}))
    hashes = {file.name: (file.git_blob_sha1, file.official) for file in catalog.inputs}
    git_says = "ce013625030ba8dba906f756967f9e9ca394464a"
    assert hashes["rerated_video_ids.txt"] == (git_says, False)
    (line,) = [one for one in caplog.records if "not the official version" in one.getMessage()]
    assert vars(line)["folder"] == str(tmp_path)
    assert len(vars(line)["files"].split(", ")) == 4


def test_rerated_ids(tmp_path: Path) -> None:
    """The rerated video ids become rows; without the file that is said and all goes on."""
    assert catalog_of(write_folder(tmp_path)).rerated.tolist() == [1]
    (tmp_path / "rerated_video_ids.txt").unlink()
    catalog = catalog_of(tmp_path)
    assert catalog.rerated.tolist() == []
    assert "rerated_video_ids.txt is not there" in "\n".join(catalog.warnings)


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("class_labels_indices.csv", "index,mid\n", "csv:1: expected the heading"),
        ("class_labels_indices.csv", 'index,mid,display_name\n1,/m/a,"A"\n', "csv:2: index '1'"),
        ("class_labels_indices.csv", "index,mid,display_name\n0,a,A\n", "csv:2: expected 0,/m/"),
        ("class_labels_indices.csv", "index,mid,display_name\n0,/m/a,A\n1,/m/a,B\n", "csv:3: /m/a"),
        ("class_labels_indices.csv", 'index,mid,display_name\n0,/m/a,"A\n', "csv:"),
        ("class_labels_indices.csv", "index,mid,display_name\n", "holds 0 classes"),
        ("qa_true_counts.csv", "label_id,num_rated,num_true\n/m/a,3,4\n", "csv:2: '3', '4'"),
        ("qa_true_counts.csv", "label_id,num_rated,num_true\n/m/a,x,4\n", "csv:2: 'x', '4'"),
        ("qa_true_counts.csv", "label_id,num_rated,num_true\n/m/a,3\n", "csv:2: 2 fields"),
        ("qa_true_counts.csv", "<html>", "captive portal"),
        ("ontology.json", '[\n{"id": "/m/a",', "json:2: is not JSON"),
        ("ontology.json", "{}", "must be a list"),
        ("ontology.json", "[]", "holds no class"),
        ("ontology.json", "[{}]", "entry 1 has no id"),
        ("ontology.json", '[\n{"id": "/m/a", "name": 3}]', "json:2: /m/a needs a name"),
        ("ontology.json", b'[{"id": "\xff"}]', "json:1: is not UTF-8"),
        ("ontology.json", ontology({"/m/a": ["/m/q"]}), "json:2: /m/a has the child /m/q"),
        ("ontology.json", ontology({"/m/a": ["/m/b"], "/m/b": ["/m/a"]}), "/m/a > /m/b > /m/a"),
        ("ontology.json", ontology({"/m/a": ["/m/a"]}), "json:2: /m/a is beneath itself"),
        ("ontology.json", ontology({"/m/a": []})[:-3] + "," + ontology({"/m/a": []})[1:],
         "json:3: /m/a stands twice"),
    ],
)  # fmt: skip
def test_bad_small_files(tmp_path: Path, name: str, content: str | bytes, place: str) -> None:
    """Class list, counts and ontology are checked with file and line as well."""
    write_folder(tmp_path, {name: content})
    with pytest.raises(MetadataError) as caught:
        catalog_of(tmp_path)
    assert name in str(caught.value)
    assert place in str(caught.value), str(caught.value)


def test_small_files_that_do_not_agree(tmp_path: Path) -> None:
    """Counts or ontology that miss a class, or know one more, are used and said."""
    catalog = catalog_with(
        tmp_path,
        [row(1)],
        **{
            "qa_true_counts.csv": "label_id,num_rated,num_true\n/m/a,4,1\n/m/z,1,1\n",
            "ontology.json": ontology({"/m/a": ["/m/b"], "/m/b": []}),
        },
    )
    said = "\n".join(catalog.warnings)
    assert [sound.quality for sound in catalog.classes] == [0.25, None, None]
    assert [sound.leaf for sound in catalog.classes] == [False, True, True]
    assert "csv:3: '/m/z' is not in the class list" in said
    assert "no counts of /m/b, /m/c" in said
    assert "not in the ontology: /m/c" in said


def test_line_far_into_a_large_file(tmp_path: Path) -> None:
    """Lines are counted over blocks, odd rows included, whatever the line ends."""
    rows = [row(i).replace(", ", ",") if i % 7 == 0 else row(i) for i in range(30_000)]
    text = segments(rows)
    write_folder(tmp_path, {SEGMENTS: text})
    assert catalog_of(tmp_path).segments.video_id(29_999) == video(29_999)
    for end in ("\n", "\r\n"):
        broken = text.replace(video(25_000), "=" + video(25_000)[1:]).replace("\n", end)
        write_folder(tmp_path, {SEGMENTS: broken})
        with pytest.raises(MetadataError) as caught:
            catalog_of(tmp_path)
        assert caught.value.line == 25_004
