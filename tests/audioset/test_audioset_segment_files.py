"""Reading segment files: what is odd but safe is read, what is not stops with its line."""

from __future__ import annotations

import gzip
import string
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metadata_folders import catalog_of, row, segments, video, write_folder

from ascc_async.errors import MetadataError
from ascc_async.model import Segment

SEGMENTS = "balanced_train_segments.csv"
GOOD = segments([row(1), row(2, "/m/b,/m/c", "0.500", "10.001")])
RESULT = [
    Segment(video(1), 30_000, 40_000, "balanced_train", ("/m/a",)),
    Segment(video(2), 500, 10_001, "balanced_train", ("/m/b", "/m/c")),
]
MIDS = ("/m/a", "/m/b0_c-d", "/g/11b630rrvh", "/t/dd00088", "/m/longer_than_sixteen_bytes")


def read(folder: Path) -> list[Segment]:
    """All segments of a folder."""
    table = catalog_of(folder).segments
    return [table.segment(i) for i in range(len(table))]


# -- single files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "\ufeff" + GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace("30.000, 40.000", "30,40.0000"),
        GOOD.replace(", ", ","),
        GOOD.replace("/m/b,/m/c", "/m/b, /m/c"),
        GOOD.replace("# YTID", "YTID"),
        GOOD.replace(row(2)[:11], "\n  \n" + row(2)[:11]) + "\n\n",
    ],
)
def test_forms_that_lose_nothing_are_read(tmp_path: Path, content: str) -> None:
    """Foreign line ends, spaces, blank lines and times without decimals: the same segments."""
    assert read(write_folder(tmp_path, {SEGMENTS: content})) == RESULT
    assert catalog_of(tmp_path).warnings == ()


def test_a_label_twice_in_one_row_counts_once(tmp_path: Path) -> None:
    """The row is read, its labels in the order of the file."""
    content = GOOD.replace('"/m/b,/m/c"', '"/m/b,/m/c,/m/b"')
    assert read(write_folder(tmp_path, {SEGMENTS: content})) == RESULT


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"", None, "is empty"),
        (b" \n \n", None, "is empty"),
        (b"<!DOCTYPE html><html>Sign in</html>", 1, "captive portal"),
        (gzip.compress(GOOD.encode()), 1, "compressed with gzip"),
        (b"PK\x03\x04rest", 1, "spreadsheet"),
        (GOOD.encode("utf-16"), 1, "is UTF-16 text"),
        (GOOD.encode().replace(b"40.000", b"40\x00000"), 4, "NUL byte"),
        (b"# only\n# a header\n", None, "holds no segment"),
        (GOOD[:-6].encode(), 5, "does not end as it should"),
        (GOOD[: GOOD.rindex("10.001")].encode(), 5, "instead of 4 (cut short?)"),
        (GOOD[: GOOD.rindex(video(2)) + 5].encode(), 5, "is not a video id"),
        (GOOD.replace('"', "").encode(), 5, "5 fields instead of 4 (quotes lost"),
        (segments([row(1, "/m/a,/m/b,/m/c")]).replace('"', "").encode(), 4, "6 fields"),
        (segments([row(1), row(1, "/m/a,/m/b,/m/c").replace('"', "")]).encode(), 5, "6 fields"),
        (segments([f'"{row(1)}"']).encode(), 4, "does not end as it should"),
        (segments([row(1), row(2)[1:]]).encode(), 5, "is not a video id"),
        (segments([row(1), "x" + row(2)]).encode(), 5, "is not a video id"),
        (segments([row(1), "é" + row(2)[1:]]).encode(), 5, "is not a video id"),
        (segments(["#NAME?" + row(2)[11:], row(1)]).encode(), 4, "is not a video id"),
        (segments([row(1), "# " + row(2)]).encode(), 5, "is not a video id"),
        (segments([row(1, end="30.000")]).encode(), 4, "not after start"),
        (segments([row(1, end="20.000")]).encode(), 4, "not after start"),
        (segments([row(1, start="-5.000")]).encode(), 4, "not a time"),
        (segments([row(1), row(2, start="1e1")]).encode(), 5, "not a time"),
        (segments([row(1), row(2, start="nan")]).encode(), 5, "not a time"),
        (segments([row(1), row(2, start="")]).encode(), 5, "not a time"),
        (segments([row(1), row(2, start="0.0005")]).encode(), 5, "not a time"),
        (segments([row(1), row(2, end="999999.000")]).encode(), 5, "absurd"),
        (segments([row(1), row(2, end="9000.000")]).encode(), 5, "absurd"),
        (segments([row(1, "/m/a,/m/zz")]).encode(), 4, "'/m/zz' is not in the class list"),
        (segments([row(1), ',,,"/m/a"']).encode(), 5, "is not a video id"),
        (segments([row(1), row(2, "/m/a,")]).encode(), 5, "'' is not in the class list"),
        (segments([row(1), row(2, "")]).encode(), 5, "'' is not in the class list"),
        (segments([row(1).replace(", ", ";")]).encode(), 4, "is not a video id"),
        (segments([row(1), row(2), row(3) + ' x "', row(4)]).encode(), 6, "end as it should"),
    ],
)
def test_what_is_not_safe_stops_with_its_line(
    tmp_path: Path, content: bytes, line: int | None, problem: str
) -> None:
    """The run stops, naming file, line and what is wrong, and what to do."""
    write_folder(tmp_path, {SEGMENTS: content})
    with pytest.raises(MetadataError, match=r"balanced_train_segments\.csv") as caught:
        catalog_of(tmp_path)
    assert (caught.value.line, problem in str(caught.value)) == (line, True), str(caught.value)
    assert "delete the file to have it downloaded again" in str(caught.value)


def test_several_problems_in_one_message(tmp_path: Path) -> None:
    """The first wrong line is named, how many more there are, and the form that is expected."""
    rows = [row(1), row(2, "/m/x"), row(3, "/m/y"), row(4, "/m/z"), row(5, "/m/w")]
    write_folder(tmp_path, {SEGMENTS: segments(rows)})
    with pytest.raises(MetadataError, match=r"csv:5: .*3 more bad rows.*30\.000, 40"):
        catalog_of(tmp_path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_far_into_a_large_file(tmp_path: Path, end: str) -> None:
    """Lines are counted right, blank ones included, whatever the line ends."""
    rows = [row(i) + ("\n" if i % 7000 == 0 else "") for i in range(30_000)]
    rows[25_000] = "=" + rows[25_000][1:]
    write_folder(tmp_path, {SEGMENTS: segments(rows).replace("\n", end)})
    with pytest.raises(MetadataError) as caught:
        catalog_of(tmp_path)
    assert caught.value.line == 25_004 + 4


def test_a_field_too_many_where_pandas_begins_a_new_piece(tmp_path: Path) -> None:
    """pandas reads 2**18 rows at a time: the first of the second piece is no exception."""
    rows = [row(i) for i in range(2**18 + 2)]
    rows[2**18] = row(2**18, "/m/a,/m/b").replace('"', "")
    write_folder(tmp_path, {SEGMENTS: segments(rows)})
    with pytest.raises(MetadataError, match="5 fields instead of 4") as caught:
        catalog_of(tmp_path)
    assert caught.value.line == 2**18 + 4


def test_fewer_rows_than_promised_are_read_and_said(tmp_path: Path) -> None:
    """A file cut between two lines, on purpose or not, gives what it holds, and a warning."""
    text = GOOD.replace("num_segs=2", "num_segs=5")
    assert read(write_folder(tmp_path, {SEGMENTS: text})) == RESULT
    (warning,) = catalog_of(tmp_path).warnings
    assert "promises num_segs=5, the file holds 2: using what is there" in warning


# -- the copy that later starts read -----------------------------------------------------------


def test_a_later_start_reads_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is parsed, and the same comes out, warnings included."""
    text = GOOD.replace("num_segs=2", "num_segs=5")
    first = catalog_of(write_folder(tmp_path, {SEGMENTS: text}))
    monkeypatch.setattr("pandas.read_csv", None)
    again = catalog_of(tmp_path)
    assert read(tmp_path) == RESULT
    assert again.warnings == first.warnings != ()
    for name in ("ids", "start_ms", "end_ms", "label_offsets", "label_codes"):
        before, after = getattr(first.segments, name), getattr(again.segments, name)
        assert (before == after).all()
        assert before.dtype == after.dtype


def test_another_file_is_read_anew(tmp_path: Path) -> None:
    """The copy counts only for the very bytes it was made from, class list included."""
    catalog_of(write_folder(tmp_path, {SEGMENTS: GOOD}))
    write_folder(tmp_path, {SEGMENTS: GOOD.replace("0.500", "0.700")})
    assert read(tmp_path)[1].start_ms == 700
    write_folder(tmp_path, {SEGMENTS: GOOD}, mids=("/m/c", "/m/b", "/m/a"))
    assert read(tmp_path) == RESULT


@pytest.mark.parametrize("damage", [slice(100, 140), slice(0, 4), slice(-30, -20)])
def test_a_damaged_copy_is_no_error(tmp_path: Path, damage: slice) -> None:
    """A copy that is cut or has flipped bits is made again from the file."""
    catalog_of(write_folder(tmp_path, {SEGMENTS: GOOD}))
    copy = tmp_path / "balanced_train_segments.npz"
    whole = copy.read_bytes()
    for data in (whole[: damage.start], whole.replace(whole[damage], b"?" * 7), b""):
        copy.write_bytes(data)
        assert read(tmp_path) == RESULT
        assert copy.stat().st_size == len(whole)


def test_a_copy_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """A folder in the copy's place stands for one that is read-only (root may write anywhere)."""
    (tmp_path / "balanced_train_segments.npz").mkdir()
    assert read(write_folder(tmp_path, {SEGMENTS: GOOD})) == RESULT
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


# -- any file ----------------------------------------------------------------------------------


@st.composite
def official_rows(draw: st.DrawFn) -> str:
    """A row in the official form."""
    video_id = draw(st.text(string.ascii_letters + string.digits + "-_", min_size=11, max_size=11))
    start = draw(st.integers(0, 1_000_000))
    end = start + draw(st.integers(1, 20_000))
    times = ", ".join(f"{t // 1000}.{t % 1000:03d}" for t in (start, end))
    labels = draw(st.lists(st.sampled_from(MIDS), min_size=1, max_size=5, unique=True))
    return f'{video_id}, {times}, "{",".join(labels)}"'


@settings(deadline=None, max_examples=30)
@given(st.lists(official_rows(), min_size=1, max_size=30, unique_by=lambda line: line[:11]))
def test_what_is_written_is_read(lines: list[str]) -> None:
    """Segments survive the way through the file, in order, with all labels in order."""
    with tempfile.TemporaryDirectory() as scratch:
        text = segments(lines, header=False)
        result = read(write_folder(Path(scratch), {SEGMENTS: text}, mids=MIDS))
    for segment, line in zip(result, lines, strict=True):
        times = ", ".join(f"{t // 1000}.{t % 1000:03d}" for t in (segment.start_ms, segment.end_ms))
        assert f'{segment.video_id}, {times}, "{",".join(segment.labels)}"' == line


pieces = st.one_of(
    st.sampled_from(
        [b'"', b",", b" ", b"\n", b"\r", b"#", b"-", b".", b"\0", b"\xff", b"/m/", b"9"]
    ),
    st.binary(max_size=4),
)
damages = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3), pieces), max_size=3)
names = st.sampled_from(
    [SEGMENTS, "class_labels_indices.csv", "qa_true_counts.csv", "ontology.json"]
)


@settings(deadline=None, max_examples=150)
@given(names, damages, st.none() | st.binary(max_size=300))
def test_any_file_gives_a_result_or_a_clear_error(
    name: str, changes: list[tuple[int, int, bytes]], instead: bytes | None
) -> None:
    """Whatever the bytes of whatever file, the result is whole or the error names the file."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_folder(Path(scratch))
        data = (folder / name).read_bytes()
        for at, cut, put in changes:
            at %= len(data) + 1
            data = data[:at] + put + data[at + cut :]
        (folder / name).write_bytes(data if instead is None else instead)
        try:
            table = catalog_of(folder).segments
        except MetadataError as error:
            table, problem = None, str(error)
        if table is None:
            assert problem.startswith(str(folder))
            return
        assert len(np.unique(table.ids)) == len(table) > 0
        assert (table.start_ms < table.end_ms).all()
        assert (table.label_counts() > 0).all()
