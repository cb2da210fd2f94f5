"""Asks YouTube's official Data API for 50 licenses at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ascc_async.errors import (
    GaveUp,
    NetworkFault,
    Refused,
    ServerFault,
    SourceUnusable,
)
from ascc_async.model import CREATIVE_COMMONS_LINK, License, LicenseAnswer, Reason
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.api_errors import api_error_in
from ascc_async.youtube.api_keys import ApiKey, ApiKeys
from ascc_async.youtube.client import json_object
from ascc_async.youtube.exchange import Answer, Call
from ascc_async.youtube.license_sources import SourceSnapshot, Tally
from ascc_async.youtube.playability import PlayabilityAsker, Verdict
from ascc_async.youtube.refusals import retry_after_in
from ascc_async.youtube.session import Sessions

log = logging.getLogger(__name__)

URL = "https://www.googleapis.com/youtube/v3/videos"
FIELDS = "kind,items(id,status/license,snippet(title,channelTitle,channelId,publishedAt))"
_HANDLED = tuple(range(400, 600))
_WORDS = {"creativeCommon": License.CREATIVE_COMMONS, "youtube": License.STANDARD}


class _UseAnotherKey(Exception):
    """This key is out; the same request may go with the next."""


class DataApiSource:
    """Fifty ids a call, 10,000 calls a day and key by default.

    `asker` is asked why a missing video is missing; without one it counts as removed.
    `memory` is what `memory()` gave in an earlier run.
    """

    name = "data_api"
    batch_size = 50
    kind = RequestKind.DATA_API

    def __init__(
        self,
        sessions: Sessions,
        keys: Sequence[str],
        *,
        asker: PlayabilityAsker | None = None,
        memory: Mapping[str, Any] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._sessions, self._asker, self._wall = sessions, asker, wall
        self._keys = ApiKeys(keys, memory)
        self._tally = Tally()

    def snapshot(self) -> SourceSnapshot:
        """What was asked and received so far, and how the keys stand."""
        mine = self._tally
        return SourceSnapshot(
            self.name, mine.asked, mine.requests, mine.received, note=self._keys.note()
        )

    def memory(self) -> dict[str, Any]:
        """What to give back at the next start: quotas by a hash of the key, JSON-ready."""
        return self._keys.memory()

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """An answer for every id, in order.

        Raises SourceUnusable when no key is left (`until`: when one may be used again), Refused,
        NetworkFault, ServerFault.
        """
        self._tally.asked += len(video_ids)
        items = await self._items(video_ids, identity)
        return [
            self._answer(video_id, items[video_id])
            if video_id in items
            else await self._missing(video_id, identity)
            for video_id in video_ids
        ]

    async def _items(
        self, video_ids: Sequence[str], identity: str | None
    ) -> dict[str, Mapping[str, Any]]:
        while True:
            key = self._keys.take(self._wall())
            try:
                return await self._call(key, video_ids, identity)
            except _UseAnotherKey:
                continue

    async def _call(
        self, key: ApiKey, video_ids: Sequence[str], identity: str | None
    ) -> dict[str, Mapping[str, Any]]:
        def read(answer: Answer) -> dict[str, Mapping[str, Any]]:
            self._tally.add(answer.received)
            if answer.status != 200:
                self._raise_for(key, answer)
            return _items_of(json_object(answer), video_ids)

        query = {
            "part": "status,snippet",
            "id": ",".join(video_ids),
            "fields": FIELDS,
            "key": key.secret,
        }
        call = Call(RequestKind.DATA_API, "GET", URL, identity, params=query, allow_status=_HANDLED)
        try:
            return await self._sessions.ask(call, read)
        except GaveUp as error:  # of this kind of request: pages may still be answered
            raise SourceUnusable(f"the Data API rested for too long: {error}") from error

    def _raise_for(self, key: ApiKey, answer: Answer) -> None:
        """Raise what an error answer means, for the key or for everybody."""
        error = api_error_in(answer)
        if error.fate == "slow_down":
            wait = retry_after_in(answer.headers, self._wall())
            raise Refused(f"the Data API says {error.word}", kind="rate", retry_after=wait)
        if error.fate == "fault":
            raise ServerFault(f"the Data API answers {answer.status} ({error.word})")
        if error.fate == "our_request":
            raise SourceUnusable(f"the Data API refuses the request: {error.word}")
        if error.fate == "used_up":
            self._keys.used_up(key, self._wall())
        else:
            self._keys.drop(key, error.words.replace(key.secret, key.name), self._wall())
        raise _UseAnotherKey

    def _answer(self, video_id: str, item: Mapping[str, Any]) -> LicenseAnswer:
        status, snippet = _part(item, "status"), _part(item, "snippet")
        word = status.get("license")
        license_ = _WORDS.get(word, License.UNKNOWN) if isinstance(word, str) else License.UNKNOWN
        shareable = license_ is License.CREATIVE_COMMONS
        return LicenseAnswer(
            video_id=video_id,
            license=license_,
            source=self.name,
            checked_at=self._wall(),
            text=str(word or ""),
            link=CREATIVE_COMMONS_LINK if shareable else "",
            title=_text(snippet, "title"),
            channel=_text(snippet, "channelTitle"),
            channel_id=_text(snippet, "channelId"),
            published=_text(snippet, "publishedAt"),
            detail="" if license_ is not License.UNKNOWN else "the answer holds no known license",
        )

    async def _missing(self, video_id: str, identity: str | None) -> LicenseAnswer:
        """The answer for an id that the API leaves out: deleted or private."""
        verdict = await self._verdict(video_id, identity)
        if verdict is not None and verdict.playable:
            return self._gone(video_id, License.UNKNOWN, None, "missing, yet playable")
        reason = Reason.REMOVED if verdict is None else verdict.reason or Reason.REMOVED
        words = "deleted or private" if verdict is None else verdict.words
        return self._gone(video_id, License.UNAVAILABLE, reason, words)

    async def _verdict(self, video_id: str, identity: str | None) -> Verdict | None:
        """The player's, or None: that the video is gone is known already, the reason may wait."""
        if self._asker is None:
            return None
        try:
            return await self._asker.ask(video_id, identity=identity)
        except (Refused, NetworkFault, ServerFault) as error:
            log.debug("reason not told", extra={"video_id": video_id, "error": str(error)})
            return None

    def _gone(
        self, video_id: str, license_: License, reason: Reason | None, detail: str
    ) -> LicenseAnswer:
        return LicenseAnswer(video_id, license_, self.name, self._wall(), reason, detail=detail)


def _items_of(answer: Mapping[str, Any], asked: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The items by id. Raises ServerFault when this is not a list of videos that were asked for."""
    items = answer.get("items")
    if items is None and answer.get("kind") == "youtube#videoListResponse":
        return {}
    if not isinstance(items, list):
        raise ServerFault("the Data API answers something that is not a list of videos")
    known: dict[str, Mapping[str, Any]]
    known = {
        item["id"]: item
        for item in items
        if isinstance(item, dict) and isinstance(item.get("id"), str)
    }
    if len(known) != len(items) or not known.keys() <= set(asked):
        raise ServerFault("the Data API answers about other videos")
    return known


def _part(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = node.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(node: Mapping[str, Any], name: str) -> str:
    value = node.get(name)
    return value if isinstance(value, str) else ""
