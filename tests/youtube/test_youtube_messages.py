"""Refusals and reasons: each recorded message is known, and nothing unknown becomes a reason."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascc_async.errors import RefusalKind
from ascc_async.model import Reason
from ascc_async.standin.playability import REFUSALS, UNPLAYABLE
from ascc_async.standin.player_answer import refused
from ascc_async.youtube.messages import (
    REFUSAL_TEXTS,
    judge,
    refusal_in,
)
from tests.youtube.license_helpers import recorded

UNAVAILABLE = "Video unavailable"
NO_LONGER = "This video is no longer available because"
HELP = {"url": "https://support.google.com/youtube/answer/3037019#zippy=%2Ccheck"}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Sign in to confirm you’re not a bot", "bot_check"),
        ("Sign in to confirm you're not a bot. This helps protect our community.", "bot_check"),
        ("Sign in to confirm that you're not a bot", "bot_check"),
        ("ERROR: [youtube] abc: Sign in to confirm you’re not a bot. Use --cookies", "bot_check"),
        ("Melde dich an, um zu bestätigen, dass du kein Bot bist", "bot_check"),
        ("Connectez-vous pour confirmer que vous n’êtes pas un robot", "bot_check"),
        ("Inicia sesión para confirmar que no eres un bot", "bot_check"),
        ("Войдите в аккаунт, чтобы подтвердить, что вы не бот", "bot_check"),
        ("ログインして bot ではないことを確認してください", "bot_check"),
        ("This content isn’t available, try again later.", "try_later"),
        ("Video unavailable. This content isn't available, try again later. The current session has"
         " been rate-limited by YouTube for up to an hour.", "try_later"),
        ("Dieser Inhalt ist nicht verfügbar. Versuche es später noch einmal.", "try_later"),
        ("Your account has been rate-limited by YouTube for up to an hour", "try_later"),
        ("Video unavailable. YouTube is requiring a captcha challenge before playback", "captcha"),
        ("Our systems have detected unusual traffic from your computer network.", "captcha"),
        ("We're sorry, but your computer may be sending automated queries.", "captcha"),
        ("Unable to download API page: HTTP Error 429: Too Many Requests", "rate"),
        ("All player responses are invalid. Your IP is likely being blocked by Youtube", "other"),
        ("Get the best YouTube experience. Sign in to save videos", "bot_check"),
    ],
)  # fmt: skip
def test_refusals_are_known_by_their_words(words: str, kind: str) -> None:
    """Each recorded message is a refusal of its kind, for no particular time."""
    refusal = refusal_in(text=words)
    assert refusal is not None
    assert (refusal.kind, refusal.retry_after) == (kind, None)


@pytest.mark.parametrize(
    ("status", "url", "kind"),
    [
        (429, "", "rate"),
        (403, "", "other"),
        (401, "", "other"),
        (302, "https://www.google.com/sorry/index?continue=x", "captcha"),
        (302, "https://consent.youtube.com/m?continue=x", "other"),
        (302, "https://consent.google.de/ml", "other"),
        (302, "https://accounts.google.com/ServiceLogin", "bot_check"),
        (200, "https://www.youtube.com/watch?v=sorry", None),
        (302, "https://www.youtube.com/watch?v=x", None),
        (404, "", None),
        (503, "", None),
    ],
)
def test_refusals_are_known_by_status_and_address(status: int, url: str, kind: str | None) -> None:
    """Statuses and the places that walls redirect to; ordinary answers refuse nobody."""
    refusal = refusal_in(status=status, url=url, headers={})
    assert (refusal and refusal.kind) == kind
    assert refusal is None or refusal.retry_after is None


@pytest.mark.parametrize(
    ("status", "message", "subreason", "reason"),
    [
        ("ERROR", UNAVAILABLE, "This video has been removed by the uploader", Reason.REMOVED),
        ("", "This video has been removed for violating YouTube's Terms of Service", "",
         Reason.REMOVED),
        ("ERROR", "This video has been removed for violating YouTube’s policy on hate speech.",
         "Learn more about combating hate speech in your country.", Reason.REMOVED),
        ("ERROR", "This video isn't available anymore", "", Reason.REMOVED),
        ("ERROR", "This video does not exist.", "", Reason.REMOVED),
        ("ERROR", UNAVAILABLE, "This video is no longer available", Reason.REMOVED),
        ("LOGIN_REQUIRED", "This video is private", "", Reason.PRIVATE),
        ("LOGIN_REQUIRED", "Private video", "Sign in if you've been granted access",
         Reason.PRIVATE),
        ("", "This is a private video. Please sign in to verify that you may see it.", "",
         Reason.PRIVATE),
        ("ERROR", UNAVAILABLE, f"{NO_LONGER} the YouTube account associated with this video has"
         " been terminated.", Reason.ACCOUNT_TERMINATED),
        ("ERROR", UNAVAILABLE, f"{NO_LONGER} the uploader has closed their YouTube account.",
         Reason.ACCOUNT_TERMINATED),
        ("ERROR", "This video is no longer available due to a copyright claim by Universal Music",
         "", Reason.COPYRIGHT_CLAIM),
        ("UNPLAYABLE", UNAVAILABLE,
         "This video contains content from SME, who has blocked it on copyright grounds",
         Reason.COPYRIGHT_CLAIM),
        ("UNPLAYABLE", UNAVAILABLE, "This video contains content from Rotana Holding, who has"
         " blocked it in your country on copyright grounds", Reason.COUNTRY_RESTRICTED),
        ("UNPLAYABLE", UNAVAILABLE,
         "The uploader has not made this video available in your country",
         Reason.COUNTRY_RESTRICTED),
        ("", "The uploader has not made this video available in your country", "",
         Reason.COUNTRY_RESTRICTED),
        ("LOGIN_REQUIRED", "Sign in to confirm your age", "", Reason.AGE_RESTRICTED),
        ("AGE_CHECK_REQUIRED", "", "", Reason.AGE_RESTRICTED),
        ("AGE_VERIFICATION_REQUIRED", "Altersprüfung", "", Reason.AGE_RESTRICTED),
        ("UNPLAYABLE", "This video is age-restricted and only available on YouTube", "",
         Reason.AGE_RESTRICTED),
        ("UNPLAYABLE", "Join this channel to get access to members-only content like this video,"
         " and other exclusive perks.", "", Reason.MEMBERS_ONLY),
        ("UNPLAYABLE", "This video is available to this channel's members on level: Magnificent"
         " Members (or any higher priced level).", "", Reason.MEMBERS_ONLY),
        ("UNPLAYABLE", "This video is only available to Music Premium members", "",
         Reason.MEMBERS_ONLY),
        ("UNPLAYABLE", "This video requires payment to watch.", "", Reason.MEMBERS_ONLY),
        ("LIVE_STREAM_OFFLINE", "This live event will begin in 2 days.", "", Reason.LIVE),
        ("", "This live event will begin in a few moments.", "", Reason.LIVE),
        ("LIVE_STREAM_OFFLINE", "配信は2日後に始まります", "", Reason.LIVE),
        ("UNPLAYABLE", "This live stream recording is not available.", "", Reason.LIVE),
        ("", "Premieres in 5 hours", "", Reason.LIVE),
        ("LOGIN_REQUIRED", "Please sign in to view this video", "", Reason.SIGN_IN_REQUIRED),
        ("", "Sign in to view this video.", "", Reason.SIGN_IN_REQUIRED),
        ("", "This video is only available for registered users", "", Reason.SIGN_IN_REQUIRED),
        # What is not known for sure stays unknown.
        ("OK", "This video has been removed by the uploader", "", None),
        ("ERROR", UNAVAILABLE, "Your account has been removed", None),
        ("UNPLAYABLE", "Your session was removed. Sign in again.", "", None),
        ("LOGIN_REQUIRED", "This feature is no longer available", "", None),
        ("ERROR", "The following content is not available on this app.", "", None),
        ("ERROR", "Video unavailable. This content isn’t available.", "", None),
        ("LOGIN_REQUIRED", "Bejelentkezés szükséges", "", None),
        ("UNPLAYABLE", "Something entirely new", "", None),
        ("ERROR", "Video unavailable. Something entirely new", "", None),
        ("ERROR", "Video nicht verfügbar. Etwas ganz Neues", "", None),
        ("ERROR", "", "", None),
        ("", "Requested format is not available. Use --list-formats", "", None),
    ],
)  # fmt: skip
def test_reasons_are_known_by_their_words(
    status: str, message: str, subreason: str, reason: Reason | None
) -> None:
    """Each recorded message gives its reason, unknown words none, and none is a refusal."""
    words = f"{message} · {subreason}" if subreason else message
    verdict = judge({"status": status, "reason": words})
    assert (verdict.reason, verdict.refusal, verdict.unavailable) == (reason, None, False)


@pytest.mark.parametrize(
    ("status", "words", "unavailable"),
    [
        ("ERROR", UNAVAILABLE, True),
        ("UNPLAYABLE", UNAVAILABLE, True),
        ("ERROR", "This video is unavailable", True),
        ("UNPLAYABLE", "This video is unavailable", True),
        ("UNPLAYABLE", "This video is not available", True),
        ("ERROR", "Video unavailable · This video is not available", True),
        ("ERROR", "Video nicht verfügbar", True),
        ("LOGIN_REQUIRED", UNAVAILABLE, False),
        ("LOGIN_REQUIRED", "", False),
        ("LOGIN_REQUIRED", "Please sign in", False),
        ("LOGIN_REQUIRED", "Please sign in to continue", False),
        ("UNPLAYABLE", "We're processing this video", False),
        ("ERROR", "", False),
        ("UNPLAYABLE", "", False),
        ("", UNAVAILABLE, False),
        ("A_NEW_STATUS", UNAVAILABLE, False),
    ],
)
def test_bare_words_are_no_reason(status: str, words: str, unavailable: bool) -> None:
    """As recorded: blocked addresses are told the same, so nothing is certain; only some are those
    of a video that is gone, and count when they were seen twice.
    """
    verdict = judge({"status": status, "reason": words})
    assert (verdict.playable, verdict.refusal, verdict.reason) == (False, None, None)
    assert (verdict.unavailable, verdict.words) == (unavailable, words or status)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("player_not_available_visionos", None),
        ("reel_private", Reason.PRIVATE),
        ("reel_restricted_country", Reason.COUNTRY_RESTRICTED),
        ("reel_members_only", Reason.MEMBERS_ONLY),
        ("player_ok_visionos", None),
    ],
)
def test_recorded_players(name: str, reason: Reason | None) -> None:
    """The recorded answers of the player give their reasons; a playable video has none, and
    neither has one that another client played in the same minutes.
    """
    answer = recorded(name)
    verdict = judge(answer.get("playerResponse", answer)["playabilityStatus"])
    assert verdict.playable is name.startswith("player_ok")
    assert verdict.unavailable is name.startswith("player_not_available")
    assert (verdict.reason, verdict.refusal) == (reason, None)


@pytest.mark.parametrize(
    ("raw", "kind", "reason"),
    [
        ({"status": "LOGIN_REQUIRED", "reason": "Jelentkezz be", "errorScreen": {"x": {
            "subreason": {"runs": [{"text": "x", "navigationEndpoint": HELP}]}}}},
         "bot_check", None),
        ({"status": "LOGIN_REQUIRED", "reason": "Log ind for at vise, at du ikke er en bot"},
         "bot_check", None),
        ({"status": "UNPLAYABLE", "reason": "?", "errorScreen": {"playerCaptchaViewModel": {}}},
         "captcha", None),
        ({"status": "LOGIN_REQUIRED", "reason": "Bekræft alder", "desktopLegacyAgeGateReason": 1},
         None, Reason.AGE_RESTRICTED),
        ({"status": "UNPLAYABLE", "errorScreen": {"playerLegacyDesktopYpcOfferRenderer": {}}},
         None, Reason.MEMBERS_ONLY),
        ({"status": "OK", "reason": "Sign in to confirm you're not a bot"}, None, None),
        ({"status": "LOGIN_REQUIRED", "messages": ["This video is private"]}, None, Reason.PRIVATE),
        ({"status": "ERROR", "reason": "Video unavailable", "errorScreen": {"x": {"content": {
            "interstitialViewModel": {"title": {"content": "Video unavailable"}, "description":
            {"content": "This video has been removed by the uploader"}}}}}}, None, Reason.REMOVED),
        ({"status": "ERROR", "reason": "This video is private", "errorScreen": {"x": {"content": {
            "interstitialViewModel": {"description": {"content": "Too often"}}}}}}, None, None),
        (None, None, None),
        ({"status": 7, "reason": ["?"], "messages": "?", "errorScreen": [1]}, None, None),
    ],
)  # fmt: skip
def test_structure_tells_where_words_do_not(
    raw: dict[str, object] | None, kind: str | None, reason: Reason | None
) -> None:
    """Links, codes and screens tell refusals and reasons in any language."""
    verdict = judge(raw)
    assert (verdict.refusal and verdict.refusal.kind) == kind
    assert verdict.reason is reason


def test_the_stand_ins_words() -> None:
    """Every refusal of the stand-in is taken for one, and every reason for that reason, but for
    bare words, which tell neither.
    """
    for kind, entry in REFUSALS.items():
        verdict = judge(refused(entry))
        assert (verdict.refusal and verdict.refusal.kind) == (None if entry.bare else kind)
        said = Reason.REMOVED if kind == "gone_for_good" else None
        assert (verdict.reason, verdict.playable) == (said, False)
    for reason, entries in UNPLAYABLE.items():
        for entry in entries:
            verdict = judge(refused(entry))
            assert verdict.reason is (None if entry.bare else reason), entry
            assert (verdict.refusal, verdict.playable) == (None, False)


@given(st.text(max_size=200))
def test_any_text_is_harmless(text: str) -> None:
    """Whatever is said, the tables answer without an error."""
    refusal_in(status=200, text=text, headers={"Retry-After": text}, now=0.0)
    judge({"status": "ERROR", "reason": text})


def test_every_kind_of_refusal_has_its_text() -> None:
    """A kind without one would end a run at the first such refusal."""
    assert set(REFUSAL_TEXTS) == set(get_args(RefusalKind))
