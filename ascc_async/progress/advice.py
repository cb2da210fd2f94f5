"""What a user can do about what is missing, reason by reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ascc_async.dataset.counts import Counts
from ascc_async.model import Outcome, Reason

_AGAIN = "run the same command again: it goes on with these"
_COOKIES = (
    "cookies of a signed-in browser open most of these: set network.cookies_file"
    " (docs/cookies.md), then run again: they are asked again at once"
)
_UPDATE = (
    "`detail` in dataset/unavailable.csv says what the tool said; mostly helps"
    " `pip install --upgrade yt-dlp`, then `doctor --online` and another run"
)
_GONE = "gone for good: nothing can be done"
_CONTENT = "the sound itself is not usable: nothing needs doing"
_REMEDIES: Mapping[Reason, str] = {
    Reason.LICENSE_UNKNOWN: (
        "the next runs ask again, license.retry_unknown times; a Data API key"
        " (license.api_keys, docs/data-api.md) answers for nearly all"
    ),
    Reason.NETWORK: "run again later: they are tried again",
    Reason.SIGN_IN_REQUIRED: _COOKIES,
    Reason.AGE_RESTRICTED: _COOKIES,
    Reason.MEMBERS_ONLY: "only an account that is a member of the channel gets these",
    Reason.COUNTRY_RESTRICTED: (
        "not shown in your country: a proxy elsewhere (network.proxy, or one more entry in"
        " network.identities) may get them: run again with it"
    ),
    Reason.TOOL_FAILED: _UPDATE,
    Reason.LIVE: "streams or premieres now: looked at again after license.recheck_after_days",
    Reason.LICENSE_CHANGED: "no longer Creative Commons: their clips are left out of the dataset",
    Reason.REMOVED: _GONE,
    Reason.PRIVATE: _GONE,
    Reason.ACCOUNT_TERMINATED: _GONE,
    Reason.COPYRIGHT_CLAIM: _GONE,
    Reason.NO_AUDIO: _CONTENT,
    Reason.SILENT: _CONTENT,
    Reason.TOO_SHORT: "the video ends too early; clips.shorter_than_segment decides what counts",
    Reason.CORRUPT: "could not be decoded: looked at again after license.recheck_after_days",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about some segments: which, how many, what."""

    about: tuple[str, ...]
    number: int
    remedy: str


def advice(counts: Counts) -> list[Advice]:
    """What to do about each group that is missing: first what can be helped, most first."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for (outcome, reason), number in counts.reasons.items():
        remedy = _remedy(outcome, reason)
        if remedy:
            groups.setdefault(remedy, []).append((reason or outcome, number))
    told = [
        Advice(tuple(dict.fromkeys(name for name, _ in group)), sum(n for _, n in group), remedy)
        for remedy, group in groups.items()
    ]
    return sorted(told, key=lambda one: (one.remedy in (_GONE, _CONTENT), -one.number))


def _remedy(outcome: str, reason: str) -> str:
    if reason:
        return _REMEDIES[Reason(reason)]
    return _AGAIN if outcome == Outcome.PENDING else ""
