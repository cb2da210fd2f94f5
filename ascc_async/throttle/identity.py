"""What is known of one identity: how fast it may ask for what, and whether its network is there.

Pure but for its log lines: the time is handed in.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from ascc_async.errors import NetworkFault, Refused
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.adaptive_rate import RateController
from ascc_async.throttle.circuit_breaker import OutageBreaker, RefusalBreaker
from ascc_async.throttle.token_bucket import TokenBucket

log = logging.getLogger(__name__)

# Limits change: what was learned longer ago is no better than the configured start.
FORGET_AFTER = 7 * 24 * 3600.0


class RequestKind(StrEnum):
    """Kinds of request, each with limits of its own."""

    PAGES = "pages"
    DATA_API = "data_api"
    MEDIA = "media"

    @property
    def requests(self) -> str:
        """For log lines."""
        return {"pages": "pages", "data_api": "Data API requests", "media": "media requests"}[self]


class Bucket:
    """One identity's requests of one kind: token bucket, learned rate and circuit breaker."""

    def __init__(
        self, identity: str, kind: RequestKind, throttle: ThrottleSettings, now: float
    ) -> None:
        self._identity, self._kind = identity, kind
        self.controller = RateController(throttle)
        self.breaker = RefusalBreaker()
        # Nothing is known of the limit yet: where the rate is learned, a burst must be earned.
        self._bucket = TokenBucket(1.0 if throttle.adaptive else float(throttle.burst), now)
        self.in_flight = self.sent = self.answers = self.refusals = self.faults = 0
        self.last_refusal = ""
        self._ended_at: float | None = None
        self._cut_at = -math.inf

    @property
    def tokens(self) -> float:
        """Requests that may go at once; negative while a debt is paid back."""
        return self._bucket.tokens

    def wait(self, now: float, cost: int) -> float:
        """Seconds until a request of `cost` may go; infinite while a trial is out."""
        rate, capacity = self.controller.rate, self.controller.capacity
        self._bucket.fill(now, rate, capacity)
        return max(self.breaker.wait(now), self._bucket.wait(cost, rate, capacity))

    def take(self, now: float, cost: int) -> None:
        """A request goes out."""
        self._bucket.take(cost)
        self.sent += cost
        self.in_flight += 1
        self.breaker.sent(now)
        self.controller.sent(now, cost)

    def settle(self, difference: int) -> None:
        """So many more (or, negative, fewer) requests were sent than reserved."""
        self._bucket.take(difference)
        self.sent += difference

    def no_verdict(self, started_at: float) -> None:
        """A request ended without showing anything: cancelled, never sent, no network."""
        self.in_flight -= 1
        self.breaker.no_verdict(started_at)

    def answered(self, now: float, started_at: float) -> None:
        """A request was answered."""
        self.in_flight -= 1
        self.answers += 1
        self._ended_at = now
        controller, kind = self.controller, self._kind.requests
        if self.breaker.is_open:
            if started_at <= self._cut_at:
                return  # sent before the refusal: says nothing about now
            rested = self.breaker.answered()
            controller.resumed(now, rested)
            # What was saved up during the pause would go as a burst, right after a refusal.
            self._bucket.tokens = min(self._bucket.tokens, 0.0)
            log.info(
                "«%(identity)s» is answered again after %(seconds).0f s; going on at"
                " %(rate).3g %(kind)s/s",
                {
                    "identity": self._identity,
                    "seconds": rested,
                    "rate": controller.rate,
                    "kind": kind,
                },
            )
            return
        ceiling = controller.ceiling
        controller.answered(now)
        if ceiling is not None and controller.ceiling is None:
            log.info(
                "«%(identity)s» is answered above its former limit: now %(rate).3g %(kind)s/s",
                {"identity": self._identity, "rate": controller.rate, "kind": kind},
            )

    def refused(self, now: float, started_at: float, error: Refused) -> None:
        """A request was refused: pause, then go on more slowly."""
        self.in_flight -= 1
        self.refusals += 1
        self._ended_at = now
        # Dozens of requests may be in flight at a refusal. Their refusals belong to the same cut:
        # counting each would bring the rate to its minimum at once.
        if started_at <= self._cut_at:
            self.breaker.extend(now, error.retry_after)
            return
        rate, again = self.controller.rate, self.breaker.is_open
        if not again:
            self.controller.refused(started_at)
        seconds = self.breaker.refused(now, error.retry_after)
        self._cut_at = now
        self.last_refusal = f"{error.kind}: {error}"
        log.warning(
            "«%(identity)s» is still refused (%(why)s); pausing %(seconds).0f s"
            if again
            else "«%(identity)s» refused at %(rate).3g %(kind)s/s (%(why)s); pausing"
            " %(seconds).0f s",
            {
                "identity": self._identity,
                "rate": rate,
                "kind": self._kind.requests,
                "why": str(error),
                "seconds": seconds,
            },
        )

    def memory(self, now: float, wall: float) -> dict[str, float | None] | None:
        """What the next run should know; times are POSIX times. None when it was never used."""
        if self._ended_at is None:
            return None
        breaker = self.breaker
        return {
            "at": wall - max(0.0, now - self._ended_at),
            "rate": self.controller.rate,
            "ceiling": self.controller.ceiling,
            "rest": breaker.last_rest,
            "resting_until": wall + max(0.0, breaker.until - now) if breaker.is_open else None,
        }

    def recall(self, memory: Any, now: float, wall: float) -> None:
        """Go on from what an earlier run learned. Memory that is damaged or old is ignored."""
        if not isinstance(memory, Mapping):
            return
        at, rate, ceiling, rest, resting_until = (
            _number(memory.get(key)) for key in ("at", "rate", "ceiling", "rest", "resting_until")
        )
        # A time ahead of the clock: the clock was wrong then or is now.
        if at is None or not rate or not -3600 <= wall - at <= FORGET_AFTER:
            return
        self._ended_at = now - max(0.0, wall - at)
        self.controller.recall(rate, ceiling or None, rest or 0.0)
        self.breaker.last_rest = rest or 0.0
        if resting_until is not None and resting_until > wall:
            self.breaker.open_for(now, resting_until - wall)


class Identity:
    """One identity's buckets, its network, and its pause between two videos."""

    def __init__(
        self, name: str, throttle: ThrottleSettings, now: float, rng: random.Random
    ) -> None:
        self.name = name
        self.buckets = {kind: Bucket(name, kind, throttle, now) for kind in RequestKind}
        self.outage = OutageBreaker(now)
        self._delay, self._jitter, self._rng = throttle.delay_seconds, throttle.jitter, rng
        self._next_video_at = -math.inf

    def rest_left(self, now: float, *kinds: RequestKind) -> float:
        """Seconds until none of these kinds is paused; infinite while a trial is out."""
        return max(self.outage.wait(now), *(self.buckets[kind].breaker.wait(now) for kind in kinds))

    def resting_since(self, kind: RequestKind) -> float | None:
        """When the first bad news came that no good news followed."""
        since = [self.buckets[kind].breaker.opened_at, self.outage.opened_at]
        return min((time for time in since if time is not None), default=None)

    def wait(
        self,
        now: float,
        kind: RequestKind,
        cost: int,
        new_video: bool,
        also: Sequence[RequestKind],
    ) -> float:
        """Seconds until such a request may go; infinite while that depends on another's end."""
        wait = max(self.buckets[kind].wait(now, cost), self.rest_left(now, kind, *also))
        return max(wait, self._next_video_at - now) if new_video else wait

    def take(self, now: float, kind: RequestKind, cost: int, new_video: bool) -> None:
        """A request goes out."""
        self.buckets[kind].take(now, cost)
        # Any kind of request shows whether the network is back.
        self.outage.sent(now)
        if new_video and self._delay > 0:
            vary = self._rng.uniform(1 - self._jitter, 1 + self._jitter)
            self._next_video_at = now + self._delay * vary

    def no_verdict(self, kind: RequestKind, started_at: float) -> None:
        """A request ended without showing anything about limits or network."""
        self.buckets[kind].no_verdict(started_at)
        self.outage.no_verdict(started_at)

    def answered(self, kind: RequestKind, now: float, started_at: float) -> None:
        """A request was answered."""
        self._network_is_there(now)
        self.buckets[kind].answered(now, started_at)

    def refused(self, kind: RequestKind, now: float, started_at: float, error: Refused) -> None:
        """A request was refused; a refusal is an answer too."""
        self._network_is_there(now)
        self.buckets[kind].refused(now, started_at, error)

    def failed(self, kind: RequestKind, now: float, started_at: float, error: NetworkFault) -> None:
        """A request got no answer."""
        bucket = self.buckets[kind]
        bucket.faults += 1
        bucket.no_verdict(started_at)
        if self.outage.fault(now, error.kind, started_at):
            log.warning(
                "no network for «%(identity)s» (%(why)s); waiting until it is back",
                {"identity": self.name, "why": str(error)},
            )

    def _network_is_there(self, now: float) -> None:
        seconds = self.outage.answered(now)
        if seconds is not None:
            log.info(
                "network of «%(identity)s» is back after %(seconds).0f s",
                {"identity": self.name, "seconds": seconds},
            )


def _number(value: Any) -> float | None:
    valid = isinstance(value, int | float) and math.isfinite(value) and value >= 0
    return float(value) if valid else None
