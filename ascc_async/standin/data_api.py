"""The YouTube Data API's `videos.list`, with keys, quota and its documented refusals."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ascc_async.model import License, Reason
from ascc_async.standin import masks
from ascc_async.standin.incoming import Incoming
from ascc_async.standin.replies import SiteReply, dumps, google_error
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import DataApi

_PARTS = frozenset({"id", "snippet", "contentDetails", "status", "statistics"})
_MOST_IDS = 50  # more is refused, as the documentation says
_OVER_QUOTA = (
    'The request cannot be completed because you have exceeded your <a href="/youtube/v3/'
    'getting-started#quota">quota</a>.'
)


def list_videos(
    world: World, incoming: Incoming, settings: DataApi, used: Counter[str]
) -> SiteReply:
    """The answer. `used` counts the units of quota by key. Raises BadMask."""
    query, ids = incoming.query, incoming.videos
    key, keys = query.get("key", ""), settings.keys
    parts = frozenset(query.get("part", "").replace(" ", "").split(","))
    if not key:
        return google_error(403, "forbidden", "Access forbidden.")
    if key not in keys if keys is not None else not key.startswith("AIza"):
        return google_error(400, "badRequest", "API key not valid. Please pass a valid API key.")
    if used[key] >= settings.quota:
        return google_error(403, "quotaExceeded", _OVER_QUOTA, "youtube.quota")
    if not ids or "part" not in query:
        return google_error(400, "missingRequiredParameter", "No filter selected.")
    if len(ids) > _MOST_IDS or not parts <= _PARTS:
        return google_error(400, "invalidParameter", "Invalid parameter")
    # Counted before it is answered: a mask that cannot be read costs a unit, too.
    used[key] += 1
    mask, items = masks.parse(query.get("fields", "")), []
    for video_id in dict.fromkeys(ids):
        video = world.video(video_id)
        # The API says nothing of a video that is gone: the item is just missing.
        left_out = (video.number >> 48) / 2**16 < settings.missing
        if video.license is not License.UNAVAILABLE and not left_out:
            items.append(_item(video, parts))
    answer = {
        "kind": "youtube#videoListResponse",
        "etag": "5kVzgYzlr_hV8iqYd0aKzPfhVXk",
        "items": items,
        "pageInfo": {"totalResults": len(items), "resultsPerPage": len(items)},
    }
    return SiteReply(dumps(masks.apply(answer, mask)))


def _item(video: Video, parts: frozenset[str]) -> dict[str, Any]:
    """The item of a video, with the parts that were asked for."""
    live, aged = video.reason is Reason.LIVE, video.reason is Reason.AGE_RESTRICTED
    common, told = video.license is License.CREATIVE_COMMONS, video.license is not License.UNKNOWN
    barred = video.reason is Reason.COUNTRY_RESTRICTED
    seconds = video.length_ms // 1000
    every: dict[str, Any] = {
        "snippet": {
            "publishedAt": f"{video.published}T16:00:00Z",
            "channelId": video.channel_id,
            "title": video.title,
            "description": "A description.\n\nWith two paragraphs.",
            "channelTitle": video.channel,
            "categoryId": "27",
            "liveBroadcastContent": ("upcoming" if video.upcoming else "live") if live else "none",
        },
        "contentDetails": {
            "duration": "P0D" if live else "PT{}M{}S".format(*divmod(seconds, 60)),
            "definition": "hd",
            "licensedContent": False,
            **({"regionRestriction": {"allowed": ["JP"]}} if barred else {}),
            "contentRating": {"ytRating": "ytAgeRestricted"} if aged else {},
        },
        "status": {
            "uploadStatus": "processed",
            "privacyStatus": "public",
            **({"license": "creativeCommon" if common else "youtube"} if told else {}),
            "embeddable": True,
        },
        "statistics": {"viewCount": str(video.views), "favoriteCount": "0"},
    }
    # Only the parts asked for, as the real API: a client that forgets one must notice here.
    chosen = {part: content for part, content in every.items() if part in parts}
    return {"kind": "youtube#video", "etag": "x1hYtJ0m", "id": video.video_id, **chosen}
