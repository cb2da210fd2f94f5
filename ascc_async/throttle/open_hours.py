"""The hours of the day in which requests may be sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from math import inf

log = logging.getLogger(__name__)

_DAY = 86_400.0
_LOOK_EVERY = 60.0  # seconds: the machine's clock may be set


class OpenHours:
    """`22:00-07:00`, by the machine's clock and time zone; None for all day."""

    def __init__(self, text: str | None) -> None:
        begin, _, end = (text or "").partition("-")
        self._span = (time.fromisoformat(begin), time.fromisoformat(end)) if text else None
        self.opens_at = self.closed_since = self._look_at = -inf
        self.share = 1.0  # of the day
        if self._span:
            minutes = [each.hour * 60 + each.minute for each in self._span]
            self.share = (minutes[1] - minutes[0]) % 1440 / 1440

    def closed_for(self, wall: float) -> float:
        """Seconds until they begin; 0 within them. `wall`: POSIX time."""
        if self._span is None:
            return 0.0
        now, (begin, end) = datetime.fromtimestamp(wall), self._span
        # Of what begins and ends next, the end comes first where it goes on.
        begins, ends = (_next(each, now) for each in (begin, end))
        return begins.timestamp() - wall if begins < ends else 0.0

    def wait(self, now: float, wall: float) -> float:
        """Seconds until they begin, or to look again; 0 within them. Says when that changes.

        `now` is monotonic, as `opens_at` and `closed_since` are.
        """
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            was_closed, closed = self.opens_at > -inf, self.closed_for(wall)
            self.opens_at = now + closed if closed else -inf
            if closed and not was_closed:
                self.closed_since = now
                until = f"{datetime.fromtimestamp(wall + closed):%Y-%m-%d %H:%M}"
                log.info("outside throttle.hours: no requests until %(until)s", {"until": until})
            elif was_closed and not closed:
                log.info("within throttle.hours again: requests are sent")
        return max(0.0, min(self.opens_at, self._look_at) - now)

    def seconds_within(self, begin: float, end: float) -> float:
        """How many of the seconds between these POSIX times are in them."""
        seconds = 0.0
        for opens, closes in self._spans(begin):
            if opens >= end:
                break
            seconds += min(closes, end) - opens
        return seconds

    def end_of(self, begin: float, seconds: float) -> float:
        """The POSIX time at which so many of their seconds have passed since `begin`."""
        if seconds == inf:
            return inf
        # After two months one day is as good as another: looked at one by one, those of years would
        # hold up everything else.
        days = max(0.0, seconds // (self.share * _DAY) - 60)
        seconds -= days * self.share * _DAY
        for opens, closes in self._spans(begin):
            if seconds <= closes - opens:
                return opens + seconds + days * _DAY
            seconds -= closes - opens
        return inf

    def _spans(self, wall: float) -> Iterator[tuple[float, float]]:
        """When they begin and end, from `wall` on."""
        while self._span:
            opens = wall + self.closed_for(wall)
            wall = _next(self._span[1], datetime.fromtimestamp(opens)).timestamp()
            yield opens, wall
        yield wall, inf


def _next(clock: time, now: datetime) -> datetime:
    today = datetime.combine(now, clock)
    return today if today > now else today + timedelta(days=1)
