"""Reading the license: three answers kept apart, whatever the language, order or damage."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascc_async.model import License
from ascc_async.standin import masks
from ascc_async.youtube.innertube import NEXT_PATHS
from ascc_async.youtube.license_parser import read_watch_answer
from tests.youtube.license_helpers import LINK, container, license_row, next_answer, recorded


def masked(answer: dict[str, Any]) -> dict[str, Any]:
    """What our own mask leaves of an answer."""
    cut: dict[str, Any] = masks.apply(answer, masks.parse(",".join(NEXT_PATHS)))
    return cut


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("next_cc_by", License.CREATIVE_COMMONS),
        ("next_standard", License.STANDARD),
        ("next_without_results", License.UNKNOWN),
    ],
)
def test_recorded_answers_in_full_and_masked(name: str, expected: License) -> None:
    """The recorded answers read the same in full and cut to what the mask leaves: under 2 KB."""
    answer = recorded(name)
    reading = read_watch_answer(answer)
    assert reading.license is expected
    assert read_watch_answer(masked(answer)) == reading
    assert len(json.dumps(masked(answer), separators=(",", ":")).encode()) < 2000


def test_recorded_evidence() -> None:
    """Words, link, title, channel and date come out as seen."""
    reading = read_watch_answer(recorded("next_cc_by"))
    assert reading.text == "Creative Commons Attribution licence (reuse allowed)"
    assert reading.link == LINK
    assert reading.title.startswith("William Fisher, CopyrightX: Lecture 3.2")
    assert reading.channel == "The Berkman Klein Center for Internet & Society"
    assert reading.channel_id == "UCuLGmD72gJDBwmLw06X58SA"
    assert reading.published == "28 Jan 2015"
    assert (reading.video_id, reading.logged_out) == ("M4gD1WSo5mA", True)


@pytest.mark.parametrize(
    "words",
    [
        "Creative Commons Attribution license (reuse allowed)",
        "Creative Commons Attribution licence (reuse allowed)",
        "Creative Commons-Lizenz mit Quellenangabe (Wiederverwendung erlaubt)",
        "クリエイティブ・コモンズの表示ライセンス（再利用を許可）",
        "some other words",
    ],
)
@pytest.mark.parametrize(
    "link",
    [
        LINK,
        "http://www.youtube.com/t/creative_commons",
        "https://m.youtube.com/t/creative_commons?hl=de",
        "https://youtube.com/t/creative_commons/",
        "/t/creative_commons",
    ],
)
def test_the_link_decides_in_every_language(words: str, link: str) -> None:
    """A row with the link is Creative Commons, whatever its words and its host."""
    reading = read_watch_answer(next_answer(rows=[license_row(words, link)]))
    assert (reading.license, reading.text, reading.link) == (License.CREATIVE_COMMONS, words, link)


def row(
    renderer: str = "metadataRowRenderer", text: str = "Song", url: str = "", title: str = "Row"
) -> dict[str, Any]:
    """A row that is about something else."""
    run: dict[str, Any] = {"text": text}
    if url:
        run["navigationEndpoint"] = {"urlEndpoint": {"url": url}}
    return {renderer: {"title": {"simpleText": title}, "contents": [{"runs": [run]}]}}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        None,
        [row()],
        [row("richMetadataRowRenderer"), row("metadataRowHeaderRenderer")],
        [row(url="https://www.youtube.com/t/terms")],
        # Of older music pages.
        [row(), row(title="Licensed to YouTube by", text="SME (on behalf of A); UMPI")],
        [row(title="Lizenziert an YouTube durch", text="SME")],
    ],
)
def test_a_container_without_the_row_is_standard(rows: list[Any] | None) -> None:
    """The place for the row is there and readable, and holds none: standard."""
    assert read_watch_answer(next_answer(rows=rows)).license is License.STANDARD


UNREADABLE: list[Any] = [
    None,
    [],
    {"metadataRows": [license_row()]},
    {"rows": [], "license": {"x": 1}},
    {"collapsedItemCount": 1},
    *({"rows": rows} for rows in (
        {},
        [{}],
        [7],
        [{"licenseRowRenderer": {"text": "x"}}],
        [row(text="Creative Commons Attribution")],
        [row(text="クリエイティブ・コモンズ")],
        [row(url="/watch?u=/t/creative_commons")],
        [license_row("New words", "/t/cc_by_4")],
        *([row(title=title)] for title in ("Licence:", "Licença", "ライセンス", "许可证")),
        [{"metadataRowRenderer": {"title": "x"}}],
    )),
]  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        None,
        [],
        "x",
        {},
        {"metadataRowContainerViewModel": {"rows": []}},
        {"metadataRowContainerRenderer": {"rows": []}, "licenseRenderer": {}},
        *({"metadataRowContainerRenderer": renderer} for renderer in UNREADABLE),
    ],
)
def test_a_place_that_cannot_be_read_does_not_tell(place: Any) -> None:
    """Missing, renamed or changed: unknown, never standard and never Creative Commons."""
    assert read_watch_answer(next_answer(place=place)).license is License.UNKNOWN


def test_a_renamed_row_with_the_link_still_tells() -> None:
    """The link is evidence, however the renderer around it is called."""
    renamed = {"licenseRowViewModel": license_row()["metadataRowRenderer"]}
    reading = read_watch_answer(next_answer(rows=[renamed]))
    assert reading.license is License.CREATIVE_COMMONS


def test_the_link_elsewhere_on_the_page_is_no_evidence() -> None:
    """Only the rows count: a link in the description or in another video's card does not."""
    answer = next_answer(rows=[])
    answer["contents"]["twoColumnWatchNextResults"]["secondaryResults"] = license_row()
    answer["engagementPanels"] = [license_row()]
    assert read_watch_answer(answer).license is License.STANDARD


def test_a_collaboration_keeps_its_names() -> None:
    """Two channels' names come as one text; the missing id is left empty."""
    answer = next_answer(owner={"attributedTitle": {"content": "Ann and Bob"}})
    reading = read_watch_answer(answer)
    assert (reading.channel, reading.channel_id) == ("Ann and Bob", "")


def _shuffled(node: Any, rng: random.Random) -> Any:
    if isinstance(node, dict):
        names = list(node)
        rng.shuffle(names)
        return {name: _shuffled(node[name], rng) for name in names}
    return [_shuffled(inner, rng) for inner in node] if isinstance(node, list) else node


@given(st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_order_does_not_matter(rng: random.Random) -> None:
    """Answers with their keys in any order read the same."""
    answer = next_answer(rows=[row(), license_row()])
    assert read_watch_answer(_shuffled(answer, rng)) == read_watch_answer(answer)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    paths = [path] if path else []
    if isinstance(node, dict | list):
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            paths += _paths(value, (*path, name))
    return paths


@pytest.mark.parametrize("rows", [[license_row()], []], ids=["creative_commons", "standard"])
@pytest.mark.parametrize("damage", ["gone", "null", "text", "list", "renamed"])
def test_any_one_damage_never_makes_a_wrong_license(rows: list[Any], damage: str) -> None:
    """Whatever one part is lost, renamed or replaced: the same license, or unknown."""
    whole = next_answer(rows=rows)
    truth = read_watch_answer(whole).license
    for path in _paths(whole):
        answer = copy.deepcopy(whole)
        _damage(answer, path, damage)
        license_ = read_watch_answer(answer).license
        # Rows that are gone without a trace are what a standard video looks like.
        if "rows" in path[-2:] and damage in ("gone", "renamed"):
            continue
        assert license_ in (truth, License.UNKNOWN), path


def _damage(answer: Any, path: tuple[Any, ...], damage: str) -> None:
    node = answer
    for name in path[:-1]:
        node = node[name]
    last = path[-1]
    if damage in ("gone", "renamed"):
        value = node.pop(last)
        if damage == "renamed" and isinstance(node, dict):
            node[f"{last}V2"] = value
    else:
        node[last] = {"null": None, "text": "x", "list": [1]}[damage]


def test_the_container_of_the_helpers_is_like_the_recorded_one() -> None:
    """The made-up answers of these tests have the recorded answer's shape."""
    real = recorded("next_standard")
    for entry in real["contents"]["twoColumnWatchNextResults"]["results"]["results"]["contents"]:
        if "videoSecondaryInfoRenderer" in entry:
            rows = entry["videoSecondaryInfoRenderer"]["metadataRowContainer"]
            assert rows["metadataRowContainerRenderer"].keys() <= container([])[
                "metadataRowContainerRenderer"
            ].keys() | {"trackingParams"}
