"""Why a video cannot be had, in YouTube's words and signs: pure tables, no network.

What is not in the tables stays None, unknown: never a reason by guess.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ascc_async.model import Reason

# Order matters: the first that matches counts. «blocked in your country on copyright grounds» is
# about the country, «members-only» comes before «sign in», and the bare «video unavailable» that
# opens many longer messages comes last. Words in the form `plain()` gives them.
MESSAGES: tuple[tuple[str, Reason], ...] = (
    (r"this video is private|private video|video is a private|privates video", Reason.PRIVATE),
    (r"dieses video ist privat|非公開動画|この動画は非公開", Reason.PRIVATE),
    (r"members-only|channel's members|available to .*members on level", Reason.MEMBERS_ONLY),
    (r"join this channel to get access", Reason.MEMBERS_ONLY),
    (r"only available to music premium|requires? (payment|purchase)", Reason.MEMBERS_ONLY),
    (r"this video is (only )?available (for rent|to rent|to buy)", Reason.MEMBERS_ONLY),
    (
        r"(kanal)?mitglieder verfügbar|für kanalmitglieder|メンバー限定|レベルのメンバー",
        Reason.MEMBERS_ONLY,
    ),
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
    (
        r"konto .*(gekündigt|gelöscht|geschlossen)|アカウント(が停止|を閉鎖)",
        Reason.ACCOUNT_TERMINATED,
    ),
    (
        r"copyright claim|on copyright grounds|copyright infringement|urheberrecht|著作権",
        Reason.COPYRIGHT_CLAIM,
    ),
    (r"live event will begin|premieres? (in|will)|premiere will begin", Reason.LIVE),
    (r"live stream (recording|has ended|is offline)|live event has ended", Reason.LIVE),
    (r"has been removed|was removed|removed by the (uploader|user)", Reason.REMOVED),
    (r"wurde (vom nutzer|von dem nutzer|vom uploader)? ?entfernt|削除されました", Reason.REMOVED),
    (
        r"this video does(n't| not) exist|no longer available|isn't available any ?more",
        Reason.REMOVED,
    ),
    (r"dieses video ist nicht mehr verfügbar|動画は利用できなくなりました", Reason.REMOVED),
    (r"sign in to (view|watch) this video|for registered users", Reason.SIGN_IN_REQUIRED),
    (r"^please sign in\b", Reason.SIGN_IN_REQUIRED),
    (r"this video requires login|login required to view", Reason.SIGN_IN_REQUIRED),
)
_MESSAGES = tuple((re.compile(words), reason) for words, reason in MESSAGES)

# Bare words that mean «gone» only when nothing else is said: with words beside them that nobody
# knows, they may be about the client, the place, or a refusal in new words.
_BARE = (
    r"(this )?video (is )?unavailable|this video (is not|isn't) available"
    r"|(dieses )?video (ist )?nicht verfügbar|(この)?動画(を再生|は再生|は利用)できません"
)
_GONE = re.compile(rf"(error: )?(\[youtube\] \S+: )?(({_BARE})[.。 ·]*)+")

_BY_STATUS = {
    "LIVE_STREAM_OFFLINE": Reason.LIVE,
    "AGE_CHECK_REQUIRED": Reason.AGE_RESTRICTED,
    "AGE_VERIFICATION_REQUIRED": Reason.AGE_RESTRICTED,
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


def plain(text: str) -> str:
    """Small letters, straight apostrophes, single spaces, no markup: words fit for comparing."""
    bare = re.sub(r"<[^<>]{0,200}>", " ", text) if "<" in text else text
    straight = html.unescape(bare).replace("’", "'").replace("‘", "'").replace("ʼ", "'")
    return " ".join(straight.lower().split())


def playability_in(raw: Mapping[str, Any] | None) -> Playability:
    """Read a `playabilityStatus`; parts that are missing or of another shape are left out."""
    if not isinstance(raw, dict):
        return Playability()
    screen = raw.get("errorScreen")
    screens: Mapping[str, Any] = screen if isinstance(screen, dict) else {}
    pieces = [raw.get("reason"), *_listed(raw.get("messages"))]
    for part in screens.values():
        if isinstance(part, dict):
            pieces += [
                text_of(part.get(name)) for name in ("reason", "subreason", "offerDescription")
            ]
    return Playability(
        status=str(raw.get("status") or "").upper(),
        words=_joined(pieces),
        links=tuple(_links(screens)),
        age_gate=bool(raw.get("desktopLegacyAgeGateReason")),
        paid=any("Ypc" in name for name in screens),
        captcha=any("Captcha" in name for name in screens),
    )


def reason_in(status: str | None, message: str, subreason: str = "") -> Reason | None:
    """The reason of the closed list for YouTube's (or yt-dlp's) words; None when unknown.

    `status` is `playabilityStatus.status` where known. Ask `refusal_in` first.
    """
    return reason_in_playability(
        Playability(status=(status or "").upper(), words=f"{message} {subreason}")
    )


def reason_in_playability(playability: Playability) -> Reason | None:
    """The reason in a `playabilityStatus`, by its words, then by its status and its signs."""
    if playability.status == "OK":
        return None
    words = plain(playability.words)
    found = next((reason for pattern, reason in _MESSAGES if pattern.search(words)), None)
    return found or _reason_by_signs(playability) or _reason_if_gone(playability.status, words)


def _reason_by_signs(playability: Playability) -> Reason | None:
    if playability.age_gate:
        return Reason.AGE_RESTRICTED
    if playability.paid:
        return Reason.MEMBERS_ONLY
    return _BY_STATUS.get(playability.status)


def _reason_if_gone(status: str, words: str) -> Reason | None:
    # An UNPLAYABLE «Video unavailable» without more may be the place or the client: unknown.
    return Reason.REMOVED if status in ("", "ERROR") and _GONE.fullmatch(words) else None


def text_of(node: Any) -> str:
    """The text of YouTube's `{simpleText}`, `{runs: [{text}]}`, `{content}` or plain string."""
    if isinstance(node, str):
        return node
    if not isinstance(node, dict):
        return ""
    for name in ("simpleText", "content"):
        if isinstance(text := node.get(name), str):
            return text
    runs = _listed(node.get("runs"))
    return "".join(
        [text for run in runs if isinstance(run, dict) and isinstance(text := run.get("text"), str)]
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _joined(pieces: list[Any]) -> str:
    """The sentences, each once (the error screen repeats the reason)."""
    words = [
        " ".join(piece.split()) for piece in pieces if isinstance(piece, str) and piece.strip()
    ]
    return " · ".join(dict.fromkeys(words))


def _links(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "url" and isinstance(value, str):
                yield value
            else:
                yield from _links(value)
    elif isinstance(node, list):
        for value in node:
            yield from _links(value)
