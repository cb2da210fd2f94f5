"""Each reason of the closed list: what it means, and what a user can do about it."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async import UPGRADE
from ascc_async.model import Reason

_COOKIES = (
    "most of these need a signed-in account: set network.cookies_file (docs/cookies.md) and run"
    " again; they are then asked again right away"
)
_GONE = "gone for good: nothing can be done"
_NO_SOUND = "no usable audio: no action needed"
# The user sets how long: so the text names the setting.
_LATER = "tried again after license.recheck_after_days (30 by default)"


@dataclass(frozen=True, slots=True)
class ReasonFacts:
    """`meaning` for the dataset card, `remedy` for the user (equal ones are said once).

    `passing`: may well be different another day, so it is asked again then; `barred`: also with
    other cookies or from elsewhere. `hopeless`: no action helps.
    """

    meaning: str
    remedy: str
    passing: bool = False
    barred: bool = False
    hopeless: bool = False


REASON_FACTS: dict[Reason, ReasonFacts] = {
    Reason.REMOVED: ReasonFacts(
        "the video was removed",
        f"gone: nothing can be done; where YouTube did not say why, {_LATER}",
        hopeless=True,
    ),
    Reason.PRIVATE: ReasonFacts("the video is private", _GONE, hopeless=True),
    Reason.ACCOUNT_TERMINATED: ReasonFacts("the account was terminated", _GONE, hopeless=True),
    Reason.COPYRIGHT_CLAIM: ReasonFacts("blocked by a copyright claim", _GONE, hopeless=True),
    Reason.COUNTRY_RESTRICTED: ReasonFacts(
        "not available in the country it was asked from",
        "not shown in your country: a proxy elsewhere (network.proxy, or one more entry in"
        " network.identities) may get them: run again with it",
        passing=True,
        barred=True,
    ),
    Reason.SIGN_IN_REQUIRED: ReasonFacts(
        "only for viewers who sign in", _COOKIES, passing=True, barred=True
    ),
    Reason.AGE_RESTRICTED: ReasonFacts(
        "only for viewers of a certain age", _COOKIES, passing=True, barred=True
    ),
    Reason.MEMBERS_ONLY: ReasonFacts(
        "only for members of the channel",
        "only an account that is a member of the channel gets these",
        passing=True,
        barred=True,
    ),
    Reason.LIVE: ReasonFacts(
        "a live stream, not a recording", f"a stream or premiere: {_LATER}", passing=True
    ),
    Reason.NO_AUDIO: ReasonFacts("the video has no sound", _NO_SOUND, hopeless=True),
    Reason.TOO_SHORT: ReasonFacts(
        "the video ends before the segment, or too soon inside it",
        "see the column `detail` in dataset/unavailable.csv: where the sound ends before the"
        " segment, nothing helps; where it ends inside it, clips.shorter_than_segment: keep or pad,"
        " or a smaller clips.min_seconds, makes a clip of what there is",
    ),
    Reason.SILENT: ReasonFacts("digital silence", _NO_SOUND, hopeless=True),
    Reason.CORRUPT: ReasonFacts(
        "the media could not be decoded", f"could not be decoded: {_LATER}", passing=True
    ),
    Reason.NETWORK: ReasonFacts(
        "the network failed; will be tried again", "run again later: they are tried again"
    ),
    Reason.TOOL_FAILED: ReasonFacts(
        "a tool failed; will be tried again",
        "the column `detail` in dataset/unavailable.csv has the error; usually"
        f" `{UPGRADE}` helps: check with `python -m ascc_async doctor --online`,"
        " then run again",
    ),
    Reason.LICENSE_UNKNOWN: ReasonFacts(
        "YouTube was asked and did not tell the license; will be asked again",
        "YouTube showed nothing of the video (you may be blocked), or the video without a license:"
        " run again hours later. Without a license it is asked about at most license.retry_unknown"
        " times more until license.recheck_after_days have passed. A Data API key"
        " (license.api_keys, docs/data-api.md) gets nearly all of these licenses",
    ),
    Reason.LICENSE_CHANGED: ReasonFacts(
        "was Creative Commons when first asked, and is not any more",
        "no longer Creative Commons: their clips are left out of the dataset",
    ),
    Reason.NOT_LISTED: ReasonFacts(
        "YouTube's Data API does not list the video: it was removed, or is private",
        f"removed or private: {_LATER}; license.explain_missing: true finds out which, for one"
        " request a video (docs/data-api.md)",
        hopeless=True,
    ),
}
PASSING_REASONS = tuple(reason for reason, facts in REASON_FACTS.items() if facts.passing)
BARRED_REASONS = tuple(reason for reason, facts in REASON_FACTS.items() if facts.barred)
