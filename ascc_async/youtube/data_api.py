"""Asks YouTube's official Data API for 50 licenses at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ascc_async.errors import GaveUp, NetworkFault, Refused, ServerFault, SourceUnusable
from ascc_async.model import CREATIVE_COMMONS_LINK, License, LicenseAnswer, Reason
from ascc_async.network.client import retry_after
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.api_keys import ApiKey, ApiKeys
from ascc_async.youtube.innertube import PlayerAsker
from ascc_async.youtube.json_reading import inside, listed, string
from ascc_async.youtube.session import Answer, Call, Sessions

log = logging.getLogger(__name__)

URL = "https://www.googleapis.com/youtube/v3/videos"
FIELDS = "kind,items(id,status/license,snippet(title,channelTitle,channelId,publishedAt))"
_LICENSES = {"creativeCommon": License.CREATIVE_COMMONS, "youtube": License.STANDARD}

ErrorMeaning = Literal["used_up", "slow_down", "drop", "fault", "our_request"]

# Google's documented reasons, the older `errors[].reason` and the newer `details[].reason`: what
# each means for the key, for the pace, or for nobody here.
ERROR_REASONS: Mapping[str, ErrorMeaning] = {
    "quotaExceeded": "used_up",
    "dailyLimitExceeded": "used_up",
    "dailyLimitExceededUnreg": "used_up",
    "rateLimitExceeded": "slow_down",
    "userRateLimitExceeded": "slow_down",
    "userRateLimitExceededUnreg": "slow_down",
    "concurrentLimitExceeded": "slow_down",
    "servingLimitExceeded": "slow_down",
    "RATE_LIMIT_EXCEEDED": "slow_down",
    "keyInvalid": "drop",
    "keyExpired": "drop",
    "accessNotConfigured": "drop",
    "accessSuspended": "drop",
    "billingNotEnabled": "drop",
    "ipRefererBlocked": "drop",
    "httpRefererBlocked": "drop",
    "forbidden": "drop",
    "insufficientPermissions": "drop",
    "required": "drop",
    "authError": "drop",
    "API_KEY_INVALID": "drop",
    "API_KEY_EXPIRED": "drop",
    "API_KEY_SERVICE_BLOCKED": "drop",
    "API_KEY_HTTP_REFERRER_BLOCKED": "drop",
    "API_KEY_IP_ADDRESS_BLOCKED": "drop",
    "API_KEY_ANDROID_APP_BLOCKED": "drop",
    "API_KEY_IOS_APP_BLOCKED": "drop",
    "SERVICE_DISABLED": "drop",
    "CONSUMER_SUSPENDED": "drop",
    "CONSUMER_INVALID": "drop",
    "BILLING_DISABLED": "drop",
    "backendError": "fault",
    "internalError": "fault",
    "backendNotConnected": "fault",
    "serviceUnavailable": "fault",
    "processingFailure": "fault",
    "transient": "fault",
}


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
        asker: PlayerAsker | None = None,
        memory: Mapping[str, Any] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._sessions, self._asker, self._wall = sessions, asker, wall
        self._keys = ApiKeys(keys, memory)

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
        items = None
        while items is None:
            key = self._keys.take(self._wall())
            try:
                items = await self._list_videos(key, video_ids, identity)
            except _UseAnotherKey:
                continue
        return [
            self._answer(video_id, items[video_id])
            if video_id in items
            else await self._answer_for_missing(video_id, identity)
            for video_id in video_ids
        ]

    async def _list_videos(
        self, key: ApiKey, video_ids: Sequence[str], identity: str | None
    ) -> Mapping[str, Any]:
        """What the API says, by id."""

        def read(answer: Answer) -> Mapping[str, Any]:
            if answer.status != 200:
                self._raise_for_error(key, answer)
            return _items_in(answer.json_object(), video_ids)

        query = {
            "part": "status,snippet",
            "id": ",".join(video_ids),
            "fields": FIELDS,
            "key": key.secret,
        }
        every_error = range(400, 600)
        call = Call(self.kind, "GET", URL, identity, params=query, allow_status=every_error)
        try:
            return await self._sessions.ask(call, read)
        except GaveUp as error:
            # The rate limiter gave up on this kind of request: pages may still be answered.
            raise SourceUnusable(f"the Data API rested for too long: {error}") from error

    def _raise_for_error(self, key: ApiKey, answer: Answer) -> None:
        """Raise what an error answer means, for the key or for everybody."""
        error = inside(answer.json_object(errors_too=True), "error")
        # The newer reasons, in `details`, tell more: they come first.
        entries = [*listed(error.get("details")), *listed(error.get("errors"))]
        reasons = [reason for entry in entries if (reason := string(inside(entry).get("reason")))]
        message = string(error.get("message"))[:200]
        known = [ERROR_REASONS[reason] for reason in reasons if reason in ERROR_REASONS]
        meaning = known[0] if known else _meaning_by_status(answer.status, message)
        reason = reasons[0] if reasons else str(answer.status)
        if meaning == "slow_down":
            wait = retry_after(answer.headers, self._wall())
            raise Refused(f"the Data API says {reason}", kind="rate", retry_after=wait)
        if meaning == "fault":
            raise ServerFault(f"the Data API answers {answer.status} ({reason})")
        if meaning == "our_request":
            raise SourceUnusable(f"the Data API refuses the request: {reason}")
        if meaning == "used_up":
            self._keys.used_up(key, self._wall())
        else:
            # Google's message may repeat the key.
            why = f"{reason}: {message}" if message else reason
            self._keys.drop(key, why.replace(key.secret, key.name), self._wall())
        raise _UseAnotherKey

    def _answer(self, video_id: str, item: Any) -> LicenseAnswer:
        text = string(inside(item, "status").get("license"))
        license_ = _LICENSES.get(text, License.UNKNOWN)
        snippet = inside(item, "snippet")
        return LicenseAnswer(
            video_id=video_id,
            license=license_,
            source=self.name,
            checked_at=self._wall(),
            text=text,
            link=CREATIVE_COMMONS_LINK if license_ is License.CREATIVE_COMMONS else "",
            title=string(snippet.get("title")),
            channel=string(snippet.get("channelTitle")),
            channel_id=string(snippet.get("channelId")),
            published=string(snippet.get("publishedAt")),
            detail="" if license_ is not License.UNKNOWN else "the answer holds no known license",
        )

    async def _answer_for_missing(self, video_id: str, identity: str | None) -> LicenseAnswer:
        """The answer for an id that the API leaves out: deleted or private."""
        license_, reason, detail = License.UNAVAILABLE, Reason.REMOVED, "deleted or private"
        if self._asker is not None:
            try:
                verdict = await self._asker.ask(video_id, identity=identity)
            except (Refused, NetworkFault, ServerFault) as error:
                # That the video is gone is known already, its reason is not worth a stop.
                text = {"video_id": video_id, "error": str(error)}
                log.debug("the player did not tell why the video is missing", extra=text)
            else:
                if verdict.playable:
                    detail = "missing, yet playable"
                    return LicenseAnswer(
                        video_id, License.UNKNOWN, self.name, self._wall(), detail=detail
                    )
                reason, detail = verdict.reason or reason, verdict.words
        return LicenseAnswer(video_id, license_, self.name, self._wall(), reason, detail=detail)


def _items_in(answer: Mapping[str, Any], asked: Sequence[str]) -> Mapping[str, Any]:
    """The items by id. Raises ServerFault when this is not a list of videos that were asked for."""
    items = answer.get("items")
    if items is None and answer.get("kind") == "youtube#videoListResponse":
        return {}
    if not isinstance(items, list):
        raise ServerFault("the Data API answers something that is not a list of videos")
    by_id = {string(inside(item).get("id")): item for item in items}
    # Fifty videos must not be called gone because of one odd answer.
    if len(by_id) != len(items) or not by_id.keys() <= set(asked):
        raise ServerFault("the Data API answers about other videos")
    return by_id


def _meaning_by_status(status: int, message: str) -> ErrorMeaning:
    if status == 429:
        return "slow_down"
    if status >= 500:
        return "fault"
    # A bad request that does not speak of the key would be refused with every key.
    return "our_request" if status in (400, 404) and "key" not in message.lower() else "drop"
