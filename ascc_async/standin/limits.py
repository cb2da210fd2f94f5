"""Hidden limits: a sliding window per identity and kind, and pauses for those who breach it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal

from ascc_async.standin.world_settings import Limit, RefusalStyle


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a request is refused. `retry_after` is the header's value, or None."""

    style: RefusalStyle
    retry_after: str | None = None


@dataclass(slots=True)
class _Account:
    times: deque[float] = field(default_factory=deque)
    paused_until: float = 0.0
    next_pause: float = 0.0
    breaches: int = 0


class Limits:
    """Judges each request. `now` and `wall` are seconds, monotonic and POSIX."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = tuple(limits)
        self._accounts: dict[tuple[int, str], _Account] = {}

    def judge(self, kind: str, identity: str, now: float, wall: float) -> Refusal | None:
        """None when the request may be answered."""
        refusal = None
        for number, limit in enumerate(self._limits):
            if limit.kind != kind or (limit.identities and identity not in limit.identities):
                continue
            account = self._accounts.setdefault(
                (number, identity), _Account(next_pause=limit.pause_seconds)
            )
            if _is_refused(account, limit, now):
                left = account.paused_until - now
                header = retry_after(limit.retry_after, left, wall)
                refusal = refusal or Refusal(limit.style, header)
        return refusal

    def breaches(self) -> dict[str, int]:
        """How often each identity was sent to rest."""
        found: dict[str, int] = {}
        for (_, identity), account in self._accounts.items():
            found[identity] = found.get(identity, 0) + account.breaches
        return found


def _is_refused(account: _Account, limit: Limit, now: float) -> bool:
    if now < account.paused_until:
        return True
    times = account.times
    while times and times[0] <= now - limit.window_seconds:
        times.popleft()
    if len(times) < limit.requests:
        times.append(now)
        return False
    times.clear()
    account.breaches += 1
    account.paused_until = now + account.next_pause
    account.next_pause = min(account.next_pause * limit.growth, limit.max_pause_seconds)
    return True


def retry_after(
    form: Literal["seconds", "date", "none"], seconds: float, wall: float
) -> str | None:
    """The value of a `Retry-After` header in the form asked for."""
    if form == "none":
        return None
    if form == "date":
        return formatdate(wall + seconds + 1, usegmt=True)
    return str(max(1, round(seconds + 0.5)))
