"""Every status with every words, by every source, in both stages: only final words end a video."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import pytest
from aiohttp import web

from ascc_async.errors import AsccError, ItemError, Refused, Unavailable, Unexplained
from ascc_async.model import License, Reason
from ascc_async.settings import ClipsSettings
from ascc_async.youtube.extraction import ExtractedVideo, ExtractionFailure, ExtractionReport
from ascc_async.youtube.extraction_result import interpret
from ascc_async.youtube.innertube import InnertubeSource
from ascc_async.youtube.messages import Playability, judge
from ascc_async.youtube.missing_videos import MissingVideos
from ascc_async.youtube.watch_page import WatchPageSource
from tests.youtube.license_helpers import not_there, sessions_for, youtube
from tests.youtube.test_youtube_watch_page import page

# Written down a second time, so that nothing gets into the product's table unseen.
FINAL = {
    "Video unavailable. This video has been removed by the uploader": Reason.REMOVED,
    "This video has been removed for violating YouTube's Terms of Service": Reason.REMOVED,
    "This video does not exist.": Reason.REMOVED,
    "This video is private": Reason.PRIVATE,
    "This video is no longer available because the YouTube account associated with this video has"
    " been terminated.": Reason.ACCOUNT_TERMINATED,
    "This video is no longer available because the uploader has closed their YouTube account.":
        Reason.ACCOUNT_TERMINATED,
    "This video is no longer available due to a copyright claim by X": Reason.COPYRIGHT_CLAIM,
    "This video contains content from X, who has blocked it on copyright grounds":
        Reason.COPYRIGHT_CLAIM,
    "The uploader has not made this video available in your country": Reason.COUNTRY_RESTRICTED,
    "Sign in to confirm your age": Reason.AGE_RESTRICTED,
    "Join this channel to get access to members-only content like this video": Reason.MEMBERS_ONLY,
    "This video is only available to Music Premium members": Reason.MEMBERS_ONLY,
    "Sign in to view this video": Reason.SIGN_IN_REQUIRED,
    "This live event will begin in 2 days.": Reason.LIVE,
}  # fmt: skip
FINAL_STATUSES = {
    "LIVE_STREAM_OFFLINE": Reason.LIVE,
    "AGE_CHECK_REQUIRED": Reason.AGE_RESTRICTED,
    "AGE_VERIFICATION_REQUIRED": Reason.AGE_RESTRICTED,
}
REFUSING = (
    "Sign in to confirm you’re not a bot",
    "This content isn't available, try again later.",
    "Our systems have detected unusual traffic from your computer network.",
)
BARE = (
    "", "Video unavailable", "This video is unavailable", "This video is not available",
    "Video unavailable. This video is not available", "Please sign in", "Please sign in to go on",
    "We're processing this video", "Your account has been removed", "Your session was removed",
    "This feature is no longer available", "The following content is not available on this app.",
)  # fmt: skip
STATUSES = ("OK", "ERROR", "UNPLAYABLE", "LOGIN_REQUIRED", "CONTENT_CHECK_REQUIRED", "NEW", "",
            *FINAL_STATUSES)  # fmt: skip
# New sentences out of the words of old ones: none of them is about the video for certain.
_PARTS = (
    "your account", "the session", "this feature", "has been removed", "was removed", "unavailable",
    "is not available", "on this network", "sign in", "another browser", "no longer available",
    "members", "private", "the uploader", "terms of service", "terminated", "in your area",
)  # fmt: skip


def _sentences() -> list[str]:
    draw = random.Random(15)
    return [" ".join(draw.sample(_PARTS, draw.randint(1, 3))) for _ in range(30)]


CASES = tuple(itertools.product(STATUSES, (*FINAL, *REFUSING, *BARE, *_sentences())))


def ending(status: str, words: str) -> Reason | None:
    """Why a video ends by these; None when it does not."""
    if status == "OK" or words in REFUSING:
        return None
    return FINAL.get(words) or FINAL_STATUSES.get(status)


def refused(status: str, words: str) -> bool:
    """Whether these turn us away."""
    return status != "OK" and words in REFUSING


async def test_only_final_words_end_a_license(tmp_path: Path) -> None:
    """By `next` and player, by the watch page, and where the Data API lists nothing."""
    cases = {f"{n:011}": case for n, case in enumerate(CASES) if not refused(*case)}

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/watch":
            status, words = cases[request.query["v"]]
            says = {"playabilityStatus": {"status": status, "reason": words}}
            return web.Response(body=page(None, says), content_type="text/html")
        video_id = (await request.json())["videoId"]
        if request.path.endswith("/next"):
            return web.json_response(not_there(video_id))
        status, words = cases[video_id]
        return web.json_response({"playabilityStatus": {"status": status, "reason": words}})

    async with youtube(answer, tmp_path) as site, sessions_for(site.network) as sessions:
        innertube = InnertubeSource(sessions)
        for source in (innertube, WatchPageSource(sessions)):
            for some in _batches(list(cases), 40):
                for (found,) in await asyncio.gather(*(source.ask([one]) for one in some)):
                    reason = ending(*cases[found.video_id])
                    expected = License.UNKNOWN if reason is None else License.UNAVAILABLE
                    assert (found.license, found.reason) == (expected, reason), found
        missing = MissingVideos(innertube.player)
        for some in _batches(list(cases), 40):
            for found in await asyncio.gather(*map(missing.ask, some)):
                status, words = cases[found.video_id]
                reason = ending(status, words) or (None if status == "OK" else Reason.NOT_LISTED)
                assert found.reason is reason, found


def _batches(ids: list[str], size: int) -> list[list[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


@pytest.mark.parametrize("raised", [True, False])
def test_only_final_words_end_a_clip(raised: bool) -> None:
    """Whether yt-dlp makes an error of the words or only brings no streams; words that another
    player said besides do not matter, nor does yt-dlp's message.
    """
    for status, words in CASES:
        raw = {"status": status, "reason": words}
        message = f"{words}. {FINAL_MESSAGE}" if status not in ("OK", "") else words
        result = ExtractionFailure("ExtractorError", message) if raised else ExtractedVideo(())
        statuses = ({"status": "OK"}, raw)
        report = ExtractionReport("M4gD1WSo5mA", result, (), (), statuses)
        try:
            interpret(report, ClipsSettings(), "main", now=0.0)
        except AsccError as error:
            found = error
        reason = ending(status, words)
        if refused(status, words):
            assert isinstance(found, Refused), (status, words)
        elif reason is not None:
            assert isinstance(found, Unavailable), (status, words)
            assert found.reason is reason
        elif status != "OK" and (status or words):
            assert isinstance(found, Unexplained), (status, words)
        elif not raised:
            assert type(found) is ItemError, (status, words)  # no player said anything


FINAL_MESSAGE = "This video is private"


def test_the_table_is_as_it_is_written_down_here() -> None:
    """Status and words together."""
    for status, words in CASES:
        verdict = judge(Playability(status, words))
        assert verdict.reason is ending(status, words), (status, words)
        assert (verdict.refusal is not None) is refused(status, words), (status, words)
        assert verdict.playable is (status == "OK")
