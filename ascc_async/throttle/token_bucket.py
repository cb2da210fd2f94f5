"""How fast: a token bucket, and the rate that fills it. Pure: the time is handed in.

Rates are requests a second, times seconds on one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class TokenBucket:
    """Tokens to send with. Holds at most `capacity`; may go into debt for a request that costs
    more than it holds, and is then empty until the debt is earned back.
    """

    def __init__(self, tokens: float, now: float) -> None:
        self.tokens = tokens
        self._filled_at = now

    def fill(self, now: float, rate: float, capacity: float) -> None:
        """Earn what `rate` gives since the last call. A clock that went back earns nothing."""
        earned = max(0.0, now - self._filled_at) * rate
        self._filled_at = now
        self.tokens = min(capacity, self.tokens + earned)

    def wait(self, cost: float, rate: float, capacity: float) -> float:
        """Seconds until `cost` may be taken, never negative."""
        missing = min(cost, capacity) - self.tokens
        return max(0.0, missing / rate) if missing > 1e-9 else 0.0

    def take(self, cost: float) -> None:
        """Spend; a negative `cost` gives back."""
        self.tokens -= cost


class Pace(Protocol):
    """The rate of one lane, and what it learns from answers and refusals."""

    ceiling: float | None

    @property
    def full_rate(self) -> float: ...

    def rate(self, now: float) -> float: ...

    def capacity(self, now: float) -> float: ...

    def sent(self, now: float, count: int) -> None: ...

    def answered(self, now: float) -> None: ...

    def refused(self, now: float, started_at: float) -> None: ...

    def resumed(self, now: float, rested: float) -> None: ...


class FixedPace:
    """`adaptive: false`: the configured rate and burst, whatever happens."""

    def __init__(self, rate: float, burst: int) -> None:
        self.ceiling: float | None = None
        self._rate, self._burst = rate, float(burst)

    @property
    def full_rate(self) -> float:
        """The configured rate."""
        return self._rate

    def rate(self, now: float) -> float:
        """The configured rate."""
        return self._rate

    def capacity(self, now: float) -> float:
        """The configured burst."""
        return self._burst

    def sent(self, now: float, count: int) -> None:
        """Nothing to learn."""

    def answered(self, now: float) -> None:
        """Nothing to learn."""

    def refused(self, now: float, started_at: float) -> None:
        """Nothing to learn."""

    def resumed(self, now: float, rested: float) -> None:
        """Nothing to learn."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What outlives a run: the rate that held, the one refused, the seconds a refusal costs."""

    rate: float
    ceiling: float | None
    rest: float | None
