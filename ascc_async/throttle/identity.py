"""One identity: what it may ask for now, whether its network is there, and how that is shown.

Pure but for its log lines: the time is handed in.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ascc_async.errors import NetworkFault, Refused
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import Bucket, RequestKind
from ascc_async.throttle.circuit_breaker import OutageBreaker
from ascc_async.throttle.permit import Permit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BucketSnapshot:
    """One identity's requests of one kind. Rates in requests a second; `resting_until` is POSIX
    time, when the next trial may go out; `resting_since`: no good news since then; `last_pause`:
    seconds that the pause before took; `climb`: requests a second that the rate gains each second,
    up to the `ceiling`. `sent` counts this run's requests, those that yt-dlp made
    included; `answered`, `refused` and `faults` count how they ended: several requests of one
    extraction end as one.
    """

    identity: str
    kind: RequestKind
    rate: float
    ceiling: float | None
    waiting: int
    in_flight: int
    answered: int
    refused: int
    faults: int
    resting_until: float | None
    resting_why: str | None
    away: bool
    sent: int = 0
    resting_since: float | None = None
    last_pause: float = 0.0
    climb: float = 0.0

    @property
    def used(self) -> bool:
        """Whether any request of this kind was made."""
        return self.answered + self.refused + self.faults + self.in_flight > 0


def summed(buckets: Sequence[BucketSnapshot], name: str) -> BucketSnapshot:
    """One for all these of one kind; it rests where all of them do."""
    rests = [each.resting_until for each in buckets if each.resting_until is not None]
    return replace(
        buckets[0],
        identity=name,
        rate=sum(each.rate for each in buckets),
        ceiling=None,
        refused=sum(each.refused for each in buckets),
        resting_until=min(rests) if len(rests) == len(buckets) else None,
    )


class Identity:
    """One identity's buckets, its network, and its pause between two videos."""

    def __init__(
        self, name: str, throttle: ThrottleSettings, now: float, rng: random.Random
    ) -> None:
        self.name = name
        self.buckets: dict[RequestKind, Bucket] = {}
        # All that requests of a kind pass, their own bucket last.
        self.passed: dict[RequestKind, list[Bucket]] = {}
        for kind in RequestKind:
            others = [self.buckets[limit] for limit in kind.limits[:-1]]
            self.buckets[kind] = own = Bucket(name, kind, throttle, now, others)
            self.passed[kind] = [*others, own]
        self.outage = OutageBreaker(now)
        self._delay, self._jitter, self._rng = throttle.delay_seconds, throttle.jitter, rng
        self._next_video_at = -math.inf

    def pause_left(self, now: float, *kinds: RequestKind) -> float:
        """Seconds until none of these kinds is paused; infinite while a trial is out."""
        left = self.outage.wait(now)
        for kind in kinds:
            for bucket in self.passed[kind]:
                left = max(left, bucket.breaker.wait(now))
        return left

    def paused_since(self, kind: RequestKind) -> float | None:
        """When the first bad news came that no good news followed."""
        breakers = (self.outage, *(bucket.breaker for bucket in self.passed[kind]))
        since = [breaker.opened_at for breaker in breakers]
        return min((time for time in since if time is not None), default=None)

    def refused_alone_for(self, now: float, kind: RequestKind) -> float:
        """Seconds for which this very kind is refused, while others under the same limit go on."""
        *others, own = self.passed[kind]
        if any(each.breaker.is_open for each in others):
            return 0.0
        if own.breaker.opened_at is not None:
            refused = now - own.breaker.opened_at
        else:  # refusals have cut its rate: so long the next must wait
            refused = own.wait(now, 1) if own.controller.ceiling is not None else 0.0
        return min([refused, *(now - each.resumed_at for each in others)])

    def wait(
        self,
        now: float,
        kind: RequestKind,
        cost: int,
        new_video: bool,
        also: Sequence[RequestKind],
    ) -> float:
        """Seconds until such a request may go; infinite while that depends on another's end."""
        wait = self.pause_left(now, *also)
        for bucket in self.passed[kind]:
            wait = max(wait, bucket.wait(now, cost))
        return max(wait, self._next_video_at - now) if new_video else wait

    def take(self, now: float, kind: RequestKind, cost: int, new_video: bool) -> None:
        """A request goes out."""
        for bucket in self.passed[kind]:
            bucket.take(now, cost)
        # Any kind of request shows whether the network is back.
        self.outage.sent(now)
        if new_video and self._delay > 0:
            vary = self._rng.uniform(1 - self._jitter, 1 + self._jitter)
            self._next_video_at = now + self._delay * vary

    def ended(self, now: float, permit: Permit, error: BaseException | None) -> None:
        """A request ended, with what was raised while it was under way.

        Not `permit.tells`: the answer may be a refusal in disguise, and is no news but of the
        network.
        """
        buckets, started_at = self.passed[permit.kind], permit.started_at
        own = buckets[-1]
        for bucket in buckets:
            bucket.settle(permit.requests - permit.cost)
            bucket.in_flight -= 1
            bucket.breaker.no_verdict(started_at)  # unless there is one, below
        if isinstance(error, NetworkFault):
            own.faults += 1
            if self.outage.fault(now, error.kind, started_at):
                log.warning(
                    "no network for «%(identity)s»: %(why)s; its requests wait",
                    {"identity": self.name, "why": str(error)},
                )
            return
        refused = isinstance(error, Refused)
        # A bug or a bad answer is an answer all the same: the server did not refuse. Cancelled
        # (no `Exception`), or never sent, says nothing.
        cancelled = error is not None and not isinstance(error, Exception)
        if cancelled or not (permit.requests or refused):
            self.outage.no_verdict(started_at)
            return
        seconds_away = self.outage.answered(now)
        if seconds_away is not None:
            log.info(
                "network of «%(identity)s» is back after %(seconds).0f s",
                {"identity": self.name, "seconds": seconds_away},
            )
        if refused and own.hangs_on(permit.video_id):
            own.refusals += 1
            return
        for bucket in buckets:
            # The player may be refused alone, and pages, too. Only while pages pause is a refused
            # player bad news of them, and never is an answered one good news.
            concerned = bucket is own or bucket.breaker.is_open == refused
            if isinstance(error, Refused) and concerned:
                bucket.refused(now, started_at, error)
            elif not refused and concerned and permit.tells:
                bucket.answered(now, started_at)
        player = self.passed[RequestKind.PLAYER]
        if refused and all(bucket.breaker.is_open for bucket in player):
            # What refuses pages, too, tells nothing of a rate of the player's own.
            player[-1].controller.forget_refusal()

    def snapshot(self, kind: RequestKind, now: float, wall: float, waiting: int) -> BucketSnapshot:
        """How its requests of one kind stand; `wall` is the POSIX time of `now`."""
        bucket = self.buckets[kind]
        since = self.paused_since(kind)
        # While a trial is out nobody knows how long its answer takes: the pause itself is over.
        left = self.pause_left(now, kind)
        # Without a network no answer to a trial can come: that explains the pause better than
        # the refusal before it.
        away = self.outage.is_open
        why = "no network" if away else bucket.last_refusal or None
        return BucketSnapshot(
            identity=self.name,
            kind=kind,
            rate=bucket.permitted,
            ceiling=bucket.controller.ceiling,
            waiting=waiting,
            in_flight=bucket.in_flight,
            sent=bucket.sent,
            answered=bucket.answers,
            refused=bucket.refusals,
            faults=bucket.faults,
            resting_until=None if since is None else wall + (left if math.isfinite(left) else 0.0),
            resting_why=None if since is None else why,
            away=away,
            resting_since=None if since is None else wall - (now - since),
            last_pause=bucket.breaker.last_pause,
            climb=bucket.controller.climb,
        )
