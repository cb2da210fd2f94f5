"""Innertube: one small masked request a video, never a wrong license, walls are refusals."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yt_dlp.extractor.youtube._base
from aiohttp import web

from ascc_async.errors import Refused, ServerFault
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.standin import masks
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.innertube import (
    _VERSION_IN_YTDLP,
    NEXT_PATHS,
    WEB_VERSION,
    InnertubeSource,
    current_web_client,
    endpoint_urls,
)
from ascc_async.youtube.license_parser import read_again
from tests.youtube.license_helpers import (
    Answers,
    YouTube,
    fast_limiter,
    license_row,
    next_answer,
    not_there,
    player_answer,
    recorded,
    text_answer,
    youtube_and_sessions,
)

ID, OTHER_ID = "M4gD1WSo5mA", "xxxxxxxxxxx"
CC = next_answer(rows=[license_row()])
STANDARD = next_answer(rows=[])
URLS = endpoint_urls("next", NEXT_PATHS)
FILLER = {"topbar": {"x": "y" * 50_000}, "frameworkUpdates": {}}


def honouring(next_: dict[str, Any], player: dict[str, Any] | None = None) -> Answers:
    """A YouTube that takes masks in both spellings."""

    def answer(request: web.Request) -> web.Response:
        whole = next_ if request.path.endswith("/next") else player
        assert whole is not None, "the player was not to be asked"
        mask = request.query.get("$fields") or request.query.get("fields") or "*"
        return web.json_response(masks.apply({**whole, **FILLER}, masks.parse(mask)))

    return answer


@asynccontextmanager
async def asking(
    answers: Answers, tmp_path: Path, limiter: RateLimiter | None = None
) -> AsyncIterator[tuple[InnertubeSource, YouTube]]:
    """A source, and the YouTube that it asks."""
    async with youtube_and_sessions(answers, tmp_path, limiter) as (site, sessions):
        yield InnertubeSource(sessions, wall=lambda: 1234.5), site


async def ask(
    answers: Answers, tmp_path: Path, video_id: str = ID
) -> tuple[LicenseAnswer, YouTube]:
    """One answer, and what was asked for it."""
    async with asking(answers, tmp_path) as (source, site):
        (answer,) = await source.ask([video_id])
    return answer, site


async def test_a_shareable_video_costs_one_small_request(tmp_path: Path) -> None:
    """Creative Commons with all its evidence, in one request of under 2 KB."""
    answer, site = await ask(honouring(CC), tmp_path)
    assert answer == LicenseAnswer(
        video_id=ID,
        license=License.CREATIVE_COMMONS,
        source="innertube",
        checked_at=1234.5,
        text="Creative Commons Attribution license (reuse allowed)",
        link="https://www.youtube.com/t/creative_commons",
        title="A title",
        channel="A channel",
        channel_id="UC123",
        published="Jan 28, 2015",
    )
    assert site.paths() == ["next"]
    assert len(site.requests[0].query["$fields"]) < 1500
    assert site.bodies[0]["videoId"] == ID
    assert site.bodies[0]["context"]["client"]["hl"] == "en"
    kept = answer.evidence
    assert kept is not None
    assert (kept.address, json.loads(kept.sent)) == (URLS[0], site.bodies[0])
    assert read_again(kept.received).answer(ID, "innertube", 1234.5, "") == answer


@pytest.mark.parametrize(
    ("name", "expected", "requests"),
    [
        ("next_cc_by", License.CREATIVE_COMMONS, 1),
        ("next_standard", License.STANDARD, 1),
        # Silent about the license: the player says that the video is there, and so it is unknown.
        ("next_without_results", License.UNKNOWN, 4),
    ],
)
async def test_recorded_answers(
    name: str, expected: License, requests: int, tmp_path: Path
) -> None:
    """Recorded answers, masked by the server as our mask asks."""
    whole = recorded(name)
    video_id = whole["currentVideoEndpoint"]["watchEndpoint"]["videoId"]
    player = player_answer(video_id=video_id)
    answer, site = await ask(honouring(whole, player), tmp_path, video_id)
    assert (answer.license, answer.reason) == (expected, None)
    assert len(site.requests) == requests


@pytest.mark.parametrize(
    ("status", "words", "license_", "reason", "bare_by"),
    [
        ("LOGIN_REQUIRED", "This video is private", License.UNAVAILABLE, Reason.PRIVATE, ""),
        ("ERROR", "Video unavailable", License.UNKNOWN, None, "main"),
        ("UNPLAYABLE", "This video is not available", License.UNKNOWN, None, "main"),
        ("LOGIN_REQUIRED", "Please sign in", License.UNKNOWN, None, ""),
        ("ERROR", "Etwas ganz Neues", License.UNKNOWN, None, ""),
    ],
)
async def test_a_missing_video_costs_one_more_request(
    status: str,
    words: str,
    license_: License,
    reason: Reason | None,
    bare_by: str,
    tmp_path: Path,
) -> None:
    """The player tells why, in its own words; bare ones leave the video unknown, and it is kept
    to whom it was called unavailable without a reason.
    """
    answer, site = await ask(honouring(not_there(), player_answer(status, words)), tmp_path)
    assert (answer.license, answer.reason, answer.detail) == (license_, reason, words)
    assert answer.bare_by == bare_by
    assert site.paths()[:2] == ["next", "player"]
    assert site.requests[1].query["$fields"] == "playabilityStatus,videoDetails.videoId"


async def test_another_videos_answer_tells_nothing(tmp_path: Path) -> None:
    """An answer about another video is unknown, whatever its license; a player's is a fault."""
    answer, _ = await ask(honouring(next_answer(OTHER_ID, rows=[license_row()])), tmp_path)
    assert (answer.license, answer.title) == (License.UNKNOWN, "")
    assert OTHER_ID in answer.detail
    with pytest.raises(ServerFault):
        await ask(honouring(not_there(), player_answer(video_id=OTHER_ID)), tmp_path)


@pytest.mark.parametrize(
    "body",
    ["", "   ", "<html><body>hello</body></html>", "{", "[]", "null", '"x"',
     '{"error": {"code": 5}}', '{"a":' * 5000 + "1" + "}" * 5000],
)  # fmt: skip
async def test_what_is_no_answer_is_a_server_fault(body: str, tmp_path: Path) -> None:
    """Nothing, HTML, broken JSON: a fault, which is tried again; never a license."""
    with pytest.raises(ServerFault):
        await ask(text_answer(body), tmp_path)


async def test_an_error_screen_without_a_bottom_is_a_server_fault(tmp_path: Path) -> None:
    """JSON that can be parsed, but is nested deeper than anything can follow."""
    nest = '{"a":' * 980 + '{"url": "x"}' + "}" * 980
    gone = f'{{"playabilityStatus": {{"status": "ERROR", "errorScreen": {nest}}}}}'

    def answers(request: web.Request) -> web.Response:
        is_next = request.path.endswith("/next")
        return web.json_response(not_there()) if is_next else web.Response(text=gone)

    with pytest.raises(ServerFault):
        await ask(answers, tmp_path)


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (text_answer('<form action="https://consent.youtube.com/save">'), "other"),
        (text_answer('<form action="https://accounts.google.com/ServiceLogin">'), "bot_check"),
        (text_answer("<p>Our systems have detected unusual traffic from your computer network."),
         "captcha"),
        (honouring(not_there(), player_answer("LOGIN_REQUIRED", "Confirm you’re not a bot")),
         "bot_check"),
    ],
)  # fmt: skip
async def test_walls_in_place_of_an_answer_are_refusals(
    answers: Answers, kind: str, tmp_path: Path
) -> None:
    """Consent, login, captcha with status 200, the player's bot check: the limiter hears of it."""
    limiter = fast_limiter()
    async with asking(answers, tmp_path, limiter) as (source, _):
        with pytest.raises(Refused) as caught:
            await source.ask([ID])
    assert caught.value.kind == kind
    assert sum(bucket.refused for bucket in limiter.snapshot().buckets) == 1


async def test_a_player_that_refuses_alone_holds_no_license_up(tmp_path: Path) -> None:
    """Why a video is not shown stays open, at once, and pages do not pause."""
    limiter, shown = fast_limiter(), [True]
    refused = player_answer("LOGIN_REQUIRED", "Confirm you’re not a bot")

    def answers(request: web.Request) -> web.Response:
        return honouring(CC if shown[0] else not_there(), refused)(request)

    async with asking(answers, tmp_path, limiter) as (source, site):
        await source.ask([ID])
        shown[0] = False
        limiter.were_refusals(RequestKind.PLAYER, "main", Refused("a bot?"), seconds=60)
        for _ in range(3):
            (answer,) = await source.ask([ID])
            assert (answer.license, answer.shown) == (License.UNKNOWN, False)
            assert "refuses to say why" in answer.detail
    assert site.paths() == ["next"] * 4
    assert not limiter.is_paused(RequestKind.PAGES, "main")


async def test_whoever_is_shown_nothing_while_the_player_refuses_is_refused(tmp_path: Path) -> None:
    """To a blocked identity pages show no video, and do not say that they refuse."""
    limiter = fast_limiter()
    refused = player_answer("LOGIN_REQUIRED", "Confirm you’re not a bot")
    async with asking(honouring(not_there(), refused), tmp_path, limiter) as (source, site):
        for _ in range(2):
            with pytest.raises(Refused):
                await source.ask([ID])
    assert site.paths() == ["next", "player", "next"]
    assert limiter.is_paused(RequestKind.PAGES, "main")


async def test_a_video_that_is_gone_is_not_asked_for_again_while_pages_are_refused(
    tmp_path: Path,
) -> None:
    """Its page is no news of whether pages are still refused; what the player says of it counts."""
    limiter = fast_limiter()
    limiter.were_refusals(RequestKind.PAGES, "main", Refused("429", retry_after=0.02))
    gone = player_answer("LOGIN_REQUIRED", "This video is private")
    async with asking(honouring(not_there(), gone), tmp_path, limiter) as (source, site):
        (answer,) = await source.ask([ID])
    assert answer.reason is Reason.PRIVATE
    assert site.paths() == ["next", "player"]


@pytest.mark.parametrize("said", ["Sign in to confirm your age", ""])
async def test_what_next_does_not_show_in_a_block_is_asked_again_after_it(
    said: str, tmp_path: Path
) -> None:
    """Its page was empty, not a refusal; then the block is over, and the player tells why it does
    not play the video, or would play it: the license is what `next` shows now.
    """
    limiter, pages = fast_limiter(), [CC, not_there(), STANDARD]

    def answers(request: web.Request) -> web.Response:
        if len(pages) == 2 and request.path.endswith("/next"):
            # Another request, under way at the same time, hears of the block.
            refused = Refused("a bot?", retry_after=0.02)
            limiter.were_refusals(RequestKind.PLAYER, "main", refused)
        shown = pages.pop() if request.path.endswith("/next") else {}
        player = player_answer("LOGIN_REQUIRED", said) if said else player_answer()
        return honouring(shown, player)(request)

    async with asking(answers, tmp_path, limiter) as (source, site):
        await source.ask([ID])
        (answer,) = await source.ask([ID])
    assert answer.license is License.CREATIVE_COMMONS
    assert site.paths() == ["next", "next", "player", "next"]


async def test_half_of_a_character_becomes_one_that_can_be_written(tmp_path: Path) -> None:
    """A title cut in the middle of an emoji, as YouTube's JSON may hold it."""
    body = json.dumps(CC).replace("A title", "A \\ud83d title")
    answer, _ = await ask(text_answer(body), tmp_path)
    assert (answer.license, answer.title) == (License.CREATIVE_COMMONS, "A ? title")


def refusing(*parameters: str) -> Answers:
    """A YouTube that answers 400 to masks in these spellings."""

    def answer(request: web.Request) -> web.StreamResponse:
        if any(parameter in request.query for parameter in parameters):
            return web.json_response({"error": {"code": 400}}, status=400)
        return honouring(CC)(request)

    return answer


@pytest.mark.parametrize(
    ("answers", "last_url", "requests", "warnings"),
    [
        (refusing("$fields"), 1, [2, 1, 1], 1),
        (refusing("$fields", "fields"), 2, [3, 1, 1], 1),
        # Answers in full still tell; each spelling is said to be ignored once.
        (lambda request: web.json_response({**CC, **FILLER}), 2, [1, 1, 1], 2),
    ],
    ids=["one refused", "both refused", "ignored"],
)
async def test_a_mask_that_does_not_work_is_given_up_and_said_once(
    answers: Answers,
    last_url: int,
    requests: list[int],
    warnings: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The other spelling is tried, then none; later videos take one request each."""
    totals = [0]
    with caplog.at_level(logging.WARNING):
        async with asking(answers, tmp_path) as (source, site):
            for _ in requests:
                (answer,) = await source.ask([ID])
                assert answer.license is License.CREATIVE_COMMONS
                totals.append(len(site.requests))
    assert [after - before for before, after in pairwise(totals)] == requests
    assert source.next.url == URLS[last_url]
    assert sum("compact answers" in record.message for record in caplog.records) == warnings


async def test_a_mask_that_cuts_the_evidence_away_is_found_out(tmp_path: Path) -> None:
    """When only the masked answer is silent, the mask is to blame, not the video."""

    def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/player"):
            return web.json_response(player_answer())
        return web.json_response({} if "$fields" in request.query else STANDARD)

    async with asking(answer, tmp_path) as (source, site):
        answers = [(await source.ask([ID]))[0].license for _ in range(2)]
    assert answers == [License.STANDARD] * 2
    assert source.next.url == URLS[1]
    assert site.paths() == ["next", "player", "next", "next"]


async def test_a_400_for_everything_is_a_fault_and_blames_no_mask(tmp_path: Path) -> None:
    """When the request is refused without a mask as well, the mask stays in use."""
    async with asking(text_answer("{}", 400), tmp_path) as (source, _):
        with pytest.raises(ServerFault):
            await source.ask([ID])
    assert source.next.url == URLS[0]


async def test_a_masked_answer_that_is_silent_about_one_video_keeps_the_mask(
    tmp_path: Path,
) -> None:
    """Once the mask has let evidence through, a silent answer is the video's: no extra requests."""
    silent = "An8vtD1FDqs"
    script = [
        honouring(STANDARD),
        *[honouring(not_there(silent), player_answer(video_id=silent))] * 2,
    ]
    async with asking(lambda request: script.pop(0)(request), tmp_path) as (source, site):
        await source.ask([ID])
        (answer,) = await source.ask([silent])
    assert answer.license is License.UNKNOWN
    assert site.paths() == ["next", "next", "player"]


async def test_an_id_may_begin_with_anything(tmp_path: Path) -> None:
    """Ids with dashes and underscores arrive as they are."""
    video_id = "-_-_-_-_-_-"
    answer, site = await ask(honouring(next_answer(video_id, rows=[])), tmp_path, video_id)
    assert answer.license is License.STANDARD
    assert site.bodies[0]["videoId"] == video_id


def test_the_clients_version_is_the_newest_known() -> None:
    """The installed yt-dlp's version, which is found in its file, is used when it is newer."""
    text = Path(yt_dlp.extractor.youtube._base.__file__).read_text("utf-8")
    found = _VERSION_IN_YTDLP.findall(text)
    assert found, "yt-dlp writes it in another way now"
    newest = max((WEB_VERSION, found[0]), key=lambda one: [int(n) for n in one.split(".")])
    assert current_web_client().version == newest
