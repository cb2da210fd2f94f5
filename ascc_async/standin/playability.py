"""What YouTube says of a video that it does not play: statuses, words and their places.

The one place for wordings. A reason has one or more `Unplayable` entries, a video takes the one its
number falls on; `REFUSALS` are said in place of the truth to a client that YouTube turns away.
Another kind of refusal is another entry (and its name in `world_settings.RefusalStyle`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ascc_async.model import Reason
from ascc_async.standin.world import SIGNING_IN_HELPS, Video

APPS = frozenset({"ANDROID", "ANDROID_VR", "IOS", "VISIONOS"})
CREATIVE_COMMONS = "Creative Commons Attribution license (reuse allowed)"


@dataclass(frozen=True, slots=True)
class Unplayable:
    """One `playabilityStatus`. `more`: further keys beside."""

    status: str
    reason: str
    subreason: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


def _gone(*subreasons: str) -> tuple[Unplayable, ...]:
    return tuple(Unplayable("ERROR", "Video unavailable", text) for text in subreasons)


def _claims() -> tuple[Unplayable, ...]:
    """Two wordings, each with its own status, for each of two rights holders."""
    forms = (
        ("ERROR", "This video is no longer available due to a copyright claim by {}"),
        (
            "UNPLAYABLE",
            "This video contains content from {}, who has blocked it on copyright grounds",
        ),
    )
    return tuple(
        Unplayable(status, "Video unavailable", text.format(holder))
        for holder in ("Nordlicht Musikverlag GmbH", "SME, on behalf of A & B")
        for status, text in forms
    )


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
    Reason.REMOVED: _gone(
        "This video has been removed by the uploader",
        "This video is not available",
        "This video isn't available anymore",
        "This video has been removed for violating YouTube's Terms of Service",
        "",
    ),
    Reason.PRIVATE: (
        Unplayable(
            "LOGIN_REQUIRED",
            "Private video",
            "Sign in if you've been granted access to this video",
            more={
                "messages": [
                    "This is a private video. Please sign in to verify that you may see it."
                ]
            },
        ),
    ),
    Reason.ACCOUNT_TERMINATED: _gone(
        "This video is no longer available because the YouTube account associated with this"
        " video has been terminated.",
        "This video is no longer available because the uploader has closed their YouTube account.",
    ),
    Reason.COPYRIGHT_CLAIM: _claims(),
    Reason.COUNTRY_RESTRICTED: (
        Unplayable(
            "UNPLAYABLE",
            "Video unavailable",
            "The uploader has not made this video available in your country",
        ),
    ),
    Reason.SIGN_IN_REQUIRED: (Unplayable("LOGIN_REQUIRED", "Please sign in"),),
    Reason.AGE_RESTRICTED: (
        Unplayable(
            "LOGIN_REQUIRED",
            "Sign in to confirm your age",
            "This video may be inappropriate for some users.",
            more={"desktopLegacyAgeGateReason": 1},
        ),
    ),
    Reason.MEMBERS_ONLY: (
        Unplayable("UNPLAYABLE", _JOIN),
        Unplayable("UNPLAYABLE", _LEVEL.format("Magnificent Members")),
        Unplayable("UNPLAYABLE", _JOIN),
        Unplayable("UNPLAYABLE", _LEVEL.format('Tier 2 "Gold"')),
    ),
}
# Worded and shaped like an answer about the video: the trap is to take them for one.
REFUSALS: Mapping[str, Unplayable] = {
    "bot_check": Unplayable(
        "LOGIN_REQUIRED",
        "Sign in to confirm you’re not a bot",
        "This helps protect our community. Learn more",
    ),
    "try_later": Unplayable(
        "ERROR", "Video unavailable", "This content isn't available, try again later."
    ),
}
_OK = {"status": "OK", "playableInEmbed": True}


def playability(video: Video, *, app: bool = False, signed_in: bool = False) -> dict[str, Any]:
    """What `player` says of the video's being playable. `app`: in the mobile apps' way."""
    reason = video.reason
    if reason is Reason.LIVE:
        return _live(video)
    entries = UNPLAYABLE.get(reason, ()) if reason else ()
    # Sound that is missing or spoilt is no reason to refuse the player.
    if not entries or (signed_in and reason in SIGNING_IN_HELPS):
        return dict(_OK)
    # By number, not at random: each wording is met, and a video keeps its own.
    entry = entries[video.number % len(entries)]
    if reason is Reason.MEMBERS_ONLY:
        return _members_only(entry.reason, app)
    if reason is Reason.COUNTRY_RESTRICTED and app:  # apps name no «Video unavailable» before it
        entry = Unplayable(entry.status, entry.subreason)
    return refused(entry)


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


def _members_only(text: str, app: bool) -> dict[str, Any]:
    """Not an error screen but an offer, and none at all in the apps."""
    status: dict[str, Any] = {
        "status": "UNPLAYABLE",
        "reason": text,
        "playableInEmbed": True,
    }
    if not app:
        status["errorScreen"] = {
            "playerLegacyDesktopYpcOfferRenderer": {
                "itemTitle": "Members-only content",
                "offerDescription": text,
                "offerId": "sponsors_only_video",
            }
        }
    return status


def _live(video: Video) -> dict[str, Any]:
    """On air it is playable; an event to come is not."""
    # YouTube says OK for a stream on air: only `videoDetails` tells that it is no recording.
    details = {"liveStreamabilityRenderer": {"videoId": video.video_id, "pollDelayMs": "15000"}}
    if not video.upcoming:
        return _OK | {"liveStreamability": details}
    return {
        "status": "LIVE_STREAM_OFFLINE",
        "reason": "This live event will begin in 3 hours.",
        "playableInEmbed": True,
        "liveStreamability": details,
    }
