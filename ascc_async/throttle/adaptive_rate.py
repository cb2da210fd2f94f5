"""The rate that finds its limit: adaptive pace. Pure: the time is handed in."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from ascc_async.throttle.token_bucket import Learned

# The span over which the rate really sent is measured when a refusal comes.
SPAN = 10.0


@dataclass(slots=True)
class _Level:
    """A rate being tried: since when, and what came of it."""

    since: float | None = None
    sent: int = 0
    answers: int = 0


@dataclass(slots=True)
class _Breach:
    """A burst of refusals: when it was heard, at which rate, how long that had held, and the rate
    really sent in the `SPAN` before the first of the refused requests.
    """

    at: float
    rate: float
    held_for: float
    let_through: float


class AdaptivePace:
    """Finds the limit, stays just under it, and probes above it seldom.

    Never refused: doubles while all is answered. Then every step is weighed against what a
    refusal costs (`rest`, the seconds from the refusal to the next answer): a level counts as
    held after a share of it, and the next look above the ceiling comes after many times of it.
    """

    EXPLORE_SECONDS, EXPLORE_ANSWERS = 1.5, 1
    HOLD_SECONDS, HOLD_ANSWERS, HOLD_SHARE = 11.0, 6, 1 / 4
    PROBE_RESTS, PROBE_ANSWERS = 32.0, 110
    STEP, BIGGEST_STEP, NARROW = 0.04, 0.5, 1.08
    UNDER, MARGIN = 0.975, 1.02

    def __init__(self, start: float, low: float, high: float, burst: int) -> None:
        self.ceiling: float | None = None
        self._low, self._high, self._burst = low, high, float(burst)
        self._rate = self._clamp(start)
        self._goal = 0.0
        self._unsafe = math.inf
        self._held: float | None = None
        self._rest: float | None = None
        self._strikes = self._confirmed = 0
        self._step, self._creeping, self._probing = self.STEP, False, False
        self._level = _Level()
        self._breach: _Breach | None = None
        self._recent: deque[tuple[float, int]] = deque()
        self._cut_at: float | None = None
        self._answers_since_cut = 0
        self._ramp_from = self._ramp_until = -math.inf

    # What the lane asks

    @property
    def full_rate(self) -> float:
        """Requests a second, once the ramp after a rest is over."""
        return self._rate

    def rate(self, now: float) -> float:
        """Requests a second now; lower for a while after a rest."""
        if now >= self._ramp_until:
            return self._rate
        gone = max(0.0, now - self._ramp_from) / (self._ramp_until - self._ramp_from)
        return self._clamp(self._rate * (0.5 + 0.5 * gone))

    def capacity(self, now: float) -> float:
        """A quarter of a second's worth, at most the configured burst: a burst is a breach."""
        return min(self._burst, max(1.0, self._rate / 4))

    def learned(self) -> Learned:
        """For the next run; stopped while resting, it starts below what was refused."""
        if self._breach is None:
            return Learned(self._rate, self.ceiling, self._rest)
        limit = min(self._breach.rate, max(self._breach.let_through, self._breach.rate / 20))
        return Learned(self._clamp(self.UNDER * limit), self._breach.rate, self._rest)

    def recall(self, learned: Learned, trust: float) -> None:
        """Start from an earlier run's knowledge; `trust` 1 is fresh, less starts lower."""
        self._rate = self._clamp(learned.rate * (0.5 + 0.5 * trust))
        self._goal = self._clamp(learned.rate)
        self.ceiling, self._rest = learned.ceiling, learned.rest

    # What the lane tells

    def sent(self, now: float, count: int) -> None:
        """Requests went out."""
        self._recent.append((now, count))
        while self._recent[0][0] < now - 2 * SPAN:
            self._recent.popleft()
        if self._level.since is None:
            self._level.since = now
        self._level.sent += count

    def answered(self, now: float) -> None:
        """A request was answered: the level may have been held long enough to go higher."""
        self._level.answers += 1
        self._answers_since_cut += 1
        if self._proven(now):
            self._climb()
            self._level = _Level(since=now)

    def refused(self, now: float, started_at: float) -> None:
        """A request sent at `started_at` was refused. All until `resumed` are one event."""
        if self._breach is None:
            since = self._level.since
            held_for = 0.0 if since is None else max(0.0, started_at - since)
            self._breach = _Breach(now, self.rate(now), held_for, self._let_through(started_at))
        else:
            self._breach.let_through = min(self._breach.let_through, self._let_through(started_at))

    def resumed(self, now: float, rested: float) -> None:
        """The first answer after a rest of `rested` seconds: go on, gently and more slowly."""
        if self._breach is not None:
            self._cut(self._breach)
            self._cut_at, self._answers_since_cut = self._breach.at, 0
        self._breach = None
        self._rest = rested
        self._ramp_from, self._ramp_until = now, now + min(60.0, max(1.0, rested / 10))
        self._level = _Level()

    # How it decides

    def _clamp(self, rate: float) -> float:
        return min(self._high, max(self._low, rate))

    def _level_age(self, now: float) -> float:
        return 0.0 if self._level.since is None else now - self._level.since

    def _hold_seconds(self) -> float:
        return max(self.HOLD_SECONDS, self.HOLD_SHARE * (self._rest or 0.0))

    def _settled(self) -> bool:
        return self.ceiling is not None and 1 / self.NARROW < self._rate / self.ceiling <= 1

    def _proof(self) -> tuple[float, int]:
        """Seconds and answers after which this level counts as held."""
        if self._rest is None:
            return self.EXPLORE_SECONDS, self.EXPLORE_ANSWERS
        if self._rate < self._goal:
            return max(self.EXPLORE_SECONDS, self._rest / 20), 3
        if self._settled() and self._held == self._rate:
            share = min(1.0, (1 + self._confirmed) / 2)
            return share * self.PROBE_RESTS * self._rest, math.ceil(share * self.PROBE_ANSWERS)
        return self._hold_seconds(), self.HOLD_ANSWERS

    def _proven(self, now: float) -> bool:
        seconds, answers = self._proof()
        age = self._level_age(now)
        if age < seconds or self._level.answers < answers:
            return False
        if self._level.sent < 0.7 * self._rate * age:
            # Fewer were asked than the rate allowed: nothing is known about the rate.
            self._level = _Level(since=now)
            return False
        return True

    def _climb(self) -> None:
        if self._rest is None:
            self._rate = self._clamp(self._rate * 2)
        elif self._rate < self._goal:
            self._rate = self._clamp(min(self._goal, self._rate * 1.5))
        else:
            self._creep()

    def _creep(self) -> None:
        """The level held: one step up, each greater than the last, with care near the ceiling."""
        if self.ceiling is not None and self._rate >= 0.999 * self.ceiling:
            self.ceiling, self._confirmed = None, 0
        if self._rate > 1.1 * self._unsafe:
            self._unsafe = math.inf
        new, self._held = self._held != self._rate, self._rate
        if new and self._settled() and not self._probing:
            self._step, self._creeping = self.STEP, False
            return
        # A look above the ceiling goes on until it is refused or the ceiling is gone.
        self._probing = self._settled()
        self._creeping = True
        up = 1 + self._step
        if self.ceiling is not None and not self._settled():
            up = min(up, math.sqrt(self.ceiling / self._rate))
        self._rate = self._clamp(self._rate * up)
        self._step = min(self.BIGGEST_STEP, self._step * 3)

    def _cut(self, breach: _Breach) -> None:
        rate, held = breach.rate, self._held
        limit = self._estimate(breach, held if self._creeping else None)
        if held is not None and self._creeping:
            # A step above what held: back below it, nothing else is in doubt.
            goal = max(self._goal, min(self.UNDER * held, self.UNDER * self._unsafe))
            self._confirmed += 1
        elif held is not None and breach.held_for > 10 * self._hold_seconds():
            # It held for long, and no more: only just too fast, or the limit has moved.
            goal = self.UNDER * rate
            self._unsafe = rate
        else:
            if self._cut_at is None or breach.at - self._cut_at > 5 * (self._rest or 0.0):
                self._strikes = 0
            self._unsafe = min(self._unsafe, rate)
            goal = self._after_strike(breach)
            self._strikes += 1
            self._confirmed = 0
            self._held = None
        self.ceiling = rate
        if limit < rate:
            goal = self.UNDER * limit
            self.ceiling = self.MARGIN * limit
        self._rate = self._goal = self._clamp(goal)
        self._step, self._creeping, self._probing = self.STEP, False, False

    def _estimate(self, breach: _Breach, before: float | None) -> float:
        """The limit, as far as a refusal shows it.

        On a level that is steady, or a small step above the one `before`, that is the level's
        rate. While climbing fast it is less: what a window of `SPAN` let through.
        """
        fast = before is None or breach.rate > 1.15 * before
        if breach.held_for >= SPAN or not fast:
            return breach.rate
        seen = min(breach.rate, max(breach.let_through, breach.rate / 20, before or 0.0))
        return seen if seen < 0.9 * breach.rate else breach.rate

    def _let_through(self, before: float) -> float:
        sent = (count for at, count in self._recent if before - SPAN <= at < before)
        return sum(sent) / SPAN

    def _after_strike(self, breach: _Breach) -> float:
        """Where to go on after a refusal at a rate that never held. The third in a row looks at
        what was answered in all, rests included: a window of hours shows only so.
        """
        if self._strikes < 2 or self._cut_at is None:
            return (0.95, 0.85)[min(1, self._strikes)] * breach.rate
        goodput = self._answers_since_cut / max(1.0, breach.at - self._cut_at)
        return max(breach.rate / 4, min(0.7 * breach.rate, math.sqrt(breach.rate * goodput)))
