"""The watch page: read as a stream, left as soon as the answer is certain, never misread."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ascc_async.errors import Refused, ServerFault
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.youtube import watch_page
from ascc_async.youtube.json_reading import parse_json
from ascc_async.youtube.license_parser import read_again
from ascc_async.youtube.watch_page import PAGE_BYTES, PageReader, PageReading, WatchPageSource
from tests.youtube.license_helpers import (
    counts,
    fast_limiter,
    license_row,
    next_answer,
    recorded,
    sessions_for,
    text_answer,
    youtube,
    youtube_and_sessions,
)

ID = "M4gD1WSo5mA"
CC = next_answer(rows=[license_row()])
STANDARD = next_answer(rows=[])


def player(status: str = "OK", reason: str = "", video_id: str = ID) -> dict[str, Any]:
    """What a page says of the player."""
    answer: dict[str, Any] = {"playabilityStatus": {"status": status, "reason": reason}}
    if status == "OK":
        answer["videoDetails"] = {
            "videoId": video_id, "title": "From the player", "author": "A", "channelId": "UCp",
        }  # fmt: skip
    return answer


OTHER = "xxxxxxxxxxx"
ABOUT_OTHER = f"the answer was about {OTHER}"


def script(name: str, value: Any, form: str = "var {} = ") -> str:
    """A script that assigns JSON, escaped as YouTube does."""
    body = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026")
    return f'<script nonce="x">{form.format(name)}{body};</script>'


def page(data: Any = None, says: Any = None, *, tail: str = "", swapped: bool = False) -> bytes:
    """A watch page."""
    parts = [
        script("ytInitialPlayerResponse", says) if says is not None else "",
        "<div>" + "x" * 3000 + "</div>",
        script("ytInitialData", data) if data is not None else "",
    ]
    if swapped:
        parts.reverse()
    head = '<html><script>ytcfg.set({"LOGGED_IN":false});</script>'
    return (head + "".join(parts) + tail + "</html>").encode()


def read(body: bytes, *, size: int = 700) -> tuple[PageReading, int]:
    """The reading, and how many bytes it took; `size` is that of a chunk."""
    reader = PageReader()
    for start in range(0, len(body), size):
        result = reader.feed(body[start : start + size])
        if result is not None:
            return result, start + size
    return reader.finish(), len(body)


@pytest.mark.parametrize("size", [1, 7, 700, 65536])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("data", "expected"), [(CC, "creative_commons"), (STANDARD, "standard")])
def test_pages_read_the_same_in_any_pieces_and_order(
    data: Any, expected: str, swapped: bool, size: int
) -> None:
    """However the bytes are cut and whichever part comes first."""
    result, _ = read(page(data, player(), swapped=swapped), size=size)
    assert result.reading.license.value == expected
    assert result.reading.title == "A title"
    assert (result.reading.video_id, result.reading.logged_out) == (ID, True)


@pytest.mark.parametrize(
    ("name", "expected", "share"),
    [
        ("next_cc_by", "creative_commons", 0.2),
        ("next_standard", "standard", 0.2),
        # The page that does not tell is read to its end.
        ("next_without_results", "unknown", 1.1),
    ],
)
def test_recorded_answers_inside_a_page(name: str, expected: str, share: float) -> None:
    """A recorded answer as `ytInitialData`: known from less than a fifth of the page."""
    data = recorded(name)
    video_id = data["currentVideoEndpoint"]["watchEndpoint"]["videoId"]
    body = page(data, player(video_id=video_id))
    result, size = read(body, size=4096)
    assert result.reading.license.value == expected
    assert expected == "unknown" or result.reading.channel_id.startswith("UC")
    assert size <= len(body) * share


def test_a_missing_video_is_known_before_the_data() -> None:
    """A private video is certain after the player's part: the rest is not read."""
    body = page(CC, player("LOGIN_REQUIRED", "This video is private"), tail="y" * 100_000)
    result, size = read(body)
    assert result.verdict.reason is Reason.PRIVATE
    assert size < 2000


def test_an_age_restricted_page_still_tells_the_license() -> None:
    """What keeps guests out does not keep the license row off the page."""
    result, _ = read(page(CC, player("LOGIN_REQUIRED", "Sign in to confirm your age")))
    assert result.verdict.reason is Reason.AGE_RESTRICTED
    assert result.reading.license is License.CREATIVE_COMMONS


@pytest.mark.parametrize(
    "form", ["var {} = ", "window['{}'] = ", 'window["{}"]=', "{}=", "var {}\n =  "]
)
def test_the_ways_of_assigning(form: str) -> None:
    """Pages assign their data in several ways."""
    body = script("ytInitialPlayerResponse", player(), form) + script("ytInitialData", CC, form)
    assert read(body.encode())[0].reading.license is License.CREATIVE_COMMONS


def test_words_on_the_page_are_not_size_for_data() -> None:
    """A title or description that looks like data changes nothing."""
    evil = 'ytInitialData = {"x": 1}; "metadataRowContainer": </script> ' + json.dumps(
        license_row()
    )
    data = next_answer(rows=[], title=evil)
    result, _ = read(page(data, player()))
    assert (result.reading.license, result.reading.title) == (License.STANDARD, evil)


def test_a_part_that_does_not_end_is_not_parsed_at_every_chunk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A megabyte in 250 pieces: some five times its length is parsed in all, no more."""
    parsed: list[int] = []

    def counting(text: str, *, rest_allowed: bool) -> Any:
        parsed.append(len(text))
        return parse_json(text, rest_allowed=rest_allowed)

    monkeypatch.setattr(watch_page, "parse_json", counting)
    body = b'var ytInitialData = {"videoSecondaryInfoRenderer": {"x": "' + b"y" * (1 << 20)
    result, size = read(body, size=4096)
    assert (result.reading.license, size) == (License.UNKNOWN, len(body))
    assert 0 < sum(parsed) <= 6 * len(body)


@pytest.mark.parametrize("seed", range(20))
def test_a_page_that_breaks_off_never_tells_a_wrong_license(seed: int) -> None:
    """Cut anywhere: the right license, or unknown."""
    body = page(CC, player())
    cut = random.Random(seed).randrange(len(body))
    assert read(body[:cut])[0].reading.license in (License.CREATIVE_COMMONS, License.UNKNOWN)


async def ask(body: bytes, tmp_path: Path) -> LicenseAnswer:
    """One answer about a page."""
    async with youtube_and_sessions(text_answer(body), tmp_path) as (site, sessions):
        source = WatchPageSource(sessions, wall=lambda: 9.0)
        (answer,) = await source.ask([ID])
    assert site.requests[0].query["v"] == ID
    return answer


async def test_an_answer_with_its_evidence(tmp_path: Path) -> None:
    """The page's words, link, title and channel come with the license."""
    answer = await ask(page(CC, player()), tmp_path)
    assert answer == LicenseAnswer(
        video_id=ID,
        license=License.CREATIVE_COMMONS,
        source="watch_page",
        checked_at=9.0,
        text="Creative Commons Attribution license (reuse allowed)",
        link="https://www.youtube.com/t/creative_commons",
        title="A title",
        channel="A channel",
        channel_id="UC123",
        published="Jan 28, 2015",
    )
    kept = answer.evidence
    assert kept is not None
    assert kept.address.startswith(f"https://www.youtube.com/watch?v={ID}&")
    assert read_again(kept.received).answer(ID, "watch_page", 9.0, "") == answer


@pytest.mark.parametrize(
    ("body", "license_", "reason", "detail"),
    [
        (page(None, player("ERROR", "This video does not exist")), "unavailable", "removed",
         "This video does not exist"),
        (page(None, player("ERROR", "Video unavailable")), "unknown", None, "Video unavailable"),
        (page(next_answer(place={}), player()), "unknown", None, "the page did not tell"),
        (page(next_answer(OTHER, rows=[license_row()])), "unknown", None, ABOUT_OTHER),
        (page(CC, player(video_id=OTHER)), "unknown", None, ABOUT_OTHER),
        (page(None, player("UNPLAYABLE", "New words")), "unknown", None, "New words"),
        (b"<html>entirely new</html>", "unknown", None, "the page did not tell"),
    ],
)  # fmt: skip
async def test_what_a_page_does_not_tell_is_unknown(
    body: bytes, license_: str, reason: str | None, detail: str, tmp_path: Path
) -> None:
    """Missing videos have their reason, other videos' pages and new pages are unknown."""
    answer = await ask(body, tmp_path)
    assert (answer.license, answer.reason, answer.detail) == (license_, reason, detail)


async def test_an_endless_page_is_left(tmp_path: Path) -> None:
    """A page beyond the limit is left, unknown."""
    beyond = b"<html>" + b"z" * (PAGE_BYTES + (1 << 20)) + page(CC, player())
    assert (await ask(beyond, tmp_path)).license is License.UNKNOWN


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (page(CC, player("LOGIN_REQUIRED", "Sign in to confirm you’re not a bot")), "bot_check"),
        (page(None, player("UNPLAYABLE", "This content isn't available, try again later.")),
         "try_later"),
        (b'<html><form action="https://consent.youtube.com/save" method="POST">', "other"),
        (b"<html>Our systems have detected unusual traffic from your computer network.", "captcha"),
    ],
)  # fmt: skip
async def test_walls_are_refusals(body: bytes, kind: str, tmp_path: Path) -> None:
    """Bot check, rate limit, consent and captcha refuse the identity, not the video."""
    limiter = fast_limiter()
    async with youtube_and_sessions(text_answer(body), tmp_path, limiter) as (_, sessions):
        with pytest.raises(Refused) as caught:
            await WatchPageSource(sessions).ask([ID])
    assert caught.value.kind == kind
    assert counts(limiter).refused == 1


async def test_an_empty_page_is_a_fault(tmp_path: Path) -> None:
    """Nothing at all with status 200 is the server's fault."""
    with pytest.raises(ServerFault):
        await ask(b"", tmp_path)


async def test_a_video_named_like_a_refusal_is_read(tmp_path: Path) -> None:
    """A title that quotes the bot check refuses nobody."""
    data = next_answer(rows=[license_row()], title="Sign in to confirm you're not a bot")
    assert (await ask(page(data, player()), tmp_path)).license is License.CREATIVE_COMMONS


async def test_a_cut_page_is_asked_again(tmp_path: Path) -> None:
    """A connection that breaks before the answer is certain: the page is asked again."""
    whole, asked = page(CC, player()), []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        response = web.StreamResponse(headers={"Content-Length": str(len(whole))})
        await response.prepare(request)
        await response.write(whole[:2000] if len(asked) == 1 else whole)
        if len(asked) == 1:
            assert request.transport is not None
            request.transport.abort()
        return response

    async with youtube(handle, tmp_path) as site, sessions_for(site.network) as sessions:
        (answer,) = await WatchPageSource(sessions).ask([ID])
    assert answer.license is License.CREATIVE_COMMONS
    assert len(asked) == 2


def test_half_of_a_character_becomes_one_that_can_be_written() -> None:
    """A title cut in the middle of an emoji."""
    body = page(CC, player()).replace(b"A title", b"A \\ud83d title")
    result, _ = read(body)
    assert (result.reading.license, result.reading.title) == (License.CREATIVE_COMMONS, "A ? title")
