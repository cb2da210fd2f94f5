"""The YouTube Data API's `videos.list`, with keys, quota and every documented refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ascc_async.model import License, Reason
from ascc_async.standin import masks
from ascc_async.standin.replies import Reply, api_error
from ascc_async.standin.templates import Template, compile_json, hole, quoted
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import DataApi

PARTS = ("snippet", "contentDetails", "status")
MOST_IDS = 50
_USAGE, _QUOTA, _GLOBAL = "usageLimits", "youtube.quota", "global"
ERRORS: Mapping[str, tuple[int, str, str, str]] = {
    "quotaExceeded": (
        403, "PERMISSION_DENIED", _QUOTA,
        'The request cannot be completed because you have exceeded your <a href="/youtube/v3/'
        'getting-started#quota">quota</a>.',
    ),
    "dailyLimitExceeded": (403, "PERMISSION_DENIED", _USAGE, "Daily Limit Exceeded."),
    "dailyLimitExceededUnreg": (
        403, "PERMISSION_DENIED", _USAGE,
        "Daily Limit for Unauthenticated Use Exceeded. Continued use requires signup.",
    ),
    "rateLimitExceeded": (403, "RESOURCE_EXHAUSTED", _USAGE, "Rate Limit Exceeded"),
    "userRateLimitExceeded": (403, "RESOURCE_EXHAUSTED", _USAGE, "User Rate Limit Exceeded"),
    "keyInvalid": (400, "INVALID_ARGUMENT", _USAGE, "Bad Request"),
    "badRequest": (
        400, "INVALID_ARGUMENT", _GLOBAL, "API key not valid. Please pass a valid API key."
    ),
    "keyExpired": (400, "INVALID_ARGUMENT", _USAGE, "Bad Request"),
    "ipRefererBlocked": (
        403, "PERMISSION_DENIED", _USAGE, "The request did not specify any referer."
    ),
    "accessNotConfigured": (
        403, "PERMISSION_DENIED", _USAGE,
        "YouTube Data API v3 has not been used in project 1 before or it is disabled.",
    ),
    "forbidden": (403, "PERMISSION_DENIED", _GLOBAL, "Access forbidden."),
    "backendError": (503, "UNAVAILABLE", _GLOBAL, "Backend Error"),
    "internalError": (500, "INTERNAL", _GLOBAL, "Internal Error"),
    "invalidParameter": (400, "INVALID_ARGUMENT", _GLOBAL, "Invalid parameter"),
    "missingRequiredParameter": (
        400, "INVALID_ARGUMENT", _GLOBAL, "No filter selected. Expected one of: id, chart"
    ),
}  # fmt: skip


class DataApiSite:
    """Answers `videos.list`. Units used are kept per key until `reset_quota`."""

    def __init__(self, settings: DataApi, used: Counter[str]) -> None:
        self._settings = settings
        self.used = used
        self._items: dict[tuple[Any, ...], Template] = {}
        self._masks: dict[str, masks.Mask] = {}

    def videos(self, world: World, query: Mapping[str, str], key: str) -> Reply:
        """The answer to `videos.list`."""
        refused = self._judge(key)
        if refused:
            return error(refused)
        ids = [part for part in query.get("id", "").split(",") if part]
        if not ids or "part" not in query:
            return error("missingRequiredParameter")
        parts = tuple(sorted(set(query["part"].replace(" ", "").split(","))))
        if len(ids) > MOST_IDS or not set(parts) <= {*PARTS, "id", "statistics"}:
            return error("invalidParameter")
        self.used[key] += 1
        try:
            return self._answer(world, ids, parts, query.get("fields", ""))
        except masks.BadMask:
            return error("invalidParameter")

    def _judge(self, key: str) -> str:
        if key in self._settings.errors:
            return self._settings.errors[key]
        if not key:
            return "forbidden"
        keys = self._settings.keys
        if key not in keys if keys is not None else not key.startswith("AIza"):
            return "badRequest"
        return "quotaExceeded" if self.used[key] >= self._settings.quota else ""

    def _answer(
        self, world: World, ids: Sequence[str], parts: tuple[str, ...], fields: str
    ) -> Reply:
        chosen = self._mask(fields)
        items = []
        for video_id in dict.fromkeys(ids):
            video = world.video(video_id)
            if video.license is not License.UNAVAILABLE:
                items.append(self._item(video, parts, fields, chosen).fill(values(video)))
        count = len(items)
        head = {
            "kind": "youtube#videoListResponse",
            "etag": "5kVzgYzlr_hV8iqYd0aKzPfhVXk",
            "items": [],
            "pageInfo": {"totalResults": count, "resultsPerPage": count},
        }
        outer = compile_json(masks.apply(head, chosen)).fill({})
        return Reply(outer.replace(b'"items":[]', b'"items":[' + b",".join(items) + b"]", 1))

    def _mask(self, fields: str) -> masks.Mask:
        if fields not in self._masks:
            self._masks[fields] = masks.parse(fields) if fields else {}
        return self._masks[fields]

    def _item(
        self, video: Video, parts: tuple[str, ...], fields: str, chosen: masks.Mask
    ) -> Template:
        key = (parts, fields, video.license, video.reason)
        template = self._items.get(key)
        if template is None:
            item: dict[str, Any] = {"kind": "youtube#video", "etag": "x1hYtJ0m", "id": hole("id")}
            item |= {part: build(video) for part, build in _PARTS.items() if part in parts}
            template = compile_json(masks.apply(item, chosen.get("items", {})))
            self._items[key] = template
        return template


def error(reason: str) -> Reply:
    """The documented error of this reason."""
    status, code, domain, message = ERRORS.get(reason, ERRORS["forbidden"])
    return api_error(status, message, reason, code, domain)


def values(video: Video) -> dict[str, bytes]:
    """What fills an item's holes."""
    seconds = video.length_ms // 1000
    return {
        "id": video.video_id.encode(),
        "title": quoted(video.title),
        "channel": quoted(video.channel),
        "channel_id": video.channel_id.encode(),
        "published": video.published.encode(),
        "duration": b"PT%dM%dS" % divmod(seconds, 60),
        "views": b"%d" % video.views,
    }


def _snippet(video: Video) -> dict[str, Any]:
    live = "none"
    if video.reason is Reason.LIVE:
        live = "upcoming" if video.upcoming else "live"
    return {
        "publishedAt": hole("published") + "T16:00:00Z",
        "channelId": hole("channel_id"),
        "title": hole("title"),
        "description": "A description.\n\nWith two paragraphs.",
        "thumbnails": {
            "default": {
                "url": f"https://i.ytimg.com/vi/{hole('id')}/default.jpg",
                "width": 120,
                "height": 90,
            }
        },
        "channelTitle": hole("channel"),
        "categoryId": "27",
        "liveBroadcastContent": live,
        "localized": {"title": hole("title"), "description": "A description."},
    }


def _content_details(video: Video) -> dict[str, Any]:
    details: dict[str, Any] = {
        "duration": "P0D" if video.reason is Reason.LIVE else hole("duration"),
        "dimension": "2d",
        "definition": "hd",
        "caption": "false",
        "licensedContent": False,
        "contentRating": {},
        "projection": "rectangular",
    }
    if video.reason is Reason.AGE_RESTRICTED:
        details["contentRating"] = {"ytRating": "ytAgeRestricted"}
    if video.reason is Reason.COUNTRY_RESTRICTED:
        details["regionRestriction"] = {"allowed": ["JP"]}
    return details


def _status(video: Video) -> dict[str, Any]:
    status: dict[str, Any] = {"uploadStatus": "processed", "privacyStatus": "public"}
    if video.license is not License.UNKNOWN:
        common = video.license is License.CREATIVE_COMMONS
        status["license"] = "creativeCommon" if common else "youtube"
    return status | {"embeddable": True, "publicStatsViewable": True, "madeForKids": False}


def _statistics(video: Video) -> dict[str, Any]:
    return {"viewCount": hole("views"), "favoriteCount": "0"}


_PARTS = {
    "snippet": _snippet,
    "contentDetails": _content_details,
    "status": _status,
    "statistics": _statistics,
}
