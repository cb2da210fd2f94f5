"""The rate limiter's state as plain data, for the screen and `status`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ascc_async.throttle.identity import Identity, RequestKind


@dataclass(frozen=True, slots=True)
class BucketSnapshot:
    """One identity's requests of one kind. Rates in requests a second; `resting_until` is POSIX
    time. `sent` counts this run's requests, those that yt-dlp made included; `answered`, `refused`
    and `faults` count how they ended: several requests of one extraction end as one.
    """

    identity: str
    kind: RequestKind
    rate: float
    ceiling: float | None
    tokens: float
    waiting: int
    in_flight: int
    answered: int
    refused: int
    faults: int
    resting_until: float | None
    resting_why: str | None
    away: bool
    sent: int = 0

    @property
    def used(self) -> bool:
        """Whether any request of this kind was made."""
        return self.answered + self.refused + self.faults + self.in_flight > 0

    @classmethod
    def of(
        cls, identity: Identity, kind: RequestKind, now: float, wall: float, waiting: int
    ) -> BucketSnapshot:
        """`wall` is the POSIX time of `now`."""
        bucket = identity.buckets[kind]
        resting = identity.resting_since(kind) is not None
        # While a trial is out nobody knows how long its answer takes: the pause itself is over.
        left = identity.rest_left(now, kind)
        # Without a network no answer to a trial can come: that explains the pause better than
        # the refusal before it.
        away = identity.outage.is_open
        why = "no network" if away else bucket.last_refusal or None
        return cls(
            identity=identity.name,
            kind=kind,
            rate=bucket.controller.rate,
            ceiling=bucket.controller.ceiling,
            tokens=bucket.tokens,
            waiting=waiting,
            in_flight=bucket.in_flight,
            sent=bucket.sent,
            answered=bucket.answers,
            refused=bucket.refusals,
            faults=bucket.faults,
            resting_until=(wall + (left if math.isfinite(left) else 0.0)) if resting else None,
            resting_why=why if resting else None,
            away=away,
        )


@dataclass(frozen=True, slots=True)
class RateLimiterSnapshot:
    """All buckets, identity by identity."""

    buckets: tuple[BucketSnapshot, ...]

    def bucket(self, identity: str, kind: RequestKind) -> BucketSnapshot:
        """Raises KeyError when there is no such bucket."""
        for bucket in self.buckets:
            if (bucket.identity, bucket.kind) == (identity, kind):
                return bucket
        raise KeyError((identity, kind))
