"""`playabilityStatus` for every reason, in YouTube's own shape and words."""

from __future__ import annotations

from typing import Any

from ascc_async.model import Reason
from ascc_async.standin.wording import Words
from ascc_async.standin.world import SIGNING_IN_HELPS, Video

_ICON = {"iconType": "ERROR_OUTLINE"}
_PICTURE = {
    "thumbnails": [{"url": "//s.ytimg.com/yts/img/meh7-vflGevej7.png", "width": 140, "height": 100}]
}
APPS = frozenset({"ANDROID", "ANDROID_VR", "IOS", "VISIONOS"})
RIGHTS_HOLDERS = ("Nordlicht Musikverlag GmbH", "SME, on behalf of A & B")
LEVELS = ("Magnificent Members", 'Tier 2 "Gold"')


def playability(
    video: Video, words: Words, *, app: bool = False, signed_in: bool = False
) -> dict[str, Any]:
    """What `player` says of the video's being playable. `app`: in the mobile apps' way."""
    reason = video.reason
    if reason is None or (signed_in and reason in SIGNING_IN_HELPS):
        return dict(_OK)
    build = _BUILDERS.get(reason)
    return build(video, words, app) if build else dict(_OK)


_OK = {
    "status": "OK",
    "playableInEmbed": True,
    "miniplayer": {"miniplayerRenderer": {"playbackMode": "PLAYBACK_MODE_ALLOW"}},
    "contextParams": "Q0FFU0FnZ0I=",
}


def bot_check(words: Words) -> dict[str, Any]:
    """«Sign in to confirm you’re not a bot»."""
    return _status("LOGIN_REQUIRED", words.bot, words.bot_hint, sign_in_button=True)


def try_later(words: Words) -> dict[str, Any]:
    """«This content isn't available, try again later»."""
    return _status("ERROR", words.unavailable, words.try_later)


def _status(
    status: str, reason: str, subreason: str = "", *, sign_in_button: bool = False
) -> dict[str, Any]:
    screen: dict[str, Any] = {
        "reason": {"simpleText": reason},
        "thumbnail": _PICTURE,
        "icon": _ICON,
    }
    if subreason:
        screen["subreason"] = {"simpleText": subreason}
    if sign_in_button:
        screen["proceedButton"] = {
            "buttonRenderer": {
                "style": "STYLE_OVERLAY",
                "text": {"simpleText": "Sign in"},
                "navigationEndpoint": {
                    "signInEndpoint": {"nextEndpoint": {"urlEndpoint": {"url": ""}}}
                },
            }
        }
    return {
        "status": status,
        "reason": reason,
        "errorScreen": {"playerErrorMessageRenderer": screen},
        "contextParams": "Q0FFU0FnZ0E=",
    }


def _removed(video: Video, words: Words, app: bool) -> dict[str, Any]:
    return _status("ERROR", words.unavailable, words.removed[video.number % len(words.removed)])


def _private(video: Video, words: Words, app: bool) -> dict[str, Any]:
    answer = _status("LOGIN_REQUIRED", words.private, words.private_hint, sign_in_button=True)
    return answer | {"messages": [words.private_long]}


def _terminated(video: Video, words: Words, app: bool) -> dict[str, Any]:
    return _status("ERROR", words.unavailable, words.terminated[video.number % 2])


def _claim(video: Video, words: Words, app: bool) -> dict[str, Any]:
    holder = RIGHTS_HOLDERS[video.number // 2 % 2]
    return _status(
        ("ERROR", "UNPLAYABLE")[video.number % 2],
        words.unavailable,
        words.claim[video.number % 2].format(who=holder),
    )


def _country(video: Video, words: Words, app: bool) -> dict[str, Any]:
    if app:
        return _status("UNPLAYABLE", words.country)
    return _status("UNPLAYABLE", words.unavailable, words.country)


def _sign_in(video: Video, words: Words, app: bool) -> dict[str, Any]:
    return _status("LOGIN_REQUIRED", words.sign_in, sign_in_button=True)


def _age(video: Video, words: Words, app: bool) -> dict[str, Any]:
    answer = _status("LOGIN_REQUIRED", words.age, words.age_hint, sign_in_button=True)
    return answer | {"desktopLegacyAgeGateReason": 1}


def _members(video: Video, words: Words, app: bool) -> dict[str, Any]:
    text = words.members[video.number % 2].format(level=LEVELS[video.number // 2 % 2])
    answer: dict[str, Any] = {
        "status": "UNPLAYABLE",
        "reason": text,
        "playableInEmbed": True,
        "skip": {"playabilityErrorSkipConfig": {"skipOnPlayabilityError": False}},
        "contextParams": "Q0FFU0FnZ0M=",
    }
    if not app:
        answer["errorScreen"] = {
            "playerLegacyDesktopYpcOfferRenderer": {
                "itemTitle": "Members-only content",
                "itemThumbnail": _PICTURE,
                "offerDescription": text,
                "offerId": "sponsors_only_video",
            }
        }
    return answer


def _live(video: Video, words: Words, app: bool) -> dict[str, Any]:
    details = {
        "liveStreamabilityRenderer": {
            "videoId": video.video_id,
            "broadcastId": f"{video.video_id}.1",
            "pollDelayMs": "15000",
        }
    }
    if not video.upcoming:
        return _OK | {"liveStreamability": details}
    return {
        "status": "LIVE_STREAM_OFFLINE",
        "reason": words.upcoming,
        "playableInEmbed": True,
        "liveStreamability": details,
        "contextParams": "Q0FFU0FnZ0M=",
    }


_BUILDERS = {
    Reason.REMOVED: _removed,
    Reason.PRIVATE: _private,
    Reason.ACCOUNT_TERMINATED: _terminated,
    Reason.COPYRIGHT_CLAIM: _claim,
    Reason.COUNTRY_RESTRICTED: _country,
    Reason.SIGN_IN_REQUIRED: _sign_in,
    Reason.AGE_RESTRICTED: _age,
    Reason.MEMBERS_ONLY: _members,
    Reason.LIVE: _live,
}
