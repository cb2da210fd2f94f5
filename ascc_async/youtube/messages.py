"""What YouTube's statuses and words mean together, in one table, for licenses and clips alike.

A refusal of us says nothing about a video; a reason is one that YouTube names for certain; all else
is bare: «Video unavailable», «Please sign in», no words at all, and every wording that nobody
knows. Blocked addresses are told the same, so bare words end nothing. No network.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ascc_async.errors import RefusalKind, Refused
from ascc_async.model import Reason
from ascc_async.network.client import retry_after
from ascc_async.youtube.json_reading import links_in, listed, text_of

# Words as recorded, in the form `plain()` gives them (small letters, straight apostrophes). The
# first line that matches counts, and the order is deliberate: refusals before all reasons; «blocked
# in your country on copyright grounds» is about the country; «members-only» comes before «sign in».
# The other languages are those of common proxies' countries: we ask in English, but a page that
# does not listen must not turn into two million missing videos.
MESSAGES: tuple[tuple[str, RefusalKind | Reason], ...] = (
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
    (r"this video is private|private video|video is a private|privates video", Reason.PRIVATE),
    (r"dieses video ist privat|非公開動画|この動画は非公開", Reason.PRIVATE),
    (r"members-only|channel's members|available to .*members on level", Reason.MEMBERS_ONLY),
    (r"join this channel to get access", Reason.MEMBERS_ONLY),
    (r"only available to music premium|requires? (payment|purchase)", Reason.MEMBERS_ONLY),
    (r"this video is (only )?available (for rent|to rent|to buy)", Reason.MEMBERS_ONLY),
    (r"(kanal)?mitglieder verfügbar|für kanalmitglieder", Reason.MEMBERS_ONLY),
    (r"メンバー限定|レベルのメンバー", Reason.MEMBERS_ONLY),
    (r"confirm your age|age[- ]restricted|age[- ]verification", Reason.AGE_RESTRICTED),
    (r"may be inappropriate for some users", Reason.AGE_RESTRICTED),
    (r"dein alter zu bestätigen|altersbeschränk|年齢(制限|を確認)", Reason.AGE_RESTRICTED),
    (
        r"(available|blocked( it)?|viewed|played|shown) (in|from) your (country|location|region)"
        r"|not available on this country domain",
        Reason.COUNTRY_RESTRICTED,
    ),
    (r"(in deinem|in ihrem|für dein) land|お住まいの国", Reason.COUNTRY_RESTRICTED),
    (
        r"account (associated with this video )?has been terminated|terminated account",
        Reason.ACCOUNT_TERMINATED,
    ),
    (r"uploader has closed (their|his|her) youtube account", Reason.ACCOUNT_TERMINATED),
    (r"konto .*(gekündigt|gelöscht|geschlossen)", Reason.ACCOUNT_TERMINATED),
    (r"アカウント(が停止|を閉鎖)", Reason.ACCOUNT_TERMINATED),
    (r"copyright claim|on copyright grounds|copyright infringement", Reason.COPYRIGHT_CLAIM),
    (r"urheberrecht|著作権", Reason.COPYRIGHT_CLAIM),
    (r"live event will begin|premieres? (in|will)|premiere will begin", Reason.LIVE),
    (r"live stream (recording|has ended|is offline)|live event has ended", Reason.LIVE),
    # The video, not an account or a session.
    (r"video (has been|was) removed|removed by the (uploader|user)", Reason.REMOVED),
    (r"wurde (vom nutzer|von dem nutzer|vom uploader)? ?entfernt|削除されました", Reason.REMOVED),
    (r"video does(n't| not) exist|video (is )?no longer available", Reason.REMOVED),
    (r"video (isn't|is not) available any ?more", Reason.REMOVED),
    (r"dieses video ist nicht mehr verfügbar|動画は利用できなくなりました", Reason.REMOVED),
    (r"sign in to (view|watch) this video|for registered users", Reason.SIGN_IN_REQUIRED),
    (r"this video requires login|login required to view", Reason.SIGN_IN_REQUIRED),
)
_MESSAGES = tuple((re.compile(words), meaning) for words, meaning in MESSAGES)

# Seen twice, hours or identities apart, these mean that a video is gone, and only when nothing else
# is said: words beside them that nobody knows may be a refusal in new words.
_UNAVAILABLE = (
    r"(this )?video (is )?unavailable|this video (is not|isn't) available"
    r"|(dieses )?video (ist )?nicht verfügbar|(この)?動画(を再生|は再生|は利用)できません"
)
_ONLY_UNAVAILABLE = re.compile(rf"(({_UNAVAILABLE})[.。 ·]*)+")

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
class Playability:
    """A player's `playabilityStatus`, boiled down to what tells refusals and reasons apart.

    `words` are all its sentences, YouTube's own, reason first. `links` are the addresses in them.
    """

    status: str = ""
    words: str = ""
    links: tuple[str, ...] = ()
    age_gate: bool = False
    paid: bool = False
    captcha: bool = False


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


def playability_in(raw: Any) -> Playability:
    """Read a `playabilityStatus`; parts that are missing or of another shape are left out."""
    if not isinstance(raw, dict):
        return Playability()
    screens = raw.get("errorScreen")
    screens = screens if isinstance(screens, dict) else {}
    pieces = [raw.get("reason"), *listed(raw.get("messages"))]
    for screen in screens.values():
        if isinstance(screen, dict):
            names = ("reason", "subreason", "offerDescription")
            pieces += [text_of(screen.get(name)) for name in names]
    sentences = [" ".join(piece.split()) for piece in pieces if isinstance(piece, str)]
    return Playability(
        status=str(raw.get("status") or "").upper(),
        # Each once: the error screen repeats the reason.
        words=" · ".join(dict.fromkeys(filter(None, sentences))),
        links=tuple(links_in(screens)),
        age_gate=bool(raw.get("desktopLegacyAgeGateReason")),
        paid=any("Ypc" in name for name in screens),
        captcha=any("Captcha" in name for name in screens),
    )


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
        kind = _refusal_by_words(text) or _REFUSAL_BY_HTTP_STATUS.get(status)
    if kind is None:
        return None
    return Refused(REFUSAL_TEXTS[kind], kind=kind, retry_after=retry_after(headers or {}, now))


def judge(playability: Playability) -> Verdict:
    """The table's verdict, by YouTube's words first, then by links, screens and status."""
    status, words = playability.status, plain(playability.words)
    if status == "OK":
        return Verdict(playable=True)
    said = playability.words or status
    meaning = _meaning_of(words) or _meaning_of_structure(playability)
    if isinstance(meaning, Reason):
        return Verdict(said, reason=meaning)
    if meaning is not None:
        return Verdict(said, refusal=Refused(REFUSAL_TEXTS[meaning], kind=meaning))
    unavailable = status in ("ERROR", "UNPLAYABLE") and _ONLY_UNAVAILABLE.fullmatch(words)
    return Verdict(said, unavailable=bool(unavailable))


def refusal_in_page(page: str) -> Refused | None:
    """The refusal when a form for consent or login, or a captcha, comes instead of what was asked.

    Never for a watch page, whose title may quote any of the words.
    """
    form = next((address for address in _FORMS if f'action="{address}' in page), "")
    return refusal_in(url=form, text=page)


def plain(text: str) -> str:
    """Small letters, straight apostrophes, single spaces, no markup: words fit for comparing."""
    bare = re.sub(r"<[^<>]{0,200}>", " ", text) if "<" in text else text
    straight = html.unescape(bare).replace("’", "'").replace("‘", "'").replace("ʼ", "'")
    return " ".join(straight.lower().split())


def _meaning_of(words: str) -> RefusalKind | Reason | None:
    return next((meaning for pattern, meaning in _MESSAGES if pattern.search(words)), None)


def _meaning_of_structure(playability: Playability) -> RefusalKind | Reason | None:
    """What tells in any language."""
    if playability.captcha:
        return "captcha"
    if playability.status == "LOGIN_REQUIRED" and not playability.age_gate:
        to_help_page = any(_BOT_HELP_PAGE in link for link in playability.links)
        if to_help_page or _ROBOT_WORD.search(playability.words):
            return "bot_check"
    if playability.age_gate:
        return Reason.AGE_RESTRICTED
    if playability.paid:
        return Reason.MEMBERS_ONLY
    return _REASON_BY_STATUS.get(playability.status)


def _refusal_by_words(text: str) -> RefusalKind | None:
    meaning = _meaning_of(plain(text))
    return None if isinstance(meaning, Reason) else meaning
