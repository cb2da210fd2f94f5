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
        # AudioSet's own files, its strong labels, and rows of them without a header.
        "# Segments csv created Sun Mar  5\n# num_ytids=3, num_segs=3\n"
        "# YTID, start_seconds, end_seconds, positive_labels\n"
        '-0O3e95y4gE, 0.000, 10.000, "/m/1,/m/2"\n_g0fiWx8RyM, 0.0, 9.0, "/m/1"\n'
        '07J4uVMPSW4, 30.000, 40.000, "/m/1"\n',
        "segment_id\tstart_time_seconds\n-0O3e95y4gE_30000\t0.1\n_g0fiWx8RyM_0\t0.2\n"
        "07J4uVMPSW4_20000\t0.3\n",
        '-0O3e95y4gE, 0.000, 10.000, "/m/1"\n_g0fiWx8RyM, 0.0, 9.0, "/m/1"\n07J4uVMPSW4\n',
        # As Excel saves it, with rows that were emptied.
        "Titel;ID\r\na, b;-0O3e95y4gE\r\nc;_g0fiWx8RyM\r\n;\r\nd;07J4uVMPSW4\r\n;\r\n;;\r\n",
        "id,title\n-0O3e95y4gE,a\n,\n_g0fiWx8RyM,b\n07J4uVMPSW4,c\n,\n,,\n",
        "https://www.youtube.com/watch?v=-0O3e95y4gE&t=3  # good\n"
        "https://youtu.be/_g0fiWx8RyM#t=4\nyoutube.com/shorts/07J4uVMPSW4\n",
        # File names, and other addresses.
        "Y-0O3e95y4gE.wav\n_g0fiWx8RyM_30000.flac\nhttps://youtube.com/v/07J4uVMPSW4?t=3\n",
        "-0O3e95y4gE_30.000_40.000\nY_g0fiWx8RyM_0.mp3\n"
        "https://www.youtube-nocookie.com/embed/07J4uVMPSW4\n",
        # A running number beside the ids.
        "id,youtube_id\n1,-0O3e95y4gE\n2,_g0fiWx8RyM\n3,07J4uVMPSW4\n",
        "id,url\n1,https://youtu.be/-0O3e95y4gE\n2,_g0fiWx8RyM\n3,07J4uVMPSW4\n",
        # As others write the column's name; comments within a table, and a title like one.
        "sep=;\r\nTitle, long;Video ID;a, b\r\nx;-0O3e95y4gE;\r\n# from here on, old;;\r\n"
        "#2;_g0fiWx8RyM;\r\ny;07J4uVMPSW4;\r\n",
        "videoId\n# a note\n-0O3e95y4gE\n_g0fiWx8RyM\n07J4uVMPSW4\n",
        # A manifest that went through somebody's hands.
        "Segment_ID,License\n-0O3e95y4gE_0,Creative Commons\ngggggggggg0_0,Standard\n"
        "_g0fiWx8RyM_0, creative_commons \n07J4uVMPSW4_0,creativeCommon\n",
        "title,url\na,https://youtu.be/-0O3e95y4gE\nb,_g0fiWx8RyM\nc,07J4uVMPSW4\n",
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


def test_a_table_saved_as_utf_16_is_read(tmp_path: Path) -> None:
    """«Unicode text» of a spreadsheet: tabs, and a byte order mark."""
    path = tmp_path / "list"
    path.write_bytes("id\tТитул\r\n-0O3e95y4gE\tЖ\r\n\t\r\n".encode("utf-16"))
    assert read_video_lists([path])[path].tolist() == [b"-0O3e95y4gE"]


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"-0O3e95y4gE\nnot an id\n", ":2: ", "found 'not an id'"),
        (b"id,x\n-0O3e95y4gE,1\n\n#NAME?,2\n", ":4: ", "found '#NAME?'"),
        (b"id,x\n-0O3e95y4gE,1\n,2\n", ":3: ", "found ''"),
        (b"x,id\n1,-0O3e95y4gE\n2\n", ":3: ", "found ''"),
        (b"# a comment\nvideo;title\n", ":2: ", "a column video_id, YTID or id"),
        (b"-0O3e95y4gE,_g0fiWx8RyM\n", ":1: ", "a video id in each line"),
        (b"-0O3e95y4gE\n-0O3e95y4gE;_g0fiWx8RyM\n", ":2: ", "found '-0O3e95y4gE;_g0fiWx8RyM'"),
        ("id\n-0O3e95y4gE\n".encode("utf-16-le"), ":1: ", "expected text"),
        (b"\x1f\x8b\x08\x00\xff\xff", ":1: ", "expected text"),
        # An open quote takes in what follows, to the end or to the next quote.
        (b'id,x\n-0O3e95y4gE,1\n_g0fiWx8RyM,"a\n07J4uVMPSW4,b\n', ":3: ", "a quote"),
        (b'id,x\n-0O3e95y4gE,"a\n_g0fiWx8RyM,"b"\n', ":2: ", "a quote"),
        (
            b"id,url\n17,https://example.org\n",
            ":2: ",
            "expected a video id (11 of A-Z a-z 0-9 - _), found '17, https://example.org'",
        ),
        (b"", ": ", "names no video"),
        (b"segment_id,license\n-0O3e95y4gE_0,CC BY\n", ": ", "with creative_commons as license"),
        (
            f"{MANIFEST}-0O3e95y4gE_0,-0O3e95y4gE,/m/1,standard,a\r\n".encode(),
            ": ",
            "creative_commons",
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
