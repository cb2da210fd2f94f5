"""One identity: its lanes, its network, its pause between videos. Pure: the time is handed in."""

from __future__ import annotations

import math
import random

from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import Bucket
from ascc_async.throttle.circuit_breaker import Outage
from ascc_async.throttle.limiter_queue import RequestKind


class Identity:
    """What the gate knows of one identity. `why` says, per kind, what the last refusal was."""

    def __init__(
        self, name: str, throttle: ThrottleSettings, now: float, rng: random.Random
    ) -> None:
        self.name = name
        self.buckets = {kind: Bucket(throttle, now) for kind in RequestKind}
        self.outage = Outage(now)
        self.why: dict[RequestKind, str] = {}
        self._delay, self._jitter, self._rng = throttle.delay_seconds, throttle.jitter, rng
        self._next_video_at = -math.inf

    def rest_left(self, kind: RequestKind, now: float) -> float:
        """Seconds this kind still rests; infinite while a single try is out."""
        return max(self.buckets[kind].breaker.rest.wait(now), self.outage.rest.wait(now))

    def resting_since(self, kind: RequestKind) -> float | None:
        """When the first bad news came that no good news followed."""
        since = [self.buckets[kind].breaker.rest.since, self.outage.rest.since]
        return min((one for one in since if one is not None), default=None)

    def wait(self, kind: RequestKind, now: float, cost: int, new_video: bool) -> float:
        """Seconds until such a request may go; infinite while that depends on another's end."""
        wait = max(self.outage.rest.wait(now), self.buckets[kind].wait(now, cost))
        return max(wait, self._next_video_at - now) if new_video else wait

    def take(self, kind: RequestKind, now: float, cost: int, new_video: bool) -> None:
        """A request goes out."""
        self.buckets[kind].take(now, cost)
        if self.outage.away:
            self.outage.rest.try_again(now)
        if new_video and self._delay > 0:
            vary = self._rng.uniform(1 - self._jitter, 1 + self._jitter)
            self._next_video_at = now + self._delay * vary

    def left(self, kind: RequestKind, started_at: float) -> None:
        """A request ended without a verdict."""
        self.buckets[kind].left(started_at)
        self.outage.rest.leave(started_at)
