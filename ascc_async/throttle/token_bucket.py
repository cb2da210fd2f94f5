"""A token bucket: a steady rate with small bursts. Pure: the time is handed in."""

from __future__ import annotations


class TokenBucket:
    """Tokens to send with. Rates are tokens a second, times seconds on one monotonic clock.

    Holds at most `capacity`. A request that costs more than that may go when the bucket is full:
    it leaves a debt, and nothing goes until the debt is earned back.
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
        # Sums of floats miss a whole token by a hair: without this a timer would fire for nothing.
        return max(0.0, missing / rate) if missing > 1e-9 else 0.0

    def take(self, cost: float) -> None:
        """Spend; a negative `cost` gives back."""
        self.tokens -= cost
