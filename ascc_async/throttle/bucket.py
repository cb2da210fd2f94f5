"""One identity's requests of one kind: how many may go now, and what their answers taught.

Pure but for its log lines: the time is handed in.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from ascc_async.errors import Refused
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.adaptive_rate import RateController
from ascc_async.throttle.circuit_breaker import RefusalBreaker

log = logging.getLogger(__name__)

# Limits change: what was learned longer ago is no better than the configured start.
FORGET_AFTER = 7 * 24 * 3600.0
_REMEMBERED_VIDEOS = 20_000  # that were refused


class RequestKind(StrEnum):
    """Kinds of request, each with limits of its own."""

    PAGES = "pages"
    PLAYER = "player"
    DATA_API = "data_api"
    MEDIA = "media"

    @property
    def limits(self) -> tuple[RequestKind, ...]:
        """Whose limits it keeps, its own last: YouTube counts its player's requests as pages, too,
        and may refuse these alone.
        """
        return (RequestKind.PAGES, self) if self is RequestKind.PLAYER else (self,)

    @property
    def requests(self) -> str:
        """For log lines."""
        names = {"pages": "pages", "data_api": "Data API requests"}
        return names.get(self, f"{self} requests")


class Bucket:
    """A token bucket whose rate is learned, and a circuit breaker for the pauses.

    A request that costs more than the bucket holds may go when it is full: it leaves a debt, and
    nothing goes until the debt is earned back.
    """

    def __init__(
        self,
        identity: str,
        kind: RequestKind,
        throttle: ThrottleSettings,
        now: float,
        others: Sequence[Bucket] = (),
    ) -> None:
        """`others`: those that its requests pass as well."""
        self._identity, self._kind, self._others = identity, kind, others
        if len(kind.limits) > 1 and throttle.adaptive:
            # A rate of its own it needs only once it is refused alone: until then the other binds.
            most = throttle.max_requests_per_second
            throttle = throttle.model_copy(update={"requests_per_second": most})
        self.controller = RateController(throttle)
        self.breaker = RefusalBreaker()
        # Nothing is known of the limit yet: where the rate is learned, a burst must be earned.
        self.tokens = 1.0 if throttle.adaptive else float(throttle.burst)
        self._filled_at = now
        self.in_flight = self.sent = self.answers = self.refusals = self.faults = 0
        self.last_refusal = ""
        self.resumed_at = -math.inf  # answered after a pause
        self._ended_at: float | None = None
        self._cut_at = -math.inf
        self._refused_videos: dict[str, int] = {}  # and how many answers there were then

    @property
    def permitted(self) -> float:
        """Requests a second: its own rate, or that of another bucket where it is less."""
        return min(each.controller.rate for each in (self, *self._others))

    def wait(self, now: float, cost: int) -> float:
        """Seconds until a request of `cost` may go; infinite while a trial is out."""
        rate, capacity = self.controller.rate, self.controller.capacity
        # A clock that went back earns nothing.
        earned = max(0.0, now - self._filled_at) * rate
        self._filled_at = now
        self.tokens = min(capacity, self.tokens + earned)
        missing = min(cost, capacity) - self.tokens
        # Sums of floats miss a whole token by a hair: without this a timer would fire for nothing.
        wait = missing / rate if missing > 1e-9 else 0.0
        return max(self.breaker.wait(now), wait)

    def take(self, now: float, cost: int) -> None:
        """A request goes out."""
        self.settle(cost)
        self.in_flight += 1
        self.breaker.sent(now)
        self.controller.sent(now, cost)

    def settle(self, difference: int) -> None:
        """So many more (or, negative, fewer) requests were sent than reserved."""
        self.tokens -= difference
        self.sent += difference

    def answered(self, now: float, started_at: float) -> None:
        """A request was answered."""
        self.answers += 1
        self._ended_at = now
        controller = self.controller
        if self.breaker.is_open:
            if started_at <= self._cut_at:
                return  # sent before the refusal: says nothing about now
            paused, self.resumed_at = self.breaker.answered(), now
            controller.resumed(now, paused)
            # What was saved up during the pause would go as a burst, right after a refusal.
            self.tokens = min(self.tokens, 0.0)
            log.info(
                "«%(identity)s» is answered again after %(seconds).0f s; %(rate).3g %(kind)s/s are"
                " permitted now",
                {
                    "identity": self._identity,
                    "seconds": paused,
                    "rate": self.permitted,
                    "kind": self._kind.requests,
                },
            )
            return
        ceiling = controller.ceiling
        controller.answered(now)
        if ceiling is not None and controller.ceiling is None:
            log.info(
                "«%(identity)s» is answered above its former limit: %(rate).3g %(kind)s/s are"
                " permitted now",
                {"identity": self._identity, "rate": self.permitted, "kind": self._kind.requests},
            )

    def refused(self, now: float, started_at: float, error: Refused) -> None:
        """A request was refused: pause, then go on more slowly."""
        self.refusals += 1
        self._ended_at = now
        # Dozens of requests may be in flight at a refusal. Their refusals belong to the same cut:
        # counting each would bring the rate to its minimum at once.
        if started_at <= self._cut_at:
            self.breaker.extend(now, error.retry_after)
            return
        rate, again = self.permitted, self.breaker.is_open
        if not again:
            self.controller.refused(started_at)
        seconds = self.breaker.refused(now, error.retry_after)
        self._cut_at = now
        self.last_refusal = f"{error.kind}: {error}"
        log.warning(
            "«%(identity)s»: %(kind)s are still refused (%(why)s); pausing %(seconds).0f s"
            if again
            else "YouTube refused «%(identity)s» while %(rate).3g %(kind)s/s were permitted"
            " (%(why)s); pausing %(seconds).0f s",
            {
                "identity": self._identity,
                "rate": rate,
                "kind": self._kind.requests,
                "why": str(error),
                "seconds": seconds,
            },
        )

    def hangs_on(self, video_id: str) -> bool:
        """Whether a refusal is this video's own: others were answered since the one before."""
        if not video_id:
            return False
        if len(self._refused_videos) > _REMEMBERED_VIDEOS:
            self._refused_videos.clear()
        answers = self._refused_videos.get(video_id, self.answers)
        self._refused_videos[video_id] = self.answers
        return answers < self.answers

    def memory(self, now: float, wall: float) -> dict[str, float | None] | None:
        """What the next run should know; times are POSIX times. None when it was never used."""
        if self._ended_at is None:
            return None
        breaker = self.breaker
        return {
            "at": wall - max(0.0, now - self._ended_at),
            "rate": self.controller.rate,
            "ceiling": self.controller.ceiling,
            "rest": breaker.last_pause,
            "resting_until": wall + max(0.0, breaker.until - now) if breaker.is_open else None,
        }

    def recall(self, memory: Any, now: float, wall: float) -> None:
        """Go on from what an earlier run learned. Memory that is damaged or old is ignored."""
        if not isinstance(memory, Mapping):
            return
        at, rate, ceiling, pause, paused_until = (
            _number(memory.get(key)) for key in ("at", "rate", "ceiling", "rest", "resting_until")
        )
        # A time ahead of the clock: the clock was wrong then or is now.
        if at is None or not rate or not -3600 <= wall - at <= FORGET_AFTER:
            return
        self._ended_at = now - max(0.0, wall - at)
        self.controller.recall(rate, ceiling or None, pause or 0.0)
        self.breaker.last_pause = pause or 0.0
        if paused_until is not None and paused_until > wall:
            self.breaker.open_for(now, paused_until - wall)


def _number(value: Any) -> float | None:
    valid = isinstance(value, int | float) and math.isfinite(value) and value >= 0
    return float(value) if valid else None
