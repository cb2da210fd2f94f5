"""Learns how many requests a second are permitted where no limit is published.

Pure: the time is handed in. Additive increase, multiplicative decrease, with a remembered ceiling,
as in TCP: a server that answers 429 is much like a line that drops packets.
"""

from __future__ import annotations

from collections import deque

from ascc_async.settings import ThrottleSettings

# The rate changes in steps of some seconds: a server that counts over a window (10 s, say) shows
# only after a while that a rate is too high. Quicker growth would overshoot several times.
STEP_SECONDS = 2.5
GROWTH = 1.5  # a step, while no limit is known
# The first step past a limit that was known, then its square: that limit may be just above.
CAREFUL_GROWTH = 1.05
# A step in which less than this share of the rate was sent shows nothing about the rate.
LEAST_USED = 0.7
# The climb back to the ceiling takes so many times the pause that the refusal cost (so a small
# part of the time is spent pausing), and so many answers (hardly a hundredth is then refused).
CLIMB_PAUSES, CLIMB_ANSWERS = 12.0, 200.0
# Refused is what went out in so many seconds: a rate that was just raised, or just taken up again,
# says little of the limit, and would be refused again at every tenth below it.
LATELY = 10.0
# A rate that held for this share of a climb was only just too high, else far too high; unless what
# went out lately was less than this share of it.
HELD_SHARE, AT_LESS = 1 / 20, 0.8
GENTLE_CUT, HARD_CUT = 0.9, 0.5


class RateController:
    """Requests a second for one bucket, learned from answers and refusals.

    Never refused, it grows by half every few seconds. A refusal makes what went out lately the
    `ceiling` and cuts the rate. Then it climbs back steadily, and goes past the ceiling in small
    steps at first; then that limit is gone, and it grows as before. With `adaptive: false` it stays
    as configured, whatever happens.
    """

    def __init__(self, throttle: ThrottleSettings) -> None:
        self.rate = throttle.requests_per_second
        self.ceiling: float | None = None
        self._adaptive, self._burst = throttle.adaptive, float(throttle.burst)
        self._low, self._high = throttle.min_requests_per_second, throttle.max_requests_per_second
        self._pause = 0.0  # seconds that the last refusal cost
        self._climb_from = self.rate
        self._growth = GROWTH
        self._before_cut: tuple[float, float | None, float, float] | None = None
        self._held_since: float | None = None
        self._lately = deque[tuple[float, int]]()  # what was sent when
        self._step_since: float | None = None
        self._step_sent = 0

    @property
    def capacity(self) -> float:
        """Tokens that may be saved up: a learned rate leaves no room for bursts above it."""
        return min(self._burst, max(1.0, self.rate / 4)) if self._adaptive else self._burst

    @property
    def climb(self) -> float:
        """What the rate gains each second, up to the ceiling; 0 without one."""
        if self.ceiling is None:
            return 0.0
        return (self.ceiling - self._climb_from) / self._climb_seconds(self.ceiling)

    def recall(self, rate: float, ceiling: float | None, pause: float) -> None:
        """Start where an earlier run was; a known ceiling is approached from below."""
        if self._adaptive:
            self.rate = self._clamp(rate if ceiling is None else min(rate, GENTLE_CUT * ceiling))
            self.ceiling, self._pause, self._climb_from = ceiling, pause, self.rate
            self._growth = CAREFUL_GROWTH if ceiling else GROWTH

    def sent(self, now: float, count: int) -> None:
        """So many requests went out."""
        if self._step_since is None:
            self._step_since = now
        if self._held_since is None:
            self._held_since = now
        self._step_sent += count
        self._lately.append((now, count))
        while self._lately[0][0] < now - 2 * LATELY:
            self._lately.popleft()

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
        if self.ceiling is not None and self.rate < self.ceiling:
            self.rate = self._clamp(self.rate + self.climb * seconds)
            return
        self.rate = self._clamp(self._growth * self.rate)
        self._growth = min(GROWTH, self._growth**2)
        self.ceiling = None if self._growth == GROWTH else self.rate

    def refused(self, started_at: float) -> None:
        """A request sent at `started_at` was refused; the first of a burst only."""
        if not self._adaptive:
            return
        self._before_cut = self.rate, self.ceiling, self._climb_from, self._growth
        held = 0.0 if self._held_since is None else started_at - self._held_since
        since = started_at - LATELY
        lately = sum(count for at, count in self._lately if since <= at <= started_at) / LATELY
        self.ceiling = min(self.rate, max(HARD_CUT * self.rate, lately))
        gentle = held >= HELD_SHARE * self._climb_seconds(self.rate)
        gentle = gentle or self.ceiling < AT_LESS * self.rate
        self.rate = self._clamp(self.ceiling * (GENTLE_CUT if gentle else HARD_CUT))
        self._climb_from, self._growth = self.rate, CAREFUL_GROWTH

    def forget_refusal(self) -> None:
        """The one that the pause is for: it was not this rate that was refused."""
        if self._before_cut is not None:
            self.rate, self.ceiling, self._climb_from, self._growth = self._before_cut

    def resumed(self, now: float, paused: float) -> None:
        """The first answer after a pause of `paused` seconds: the climb begins."""
        self._pause, self._before_cut = paused, None
        self._held_since, self._step_since, self._step_sent = now, None, 0

    def _climb_seconds(self, ceiling: float) -> float:
        return max(CLIMB_PAUSES * self._pause, CLIMB_ANSWERS / ceiling)

    def _clamp(self, rate: float) -> float:
        return min(self._high, max(self._low, rate))
