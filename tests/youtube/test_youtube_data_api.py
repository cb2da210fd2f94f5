"""The Data API: fifty a call, keys in turn, each error for what it is, quotas remembered."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ascc_async.errors import GaveUp, Refused, ServerFault, SourceUnusable
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.standin import masks
from ascc_async.throttle.limiter import RateLimiter, RequestKind
from ascc_async.youtube.data_api import DataApiSource, next_pacific_midnight, pacific_day
from ascc_async.youtube.innertube import PlayerAsker, WebClient
from tests.youtube.license_helpers import YouTube, open_gate, player_answer, sessions_for, youtube

IDS = ["aaaaaaaaaaa", "bbbbbbbbbbb", "-_ccccccccc"]
KEYS = ("AIzaFirstKey-1111", "AIzaSecondKey-2222")
NOON = datetime(2026, 7, 1, 19, tzinfo=UTC).timestamp()  # noon in California
NOT_A_BOT = "Sign in to confirm you're not a bot"
Answers = Callable[[web.Request], web.StreamResponse]


def item(video_id: str, word: str = "creativeCommon") -> dict[str, Any]:
    """One video as the API lists it."""
    return {
        "kind": "youtube#video",
        "id": video_id,
        "status": {"license": word, "privacyStatus": "public"},
        "snippet": {
            "title": "Ä title", "channelTitle": "A channel", "channelId": "UC1",
            "publishedAt": "2015-01-28T10:00:00Z", "description": "long",
        },
    }  # fmt: skip


def listing(*items: dict[str, Any]) -> Answers:
    """Answers with those of `items` that are asked for, honouring `fields`."""

    def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/player"):
            return web.json_response(player_answer("LOGIN_REQUIRED", "This video is private"))
        asked = request.query["id"].split(",")
        found = [one for one in items if one["id"] in asked]
        whole = {"kind": "youtube#videoListResponse", "items": found, "pageInfo": {}}
        return web.json_response(masks.apply(whole, masks.parse(request.query["fields"])))

    return answer


def error(reason: str, status: int = 403, *, newer: str = "", message: str = "") -> Answers:
    """An error as Google writes it."""
    body: dict[str, Any] = {"code": status, "message": message, "errors": [{"reason": reason}]}
    if newer:
        body["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": newer}]
    return lambda request: web.json_response({"error": body}, status=status)


@asynccontextmanager
async def asking(
    answers: Answers,
    tmp_path: Path,
    *,
    keys: tuple[str, ...] = KEYS,
    limiter: RateLimiter | None = None,
    reasons: bool = False,
    memory: Any = None,
    wall: Callable[[], float] = lambda: NOON,
) -> AsyncIterator[tuple[DataApiSource, YouTube]]:
    """A source, and the API that it asks."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answers(request)

    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, limiter=limiter) as sessions,
    ):
        asker = PlayerAsker(sessions, WebClient()) if reasons else None
        yield DataApiSource(sessions, keys, asker=asker, memory=memory, wall=wall), site


async def test_fifty_videos_cost_one_small_request(tmp_path: Path) -> None:
    """One request for all, answers in the order asked, with their evidence."""
    ids = [f"{number:011d}" for number in range(50)]
    items = [item(one, "creativeCommon" if one[-1] == "3" else "youtube") for one in reversed(ids)]
    async with asking(listing(*items), tmp_path) as (source, site):
        answers = await source.ask(ids)
    assert [answer.video_id for answer in answers] == ids
    assert answers[3] == LicenseAnswer(
        video_id=ids[3],
        license=License.CREATIVE_COMMONS,
        source="data_api",
        checked_at=NOON,
        text="creativeCommon",
        link="https://www.youtube.com/t/creative_commons",
        title="Ä title",
        channel="A channel",
        channel_id="UC1",
        published="2015-01-28T10:00:00Z",
    )
    assert (answers[4].license, answers[4].text, answers[4].link) == ("standard", "youtube", "")
    assert len(site.requests) == 1
    assert source.batch_size == 50


@pytest.mark.parametrize("status", [{}, {"license": "creativeCommon4"}, {"license": 7}, "x"])
async def test_a_license_word_nobody_knows_is_unknown(status: Any, tmp_path: Path) -> None:
    """Missing or new words are unknown, never standard."""
    odd = item(IDS[0]) | {"status": status}
    async with asking(listing(odd), tmp_path) as (source, _):
        (answer,) = await source.ask(IDS[:1])
    assert answer.license is License.UNKNOWN


async def test_a_missing_id_is_gone_and_the_player_says_why(tmp_path: Path) -> None:
    """The reason of a missing video comes from one small request to the player."""
    async with asking(listing(item(IDS[0])), tmp_path, reasons=True) as (source, site):
        answers = await source.ask(IDS[:2])
    assert [answer.license for answer in answers] == ["creative_commons", "unavailable"]
    assert (answers[1].reason, answers[1].detail) == (Reason.PRIVATE, "This video is private")
    assert site.paths() == ["videos", "player"]


@pytest.mark.parametrize(
    ("player", "license_", "reason"),
    [
        (player_answer(video_id=IDS[0]), "unknown", None),
        (
            player_answer("LOGIN_REQUIRED", "Sign in to confirm you're not a bot"),
            "unavailable",
            "removed",
        ),
        (player_answer("ERROR", "New words"), "unavailable", "removed"),
        ({}, "unavailable", "removed"),
    ],
)
async def test_a_missing_id_stays_gone_whatever_the_player_says(
    player: Any, license_: str, reason: str | None, tmp_path: Path
) -> None:
    """A refusal of the player loses no answer; a video it plays is not called gone."""

    def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/player"):
            return web.json_response(player)
        return listing()(request)

    async with asking(answer, tmp_path, reasons=True) as (source, _):
        (told,) = await source.ask(IDS[:1])
    assert (told.license, told.reason) == (license_, reason)


async def test_without_an_asker_a_missing_id_counts_as_removed(tmp_path: Path) -> None:
    """The API itself does not tell deleted from private; the detail says so."""
    async with asking(listing(), tmp_path) as (source, _):
        (answer,) = await source.ask(IDS[:1])
    assert (answer.reason, answer.detail) == (Reason.REMOVED, "deleted or private")


async def test_keys_are_taken_in_turn(tmp_path: Path) -> None:
    """Every key does its share; the same key given twice is one."""
    async with asking(listing(), tmp_path, keys=(*KEYS, KEYS[0])) as (source, site):
        for _ in range(4):
            await source.ask(IDS[:1])
    used = [request.query["key"] for request in site.requests]
    assert sorted(used) == sorted([*KEYS, *KEYS])


def by_key(**answers: Answers) -> Answers:
    """Answers by the key's last four characters."""
    return lambda request: answers["k" + request.query["key"][-4:]](request)


@pytest.mark.parametrize("reason", ["quotaExceeded", "dailyLimitExceeded"])
async def test_a_used_up_key_rests_and_the_next_goes_on(
    reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The same videos are asked with the next key; the first rests until midnight Pacific."""
    answers = by_key(k1111=error(reason), k2222=listing(item(IDS[0])))
    with caplog.at_level(logging.WARNING):
        async with asking(answers, tmp_path) as (source, site):
            told = [await source.ask(IDS[:1]) for _ in range(3)]
            remembered = source.memory()
    assert all(answer.license == "creative_commons" for (answer,) in told)
    assert [request.query["key"][-4:] for request in site.requests].count("1111") == 1
    resting = [entry["rests_until"] for entry in remembered.values() if entry["rests_until"]]
    assert resting == [datetime(2026, 7, 2, 7, tzinfo=UTC).timestamp()]
    (record,) = [one for one in caplog.records if "used up" in one.message]
    assert record.__dict__["key"] == "…1111"
    assert record.__dict__["keys_left"] == 1


async def test_when_all_quotas_are_used_up_the_source_says_until_when(tmp_path: Path) -> None:
    """All keys out: unusable until the reset, by name; then it goes on by itself."""
    now = [NOON]
    answer: list[Answers] = [error("quotaExceeded")]
    async with asking(lambda r: answer[0](r), tmp_path, wall=lambda: now[0]) as (source, site):
        with pytest.raises(SourceUnusable, match=r"…1111.*…2222.*2026-07-02 07:00 UTC") as caught:
            await source.ask(IDS[:1])
        with pytest.raises(SourceUnusable):
            await source.ask(IDS[:1])
        assert len(site.requests) == 2
        assert caught.value.until is not None
        now[0], answer[0] = caught.value.until, listing(item(IDS[0]))
        (told,) = await source.ask(IDS[:1])
    assert told.license is License.CREATIVE_COMMONS


async def test_quotas_survive_a_restart_without_the_keys_being_written(tmp_path: Path) -> None:
    """What a run remembers is JSON, holds no key, and keeps the next run from asking in vain."""
    async with asking(error("quotaExceeded"), tmp_path) as (source, _):
        with pytest.raises(SourceUnusable):
            await source.ask(IDS[:1])
        written = json.dumps(source.memory())
    assert not any(key in written or key[-4:] in written for key in KEYS)
    async with asking(listing(), tmp_path, memory=json.loads(written)) as (source, site):
        with pytest.raises(SourceUnusable):
            await source.ask(IDS[:1])
    assert site.requests == []


@pytest.mark.parametrize("memory", [{"x": 1}, {"x": {"used": "?"}}, {}])
async def test_a_damaged_memory_is_left_out(memory: Any, tmp_path: Path) -> None:
    """Nonsense in the journal costs nothing."""
    async with asking(listing(item(IDS[0])), tmp_path, memory=memory) as (source, _):
        (answer,) = await source.ask(IDS[:1])
    assert answer.license is License.CREATIVE_COMMONS


@pytest.mark.parametrize(
    "answers",
    [
        *(error(reason) for reason in ("accessNotConfigured", "ipRefererBlocked", "keyInvalid")),
        error("x", newer="SERVICE_DISABLED"),
        error("x", newer="API_KEY_SERVICE_BLOCKED"),
        error("keyExpired", 400),
        error("authError", 401),
        error("badRequest", 400, newer="API_KEY_INVALID", message="API key not valid."),
        error("badRequest", 400, message="API key expired. Please renew the API key."),
        error("somethingNew", 403),
    ],
)
async def test_a_refused_key_is_dropped_by_name(
    answers: Answers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong, expired or blocked key is named by its last four characters; the next goes on."""
    with caplog.at_level(logging.WARNING):
        async with asking(by_key(k1111=answers, k2222=listing(item(IDS[0]))), tmp_path) as (
            source,
            site,
        ):
            told = [await source.ask(IDS[:1]) for _ in range(3)]
    assert all(answer.license == "creative_commons" for (answer,) in told)
    assert len(site.requests) == 4
    (record,) = [one for one in caplog.records if "refused" in one.message]
    assert record.__dict__["key"] == "…1111"
    assert KEYS[0] not in str(record.__dict__)


async def test_when_all_keys_are_refused_the_source_is_out_for_the_run(tmp_path: Path) -> None:
    """No key left: unusable for good, with every key named and no key given away."""
    async with asking(error("keyInvalid", 400), tmp_path) as (source, _):
        with pytest.raises(SourceUnusable) as caught:
            await source.ask(IDS[:1])
    assert caught.value.until is None
    assert "…1111 refused (keyInvalid)" in str(caught.value)
    assert not any(key in str(caught.value) for key in KEYS)


async def test_without_keys_the_source_is_unusable(tmp_path: Path) -> None:
    """No key given: said, nothing asked."""
    async with asking(listing(), tmp_path, keys=()) as (source, site):
        with pytest.raises(SourceUnusable, match=r"license\.api_keys"):
            await source.ask(IDS[:1])
    assert site.requests == []


@pytest.mark.parametrize(
    "answers",
    [error("rateLimitExceeded"), error("userRateLimitExceeded"), error("?", 429),
     error("x", 429, newer="RATE_LIMIT_EXCEEDED")],
)  # fmt: skip
async def test_too_fast_is_a_refusal(answers: Answers, tmp_path: Path) -> None:
    """A rate limit slows the gate and costs no key."""
    limiter = open_gate()
    async with asking(answers, tmp_path, limiter=limiter) as (source, site):
        with pytest.raises(Refused) as caught:
            await source.ask(IDS[:1])
    assert caught.value.kind == "rate"
    assert len(site.requests) == 1
    assert (
        next(
            bucket for bucket in limiter.snapshot().buckets if bucket.kind is RequestKind.DATA_API
        ).refused
        == 1
    )


async def test_a_rest_without_end_is_the_sources_and_not_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the gate gives up on the Data API, the next source may still be answered."""

    async def given_up(*_: object) -> None:
        raise GaveUp("every identity has rested for 12 hours")

    async with asking(listing(), tmp_path) as (source, _):
        monkeypatch.setattr(source._sessions, "ask", given_up)
        with pytest.raises(SourceUnusable, match="rested for too long") as caught:
            await source.ask(IDS[:1])
    assert caught.value.until is None


@pytest.mark.parametrize("answers", [error("backendError", 503), error("internalError", 500)])
async def test_the_servers_own_trouble_is_tried_again(answers: Answers, tmp_path: Path) -> None:
    """5xx is a fault: tried again, then raised; the key is not to blame."""
    async with asking(answers, tmp_path, keys=KEYS[:1]) as (source, site):
        with pytest.raises(ServerFault):
            await source.ask(IDS[:1])
    assert len(site.requests) == 3


async def test_a_request_that_google_does_not_take_blames_no_key(tmp_path: Path) -> None:
    """An error about our own request makes the source unusable, not every key."""
    bad = error("invalidParameter", 400, message="Invalid parameter: part")
    async with asking(bad, tmp_path) as (source, site):
        with pytest.raises(SourceUnusable, match="invalidParameter"):
            await source.ask(IDS[:1])
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "{}", "[]", '{"items": {}}', '{"kind": "youtube#channelListResponse"}',
     '{"items": [{"id": "zzzzzzzzzzz"}]}', '{"items": [7]}', '{"items": [{"id": ["aaaaaaaaaaa"]}]}',
     '{"items": [{"id": "aaaaaaaaaaa"}, {"id": "aaaaaaaaaaa"}]}'],
)  # fmt: skip
async def test_an_answer_that_is_none_calls_nobody_gone(body: str, tmp_path: Path) -> None:
    """Nothing, nonsense or other videos: a fault. Fifty videos are not removed by an odd answer."""
    async with asking(lambda request: web.Response(text=body), tmp_path) as (source, _):
        with pytest.raises(ServerFault):
            await source.ask(IDS[:1])


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ((2026, 7, 1, 19), (2026, 7, 2, 7)),  # summer: UTC-7
        ((2026, 1, 15, 7, 59), (2026, 1, 15, 8)),  # winter: UTC-8
        ((2026, 1, 15, 8), (2026, 1, 16, 8)),
        ((2026, 3, 8, 8), (2026, 3, 9, 7)),  # the day that has 23 hours
        ((2026, 11, 1, 7), (2026, 11, 2, 8)),  # the day that has 25
    ],
)
def test_the_reset_is_at_midnight_in_california(
    now: tuple[int, ...], midnight: tuple[int, ...]
) -> None:
    """Summer and winter time, and the days between them."""
    moment = datetime(*now, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]
    expected = datetime(*midnight, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]
    assert next_pacific_midnight(moment) == expected
    assert pacific_day(expected) > pacific_day(moment)


async def test_a_quota_that_is_late_in_resetting_costs_minutes_not_a_day(tmp_path: Path) -> None:
    """Used up just after midnight: the reset is late, so the key is tried again soon."""
    just_after = datetime(2026, 7, 2, 7, 1, tzinfo=UTC).timestamp()
    async with asking(error("quotaExceeded"), tmp_path, wall=lambda: just_after) as (source, _):
        with pytest.raises(SourceUnusable) as caught:
            await source.ask(IDS[:1])
    assert caught.value.until is not None
    assert caught.value.until - just_after <= 3600
