"""Every status with every words, by every source, in both stages: only final words end a video."""

from __future__ import annotations

import asyncio
import itertools
import random
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from ascc_async.errors import AsccError, ItemError, Refused, Unavailable, Unexplained
from ascc_async.model import License, Reason
from ascc_async.settings import ClipsSettings
from ascc_async.youtube.extraction import ExtractedVideo, ExtractionFailure, ExtractionReport
from ascc_async.youtube.extraction_result import interpret
from ascc_async.youtube.innertube import InnertubeSource
from ascc_async.youtube.license_sources import why_missing
from ascc_async.youtube.messages import judge
from ascc_async.youtube.watch_page import WatchPageSource
from tests.youtube.license_helpers import not_there, sessions_for, youtube
from tests.youtube.test_youtube_watch_page import page

# As YouTube words them (recorded, or quoted in yt-dlp's and NewPipe's tests): nothing here is taken
# from the product's table.
FINAL = {
    "Video unavailable. This video has been removed by the uploader": Reason.REMOVED,
    "This video has been removed for violating YouTube's Terms of Service": Reason.REMOVED,
    "This video has been removed for violating YouTube’s policy on hate speech.": Reason.REMOVED,
    "This video does not exist.": Reason.REMOVED,
    "Video unavailable · This video isn't available anymore": Reason.REMOVED,
    "This video has been removed for violating YouTube's Community Guidelines.": Reason.REMOVED,
    "This video has been removed for violating YouTube's policy on spam, deceptive practices, and"
    " scams · Learn more · Sorry about that.": Reason.REMOVED,
    "This video has been removed for violating YouTube's policy on hate speech. Learn more about"
    " combating hate speech in your country.": Reason.REMOVED,
    "This video has been removed because its content violated YouTube's Terms of Service.":
        Reason.REMOVED,
    "This video has been removed by YouTube": Reason.REMOVED,
    "This video is no longer available due to a privacy claim by a third party": Reason.REMOVED,
    "This video is no longer available due to a trademark claim by Acme Inc.": Reason.REMOVED,
    "Video unavailable · This video was removed due to a legal complaint": Reason.REMOVED,
    "This video is private": Reason.PRIVATE,
    "Private video · Sign in if you've been granted access to this video": Reason.PRIVATE,
    "This video is private · This is a private video. Please sign in to verify that you may see it."
    " · If the owner of this video has granted you access, please sign in.": Reason.PRIVATE,
    "This video is private. If the owner of this video has granted you access, please sign in.":
        Reason.PRIVATE,
    "This video is no longer available because the YouTube account associated with this video has"
    " been terminated.": Reason.ACCOUNT_TERMINATED,
    "This video is no longer available because the uploader has closed their YouTube account.":
        Reason.ACCOUNT_TERMINATED,
    "This video is no longer available due to a copyright claim by X": Reason.COPYRIGHT_CLAIM,
    "This video is no longer available due to a copyright claim by Robot Network Ltd":
        Reason.COPYRIGHT_CLAIM,
    "This video contains content from SME, who has blocked it on copyright grounds":
        Reason.COPYRIGHT_CLAIM,
    "Video unavailable. It was removed following a copyright removal request by RTI S.p.A.":
        Reason.COPYRIGHT_CLAIM,
    "Video unavailable · It was blocked due to the claimed content by Turner EST.":
        Reason.COPYRIGHT_CLAIM,
    "The uploader has not made this video available in your country": Reason.COUNTRY_RESTRICTED,
    "This video is not available in your country due to a legal complaint from the government":
        Reason.COUNTRY_RESTRICTED,
    "This content is not available on this country domain due to a legal complaint from the"
    " government.": Reason.COUNTRY_RESTRICTED,
    "This video contains content from A.B.C. and D! Inc., one or more of whom have blocked it in"
    " your country on copyright grounds.": Reason.COUNTRY_RESTRICTED,
    "Video unavailable · This video contains content from Rotana, who has blocked it in your"
    " country on copyright grounds": Reason.COUNTRY_RESTRICTED,
    "Sign in to confirm your age · This video may be inappropriate for some users.":
        Reason.AGE_RESTRICTED,
    "Join this channel to get access to members-only content like this video, and other exclusive"
    " perks.": Reason.MEMBERS_ONLY,
    "This video is available to this channel's members on level: Browser Bots (or any higher"
    " priced level).": Reason.MEMBERS_ONLY,
    "This video is available to this channel's members on level: LEVEL! (or any higher level). Join"
    " this channel to get access to members-only content and other exclusive perks.":
        Reason.MEMBERS_ONLY,
    "This video is only available to Music Premium members": Reason.MEMBERS_ONLY,
    "Sign in to view this video": Reason.SIGN_IN_REQUIRED,
    "This live event will begin in 2 days.": Reason.LIVE,
}  # fmt: skip
FINAL_STATUSES = {
    "LIVE_STREAM_OFFLINE": Reason.LIVE,
    "AGE_CHECK_REQUIRED": Reason.AGE_RESTRICTED,
    "AGE_VERIFICATION_REQUIRED": Reason.AGE_RESTRICTED,
}
AN_ACCOUNT_MAY_HELP = (
    Reason.PRIVATE, Reason.AGE_RESTRICTED, Reason.MEMBERS_ONLY, Reason.SIGN_IN_REQUIRED,
)  # fmt: skip
REFUSING = (
    "Sign in to confirm you’re not a bot",
    "This content isn't available, try again later.",
    "Our systems have detected unusual traffic from your computer network.",
)
BARE = (
    "", "Video unavailable", "This video is unavailable", "This video is not available",
    "Video unavailable. This video is not available", "Please sign in", "Please sign in to go on",
    "We're processing this video", "This feature is no longer available", "Private", "Removed",
    "Etwas ganz Neues", "利用できません",
)  # fmt: skip
# About the viewer, the session or the network: whatever else they name, they end nothing.
_SUBJECTS = (
    "Your account", "Your Google Account", "This session", "The current session", "Your channel",
    "Access from your network", "This browser", "Your private video list",
)  # fmt: skip
_ENDS = (
    "has been terminated.", "was removed", "has been removed for violating YouTube's Terms of"
    " Service", "is no longer available", "isn't available anymore", "is private", "does not exist",
    "has been blocked on copyright grounds", "is not available in your country",
)  # fmt: skip
HOSTILE = (
    *(f"{subject} {end}" for subject in _SUBJECTS for end in _ENDS),
    "This session was removed. Your account has been terminated",
    "Dein Konto wurde entfernt", "Die Sitzung wurde entfernt", "セッションは削除されました",
    "お使いのアカウントが停止されました", "Ihr Google-Konto wurde gesperrt und gelöscht",
    "Ihre Sitzung ist nicht mehr verfügbar", "Das Konto wurde geschlossen",
    "アカウントを閉鎖しました", "The following content is not available on this app.",
    "This video isn't available anymore on your network",
    "Video no longer available on this network", "This video is private on this network",
    "This video has been removed from your session", "This video was removed from this browser",
    "This video has been removed. Your session is not valid",
    "This video is no longer available because your account has been terminated",
    "This video is no longer available because the account has been terminated",
    "This video is no longer available to guests", "This video has been removed from your list",
    "copyright infringement notice for your account", "Urheberrechtshinweis zu deinem Konto",
    "A copyright claim was made against you", "著作権侵害の通知", "削除されました",
    "The following content may be age-restricted; verify you are not a robot",
    "Sign in to confirm your age and that you are no robot", "Confirm your age in your account",
    "Video not available in your location due to network",
    "This video is not available in your country on this network",
    "This service is not available in your country", "Dieser Dienst: nicht in deinem Land",
    "Members-only network", "Sign in to view this video from this network", "Premieres",
    "Dieses Video wurde aus deiner Sitzung entfernt", "この動画はこのセッションから削除されました",
    # Certain words at the head or in the middle, and more that nobody knows.
    "This video is private while you are signed out", "This video is private for guests",
    "This video has been removed because it was requested too often from here",
    "This video was removed due to its high number of views from this address",
    "This video is no longer available due to a copyright claim against your address",
    "This video is no longer available due to a copyright claim by you",
    "This video contains content from A, who has blocked it in your country for guests",
    "This live event will begin in 2 days for guests",
    "This video requires age verification of you",
    "Private video. Sign in", "Join this channel and you will get to get access",
    # We ask in English: in other languages nothing is certain.
    "Dieses Video wurde vom Nutzer entfernt.", "Dieses Video ist privat",
    "Dieses Video wurde entfernt. Zu viele Anfragen von dir",
    "Dieses Video ist nicht mehr verfügbar · Bitte melde dich an",
    "Dieses Video wird gerade auf Urheberrecht geprüft",
    "Dieses Video lädt nicht, weil Anfragen aus deinem Land gerade begrenzt sind",
    "この動画は投稿者により削除されました", "この動画は一時的に利用できなくなりました",
    "この動画はアクセスが集中したため利用できなくなりました",
    "この動画は再生リストから削除されました", "投稿者のアカウントを停止しました",
    "この動画の著作権を確認しています", "Cette vidéo a été supprimée",
)  # fmt: skip
# None of them is known: whatever stands beside them ends nothing either.
UNKNOWN = (
    "You have watched too many videos today", "We've noticed a lot of traffic from you",
    "Verify that it's you", "Guests have reached today's limit", "Sign in", "Try reloading",
    "Too many people share this connection", "Bitte melde dich an", "アクセスが集中しています",
)  # fmt: skip
STATUSES = ("OK", "ERROR", "UNPLAYABLE", "LOGIN_REQUIRED", "CONTENT_CHECK_REQUIRED", "NEW", "",
            *FINAL_STATUSES)  # fmt: skip
CASES = (
    *itertools.product(STATUSES, (*FINAL, *REFUSING, *BARE)),
    *((status, words) for status, words in itertools.product(STATUSES, HOSTILE)
      if status not in FINAL_STATUSES),
)  # fmt: skip


def ending(status: str, words: str) -> Reason | None:
    """Why a video ends by these; None when it does not."""
    if status == "OK" or words in (*REFUSING, *HOSTILE):
        return None
    reason = FINAL.get(words) or FINAL_STATUSES.get(status)
    return reason if status != "LOGIN_REQUIRED" or reason in AN_ACCOUNT_MAY_HELP else None


def refused(status: str, words: str) -> bool:
    """Whether these turn us away."""
    robot = status == "LOGIN_REQUIRED" and words in HOSTILE and "robot" in words
    return status != "OK" and (words in REFUSING or robot)


async def test_only_final_words_end_a_license(tmp_path: Path) -> None:
    """By `next` and player, by the watch page, and where the Data API lists nothing."""
    some = random.Random(15).sample(CASES, 500)
    cases = {f"{n:011}": case for n, case in enumerate(some) if not refused(*case)}

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
        ask = partial(why_missing, innertube.player)
        for some in _batches(list(cases), 40):
            for found in await asyncio.gather(*map(ask, some)):
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
        verdict = judge({"status": status, "reason": words})
        assert verdict.reason is ending(status, words), (status, words)
        assert (verdict.refusal is not None) is refused(status, words), (status, words)
        assert verdict.playable is (status == "OK")


def test_whoever_says_more_than_is_known_says_nothing_certain() -> None:
    """Every known sentence with every unknown one before or after it, however they are joined."""
    joints = (" · ", ". ", "! ", ".", "。")
    for known, unknown, joint in itertools.product(FINAL, UNKNOWN, joints):
        for words in (f"{known}{joint}{unknown}", f"{unknown}{joint}{known}"):
            for status in ("ERROR", "UNPLAYABLE", "LOGIN_REQUIRED"):
                verdict = judge({"status": status, "reason": words})
                assert (verdict.reason, verdict.unavailable) == (None, False), words
    for known in FINAL:  # the sentence itself goes on, or begins otherwise
        for words in (f"{known.rstrip('.')} while you are signed out", f"Today {known}"):
            assert judge({"status": "ERROR", "reason": words}).reason is None, words
    for one, other in itertools.product(FINAL, FINAL):
        verdict = judge({"status": "ERROR", "reason": f"{one} · {other}"})
        assert verdict.reason in (FINAL[one], FINAL[other])
