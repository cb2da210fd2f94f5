"""Back-off: how long nobody asks, after a refusal and while the network is away.

Pure: the time is handed in. How fast it goes on afterwards is decided in `adaptive_rate`.
"""

from __future__ import annotations

import math

from ascc_async.errors import NetworkFaultKind


class CircuitBreaker:
    """Open: nobody asks until `until`. Then one trial goes out, and while it is out all others
    wait (half open). Its answer closes the breaker, bad news opens it for longer.
    """

    def __init__(self) -> None:
        self.opened_at: float | None = None
        self.until = -math.inf
        self._trial_at: float | None = None  # when that went out which is to tell

    @property
    def is_open(self) -> bool:
        """From the first bad news to the first good."""
        return self.opened_at is not None

    def wait(self, now: float) -> float:
        """Seconds until somebody may ask; infinite while the trial is out."""
        if self.opened_at is None:
            return 0.0
        return max(0.0, self.until - now) if self._trial_at is None else math.inf

    def open_for(self, now: float, seconds: float) -> None:
        """Nobody asks for so many seconds from now."""
        if self.opened_at is None:
            self.opened_at = now
        self.until, self._trial_at = now + seconds, None

    def sent(self, now: float) -> None:
        """A request goes out: the trial, when the breaker is open."""
        # One only: all who wait, going at once, would be refused at once and prolong the block.
        if self.is_open:
            self._trial_at = now

    def is_trial(self, started_at: float) -> bool:
        """Whether the request sent at `started_at` is the trial, and not one sent before."""
        return self._trial_at is not None and started_at >= self._trial_at

    def no_verdict(self, started_at: float) -> None:
        """A request ended without telling anything: if it was the trial, the next may be it."""
        if self.is_trial(started_at):
            self._trial_at = None

    def close(self) -> None:
        """Good news."""
        self.opened_at, self.until, self._trial_at = None, -math.inf, None


class RefusalBreaker(CircuitBreaker):
    """Opens at a refusal: the pause doubles with every refused trial, up to an hour.

    `last_pause` is how long the last one took in all, in seconds. The next begins with half of it,
    so that a server whose pauses last ten minutes is not tried every few seconds again.
    """

    # YouTube's blocks last up to an hour. A pause may have been longer still because the server
    # asked for it by name: the next, where it does not, need not begin with hours.
    FIRST, LONGEST_FIRST, LONGEST = 5.0, 600.0, 3600.0

    def __init__(self) -> None:
        super().__init__()
        self.last_pause = 0.0

    def refused(self, now: float, retry_after: float | None) -> float:
        """Pause; returns for how many seconds. A time the server asks for is kept in full."""
        if retry_after is not None and math.isfinite(retry_after) and retry_after > 0:
            seconds = retry_after
        elif self.opened_at is None:
            seconds = min(self.LONGEST_FIRST, max(self.FIRST, self.last_pause / 2))
        else:
            # As long again as it has lasted: that doubles the pause.
            seconds = min(self.LONGEST, max(self.FIRST, now - self.opened_at))
        self.open_for(now, seconds)
        return seconds

    def reopen(self, since: float) -> None:
        """It was refused since then: answers that closed it meanwhile were none."""
        if self.opened_at is None or since < self.opened_at:
            self.opened_at = since

    def extend(self, now: float, retry_after: float | None) -> None:
        """A late refusal of the same burst names a time: the longer one counts."""
        if retry_after is not None and math.isfinite(retry_after):
            self.until = max(self.until, now + retry_after)

    def answered(self) -> float:
        """The trial was answered; returns the seconds from the first refusal to the pause's end.

        Not to the trial: that one may have gone out hours later, when somebody wanted something.
        """
        self.last_pause = 0.0 if self.opened_at is None else max(0.0, self.until - self.opened_at)
        self.close()
        return self.last_pause


class OutageBreaker(CircuitBreaker):
    """Opens when the network, or this identity's proxy, is away: faults and never an answer.

    Some faults say so themselves; others only in a row and with no answer for a while, since a
    single host or connection may fail too.
    """

    # Shorter than after a refusal: a trial annoys nobody, and a network is back any minute.
    FIRST, LONGEST = 2.0, 240.0
    TELLING: frozenset[NetworkFaultKind] = frozenset({"dns", "proxy", "proxy_auth", "certificate"})
    TELLING_IN_A_ROW, FAULTS_IN_A_ROW, SILENCE = 2, 3, 5.0

    def __init__(self, now: float) -> None:
        super().__init__()
        self._faults_in_a_row = 0
        self._answered_at = now
        self._pause = 0.0

    def fault(self, now: float, kind: NetworkFaultKind, started_at: float) -> bool:
        """True when this very fault shows that the network is away."""
        was_open = self.is_open
        if was_open and not self.is_trial(started_at):
            return False  # one of those that were under way when it was noticed
        if kind == "short_body":  # half an answer comes from a network that is there
            self._trial_at = None
            return False
        self._faults_in_a_row += 1
        if not was_open:
            if kind in self.TELLING:
                away = self._faults_in_a_row >= self.TELLING_IN_A_ROW
            else:
                silent = now - self._answered_at >= self.SILENCE
                away = silent and self._faults_in_a_row >= self.FAULTS_IN_A_ROW
            if not away:
                return False
        self._pause = min(self.LONGEST, max(self.FIRST, 2 * self._pause))
        self.open_for(now, self._pause)
        return not was_open

    def answered(self, now: float) -> float | None:
        """An answer of any kind. Returns the seconds it was away, None when it was not."""
        away = None if self.opened_at is None else max(0.0, now - self.opened_at)
        self._faults_in_a_row, self._answered_at, self._pause = 0, now, 0.0
        self.close()
        return away
