"""When to rest: after a refusal, and while the network is away. Pure: the time is handed in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ascc_async.errors import NetworkFaultKind


class Rest:
    """A pause that ends with one try. While that try is out, everybody else waits."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.until = -math.inf
        self.trying = False
        self.tried_at = -math.inf

    @property
    def resting(self) -> bool:
        """From the first bad news to the first good."""
        return self.since is not None

    def wait(self, now: float) -> float:
        """Seconds until somebody may go; infinite while the one try is out."""
        if self.since is None:
            return 0.0
        return math.inf if self.trying else max(0.0, self.until - now)

    def pause(self, now: float, seconds: float) -> None:
        """Rest until `seconds` from now."""
        if self.since is None:
            self.since = now
        self.until = now + seconds
        self.trying = False

    def try_again(self, now: float) -> None:
        """The one try goes out."""
        self.tried_at = now
        self.trying = self.resting

    def leave(self, started_at: float) -> None:
        """A request ended without a verdict: if it was the one try, the next may be it."""
        if started_at >= self.tried_at:
            self.trying = False

    def end(self, now: float) -> float:
        """Good news. Returns the seconds since the first bad news."""
        rested = 0.0 if self.since is None else max(0.0, now - self.since)
        self.since, self.trying, self.until = None, False, -math.inf
        return rested


@dataclass(frozen=True, slots=True)
class PauseBounds:
    """A pause of this server is longer than `low` and at most `high` seconds."""

    low: float
    high: float


class Breaker:
    """Rests a lane after a refusal, with growing pauses up to an hour.

    It remembers how long a pause proved to be, so that the next one costs one try. A time the
    server asked for is kept in full.
    """

    FIRST, LONGEST = 5.0, 3600.0

    def __init__(self, bounds: PauseBounds | None = None) -> None:
        self.rest = Rest()
        self.bounds = bounds
        self._refused_after = 0.0
        self._was_told = False

    def refused(self, now: float, retry_after: float | None) -> float:
        """Rest; returns for how many seconds from now."""
        if not self.rest.resting:
            self._refused_after, self._was_told = 0.0, False
        elif self.rest.trying:
            self._refused_after = self.rest.tried_at - (self.rest.since or 0.0)
        told = retry_after is not None and math.isfinite(retry_after) and retry_after > 0
        seconds = float(retry_after or 0) if told else self._next_pause(now)
        self._was_told = self._was_told or told
        self.rest.pause(now, seconds)
        return seconds

    def asked_to_wait(self, now: float, retry_after: float | None) -> None:
        """A late refusal of the same burst names a time: the longer one counts."""
        if retry_after is not None and math.isfinite(retry_after):
            self.rest.until = max(self.rest.until, now + retry_after)

    def answered(self, now: float) -> float:
        """The try was answered. Returns how many seconds after the refusal it went out."""
        rested = max(0.0, self.rest.tried_at - (self.rest.since or now))
        if not self._was_told:
            low = self._refused_after or (self.bounds.low if self.bounds else rested)
            self.bounds = PauseBounds(min(low, rested), rested)
        self.rest.end(now)
        return rested

    def _next_pause(self, now: float) -> float:
        gone = 0.0 if self.rest.since is None else now - self.rest.since
        for end in self._known_ends():
            if end > gone + 0.5:
                return end - gone
        return min(self.LONGEST, max(self.FIRST, gone))

    def _known_ends(self) -> tuple[float, ...]:
        """Seconds after the refusal at which a try is worth it: halving what is not known."""
        if self.bounds is None:
            return ()
        low, high = self.bounds.low, self.bounds.high
        if high > 1.05 * low and high - low > 2.0:
            return ((low + high) / 2, high)
        return (high,)


class Outage:
    """Notices that the network (or this identity's proxy) is away: faults and never an answer.

    Some faults say so themselves; others only in a row and with no answer for a while, since a
    single host or connection may fail too.
    """

    FIRST, LONGEST = 2.0, 240.0
    ROW, PLAIN_ROW, SILENCE = 2, 3, 5.0

    def __init__(self, now: float) -> None:
        self.rest = Rest()
        self._row = 0
        self._answer_at = now
        self._pause = 0.0

    @property
    def away(self) -> bool:
        """From the moment it was noticed to the next answer."""
        return self.rest.resting

    def fault(self, now: float, kind: NetworkFaultKind, started_at: float) -> bool:
        """True when this very fault shows that the network is away."""
        was_away = self.away
        if was_away and not (self.rest.trying and started_at >= self.rest.tried_at):
            return False  # one of those that were under way when it was noticed
        if kind == "short_body":
            self.rest.trying = False
            return False
        self._row += 1
        if not was_away and not self._shows_outage(now, kind):
            return False
        self._pause = min(self.LONGEST, max(self.FIRST, 2 * self._pause))
        self.rest.pause(now, self._pause)
        return not was_away

    def answered(self, now: float) -> float | None:
        """An answer of any kind. Returns the seconds it was away, None when it was not."""
        self._row, self._answer_at, self._pause = 0, now, 0.0
        return self.rest.end(now) if self.away else None

    def _shows_outage(self, now: float, kind: NetworkFaultKind) -> bool:
        if kind in ("dns", "proxy", "proxy_auth", "certificate"):
            return self._row >= self.ROW
        return self._row >= self.PLAIN_ROW and now - self._answer_at >= self.SILENCE
