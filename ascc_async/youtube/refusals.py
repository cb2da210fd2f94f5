"""What YouTube says when it refuses an identity: pure tables, no network.

A refusal says nothing about a video. Everything here errs on that side: words that may be a
refusal never become a reason for a video to be missing (see `reasons.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ascc_async.errors import RefusalKind, Refused
from ascc_async.youtube.reasons import Playability, plain, reason_in

__all__ = ["reason_in", "refusal_in", "refusal_in_playability", "retry_after_in"]

NO_HEADERS: Mapping[str, str] = {}

# Words as recorded, in the form `plain()` gives them (small letters, straight apostrophes).
MESSAGES: tuple[tuple[str, RefusalKind], ...] = (
    (r"confirm (that )?(you're|you are) not a (ro)?bot", "bot_check"),
    (r"we're sorry, but .* (computer|network) .* sending automated queries", "captcha"),
    (r"unusual traffic from your computer network", "captcha"),
    (r"requiring a captcha", "captcha"),
    (r"(solve|complete) (the|a) captcha", "captcha"),
    (r"this content isn't available, try again later", "try_later"),
    (r"has been rate-limited by youtube", "try_later"),
    (r"try again later|versuche es später|もう一度お試し|réessayez plus tard", "try_later"),
    (r"inténtalo de nuevo más tarde|tente novamente mais tarde|riprova più tardi", "try_later"),
    (r"ip is likely being blocked by youtube", "other"),
    (r"http error 429|too many requests", "rate"),
    (r"get the best youtube experience", "bot_check"),
    # The bot check in the languages of its proxies' countries: we ask in English, but a page
    # that does not listen must not turn into two million missing videos.
    (r"dass du kein (ro)?bot bist|dass sie kein (ro)?bot sind", "bot_check"),
    (r"que vous n'êtes pas un robot", "bot_check"),
    (r"que no eres un (ro)?bot", "bot_check"),
    (r"que (você )?não é um (ro)?bot|que não és um (ro)?bot", "bot_check"),
    (r"che non sei un (ro)?bot", "bot_check"),
    (r"dat je geen (ro)?bot bent", "bot_check"),
    (r"że nie jesteś (ro)?botem", "bot_check"),
    (r"что вы не (ро)?бот", "bot_check"),
    (r"що ви не (ро)?бот", "bot_check"),
    (r"(ro)?bot olmadığınızı", "bot_check"),
    (r"(bot|ボット|ロボット) ?で(は)?ないこと", "bot_check"),
    (r"(로)?봇이 아님", "bot_check"),
    (r"(您|你)不是(聊天)?机器人|(您|你)不是機器人", "bot_check"),
)
_MESSAGES = tuple((re.compile(words), kind) for words, kind in MESSAGES)

# YouTube's own walls look for a robot, whatever the language around the word.
_ROBOT_WORD = re.compile(r"\b(ro)?bot(s|em|om|y)?\b|\b(ро)?бот\w*|ボット|로봇|봇이|机器人|機器人")
_BOT_HELP_PAGE = "support.google.com/youtube/answer/3037019"

_WORDS: dict[RefusalKind, str] = {
    "rate": "YouTube answers 429: too many requests",
    "bot_check": "YouTube asks to confirm that this is not a bot",
    "try_later": "YouTube has rate-limited this session and says to try again later",
    "captcha": "YouTube asks for a captcha",
    "media_forbidden": "YouTube no longer gives out media (403)",
    "other": "YouTube refuses to answer",
}


def refusal_in(
    *,
    status: int | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
    text: str = "",
    url: str = "",
    now: float | None = None,
) -> Refused | None:
    """The refusal in an HTTP answer or in a tool's message; None when there is none.

    `text` must be YouTube's own words (a playability reason, yt-dlp's message, the body of an
    error answer), never a whole watch page: titles hold anything. `url` is where the answer came
    from or redirects to. `now` is POSIX time, needed for a `Retry-After` that is a date.
    """
    kind = _kind_by_address(url) or _kind_by_words(text) or _kind_by_status(status)
    if kind is None:
        return None
    return Refused(_WORDS[kind], kind=kind, retry_after=retry_after_in(headers, now))


def refusal_in_playability(playability: Playability) -> Refused | None:
    """The refusal in a player's `playabilityStatus`, by its words or its structure."""
    if playability.status == "OK":
        return None
    kind = _kind_by_words(playability.words)
    if kind is None and playability.captcha:
        kind = "captcha"
    if (
        kind is None
        and playability.status == "LOGIN_REQUIRED"
        and _looks_like_bot_check(playability)
    ):
        kind = "bot_check"
    return None if kind is None else Refused(_WORDS[kind], kind=kind)


def retry_after_in(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """`Retry-After` in seconds from now (never negative), given as seconds or as an HTTP date."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _seconds_until(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: float | None) -> float | None:
    if now is None:
        return None
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


def _kind_by_address(url: str) -> RefusalKind | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host.startswith(("consent.youtube.", "consent.google.")):
        return "other"
    if host.startswith("accounts.google.") or parts.path == "/signin":
        return "bot_check"
    if "google." in host and parts.path.startswith("/sorry"):
        return "captcha"
    return None


def _kind_by_words(text: str) -> RefusalKind | None:
    words = plain(text)
    return next((kind for pattern, kind in _MESSAGES if pattern.search(words)), None)


def _kind_by_status(status: int | None) -> RefusalKind | None:
    if status == 429:
        return "rate"
    return "other" if status in (401, 403) else None


def _looks_like_bot_check(playability: Playability) -> bool:
    if playability.age_gate:
        return False
    if any(_BOT_HELP_PAGE in link for link in playability.links):
        return True
    return bool(_ROBOT_WORD.search(playability.words))
