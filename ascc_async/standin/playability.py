"""What YouTube says of a video that it does not play: statuses, words and their places.

The one place for wordings. A reason has one or more `Unplayable` entries, a video takes the one its
number falls on; `REFUSALS` are said in place of the truth to a client that YouTube turns away.
Another disguise of a refusal is another entry, and its name in `world_settings.RefusalStyle`. Then
`Fault(name=…, endpoints=("player",), share=0.3, times=0)` says it at the player alone and of a
share of the videos, `Limit(style=…)` of all videos to those who exceed a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ascc_async.model import Reason
from ascc_async.standin.world import SIGNING_IN_HELPS, Video

APPS = frozenset({"ANDROID", "ANDROID_VR", "IOS", "VISIONOS"})


@dataclass(frozen=True, slots=True)
class Unplayable:
    """One `playabilityStatus`. `more`: further keys beside, or others in place."""

    status: str
    reason: str
    subreason: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


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
        Unplayable("ERROR", _GONE, "This video is not available"),
        Unplayable("ERROR", _GONE, "This video isn't available anymore"),
        Unplayable(
            "ERROR", _GONE, "This video has been removed for violating YouTube's Terms of Service"
        ),
        Unplayable("ERROR", _GONE),
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
    Reason.SIGN_IN_REQUIRED: (Unplayable("LOGIN_REQUIRED", "Please sign in"),),
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
# Worded and shaped like an answer about the video: the trap is to take them for one.
REFUSALS: Mapping[str, Unplayable] = {
    "bot_check": Unplayable(
        "LOGIN_REQUIRED",
        "Sign in to confirm you’re not a bot",
        "This helps protect our community. Learn more",
    ),
    "try_later": Unplayable("ERROR", _GONE, "This content isn't available, try again later."),
}


def playability(video: Video, *, app: bool = False, signed_in: bool = False) -> dict[str, Any]:
    """What `player` says of the video's being playable. `app`: in the mobile apps' way."""
    reason = video.reason
    status: dict[str, Any] = {"status": "OK", "playableInEmbed": True}
    if reason is Reason.LIVE:
        # YouTube says OK for a stream on air: only `videoDetails` tells that it is no recording.
        event = {"videoId": video.video_id, "pollDelayMs": "15000"}
        status["liveStreamability"] = {"liveStreamabilityRenderer": event}
        if video.upcoming:
            status["status"] = "LIVE_STREAM_OFFLINE"
            status["reason"] = "This live event will begin in 3 hours."
        return status
    entries = UNPLAYABLE.get(reason, ()) if reason else ()
    # Sound that is missing or spoilt is no reason to refuse the player.
    if not entries or (signed_in and reason in SIGNING_IN_HELPS):
        return status
    # By number, not at random: each wording is met, and a video keeps its own.
    entry = entries[video.number % len(entries)]
    if reason is Reason.COUNTRY_RESTRICTED and app:  # apps name no «Video unavailable» before it
        entry = Unplayable(entry.status, entry.subreason)
    status = refused(entry)
    if reason is Reason.MEMBERS_ONLY and app:
        del status["errorScreen"]  # apps make no offer
    return status


def refused(entry: Unplayable) -> dict[str, Any]:
    """An entry as `playabilityStatus`, with the screen that a player would show."""
    # yt-dlp takes the second sentence from the screen alone.
    screen = {"reason": {"simpleText": entry.reason}, "icon": {"iconType": "ERROR_OUTLINE"}}
    if entry.subreason:
        screen["subreason"] = {"simpleText": entry.subreason}
    return {
        "status": entry.status,
        "reason": entry.reason,
        "errorScreen": {"playerErrorMessageRenderer": screen},
        **entry.more,
    }
