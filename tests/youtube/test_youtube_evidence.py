"""What is kept of an answer: enough to read the license again, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascc_async.model import License
from ascc_async.youtube.evidence import evidence_in
from ascc_async.youtube.json_reading import walk
from ascc_async.youtube.license_parser import read_again, read_item, read_watch_answer
from ascc_async.youtube.watch_page import PageReader
from tests.youtube.license_helpers import LINK, license_row, next_answer, recorded

SECRET = "CgtTRUNSRVQ%3D"
ITEM = {
    "id": "M4gD1WSo5mA",
    "etag": SECRET,
    "status": {"license": "creativeCommon"},
    "snippet": {"title": "A title", "channelTitle": "A channel", "channelId": "UC123"},
}


@pytest.mark.parametrize("answer", [next_answer(rows=[license_row()]), "next_cc_by"], ids=str)
def test_what_is_kept_reads_as_the_whole_did(answer: Any) -> None:
    """License, words, credits and video, from a kilobyte; who asked is not in it."""
    answer = recorded(answer) if isinstance(answer, str) else answer
    kept = evidence_in(answer)
    reading = read_again(kept)
    expected = read_watch_answer(answer)
    expected.logged_out = None
    assert reading == expected
    assert len(kept.encode()) < 1500
    assert "loggedOut" not in kept


def test_an_item_of_the_data_api_and_a_page_are_kept_alike() -> None:
    """The item without its tag; of a page what the parser was given, and what the player names."""
    kept = evidence_in(read_item(ITEM).read_from or {})
    assert read_again(kept) == read_item(ITEM)
    assert SECRET not in kept

    player = {"videoDetails": {"videoId": "M4gD1WSo5mA", "keywords": [SECRET]}}
    data = {**next_answer(rows=[license_row()]), "visitorData": SECRET}
    page = f"var ytInitialPlayerResponse = {json.dumps(player)};"
    page += f"var ytInitialData = {json.dumps(data)};</script>"
    reading = PageReader().feed(page.encode())
    assert reading is not None
    kept = evidence_in(reading.reading.read_from or {})
    again = read_again(kept)
    assert (again.license, again.video_id) == (License.CREATIVE_COMMONS, "M4gD1WSo5mA")
    assert SECRET not in kept


names = st.sampled_from(["text", "content", "url", "rows", "title", "trackingParams", "token"])
values = st.recursive(
    st.one_of(st.just(SECRET), st.just(f"{LINK}?redir_token={SECRET}"), st.integers(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_nothing_but_words_and_links_comes_along(row: Any) -> None:
    """Whatever surrounds the license row: it is still read, and no token of the viewer is kept."""
    answer = next_answer(rows=[row, license_row()])
    reading, kept = read_watch_answer(answer), evidence_in(answer)
    assert reading.license is License.CREATIVE_COMMONS
    assert read_again(kept).license is License.CREATIVE_COMMONS
    leaves = [(name, leaf) for name, leaf in walk(json.loads(kept)) if isinstance(leaf, str)]
    assert not any("?" in leaf for name, leaf in leaves if name == "url")
    holding = {name for name, leaf in leaves if SECRET in leaf}
    assert holding <= {"text", "content", "title", "url"}


def test_what_is_nested_too_deep_is_no_bug() -> None:
    """It is read without recursion; it cannot be kept, and that ends no run."""
    row: Any = license_row()
    for _ in range(1100):
        row = {"more": row}
    reading = read_watch_answer(next_answer(rows=[row]))
    assert reading.license is License.CREATIVE_COMMONS
    assert reading.answer("M4gD1WSo5mA", "innertube", 1.0, "me", address="x").evidence is None
