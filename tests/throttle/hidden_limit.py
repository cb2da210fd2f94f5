"""A server with an unpublished limit, and a bucket that has to find it. No clock runs."""

from __future__ import annotations

import bisect
import heapq
import math
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from ascc_async.errors import Refused
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import Bucket, RequestKind


@dataclass
class HiddenLimit:
    """`rate` requests a second in any `window` seconds; a breach is a pause for everybody."""

    rate: float
    pause: float
    window: float = 10.0
    changes_at: float = math.inf
    factor: float = 1.0
    _hits: deque[float] = field(default_factory=deque)
    _until: float = -math.inf

    def permitted(self, now: float) -> float:
        """Requests a second that are permitted now: whole requests in a window."""
        rate = self.rate * (self.factor if now >= self.changes_at else 1.0)
        return math.floor(rate * self.window + 1e-9) / self.window

    def answers(self, now: float) -> bool:
        """One request: True when it is answered, False when it is refused."""
        if now < self._until:
            return False
        while self._hits and self._hits[0] <= now - self.window:
            self._hits.popleft()
        if len(self._hits) >= round(self.permitted(now) * self.window):
            self._until = now + self.pause
            return False
        self._hits.append(now)
        return True


@dataclass
class Trace:
    """When requests were answered and refused."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def goodput(self, first: float, last: float) -> float:
        """Answers a second from `first` to `last`."""
        count = bisect.bisect_left(self.answered, last) - bisect.bisect_left(self.answered, first)
        return count / (last - first)

    def refused_share(self) -> float:
        """Refused of all requests, 0 to 1."""
        return len(self.refused) / (len(self.answered) + len(self.refused))


class Sender(Protocol):
    """Whatever decides when the next request goes, and is given the result."""

    def wait(self, now: float, cost: int) -> float: ...

    def take(self, now: float, cost: int) -> None: ...

    def answered(self, now: float, started_at: float) -> object: ...

    def refused(self, now: float, started_at: float, error: Refused) -> object: ...


def drive(throttle: ThrottleSettings, server: HiddenLimit, seconds: float) -> tuple[Trace, Bucket]:
    """Send as fast as a bucket lets."""
    bucket = Bucket("main", RequestKind.PAGES, throttle, 0.0)
    return send(bucket, server, seconds), bucket


def send(
    sender: Sender, server: HiddenLimit, seconds: float, *, in_flight: int = 32, seed: int = 7
) -> Trace:
    """Send as fast as `sender` lets, answers taking 50 to 500 ms."""
    rng, trace, now, number = random.Random(seed), Trace(), 0.0, 0
    flying: list[tuple[float, int, float, bool]] = []
    while True:
        wait = sender.wait(now, 1) if len(flying) < in_flight else math.inf
        then = min(now + wait, flying[0][0] if flying else math.inf)
        if then >= seconds:
            return trace
        now = max(now, then)
        if flying and flying[0][0] <= now:
            _, _, started_at, answered = heapq.heappop(flying)
            if answered:
                sender.answered(now, started_at)
            else:
                sender.refused(now, started_at, Refused("429", kind="rate"))
        elif sender.wait(now, 1) <= 0:
            sender.take(now, 1)
            answered = server.answers(now)
            (trace.answered if answered else trace.refused).append(now)
            number += 1
            heapq.heappush(flying, (now + rng.uniform(0.05, 0.5), number, now, answered))
