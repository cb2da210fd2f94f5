"""The YouTube Data API's `videos.list`, with keys, quota and its documented refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ascc_async.model import License, Reason
from ascc_async.standin import masks
from ascc_async.standin.next_answer import take_out
from ascc_async.standin.replies import SiteReply, dumps, google_error
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import DataApi

_PARTS = frozenset({"id", "snippet", "contentDetails", "status", "statistics"})
_MOST_IDS = 50  # more is refused, as the documentation says
_OVER_QUOTA = (
    'The request cannot be completed because you have exceeded your <a href="/youtube/v3/'
    'getting-started#quota">quota</a>.'
)
_BAD_KEY = "API key not valid. Please pass a valid API key."
# reason: status, Google's code, domain, message
_ERRORS: Mapping[str, tuple[int, str, str, str]] = {
    "quotaExceeded": (403, "PERMISSION_DENIED", "youtube.quota", _OVER_QUOTA),
    "badRequest": (400, "INVALID_ARGUMENT", "global", _BAD_KEY),
    "forbidden": (403, "PERMISSION_DENIED", "global", "Access forbidden."),
    "invalidParameter": (400, "INVALID_ARGUMENT", "global", "Invalid parameter"),
    "missingRequiredParameter": (400, "INVALID_ARGUMENT", "global", "No filter selected."),
}


class DataApiSite:
    """Answers `videos.list`. `used` counts the units of quota by key and outlives this object."""

    def __init__(self, settings: DataApi, used: Counter[str]) -> None:
        self._settings, self._used = settings, used

    def videos(self, world: World, query: Mapping[str, str]) -> SiteReply:
        """The answer to `videos.list`."""
        key, keys = query.get("key", ""), self._settings.keys
        ids = [part for part in query.get("id", "").split(",") if part]
        parts = frozenset(query.get("part", "").replace(" ", "").split(","))
        if not key:
            return data_api_error("forbidden")
        if key not in keys if keys is not None else not key.startswith("AIza"):
            return data_api_error("badRequest")
        if self._used[key] >= self._settings.quota:
            return data_api_error("quotaExceeded")
        if not ids or "part" not in query:
            return data_api_error("missingRequiredParameter")
        if len(ids) > _MOST_IDS or not parts <= _PARTS:
            return data_api_error("invalidParameter")
        # Counted before it is answered: a mask that cannot be read costs a unit, too.
        self._used[key] += 1
        try:
            mask = masks.parse(query.get("fields", ""))
        except masks.BadMask:
            return data_api_error("invalidParameter")
        items = []
        for video_id in dict.fromkeys(ids):
            video = world.video(video_id)
            # The API says nothing of a video that is gone: the item is just missing.
            left_out = (video.number >> 48) / 2**16 < self._settings.missing
            if video.license is not License.UNAVAILABLE and not left_out:
                items.append(_item(video, parts))
        answer = {
            "kind": "youtube#videoListResponse",
            "etag": "5kVzgYzlr_hV8iqYd0aKzPfhVXk",
            "items": items,
            "pageInfo": {"totalResults": len(items), "resultsPerPage": len(items)},
        }
        return SiteReply(dumps(masks.apply(answer, mask)))


def data_api_error(reason: str) -> SiteReply:
    """The documented error of this reason."""
    status, code, domain, message = _ERRORS[reason]
    return google_error(status, message, reason, code, domain)


def _item(video: Video, parts: frozenset[str]) -> dict[str, Any]:
    """The item of a video, with the parts that were asked for."""
    live, aged = video.reason is Reason.LIVE, video.reason is Reason.AGE_RESTRICTED
    common = video.license is License.CREATIVE_COMMONS
    seconds = video.length_ms // 1000
    address = f"https://i.ytimg.com/vi/{video.video_id}/default.jpg"
    item: dict[str, Any] = {
        "kind": "youtube#video",
        "etag": "x1hYtJ0m",
        "id": video.video_id,
        "snippet": {
            "publishedAt": f"{video.published}T16:00:00Z",
            "channelId": video.channel_id,
            "title": video.title,
            "description": "A description.\n\nWith two paragraphs.",
            "thumbnails": {"default": {"url": address, "width": 120, "height": 90}},
            "channelTitle": video.channel,
            "categoryId": "27",
            "liveBroadcastContent": ("upcoming" if video.upcoming else "live") if live else "none",
            "localized": {"title": video.title, "description": "A description."},
        },
        "contentDetails": {
            "duration": "P0D" if live else "PT{}M{}S".format(*divmod(seconds, 60)),
            "dimension": "2d",
            "definition": "hd",
            "caption": "false",
            "licensedContent": False,
            "regionRestriction": {"allowed": ["JP"]},
            "contentRating": {"ytRating": "ytAgeRestricted"} if aged else {},
            "projection": "rectangular",
        },
        "status": {
            "uploadStatus": "processed",
            "privacyStatus": "public",
            "license": "creativeCommon" if common else "youtube",
            "embeddable": True,
            "publicStatsViewable": True,
            "madeForKids": False,
        },
        "statistics": {"viewCount": str(video.views), "favoriteCount": "0"},
    }
    if video.reason is not Reason.COUNTRY_RESTRICTED:
        take_out(item, "contentDetails.regionRestriction")
    if video.license is License.UNKNOWN:
        take_out(item, "status.license")
    # Only the parts asked for, as the real API: a client that forgets one must notice here.
    for part in _PARTS - parts - {"id"}:
        take_out(item, part)
    return item
