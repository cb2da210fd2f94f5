"""Innertube: one small masked request a video, never a wrong license, walls are refusals."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ascc_async.errors import Refused, ServerFault
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.standin import masks
from ascc_async.throttle.limiter import RateLimiter, RequestKind
from ascc_async.youtube.innertube import (
    WEB_VERSION,
    InnertubeSource,
    MaskSyntax,
    current_web_client,
)
from tests.youtube.license_helpers import (
    YouTube,
    license_row,
    next_answer,
    not_there,
    open_gate,
    player_answer,
    recorded,
    sessions_for,
    youtube,
)

ID = "M4gD1WSo5mA"
Answers = Callable[[web.Request], web.StreamResponse]
CC = next_answer(rows=[license_row()])
STANDARD = next_answer(rows=[])
FILLER = {"topbar": {"x": "y" * 50_000}, "frameworkUpdates": {}}


def mask_of(request: web.Request) -> masks.Mask:
    """The mask that a request carries, in either form."""
    return masks.parse(request.query.get("$fields") or request.query.get("fields") or "*")


def honouring(next_: dict[str, Any], player: dict[str, Any] | None = None) -> Answers:
    """A YouTube that takes masks in both forms."""

    def answer(request: web.Request) -> web.Response:
        whole = next_ if request.path.endswith("/next") else player
        assert whole is not None, "the player was not to be asked"
        return web.json_response(masks.apply({**whole, **FILLER}, mask_of(request)))

    return answer


@asynccontextmanager
async def asking(
    answers: Answers, tmp_path: Path, limiter: RateLimiter | None = None
) -> AsyncIterator[tuple[InnertubeSource, YouTube]]:
    """A source, and the YouTube that it asks."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answers(request)

    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, limiter=limiter) as asked,
    ):
        yield InnertubeSource(asked, wall=lambda: 1234.5), site


async def ask(answers: Answers, tmp_path: Path, video_id: str = ID) -> LicenseAnswer:
    """One answer."""
    async with asking(answers, tmp_path) as (source, _):
        (answer,) = await source.ask([video_id])
    return answer


async def test_a_shareable_video_costs_one_small_request(tmp_path: Path) -> None:
    """Creative Commons with all its evidence, in one request of under 2 KB."""
    async with asking(honouring(CC), tmp_path) as (source, site):
        (answer,) = await source.ask([ID])
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


@pytest.mark.parametrize(
    ("name", "expected"),
    [("next_cc_by", License.CREATIVE_COMMONS), ("next_standard", License.STANDARD)],
)
async def test_recorded_answers(name: str, expected: License, tmp_path: Path) -> None:
    """Recorded answers, masked by the server as our mask asks, in one request."""
    answer = recorded(name)
    video_id = answer["currentVideoEndpoint"]["watchEndpoint"]["videoId"]
    async with asking(honouring(answer), tmp_path) as (source, site):
        (told,) = await source.ask([video_id])
    assert told.license is expected
    assert len(site.requests) == 1


async def test_an_answer_without_results_is_unknown_when_it_is_playable(tmp_path: Path) -> None:
    """The recorded answer that does not tell stays unknown: the player says that it is there."""
    silent = recorded("next_without_results")
    player = player_answer(video_id="An8vtD1FDqs")
    answer = await ask(honouring(silent, player), tmp_path, "An8vtD1FDqs")
    assert (answer.license, answer.reason) == (License.UNKNOWN, None)


@pytest.mark.parametrize(
    ("status", "words", "license_", "reason"),
    [
        ("LOGIN_REQUIRED", "This video is private", License.UNAVAILABLE, Reason.PRIVATE),
        ("ERROR", "Video unavailable", License.UNAVAILABLE, Reason.REMOVED),
        ("ERROR", "Etwas ganz Neues", License.UNKNOWN, None),
    ],
)
async def test_a_missing_video_costs_one_more_request(
    status: str, words: str, license_: License, reason: Reason | None, tmp_path: Path
) -> None:
    """The player tells why, in its own words; words nobody knows leave the video unknown."""
    async with asking(honouring(not_there(), player_answer(status, words)), tmp_path) as (
        source,
        site,
    ):
        (answer,) = await source.ask([ID])
    assert (answer.license, answer.reason, answer.detail) == (license_, reason, words)
    assert site.paths()[:2] == ["next", "player"]
    assert site.requests[1].query["$fields"] == "playabilityStatus,videoDetails.videoId"


async def test_another_videos_answer_tells_nothing(tmp_path: Path) -> None:
    """An answer about another video is unknown, whatever its license."""
    answer = await ask(honouring(next_answer("xxxxxxxxxxx", rows=[license_row()])), tmp_path)
    assert answer.license is License.UNKNOWN
    assert "xxxxxxxxxxx" in answer.detail
    assert answer.title == ""


async def test_another_videos_player_tells_nothing(tmp_path: Path) -> None:
    """A player's answer about another video is no reason."""
    answers = honouring(not_there(), player_answer(video_id="xxxxxxxxxxx"))
    async with asking(answers, tmp_path) as (source, _):
        with pytest.raises(ServerFault):
            await source.ask([ID])


def text(body: str, status: int = 200) -> Answers:
    """Always the same body."""
    return lambda request: web.Response(text=body, status=status)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "   ",
        "<html><body>hello</body></html>",
        "{",
        "[]",
        "null",
        '"x"',
        '{"error": {"code": 5}}',
        '{"a":' * 5000 + "1" + "}" * 5000,
    ],
)
async def test_what_is_no_answer_is_a_server_fault(body: str, tmp_path: Path) -> None:
    """Nothing, HTML, broken JSON: a fault, which is tried again; never a license."""
    async with asking(text(body), tmp_path) as (source, _):
        with pytest.raises(ServerFault):
            await source.ask([ID])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('<form action="https://consent.youtube.com/save">Before you continue</form>', "other"),
        ('<form action="https://accounts.google.com/ServiceLogin">', "bot_check"),
        ("<p>Our systems have detected unusual traffic from your computer network.</p>", "captcha"),
    ],
)
async def test_walls_in_place_of_json_are_refusals(body: str, kind: str, tmp_path: Path) -> None:
    """A consent page, a login wall, a captcha with status 200: refused, told to the gate."""
    limiter = open_gate()
    async with asking(text(body), tmp_path, limiter) as (source, _):
        with pytest.raises(Refused) as caught:
            await source.ask([ID])
    assert caught.value.kind == kind
    assert (
        next(
            bucket for bucket in limiter.snapshot().buckets if bucket.kind is RequestKind.PAGES
        ).refused
        == 1
    )


async def test_an_error_screen_without_a_bottom_is_a_server_fault(tmp_path: Path) -> None:
    """JSON that can be parsed, but is nested deeper than anything can follow."""
    nest = '{"a":' * 980 + '{"url": "x"}' + "}" * 980
    gone = f'{{"playabilityStatus": {{"status": "ERROR", "errorScreen": {nest}}}}}'

    def answers(request: web.Request) -> web.Response:
        if request.path.endswith("/next"):
            return web.json_response(not_there())
        return web.Response(text=gone)

    async with asking(answers, tmp_path) as (source, _):
        with pytest.raises(ServerFault):
            await source.ask([ID])


async def test_half_of_a_character_becomes_one_that_can_be_written(tmp_path: Path) -> None:
    """A title cut in the middle of an emoji, as YouTube's JSON may hold it."""
    body = json.dumps(CC).replace("A title", "A \\ud83d title")
    answer = await ask(text(body), tmp_path)
    assert (answer.license, answer.title) == (License.CREATIVE_COMMONS, "A ? title")


async def test_the_players_bot_check_is_a_refusal(tmp_path: Path) -> None:
    """A bot check says nothing about the video, and slows the identity."""
    player = player_answer("LOGIN_REQUIRED", "Sign in to confirm you’re not a bot")
    limiter = open_gate()
    async with asking(honouring(not_there(), player), tmp_path, limiter) as (source, _):
        with pytest.raises(Refused) as caught:
            await source.ask([ID])
    assert caught.value.kind == "bot_check"
    assert (
        next(
            bucket for bucket in limiter.snapshot().buckets if bucket.kind is RequestKind.PAGES
        ).refused
        == 1
    )


def refusing(*parameters: str) -> Answers:
    """A YouTube that answers 400 to masks in these forms."""

    def answer(request: web.Request) -> web.StreamResponse:
        if any(parameter in request.query for parameter in parameters):
            return web.json_response({"error": {"code": 400}}, status=400)
        return honouring(CC)(request)

    return answer


@pytest.mark.parametrize(
    ("refused", "form"),
    [(("$fields",), MaskSyntax.SLASHED), (("$fields", "fields"), MaskSyntax.NONE)],
)
async def test_a_refused_mask_is_given_up_and_said_once(
    refused: tuple[str, ...], form: MaskSyntax, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The other form is tried, then none; later videos go on with what works, in one request."""
    with caplog.at_level(logging.WARNING):
        async with asking(refusing(*refused), tmp_path) as (source, site):
            first = await source.ask([ID])
            asked = len(site.requests)
            second = await source.ask([ID])
    assert [first[0].license, second[0].license] == [License.CREATIVE_COMMONS] * 2
    assert source.next.syntax is form
    assert (asked, len(site.requests)) == (len(refused) + 1, len(refused) + 2)
    assert len([one for one in caplog.records if "compact answers" in one.message]) == 1


async def test_an_ignored_mask_is_given_up_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Answers in full still tell; each form is said to be ignored once."""
    with caplog.at_level(logging.WARNING):
        answers = lambda request: web.json_response({**CC, **FILLER})  # noqa: E731
        async with asking(answers, tmp_path) as (source, site):
            told = [(await source.ask([ID]))[0].license for _ in range(4)]
    assert told == [License.CREATIVE_COMMONS] * 4
    assert source.next.syntax is MaskSyntax.NONE
    assert len(site.requests) == 4
    assert len([one for one in caplog.records if "compact answers" in one.message]) == 2


async def test_a_mask_that_cuts_the_evidence_away_is_found_out(tmp_path: Path) -> None:
    """When only the masked answer is silent, the mask is to blame, not the video."""

    def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/player"):
            return web.json_response(player_answer())
        return web.json_response({} if "$fields" in request.query else STANDARD)

    async with asking(answer, tmp_path) as (source, site):
        first = await source.ask([ID])
        second = await source.ask([ID])
    assert [first[0].license, second[0].license] == [License.STANDARD] * 2
    assert source.next.syntax is MaskSyntax.SLASHED
    assert site.paths() == ["next", "player", "next", "next"]


async def test_a_400_for_everything_is_a_fault_and_blames_no_mask(tmp_path: Path) -> None:
    """When the request is refused without a mask as well, the mask stays in use."""
    async with asking(text("{}", 400), tmp_path) as (source, _):
        with pytest.raises(ServerFault):
            await source.ask([ID])
    assert source.next.syntax is MaskSyntax.DOTTED


async def test_a_masked_answer_that_is_silent_about_one_video_keeps_the_mask(
    tmp_path: Path,
) -> None:
    """Once the mask has let evidence through, a silent answer is the video's: no extra requests."""
    standard = honouring(STANDARD)
    silent = honouring(not_there("An8vtD1FDqs"), player_answer(video_id="An8vtD1FDqs"))

    def answer(request: web.Request) -> web.StreamResponse:
        return (standard if not asked_once else silent)(request)

    asked_once: list[bool] = []
    async with asking(answer, tmp_path) as (source, site):
        await source.ask([ID])
        asked_once.append(True)
        (told,) = await source.ask(["An8vtD1FDqs"])
    assert told.license is License.UNKNOWN
    assert site.paths() == ["next", "next", "player"]


async def test_an_id_may_begin_with_anything(tmp_path: Path) -> None:
    """Ids with dashes and underscores arrive as they are."""
    async with asking(honouring(next_answer("-_-_-_-_-_-", rows=[])), tmp_path) as (source, site):
        (answer,) = await source.ask(["-_-_-_-_-_-"])
    assert answer.license is License.STANDARD
    assert site.bodies[0]["videoId"] == "-_-_-_-_-_-"


def test_the_clients_version_is_the_newest_known() -> None:
    """The installed yt-dlp's version is used when it is newer than ours."""
    version = current_web_client().version
    assert [int(part) for part in version.split(".")] >= [int(n) for n in WEB_VERSION.split(".")]
