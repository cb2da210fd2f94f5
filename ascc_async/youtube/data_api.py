"""YouTube's official Data API: 50 licenses a request, and keys with a daily quota each."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ascc_async.errors import GaveUp, Refused, ServerFault, SourceUnusable
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.network.client import retry_after
from ascc_async.throttle.bucket import RequestKind
from ascc_async.youtube.json_reading import inside, listed, string
from ascc_async.youtube.license_parser import read_item
from ascc_async.youtube.session import Answer, Call, Sessions

log = logging.getLogger(__name__)

URL = "https://www.googleapis.com/youtube/v3/videos"
_PART = "status,snippet"
FIELDS = "kind,items(id,status/license,snippet(title,channelTitle,channelId,publishedAt))"
# A quota that is still used up just after its reset: Google's clock may be a little behind ours.
_GRACE_SECONDS = 900.0

# Those of Google's documented reasons (the older `errors[].reason`, the newer `details[].reason`)
# that mean something else than their status: a 403 is most often the key's fault, but quotas and
# rate limits come as 403 too; a 400 is most often ours, but wrong keys come as 400 too.
ERROR_REASONS: Mapping[str, Literal["used_up", "slow_down", "wrong_key", "fault"]] = {
    "quotaExceeded": "used_up",
    "dailyLimitExceeded": "used_up",
    "dailyLimitExceededUnreg": "used_up",
    "rateLimitExceeded": "slow_down",
    "userRateLimitExceeded": "slow_down",
    "userRateLimitExceededUnreg": "slow_down",
    "concurrentLimitExceeded": "slow_down",
    "servingLimitExceeded": "slow_down",
    "RATE_LIMIT_EXCEEDED": "slow_down",
    "keyInvalid": "wrong_key",
    "keyExpired": "wrong_key",
    "API_KEY_INVALID": "wrong_key",
    "API_KEY_EXPIRED": "wrong_key",
    "CONSUMER_INVALID": "wrong_key",
    "required": "wrong_key",
    # Google's own trouble, whatever the status: over in a moment.
    "backendError": "fault",
    "backendNotConnected": "fault",
    "internalError": "fault",
    "processingFailure": "fault",
    "serviceUnavailable": "fault",
    "transient": "fault",
}


class _UseAnotherKey(Exception):
    """This key is out; the same request may go with the next."""


class DataApiSource:
    """Fifty ids a call, 10,000 calls a day and key by default.

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
        memory: Mapping[str, Any] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._sessions, self._wall = sessions, wall
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
        while True:
            key = self._keys.take(self._wall())
            with suppress(_UseAnotherKey):
                return await self._ask_by(key, video_ids, identity)

    async def _ask_by(
        self, key: ApiKey, video_ids: Sequence[str], identity: str | None
    ) -> list[LicenseAnswer]:
        """Raises ServerFault for anything but a list of these videos."""

        def read(answer: Answer) -> list[LicenseAnswer]:
            if answer.status != 200:
                self._raise_for_error(key, answer)
            listing = answer.json_object()
            items = listing.get("items")
            # Without any of the videos, Google leaves the list out; the kind shows that it is one.
            if items is None and listing.get("kind") == "youtube#videoListResponse":
                items = []
            if not isinstance(items, list):
                raise ServerFault("the Data API answers something that is not a list of videos")
            by_id = {string(inside(item).get("id")): item for item in items}
            # Fifty videos must not be called gone because of one odd answer.
            if len(by_id) != len(items) or not by_id.keys() <= set(video_ids):
                raise ServerFault("the Data API answers about other videos")
            return [self._answer(each, by_id.get(each), answer.identity) for each in video_ids]

        query = {
            "part": _PART,
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
            raise SourceUnusable(f"the Data API refused us for too long: {error}") from error

    def _raise_for_error(self, key: ApiKey, answer: Answer) -> NoReturn:
        """Raise what an error answer means, for the key or for everybody."""
        error = inside(answer.json_object(errors_too=True), "error")
        # The newer reasons, in `details`, tell more: they come first.
        entries = [*listed(error.get("details")), *listed(error.get("errors"))]
        reasons = [reason for entry in entries if (reason := string(inside(entry).get("reason")))]
        message = string(error.get("message"))[:200]
        meaning = next((ERROR_REASONS[name] for name in reasons if name in ERROR_REASONS), None)
        status = answer.status
        reason = reasons[0] if reasons else str(status)
        if meaning == "slow_down" or (meaning is None and status == 429):
            wait = retry_after(answer.headers, self._wall())
            raise Refused(f"the Data API says {reason}", kind="rate", retry_after=wait)
        if meaning == "fault" or (meaning is None and status >= 500):
            raise ServerFault(f"the Data API answers {status} ({reason})")
        # A bad request that does not speak of the key would be refused with every key.
        if meaning is None and status in (400, 404) and "key" not in message.lower():
            raise SourceUnusable(f"the Data API refuses the request: {reason}")
        if meaning == "used_up":
            self._keys.used_up(key, self._wall())
        else:
            # Google's message may repeat the key.
            why = f"{reason}: {message}" if message else reason
            self._keys.drop(key, why.replace(key.secret, key.name), self._wall())
        raise _UseAnotherKey

    def _answer(self, video_id: str, item: Any, asked_by: str) -> LicenseAnswer:
        if item is None:
            # Removed or private: the API does not say which, and asking somebody else would hold
            # back the answers about the others.
            return LicenseAnswer(
                video_id,
                License.UNAVAILABLE,
                self.name,
                self._wall(),
                Reason.NOT_LISTED,
                detail="the Data API does not list it",
                asked_by=asked_by,
            )
        return read_item(item).answer(
            video_id,
            self.name,
            self._wall(),
            asked_by,
            detail="the answer holds no known license",
            # As if it had been asked alone: of the others in the call nothing is kept.
            address=f"{URL}?part={_PART}&fields={FIELDS}&id={video_id}",
        )


# Keys and their quotas


@dataclass
class ApiKey:
    """One key. `rests_until`: POSIX time; `dropped`: why it is out for this run."""

    secret: str = field(repr=False)
    rests_until: float = 0.0
    dropped: str = ""

    @property
    def name(self) -> str:
        """Fit for messages: the last four characters."""
        return "…" + self.secret[-4:]

    @property
    def digest(self) -> str:
        """Names the key in the journal without giving it away."""
        return hashlib.sha256(b"ascc:" + self.secret.encode()).hexdigest()[:16]


class ApiKeys:
    """Hands out keys in turn, and remembers which are used up until when."""

    def __init__(self, secrets: Sequence[str], memory: Mapping[str, Any] | None = None) -> None:
        self._keys = [ApiKey(secret) for secret in dict.fromkeys(secrets) if secret.strip()]
        self._turn = 0
        for key in self._keys:
            until = inside(memory, key.digest).get("rests_until")
            # A damaged entry is left out: it costs one request in vain.
            if isinstance(until, int | float):
                key.rests_until = float(until)

    def take(self, now: float) -> ApiKey:
        """The key whose turn it is. Raises SourceUnusable when none is left."""
        if not self._keys:
            raise SourceUnusable("no Data API key is given (license.api_keys)")
        ready = [key for key in self._keys if not key.dropped and key.rests_until <= now]
        if not ready:
            until = min((key.rests_until for key in self._keys if not key.dropped), default=None)
            states = ", ".join(
                f"{key.name} {f'refused ({key.dropped})' if key.dropped else 'used up'}"
                for key in self._keys
            )
            when = "" if until is None else f"; the next may be used from {_clock(until)} on"
            raise SourceUnusable(f"no Data API key is left: {states}{when}", until=until)
        # In turn: quotas are for a day, and no key's is used up while the others' lie idle.
        self._turn += 1
        return ready[self._turn % len(ready)]

    def used_up(self, key: ApiKey, now: float) -> None:
        """The key's daily quota is used up: it rests until midnight Pacific time."""
        # Several requests were under way with it: said once.
        if key.rests_until > now:
            return
        until = next_pacific_midnight(now)
        if until - now > 86400 - _GRACE_SECONDS:
            until = now + _GRACE_SECONDS
        key.rests_until = until
        log.warning(
            "the daily quota of a Data API key is used up",
            extra={"key": key.name, "until": _clock(until), "keys_left": self.left(now)},
        )

    def drop(self, key: ApiKey, why: str, now: float) -> None:
        """The key cannot be used in this run."""
        if key.dropped:
            return
        key.dropped = why
        log.warning(
            "Data API key refused; going on without it",
            extra={"key": key.name, "why": why, "keys_left": self.left(now)},
        )

    def left(self, now: float) -> int:
        """How many keys can be used now."""
        return sum(not key.dropped and key.rests_until <= now for key in self._keys)

    def memory(self) -> dict[str, dict[str, Any]]:
        """What to give back at the next start, JSON-ready, keyed by a hash of the key."""
        return {key.digest: {"rests_until": key.rests_until} for key in self._keys}


def next_pacific_midnight(now: float) -> float:
    """POSIX time of the next midnight in California, where the quota's day is counted."""
    try:
        pacific: tzinfo = ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        # Without time zone data: winter time all year, so never too early.
        pacific = timezone(timedelta(hours=-8))
    here = datetime.fromtimestamp(now, pacific)
    midnight = datetime(here.year, here.month, here.day, tzinfo=here.tzinfo)
    return (midnight + timedelta(days=1)).timestamp()


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
