"""Learns how many requests a second are permitted where no limit is published.

Pure: the time is handed in.

Additive increase, multiplicative decrease, with a remembered ceiling, as in TCP CUBIC (RFC 9438):
a server that answers 429 is much like a line that drops packets.
"""

from __future__ import annotations

from ascc_async.settings import ThrottleSettings

# The rate changes in steps of some seconds: a server that counts over a window (10 s, say) shows
# only after a while that a rate is too high. Quicker growth would overshoot several times.
STEP_SECONDS = 2.5
GROWTH = 1.5
# Where a refusal costs long pauses, growth waits for a share of the last one.
STEP_SHARE_OF_REST = 1 / 4
# A step in which less than this share of the rate was sent shows nothing about the rate.
LEAST_USED = 0.7
# Cuts: gentle when the rate had held for a while (it was only just too high), else by half.
GENTLE_CUT, HARD_CUT = 0.9, 0.5
HELD_SECONDS, HELD_SHARE_OF_REST = 15.0, 1 / 2
# The climb back to the ceiling takes so many times what the refusal cost (about a tenth of the
# time is then spent pausing), and so many answers (hardly a hundredth is then refused).
CLIMB_RESTS, CLIMB_ANSWERS = 10.0, 150.0
# Beyond the ceiling the climb goes on more quickly: who gets there is seldom refused any more.
BEYOND = 3.0
LIFTED = 1.03


class RateController:
    """Requests a second for one bucket, learned from answers and refusals.

    Never refused, it grows by half every few seconds. A refusal makes the rate the `ceiling` and
    cuts it. It then climbs back along a cubic curve: quickly while far below the ceiling, slowly
    near it, then on beyond, until it is refused again or the ceiling proves to be gone.
    With `adaptive: false` it stays as configured, whatever happens.
    """

    def __init__(self, throttle: ThrottleSettings) -> None:
        self.rate = throttle.requests_per_second
        self.ceiling: float | None = None
        self._adaptive, self._burst = throttle.adaptive, float(throttle.burst)
        self._low, self._high = throttle.min_requests_per_second, throttle.max_requests_per_second
        self._rest = 0.0
        self._climb_from, self._climbed = self.rate, 0.0
        self._held_since: float | None = None
        self._step_since: float | None = None
        self._step_sent = 0

    @property
    def capacity(self) -> float:
        """Tokens that may be saved up: a learned rate leaves no room for bursts above it."""
        return min(self._burst, max(1.0, self.rate / 4)) if self._adaptive else self._burst

    def recall(self, rate: float, ceiling: float | None, rest: float) -> None:
        """Start where an earlier run was; a known ceiling is approached from below."""
        if self._adaptive:
            self.rate = self._clamp(rate if ceiling is None else min(rate, GENTLE_CUT * ceiling))
            self.ceiling, self._rest, self._climb_from = ceiling, rest, self.rate

    def sent(self, now: float, count: int) -> None:
        """So many requests went out."""
        if self._step_since is None:
            self._step_since = now
        if self._held_since is None:
            self._held_since = now
        self._step_sent += count

    def answered(self, now: float) -> None:
        """A request was answered: at a step's end the rate may rise."""
        if not self._adaptive or self._step_since is None:
            return
        age = now - self._step_since
        step = STEP_SECONDS
        if self.ceiling is None:
            step = max(step, STEP_SHARE_OF_REST * self._rest)
        if age < step:
            return
        if self._step_sent >= LEAST_USED * self.rate * age:
            self._rise(now, age)
        self._step_since, self._step_sent = now, 0

    def refused(self, started_at: float) -> None:
        """A request sent at `started_at` was refused; the first of a burst only."""
        if not self._adaptive:
            return
        held = 0.0 if self._held_since is None else started_at - self._held_since
        gentle = held >= max(HELD_SECONDS, HELD_SHARE_OF_REST * self._rest)
        self.ceiling = self.rate
        self.rate = self._clamp(self.rate * (GENTLE_CUT if gentle else HARD_CUT))
        self._climb_from, self._climbed = self.rate, 0.0

    def resumed(self, now: float, rested: float) -> None:
        """The first answer after a pause of `rested` seconds: the climb begins."""
        self._rest = rested
        self._held_since, self._step_since, self._step_sent = now, None, 0

    def _rise(self, now: float, seconds: float) -> None:
        if self.ceiling is None:
            if self.rate < self._high:
                self.rate, self._held_since = self._clamp(GROWTH * self.rate), now
            return
        self._climbed += seconds
        duration = max(CLIMB_RESTS * self._rest, CLIMB_ANSWERS / self.ceiling)
        left = 1 - self._climbed / duration
        if left < 0:
            left *= BEYOND
        rate = self.ceiling - (self.ceiling - self._climb_from) * left**3
        self.rate = self._clamp(rate)
        if rate > LIFTED * self.ceiling:
            self.ceiling = None

    def _clamp(self, rate: float) -> float:
        return min(self._high, max(self._low, rate))
