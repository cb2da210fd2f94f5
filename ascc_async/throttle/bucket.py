"""A lane: one identity's requests of one kind. Pure: the time is handed in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.adaptive_rate import AdaptivePace
from ascc_async.throttle.circuit_breaker import Breaker
from ascc_async.throttle.token_bucket import FixedPace, Pace, TokenBucket


@dataclass(frozen=True, slots=True)
class Cut:
    """The lane rests for `seconds`. `rate`: at which it was refused. `again`: while resting."""

    seconds: float
    rate: float
    again: bool


class Bucket:
    """Token bucket, pace and breaker of one identity and kind, and what came of it."""

    def __init__(self, throttle: ThrottleSettings, now: float) -> None:
        self.pace: Pace = _pace(throttle)
        self.breaker = Breaker()
        # Nothing is known of the limit yet: an adaptive lane earns its burst.
        self.bucket = TokenBucket(1.0 if throttle.adaptive else float(throttle.burst), now)
        self.in_flight = self.sent = self.answers = self.refusals = self.faults = 0
        self.heard_at: float | None = None
        self._cut_at = -math.inf

    def wait(self, now: float, cost: int) -> float:
        """Seconds until a request of `cost` may go; infinite while a single try is out."""
        rest = self.breaker.rest.wait(now)
        if rest > 0:
            return rest
        rate, capacity = self.pace.rate(now), self.pace.capacity(now)
        self.bucket.fill(now, rate, capacity)
        return self.bucket.wait(cost, rate, capacity)

    def take(self, now: float, cost: int) -> None:
        """A request goes out."""
        self.bucket.take(cost)
        self.sent += cost
        self.in_flight += 1
        if self.breaker.rest.resting:
            self.breaker.rest.try_again(now)
        self.pace.sent(now, cost)

    def settle(self, difference: int) -> None:
        """So many more (or, negative, fewer) requests were sent than reserved."""
        self.bucket.take(difference)
        self.sent += difference

    def left(self, started_at: float) -> None:
        """A request ended without a verdict: cancelled, never sent, or the network failed."""
        self.in_flight -= 1
        self.breaker.rest.leave(started_at)

    def answered(self, now: float, started_at: float) -> float | None:
        """A request was answered. Returns the seconds rested when this ends a rest."""
        self.in_flight -= 1
        self.answers += 1
        self.heard_at = now
        rest = self.breaker.rest
        if rest.resting and started_at <= self._cut_at:
            return None  # sent before the refusal: says nothing about now
        self.pace.answered(now)
        if not rest.resting:
            return None
        rested = self.breaker.answered(now)
        self.pace.resumed(now, rested)
        self.bucket.tokens = min(self.bucket.tokens, 0.0)
        return rested

    def refused(self, now: float, started_at: float, retry_after: float | None) -> Cut | None:
        """A request was refused. Returns the cut; None when it belongs to the last one."""
        self.in_flight -= 1
        self.refusals += 1
        self.heard_at = now
        if not self.breaker.rest.resting or started_at <= self._cut_at:
            self.pace.refused(now, started_at)
        if started_at <= self._cut_at:
            self.breaker.asked_to_wait(now, retry_after)
            return None
        again = self.breaker.rest.resting
        seconds = self.breaker.refused(now, retry_after)
        self._cut_at = now
        return Cut(seconds, self.pace.rate(now), again)


def _pace(throttle: ThrottleSettings) -> Pace:
    if not throttle.adaptive:
        return FixedPace(throttle.requests_per_second, throttle.burst)
    return AdaptivePace(
        throttle.requests_per_second,
        throttle.min_requests_per_second,
        throttle.max_requests_per_second,
        throttle.burst,
    )
