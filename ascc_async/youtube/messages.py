"""What YouTube's statuses and words mean together, in one table, for licenses and clips alike.

A refusal of us says nothing about a video; a reason is one that YouTube names for certain; all else
is bare: «Video unavailable», «Please sign in», no words at all, and every wording that nobody
knows. Blocked addresses are told the same, so bare words end nothing. No network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ascc_async.errors import RefusalKind, Refused
from ascc_async.model import Reason
from ascc_async.network.client import retry_after
from ascc_async.youtube.json_reading import inside, links_in, listed, text_of
from ascc_async.youtube.wordings import only_unavailable, reason_by_words, refusal_by_words

# Whoever is to sign in is told only what an account may mend: all else is about the account.
_BEHIND_A_LOGIN = (
    Reason.PRIVATE,
    Reason.AGE_RESTRICTED,
    Reason.MEMBERS_ONLY,
    Reason.SIGN_IN_REQUIRED,
)

_REASON_BY_STATUS = {
    "LIVE_STREAM_OFFLINE": Reason.LIVE,
    "AGE_CHECK_REQUIRED": Reason.AGE_RESTRICTED,
    "AGE_VERIFICATION_REQUIRED": Reason.AGE_RESTRICTED,
}
_REFUSAL_BY_HTTP_STATUS: dict[int | None, RefusalKind] = {429: "rate", 401: "other", 403: "other"}

# YouTube's bot checks name a robot, whatever the language around the word.
_ROBOT_WORD = re.compile(r"\b(ro)?bot(s|em|om|y)?\b|\b(ро)?бот\w*|ボット|로봇|봇이|机器人|機器人")
_BOT_HELP_PAGE = "support.google.com/youtube/answer/3037019"
_FORMS = ("https://consent.youtube.com/", "https://accounts.google.com/ServiceLogin")

REFUSAL_TEXTS: dict[RefusalKind, str] = {
    "rate": "YouTube answers 429: too many requests",
    "bot_check": "YouTube asks to confirm that this is not a bot",
    "try_later": "YouTube has rate-limited this session and says to try again later",
    "captcha": "YouTube asks for a captcha",
    "media_forbidden": "YouTube no longer gives out media (403)",
    "other": "YouTube refuses to answer",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a player says of a video: `playable`, a `refusal` of us, a certain `reason`, or none.

    With none of them it is bare, and says nothing about the video. `unavailable`: bare, and in the
    very words of a video that is gone. `words` are YouTube's own, else its status, of all but a
    video that it plays.
    """

    words: str = ""
    playable: bool = False
    refusal: Refused | None = None
    reason: Reason | None = None
    unavailable: bool = False


def judge(raw: Any) -> Verdict:
    """What a `playabilityStatus` says; parts that are missing or of another shape are left out.

    Status and words are judged together: a refusal before any reason, and words before what stands
    around them, which tells in any language.
    """
    raw = inside(raw)
    status = str(raw.get("status") or "").upper()
    if status == "OK":
        return Verdict(playable=True)
    words = " · ".join(dict.fromkeys(filter(None, _sentences(raw))))  # each once: they are repeated
    said = words or status
    screens = inside(raw, "errorScreen")
    age_gate = bool(raw.get("desktopLegacyAgeGateReason"))
    kind = refusal_by_words(words)
    if kind is None and any("Captcha" in name for name in screens):
        kind = "captcha"
    elif kind is None and status == "LOGIN_REQUIRED" and not age_gate:
        to_help_page = any(_BOT_HELP_PAGE in link for link in links_in(screens))
        kind = "bot_check" if to_help_page or _ROBOT_WORD.search(words) else None
    if kind is not None:
        return Verdict(said, refusal=Refused(REFUSAL_TEXTS[kind], kind=kind))
    reason = reason_by_words(words)
    if reason is None and age_gate:
        reason = Reason.AGE_RESTRICTED
    elif reason is None and any("Ypc" in name for name in screens):  # something to be paid for
        reason = Reason.MEMBERS_ONLY
    reason = reason or _REASON_BY_STATUS.get(status)
    if reason is not None and (status != "LOGIN_REQUIRED" or reason in _BEHIND_A_LOGIN):
        return Verdict(said, reason=reason)
    unavailable = status in ("ERROR", "UNPLAYABLE") and only_unavailable(words)
    return Verdict(said, unavailable=unavailable)


def _sentences(raw: Mapping[str, Any]) -> Iterator[str]:
    """YouTube's own, the reason first; empty ones among them."""
    pieces = [raw.get("reason"), *listed(raw.get("messages"))]
    for screen in inside(raw, "errorScreen").values():
        shown = inside(screen, "content", "interstitialViewModel")
        pieces += [inside(screen).get(name) for name in ("reason", "subreason", "offerDescription")]
        pieces += [shown.get(name) for name in ("title", "description")]
    return (" ".join(text_of(piece).split()) for piece in pieces)


def refusal_in(
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    text: str = "",
    url: str = "",
    now: float | None = None,
) -> Refused | None:
    """The refusal in an HTTP answer or in a tool's message; None when there is none.

    `text` must be YouTube's own words (a playability reason, yt-dlp's message, the body of an
    error answer), never a whole watch page: titles hold anything. `url` is where the answer came
    from or redirects to. `now` is POSIX time, needed for a `Retry-After` that is a date.
    """
    address = urlsplit(url)
    host = address.hostname or ""
    kind: RefusalKind | None
    if host.startswith(("consent.youtube.", "consent.google.")):
        kind = "other"
    elif host.startswith("accounts.google.") or address.path == "/signin":
        kind = "bot_check"
    elif "google." in host and address.path.startswith("/sorry"):
        kind = "captcha"
    else:
        kind = refusal_by_words(text) or _REFUSAL_BY_HTTP_STATUS.get(status)
    if kind is None:
        return None
    return Refused(REFUSAL_TEXTS[kind], kind=kind, retry_after=retry_after(headers or {}, now))


def refusal_in_page(page: str) -> Refused | None:
    """The refusal when a form for consent or login, or a captcha, comes instead of what was asked.

    Never for a watch page, whose title may quote any of the words.
    """
    form = next((address for address in _FORMS if f'action="{address}' in page), "")
    return refusal_in(url=form, text=page)
