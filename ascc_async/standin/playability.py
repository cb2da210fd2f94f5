"""What YouTube says of a video that it does not play: statuses, words and their places.

The one place for wordings. A reason has one or more `Unplayable` entries, a video takes the one its
number falls on (`wording`); `REFUSALS` are said in place of the truth to a client that YouTube
turns away. Another disguise of a refusal is another entry, and its name in
`world_settings.RefusalStyle`. Then `Fault(name=…, endpoints=("player",), share=0.3, times=0)` says
it at the player alone and of a share of the videos, `clients=("VISIONOS",)` to one player client
alone, `Limit(style=…)` of all videos to those who exceed a limit; `StandinProcess.set_faults()`
lifts it while a run is going on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ascc_async.model import Reason


@dataclass(frozen=True, slots=True)
class Unplayable:
    """One `playabilityStatus`. `more`: further keys beside, or others in place.

    `bare`: it says nothing certain of the video, so it may as well be a block.
    """

    status: str
    reason: str = ""
    subreason: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    bare: bool = False


def _members_only(text: str) -> Unplayable:
    """Not an error screen but an offer."""
    offer = {
        "itemTitle": "Members-only content",
        "offerDescription": text,
        "offerId": "sponsors_only_video",
    }
    screen = {"playerLegacyDesktopYpcOfferRenderer": offer}
    return Unplayable("UNPLAYABLE", text, more={"playableInEmbed": True, "errorScreen": screen})


_GONE = "Video unavailable"
_CLAIM = "This video is no longer available due to a copyright claim by {}"
_BLOCKED = "This video contains content from {}, who has blocked it on copyright grounds"
_HOLDERS = ("Nordlicht Musikverlag GmbH", "SME, on behalf of A & B")
_JOIN = (
    "Join this channel to get access to members-only content like this video, and other"
    " exclusive perks."
)
_LEVEL = (
    "This video is available to this channel's members on level: {} (or any higher"
    " level). Join this channel to get access to members-only content and other exclusive"
    " perks."
)
UNPLAYABLE: Mapping[Reason, tuple[Unplayable, ...]] = {
    Reason.REMOVED: (
        Unplayable("ERROR", _GONE, "This video has been removed by the uploader"),
        Unplayable("ERROR", _GONE, "This video is not available", bare=True),
        Unplayable("ERROR", _GONE, "This video isn't available anymore"),
        Unplayable(
            "ERROR", _GONE, "This video has been removed for violating YouTube's Terms of Service"
        ),
        Unplayable("ERROR", _GONE, bare=True),
    ),
    Reason.PRIVATE: (
        Unplayable(
            "LOGIN_REQUIRED",
            "Private video",
            "Sign in if you've been granted access to this video",
            {
                "messages": [
                    "This is a private video. Please sign in to verify that you may see it."
                ]
            },
        ),
    ),
    Reason.ACCOUNT_TERMINATED: (
        Unplayable(
            "ERROR",
            _GONE,
            "This video is no longer available because the YouTube account associated with this"
            " video has been terminated.",
        ),
        Unplayable(
            "ERROR",
            _GONE,
            "This video is no longer available because the uploader has closed their YouTube"
            " account.",
        ),
    ),
    Reason.COPYRIGHT_CLAIM: (
        Unplayable("ERROR", _GONE, _CLAIM.format(_HOLDERS[0])),
        Unplayable("UNPLAYABLE", _GONE, _BLOCKED.format(_HOLDERS[0])),
        Unplayable("ERROR", _GONE, _CLAIM.format(_HOLDERS[1])),
        Unplayable("UNPLAYABLE", _GONE, _BLOCKED.format(_HOLDERS[1])),
    ),
    Reason.COUNTRY_RESTRICTED: (
        Unplayable(
            "UNPLAYABLE", _GONE, "The uploader has not made this video available in your country"
        ),
    ),
    Reason.SIGN_IN_REQUIRED: (Unplayable("LOGIN_REQUIRED", "Please sign in", bare=True),),
    Reason.AGE_RESTRICTED: (
        Unplayable(
            "LOGIN_REQUIRED",
            "Sign in to confirm your age",
            "This video may be inappropriate for some users.",
            {"desktopLegacyAgeGateReason": 1},
        ),
    ),
    Reason.MEMBERS_ONLY: (
        _members_only(_JOIN),
        _members_only(_LEVEL.format("Magnificent Members")),
        _members_only(_JOIN),
        _members_only(_LEVEL.format('Tier 2 "Gold"')),
    ),
}
# Worded and shaped like an answer about the video: the trap is to take them for one. All but the
# first two are disguises: YouTube says the same of videos that are really gone.
REFUSALS: Mapping[str, Unplayable] = {
    "bot_check": Unplayable(
        "LOGIN_REQUIRED",
        "Sign in to confirm you’re not a bot",
        "This helps protect our community. Learn more",
    ),
    "try_later": Unplayable("ERROR", _GONE, "This content isn't available, try again later."),
    "video_unavailable": Unplayable("ERROR", _GONE, bare=True),
    "unplayable": Unplayable("UNPLAYABLE", _GONE, bare=True),
    "not_available": Unplayable("UNPLAYABLE", "This video is not available", bare=True),
    "please_sign_in": Unplayable("LOGIN_REQUIRED", "Please sign in", bare=True),
    "login_required": Unplayable("LOGIN_REQUIRED", bare=True),
    "your_account": Unplayable("LOGIN_REQUIRED", "Your account has been terminated", bare=True),
    "session_removed": Unplayable(
        "UNPLAYABLE", "This session was removed. Your account has been terminated", bare=True
    ),
    # As of a video that is gone for certain: only that all are told so shows it.
    "gone_for_good": Unplayable(
        "ERROR", _GONE, "This video has been removed by the uploader", bare=True
    ),
    # Certain words, but for what stands beside them.
    "unknown_words": Unplayable(
        "UNPLAYABLE",
        "This video is no longer available",
        "You have watched too many videos today",
        bare=True,
    ),
}


def wording(reason: Reason | None, number: int) -> Unplayable | None:
    """What YouTube says of a video of this reason and number; None where it is no hindrance."""
    entries = UNPLAYABLE.get(reason, ()) if reason else ()
    # By number, not at random: each wording is met, and a video keeps its own.
    return entries[number % len(entries)] if entries else None
