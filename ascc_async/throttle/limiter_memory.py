"""What the gate keeps from one run to the next, and how much of it is still believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from ascc_async.throttle.adaptive_rate import AdaptivePace
from ascc_async.throttle.bucket import Bucket
from ascc_async.throttle.circuit_breaker import PauseBounds
from ascc_async.throttle.identity import Identity
from ascc_async.throttle.limiter_queue import RequestKind
from ascc_async.throttle.token_bucket import Learned

HOUR = 3600.0
FRESH, FORGOTTEN = 6 * HOUR, 7 * 24 * HOUR


@dataclass(frozen=True, slots=True)
class LaneMemory:
    """`at` and `resting_until` are POSIX times, the rest as in `Learned` and `PauseBounds`."""

    at: float
    rate: float
    ceiling: float | None
    rest: float | None
    pause_low: float | None
    pause_high: float | None
    resting_until: float | None

    @classmethod
    def read(cls, data: Any) -> Self | None:
        """None when `data` is not what `remember` wrote."""
        names = cls.__dataclass_fields__
        if not isinstance(data, Mapping) or set(data) != set(names):
            return None
        values = {name: data[name] for name in names}
        if not all(_is_number(value) or value is None for value in values.values()):
            return None
        memory = cls(**values)
        return memory if _is_number(memory.at) and _is_number(memory.rate) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 0


def remember(identities: Mapping[str, Identity], now: float, wall: float) -> dict[str, Any]:
    """What was learned, keyed "<identity>/<kind>"; lanes never used are left out."""
    return {
        f"{name}/{kind.value}": asdict(_of(bucket, now, wall))
        for name, identity in identities.items()
        for kind, bucket in identity.buckets.items()
        if bucket.heard_at is not None
    }


def _of(bucket: Bucket, now: float, wall: float) -> LaneMemory:
    pace, breaker = bucket.pace, bucket.breaker
    learned = pace.learned() if isinstance(pace, AdaptivePace) else None
    bounds = breaker.bounds
    heard_at = now if bucket.heard_at is None else bucket.heard_at
    return LaneMemory(
        at=wall - max(0.0, now - heard_at),
        rate=learned.rate if learned else pace.rate(now),
        ceiling=learned.ceiling if learned else None,
        rest=learned.rest if learned else None,
        pause_low=bounds.low if bounds else None,
        pause_high=bounds.high if bounds else None,
        resting_until=wall + max(0.0, breaker.rest.until - now) if breaker.rest.resting else None,
    )


def recall(
    memory: Mapping[str, Any], identities: Mapping[str, Identity], now: float, wall: float
) -> None:
    """Give each lane what an earlier run learned, as far as it is still believed."""
    for name, identity in identities.items():
        for kind in RequestKind:
            found = LaneMemory.read(memory.get(f"{name}/{kind.value}"))
            if found is not None:
                _recall(found, identity.buckets[kind], now, wall)


def _recall(memory: LaneMemory, bucket: Bucket, now: float, wall: float) -> None:
    age = wall - memory.at
    if not -FRESH <= age <= FORGOTTEN:
        return
    trust = 1.0 if age <= FRESH else 1 - (age - FRESH) / (FORGOTTEN - FRESH)
    if isinstance(bucket.pace, AdaptivePace):
        bucket.pace.recall(Learned(memory.rate, memory.ceiling, memory.rest), trust)
    if memory.pause_high is not None:
        bucket.breaker.bounds = PauseBounds(memory.pause_low or 0.0, memory.pause_high)
    if memory.resting_until is not None and memory.resting_until > wall:
        bucket.breaker.rest.pause(now, memory.resting_until - wall)
    bucket.heard_at = now - max(0.0, age)
