"""Lists of videos to ask first: every form that people have, and mistakes they can act on."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from worlds import selection_of

from ascc_async.audioset.video_lists import read_video_lists, rows_in_lists
from ascc_async.errors import MetadataError

IDS = ["-0O3e95y4gE", "_g0fiWx8RyM", "07J4uVMPSW4"]
MANIFEST = "segment_id,video_id,labels,license,title\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "-0O3e95y4gE\n_g0fiWx8RyM\n07J4uVMPSW4",
        "\ufeff# found in 2021\r\n\r\n-0O3e95y4gE\r\n_g0fiWx8RyM  # a, good one\r\n07J4uVMPSW4\r\n",
        "-0O3e95y4gE\n-0O3e95y4gE\n_g0fiWx8RyM\n07J4uVMPSW4\n",
        # As pandas writes it, and as the published list is.
        ",Unnamed: 0,id,license\n7,7,-0O3e95y4gE,CC\n9,9,_g0fiWx8RyM,CC\n1,1,07J4uVMPSW4,CC\n",
        "id\n-0O3e95y4gE\n_g0fiWx8RyM\n07J4uVMPSW4\n",
        "youtube_ids\n-0O3e95y4gE\n_g0fiWx8RyM\n07J4uVMPSW4\n",
        '# a comment\n"title","YTID"\n"two\nlines, one comma","-0O3e95y4gE"\n"","_g0fiWx8RyM"\n'
        '"#1","07J4uVMPSW4"\n',
        f"{MANIFEST}-0O3e95y4gE_0,-0O3e95y4gE,/m/1,creative_commons,a\r\n"
        "gggggggggg0_0,gggggggggg0,/m/1,standard,b\r\ngggggggggg1_0,gggggggggg1,/m/1,,\r\n"
        '_g0fiWx8RyM_0,_g0fiWx8RyM,"/m/1,/m/2",creative_commons,c\r\n'
        "07J4uVMPSW4_0,07J4uVMPSW4,/m/1,creative_commons,d\r\n",
    ],
)
def test_every_form_of_a_list_is_read(text: str, tmp_path: Path) -> None:
    """Plain, CSV, one of our manifests (of which the Creative Commons ones); each id once."""
    path = tmp_path / "list"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_video_lists([path])[path].astype(str).tolist() == IDS


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"-0O3e95y4gE\nnot an id\n", ":2: ", "found 'not an id'"),
        (b"id,x\n-0O3e95y4gE,1\n\n#NAME?,2\n", ":4: ", "found '#NAME?'"),
        (b"id,x\n-0O3e95y4gE,1\n,2\n", ":3: ", "found ''"),
        (b"x,id\n1,-0O3e95y4gE\n2\n", ":3: ", "found ''"),
        (b"# a comment\nvideo;title\n", ":2: ", "a column video_id, YTID or id"),
        ("id\n-0O3e95y4gE\n".encode("utf-16"), ":1: ", "UTF-8"),
        (b"\x1f\x8b\x08\x00\xff\xff", ":1: ", "UTF-8"),
        (b"", ": ", "names no video"),
        (
            f"{MANIFEST}-0O3e95y4gE_0,-0O3e95y4gE,/m/1,standard,a\r\n".encode(),
            ": ",
            "Creative Commons",
        ),
        (None, ": ", "cannot be read (No such file or directory): correct license.ask_first"),
    ],
)
def test_what_is_no_list_is_named_with_its_line(
    content: bytes | None, place: str, words: str, tmp_path: Path
) -> None:
    """File, line, what was found there and what to do."""
    path = tmp_path / "list"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MetadataError) as caught:
        read_video_lists([path])
    assert str(caught.value).startswith(f"{path}{place}")
    assert words in str(caught.value)
    assert "license.ask_first" in str(caught.value)


def test_ids_that_are_not_selected_are_counted_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of other classes, or not of AudioSet: no error, as long as some id is of AudioSet."""
    selection = selection_of([[0], [1], [0], [0]], [0], limit=None)
    one, other = Path("one"), Path("other")
    lists = {
        one: np.array(["00000000001", "00000000002", *IDS], "S11"),
        other: np.array(["00000000003"], "S11"),
    }
    with caplog.at_level(logging.INFO):
        assert rows_in_lists(lists, selection).tolist() == [False, False, True, True]
    said = [
        (record.__dict__["videos"], record.__dict__["not_selected"]) for record in caplog.records
    ]
    assert said == [(1, 4), (1, 0)]
    with pytest.raises(MetadataError, match=r"none of its 3 ids .*balanced_train.*ask_first"):
        rows_in_lists({one: np.array(IDS, "S11")}, selection)
    assert not rows_in_lists({}, selection).any()
