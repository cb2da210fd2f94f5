"""Learns how many requests a second are permitted where no limit is published.

Pure: the time is handed in. Additive increase, multiplicative decrease, with a remembered ceiling,
as in TCP: a server that answers 429 is much like a line that drops packets.
"""

from __future__ import annotations

from ascc_async.settings import ThrottleSettings

# The rate changes in steps of some seconds: a server that counts over a window (10 s, say) shows
# only after a while that a rate is too high. Quicker growth would overshoot several times.
STEP_SECONDS = 2.5
GROWTH = 1.5  # a step, while no limit is known
# A step in which less than this share of the rate was sent shows nothing about the rate.
LEAST_USED = 0.7
# The climb back to the ceiling takes so many times the pause that the refusal cost (so a small
# part of the time is spent pausing), and so many answers (hardly a hundredth is then refused).
CLIMB_PAUSES, CLIMB_ANSWERS = 12.0, 200.0
# A rate that held for this share of a climb was only just too high, else far too high.
HELD_SHARE = 1 / 20
GENTLE_CUT, HARD_CUT = 0.9, 0.5


class RateController:
    """Requests a second for one bucket, learned from answers and refusals.

    Never refused, it grows by half every few seconds. A refusal makes the rate the `ceiling` and
    cuts it. Then it climbs back steadily; past the ceiling that limit is gone, and it grows again.
    With `adaptive: false` it stays as configured, whatever happens.
    """

    def __init__(self, throttle: ThrottleSettings) -> None:
        self.rate = throttle.requests_per_second
        self.ceiling: float | None = None
        self._adaptive, self._burst = throttle.adaptive, float(throttle.burst)
        self._low, self._high = throttle.min_requests_per_second, throttle.max_requests_per_second
        self._pause = 0.0  # seconds that the last refusal cost
        self._climb_from = self.rate
        self._held_since: float | None = None
        self._step_since: float | None = None
        self._step_sent = 0

    @property
    def capacity(self) -> float:
        """Tokens that may be saved up: a learned rate leaves no room for bursts above it."""
        return min(self._burst, max(1.0, self.rate / 4)) if self._adaptive else self._burst

    def recall(self, rate: float, ceiling: float | None, pause: float) -> None:
        """Start where an earlier run was; a known ceiling is approached from below."""
        if self._adaptive:
            self.rate = self._clamp(rate if ceiling is None else min(rate, GENTLE_CUT * ceiling))
            self.ceiling, self._pause, self._climb_from = ceiling, pause, self.rate

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
        seconds = now - self._step_since
        if seconds < STEP_SECONDS:
            return
        used = self._step_sent >= LEAST_USED * self.rate * seconds
        self._step_since, self._step_sent = now, 0
        if not used:
            return
        if self.ceiling is None:
            if self.rate < self._high:
                self.rate, self._held_since = self._clamp(GROWTH * self.rate), now
            return
        # Cut to the floor again and again, it must have somewhere to climb to.
        ceiling = max(self.ceiling, self._low / GENTLE_CUT)
        climb = (ceiling - self._climb_from) / self._climb_seconds(ceiling)
        rate = self.rate + climb * seconds
        self.rate = self._clamp(rate)
        if rate > ceiling:
            self.ceiling = None

    def refused(self, started_at: float) -> None:
        """A request sent at `started_at` was refused; the first of a burst only."""
        if not self._adaptive:
            return
        held = 0.0 if self._held_since is None else started_at - self._held_since
        gentle = held >= HELD_SHARE * self._climb_seconds(self.rate)
        self.ceiling = self.rate
        self.rate = self._clamp(self.rate * (GENTLE_CUT if gentle else HARD_CUT))
        self._climb_from = self.rate

    def resumed(self, now: float, paused: float) -> None:
        """The first answer after a pause of `paused` seconds: the climb begins."""
        self._pause = paused
        self._held_since, self._step_since, self._step_sent = now, None, 0

    def _climb_seconds(self, ceiling: float) -> float:
        return max(CLIMB_PAUSES * self._pause, CLIMB_ANSWERS / ceiling)

    def _clamp(self, rate: float) -> float:
        return min(self._high, max(self._low, rate))
