"""The reader under arbitrary bytes: a result or a clear error, and the fast path is exact."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from metadata_files import catalog_of, segments, write_folder

from ascc_async.audioset.exact import Malformed, read_row
from ascc_async.audioset.label_codes import LabelCodes
from ascc_async.audioset.strict import read_block
from ascc_async.errors import MetadataError

MIDS = ("/m/a", "/m/b0_c-d", "/g/11b630rrvh", "/t/dd00088", "/m/longer_than_sixteen_bytes")
LABELS = LabelCodes(MIDS)

ids = st.text(string.ascii_letters + string.digits + "-_", min_size=11, max_size=11)
milliseconds = st.integers(0, 1_000_000)
labels = st.lists(st.sampled_from(MIDS), min_size=1, max_size=5, unique=True)


@st.composite
def rows(draw: st.DrawFn) -> str:
    """A row in the official form."""
    start = draw(milliseconds)
    end = start + draw(st.integers(1, 20_000))
    times = ", ".join(f"{t // 1000}.{t % 1000:03d}" for t in (start, end))
    return f'{draw(ids)}, {times}, "{",".join(draw(labels))}"'


def damage(text: bytes, at: int, cut: int, put: bytes) -> bytes:
    """Replace a few bytes somewhere."""
    at %= len(text) + 1
    return text[:at] + put + text[at + cut :]


pieces = st.one_of(
    st.sampled_from(
        [b'"', b",", b" ", b"\n", b"\r", b"#", b"-", b".", b"\0", b"\xff", b"/m/", b"9"]
    ),
    st.binary(max_size=4),
)
damages = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3), pieces), max_size=3)


@settings(deadline=None, max_examples=200)
@given(st.lists(rows(), min_size=1, max_size=5), damages)
def test_fast_path_says_what_the_exact_path_says(lines: list[str], wounds: list[tuple]) -> None:
    """Whatever the line: where the fast path takes it, both agree to the last bit."""
    data = "\n".join(lines).encode()
    for wound in wounds:
        data = damage(data, *wound)
    data += b"\n"
    block = read_block(data, LABELS)
    codes = np.split(block.codes, np.cumsum(block.counts)[:-1])
    for i in np.flatnonzero(block.strict).tolist():
        row = read_row(data[block.starts[i] : block.ends[i]], LABELS.by_mid)
        assert (row.video_id, row.start_ms, row.end_ms, row.notes) == (
            block.ids[i], block.start_ms[i], block.end_ms[i], ()
        )  # fmt: skip
        assert row.codes == tuple(codes[i])


@settings(deadline=None, max_examples=100)
@given(st.lists(rows(), min_size=1, max_size=5))
def test_fast_path_takes_every_official_row(lines: list[str]) -> None:
    """No row in the official form falls to the slow path, but for labels too long to hash."""
    block = read_block(("\n".join(lines) + "\n").encode(), LABELS)
    assert block.strict.tolist() == [MIDS[-1] not in line for line in lines]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_any_line_is_read_or_refused(line: bytes) -> None:
    """The exact path never fails in any other way than `Malformed`."""
    try:
        row = read_row(line, LABELS.by_mid)
    except Malformed:
        return
    assert row.start_ms < row.end_ms
    assert row.codes


name_of_file = st.sampled_from(
    ["balanced_train_segments.csv", "class_labels_indices.csv", "qa_true_counts.csv",
     "ontology.json", "rerated_video_ids.txt"]
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(name_of_file, damages, st.none() | st.binary(max_size=300))
def test_any_file_gives_a_result_or_a_clear_error(
    name: str, wounds: list[tuple], instead: bytes | None
) -> None:
    """Whatever the bytes of whatever file, the result is whole or the error names the file."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_folder(Path(scratch))
        data = (folder / name).read_bytes()
        for wound in wounds:
            data = damage(data, *wound)
        (folder / name).write_bytes(data if instead is None else instead)
        try:
            table = catalog_of(folder).segments
        except MetadataError as error:
            said = str(error)
            table = None
        if table is None:
            assert said.startswith(str(folder))
            return
        assert len(np.unique(table.ids)) == len(table) > 0
        assert (table.start_ms < table.end_ms).all()
        assert (table.label_counts() > 0).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(rows(), min_size=1, max_size=30, unique_by=lambda line: line[:11]))
def test_what_is_written_is_read(lines: list[str]) -> None:
    """Segments survive the way through the file, in order, with all labels in order."""
    with tempfile.TemporaryDirectory() as scratch:
        text = segments(lines, header=False)
        folder = write_folder(Path(scratch), {"balanced_train_segments.csv": text}, mids=MIDS)
        table = catalog_of(folder).segments
    for i, line in enumerate(lines):
        segment = table.segment(i)
        start, end = segment.start_ms, segment.end_ms
        times = ", ".join(f"{t // 1000}.{t % 1000:03d}" for t in (start, end))
        assert f'{segment.video_id}, {times}, "{",".join(segment.labels)}"' == line
