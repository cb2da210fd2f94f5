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
from ascc_async.model import License, LicenseAnswer
from ascc_async.standin import masks
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.data_api import DataApiSource, next_pacific_midnight
from tests.youtube.license_helpers import (
    Answers,
    YouTube,
    counts,
    fast_limiter,
    text_answer,
    youtube_and_sessions,
)

IDS = ["aaaaaaaaaaa", "bbbbbbbbbbb", "-_ccccccccc"]
KEYS = ("AIzaFirstKey-1111", "AIzaSecondKey-2222")
NOON = datetime(2026, 7, 1, 19, tzinfo=UTC).timestamp()  # noon in California
CC = License.CREATIVE_COMMONS


def item(video_id: str, license_: str = "creativeCommon") -> dict[str, Any]:
    """One video as the API lists it."""
    return {
        "kind": "youtube#video",
        "id": video_id,
        "status": {"license": license_, "privacyStatus": "public"},
        "snippet": {
            "title": "Ä title", "channelTitle": "A channel", "channelId": "UC1",
            "publishedAt": "2015-01-28T10:00:00Z", "description": "long",
        },
    }  # fmt: skip


def listing(*items: dict[str, Any]) -> Answers:
    """Answers with those of `items` that are asked for, honouring `fields`."""

    def answer(request: web.Request) -> web.Response:
        asked = request.query["id"].split(",")
        listed = [entry for entry in items if entry["id"] in asked]
        whole = {"kind": "youtube#videoListResponse", "items": listed, "pageInfo": {}}
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
    memory: Any = None,
    wall: Callable[[], float] = lambda: NOON,
) -> AsyncIterator[tuple[DataApiSource, YouTube]]:
    """A source, and the API that it asks."""
    async with youtube_and_sessions(answers, tmp_path, limiter) as (site, sessions):
        yield DataApiSource(sessions, keys, memory=memory, wall=wall), site


async def test_fifty_videos_cost_one_small_request(tmp_path: Path) -> None:
    """One request for all, answers in the order asked, with their evidence."""
    ids = [f"{number:011d}" for number in range(50)]
    items = [
        item(name, "creativeCommon" if name[-1] == "3" else "youtube") for name in reversed(ids)
    ]
    async with asking(listing(*items), tmp_path) as (source, site):
        answers = await source.ask(ids)
    assert [answer.video_id for answer in answers] == ids
    assert answers[3] == LicenseAnswer(
        video_id=ids[3],
        license=CC,
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
    kept = answers[3].evidence
    assert kept is not None
    assert kept.address.startswith("https://www.googleapis.com/youtube/v3/videos?part=")
    # Of this video alone, and without the key.
    assert ids[3] in kept.address
    assert ids[13] not in kept.address + kept.received
    assert not any(key in kept.address + kept.received for key in (*KEYS, "key="))
    assert answers[4].evidence is None
    assert len(site.requests) == 1
    assert source.batch_size == 50


@pytest.mark.parametrize("status", [{}, {"license": "creativeCommon4"}, {"license": 7}, "x"])
async def test_a_license_word_nobody_knows_is_unknown(status: Any, tmp_path: Path) -> None:
    """Missing or new words are unknown, never standard."""
    odd = item(IDS[0]) | {"status": status}
    async with asking(listing(odd), tmp_path) as (source, _):
        (answer,) = await source.ask(IDS[:1])
    assert answer.license is License.UNKNOWN


async def test_a_missing_id_is_not_listed_and_nobody_else_is_asked(tmp_path: Path) -> None:
    """Removed or private, which the API does not say: its neighbours wait for nothing."""
    async with asking(listing(item(IDS[0])), tmp_path) as (source, site):
        first, missing = await source.ask(IDS[:2])
    assert first.license is CC
    assert (missing.license, missing.reason) == ("unavailable", "not_listed")
    assert site.paths() == ["videos"]


async def test_keys_are_taken_in_turn(tmp_path: Path) -> None:
    """Every key does its share; the same key given twice is one."""
    async with asking(listing(item(IDS[0])), tmp_path, keys=(*KEYS, KEYS[0])) as (source, site):
        for _ in range(4):
            await source.ask(IDS[:1])
    used = [request.query["key"] for request in site.requests]
    assert sorted(used) == sorted([*KEYS, *KEYS])


def by_key(**answers: Answers) -> Answers:
    """Answers by the key's last four characters."""
    return lambda request: answers["k" + request.query["key"][-4:]](request)


OUT = [
    ("used up", error("quotaExceeded")),
    ("used up", error("dailyLimitExceeded")),
    *(("refused", error(reason)) for reason in ("accessNotConfigured", "ipRefererBlocked", "new")),
    ("refused", error("x", newer="SERVICE_DISABLED")),
    ("refused", error("x", newer="API_KEY_SERVICE_BLOCKED")),
    ("refused", error("keyInvalid", 400)),
    ("refused", error("keyExpired", 400)),
    ("refused", error("authError", 401)),
    ("refused", error("badRequest", 400, newer="API_KEY_INVALID")),
    ("refused", error("badRequest", 400, message="API key expired. Please renew the API key.")),
    ("refused", error("x", message=f"The key {KEYS[0]} is not known")),
]


@pytest.mark.parametrize(("said", "answers"), OUT)
async def test_a_key_that_is_out_is_named_and_the_next_goes_on(
    said: str, answers: Answers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Used up, wrong, expired, blocked: said once, by its last four characters, asked no more."""
    keys = by_key(k1111=answers, k2222=listing(item(IDS[0])))
    with caplog.at_level(logging.WARNING):
        async with asking(keys, tmp_path) as (source, site):
            results = [await source.ask(IDS[:1]) for _ in range(3)]
            rests = {entry["rests_until"] for entry in source.memory().values()}
    assert all(answer.license is CC for (answer,) in results)
    assert [request.query["key"][-4:] for request in site.requests].count("1111") == 1
    assert len(site.requests) == 4
    # Until midnight Pacific time, or for the whole run.
    midnight = datetime(2026, 7, 2, 7, tzinfo=UTC).timestamp()
    assert rests == ({0.0, midnight} if said == "used up" else {0.0})
    (record,) = [record for record in caplog.records if said in record.message]
    assert (record.__dict__["key"], record.__dict__["keys_left"]) == ("…1111", 1)
    assert KEYS[0] not in str(record.__dict__)


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
        (result,) = await source.ask(IDS[:1])
    assert result.license is CC


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


@pytest.mark.parametrize("memory", [{"x": 1}, {"x": {"rests_until": "?"}}, {}])
async def test_a_damaged_memory_is_left_out(memory: Any, tmp_path: Path) -> None:
    """Nonsense in the journal costs nothing."""
    async with asking(listing(item(IDS[0])), tmp_path, memory=memory) as (source, _):
        (answer,) = await source.ask(IDS[:1])
    assert answer.license is CC


@pytest.mark.parametrize(
    ("keys", "text", "requests"),
    [(KEYS, r"…1111 refused \(keyInvalid\)", 2), ((), r"license\.api_keys", 0)],
)
async def test_without_a_usable_key_the_source_is_out_for_the_run(
    keys: tuple[str, ...], text: str, requests: int, tmp_path: Path
) -> None:
    """None given, or all refused: every key named, none given away."""
    async with asking(error("keyInvalid", 400), tmp_path, keys=keys) as (source, site):
        with pytest.raises(SourceUnusable, match=text) as caught:
            await source.ask(IDS[:1])
    assert caught.value.until is None
    assert not any(key in str(caught.value) for key in KEYS)
    assert len(site.requests) == requests


ERRORS: list[tuple[Answers, type[Exception], str, int]] = [
    (error("rateLimitExceeded"), Refused, "rateLimitExceeded", 1),
    (error("userRateLimitExceeded"), Refused, "userRateLimitExceeded", 1),
    (error("?", 429), Refused, "says", 1),
    (error("x", 429, newer="RATE_LIMIT_EXCEEDED"), Refused, "RATE_LIMIT_EXCEEDED", 1),
    # 5xx is a fault: tried again, then raised.
    (error("backendError", 503), ServerFault, "503", 3),
    (error("internalError", 500), ServerFault, "500", 3),
    # Google's own trouble is no key's fault, whatever its status.
    (error("processingFailure", 400), ServerFault, "processingFailure", 3),
    (error("backendError", 403), ServerFault, "backendError", 3),
    (error("invalidParameter", 400, message="Invalid parameter: part"), SourceUnusable,
     "invalidParameter", 1),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "expected", "text", "requests"), ERRORS)
async def test_an_error_that_is_not_the_keys_costs_no_key(
    answers: Answers, expected: type[Exception], text: str, requests: int, tmp_path: Path
) -> None:
    """Too fast is a refusal, which slows the limiter; 5xx a fault; our own mistake ends it."""
    limiter = fast_limiter()
    async with asking(answers, tmp_path, limiter=limiter) as (source, site):
        with pytest.raises(expected, match=text) as caught:
            await source.ask(IDS[:1])
    assert getattr(caught.value, "kind", "rate") == "rate"
    assert len(site.requests) == requests
    assert counts(limiter, RequestKind.DATA_API).refused == (expected is Refused)
    assert not any(entry["rests_until"] for entry in source.memory().values())


async def test_a_rest_without_end_is_the_sources_and_not_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the rate limiter gives up on the Data API, the next source may still be answered."""

    async def given_up(*_: object) -> None:
        raise GaveUp("every identity has rested for 12 hours")

    async with asking(listing(), tmp_path) as (source, _):
        monkeypatch.setattr(source._sessions, "ask", given_up)
        with pytest.raises(SourceUnusable, match="refused us for too long") as caught:
            await source.ask(IDS[:1])
    assert caught.value.until is None


@pytest.mark.parametrize(
    "body",
    ["", "<html>", "{}", "[]", '{"items": {}}', '{"kind": "youtube#channelListResponse"}',
     '{"items": [{"id": "zzzzzzzzzzz"}]}', '{"items": [7]}', '{"items": [{"id": ["aaaaaaaaaaa"]}]}',
     '{"items": [{"id": "aaaaaaaaaaa"}, {"id": "aaaaaaaaaaa"}]}'],
)  # fmt: skip
async def test_an_answer_that_is_none_calls_nobody_gone(body: str, tmp_path: Path) -> None:
    """Nothing, nonsense or other videos: a fault. Fifty videos are not removed by an odd answer."""
    async with asking(text_answer(body), tmp_path) as (source, _):
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


async def test_a_quota_that_is_late_in_resetting_costs_minutes_not_a_day(tmp_path: Path) -> None:
    """Used up just after midnight: the reset is late, so the key is tried again soon."""
    just_after = datetime(2026, 7, 2, 7, 1, tzinfo=UTC).timestamp()
    async with asking(error("quotaExceeded"), tmp_path, wall=lambda: just_after) as (source, _):
        with pytest.raises(SourceUnusable) as caught:
            await source.ask(IDS[:1])
    assert caught.value.until is not None
    assert caught.value.until - just_after <= 3600
