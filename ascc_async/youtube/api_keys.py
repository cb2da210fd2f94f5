"""The Data API's keys: taken in turn, each with a daily quota that is remembered."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ascc_async.errors import SourceUnusable

log = logging.getLogger(__name__)

# A quota that is still used up just after its reset: Google's clock may be a little behind ours.
_GRACE_SECONDS = 900.0


@dataclass
class ApiKey:
    """One key. `used`: units on the Pacific day `day`; `dropped`: why it is out for this run."""

    secret: str
    day: str = ""
    used: int = 0
    rests_until: float = 0.0
    dropped: str = ""

    def __repr__(self) -> str:
        return f"ApiKey({self.name})"

    @property
    def name(self) -> str:
        """Fit for messages: the last four characters."""
        return "…" + self.secret[-4:]

    @property
    def digest(self) -> str:
        """Names the key in the journal without giving it away."""
        return hashlib.sha256(b"ascc:" + self.secret.encode()).hexdigest()[:16]


class ApiKeys:
    """Hands out keys in turn, and remembers which are used up until when."""

    def __init__(self, secrets: Sequence[str], memory: Mapping[str, Any] | None = None) -> None:
        self._keys = [ApiKey(secret) for secret in dict.fromkeys(secrets) if secret.strip()]
        for key in self._keys:
            known = (memory or {}).get(key.digest)
            if not isinstance(known, Mapping):
                continue
            day, used, until = known.get("day"), known.get("used"), known.get("rests_until")
            # A damaged entry is left out: it costs one request in vain.
            if isinstance(day, str) and isinstance(used, int) and isinstance(until, int | float):
                key.day, key.used, key.rests_until = day, used, float(until)

    def take(self, now: float) -> ApiKey:
        """The key that was used least today. Raises SourceUnusable when none is left."""
        day = pacific_day(now)
        ready = [key for key in self._keys if not key.dropped and key.rests_until <= now]
        if not ready:
            raise self._none_left()
        for key in ready:
            if key.day != day:
                key.day, key.used = day, 0
        # In turn: quotas are for a day, and no key's is used up while the others' lie idle.
        key = min(ready, key=lambda candidate: candidate.used)
        key.used += 1
        return key

    def used_up(self, key: ApiKey, now: float) -> None:
        """The key's daily quota is used up: it rests until midnight Pacific time."""
        # Several requests were under way with it: said once.
        if key.rests_until > now:
            return
        until = next_pacific_midnight(now)
        if until - now > 86400 - _GRACE_SECONDS:
            until = now + _GRACE_SECONDS
        key.rests_until = until
        log.warning(
            "Data API key: its daily quota is used up",
            extra={"key": key.name, "until": _clock(until), "keys_left": self.left(now)},
        )

    def drop(self, key: ApiKey, why: str, now: float) -> None:
        """The key cannot be used in this run."""
        if key.dropped:
            return
        key.dropped = why
        log.warning(
            "Data API key refused; going on without it",
            extra={"key": key.name, "why": why, "keys_left": self.left(now)},
        )

    def left(self, now: float) -> int:
        """How many keys can be used now."""
        return sum(not key.dropped and key.rests_until <= now for key in self._keys)

    def memory(self) -> dict[str, dict[str, Any]]:
        """What to give back at the next start, JSON-ready, keyed by a hash of the key."""
        return {
            key.digest: {"day": key.day, "used": key.used, "rests_until": key.rests_until}
            for key in self._keys
        }

    def _none_left(self) -> SourceUnusable:
        if not self._keys:
            return SourceUnusable("no Data API key is given (license.api_keys)")
        resting = [key.rests_until for key in self._keys if not key.dropped]
        until = min(resting, default=None)
        when = f"; the next may be used from {_clock(until)} on" if until is not None else ""
        states = ", ".join(f"{key.name} {_state(key)}" for key in self._keys)
        return SourceUnusable(f"no Data API key is left: {states}{when}", until=until)


def _state(key: ApiKey) -> str:
    if key.dropped:
        return f"refused ({key.dropped})"
    return "used up" if key.rests_until else f"used {key.used} times today"


def pacific_day(now: float) -> str:
    """The date in California, where the quota's day is counted."""
    return datetime.fromtimestamp(now, _pacific()).date().isoformat()


def next_pacific_midnight(now: float) -> float:
    """POSIX time of the next midnight in California."""
    here = datetime.fromtimestamp(now, _pacific())
    midnight = datetime(here.year, here.month, here.day, tzinfo=here.tzinfo)
    return (midnight + timedelta(days=1)).timestamp()


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:
        # Without time zone data: winter time all year, so never too early.
        return timezone(timedelta(hours=-8))


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
