"""What goes wrong for a request: hidden limits, kept per identity, and faults, seeded by video."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import blake2b
from typing import NamedTuple

from ascc_async.standin.incoming import Incoming
from ascc_async.standin.playability import REFUSALS
from ascc_async.standin.world_settings import Fault, Limit, RetryAfterForm

# That a fault hits when it names none.
_COMMON_ENDPOINTS = ("next", "player", "watch", "data_api", "media")


class HowRefused(NamedTuple):
    """How a request is refused: one of `RefusalStyle`, and the header's value, or None."""

    style: str
    retry_after: str | None = None


@dataclass(slots=True)
class _Account:
    times: deque[float] = field(default_factory=deque)
    paused_until: float = 0.0

    def refuses(self, limit: Limit, now: float) -> bool:
        """Whether this limit's pause goes on or begins; else the request is counted."""
        if now < self.paused_until:
            return True
        while self.times and self.times[0] <= now - limit.window_seconds:
            self.times.popleft()
        if len(self.times) < limit.requests:
            self.times.append(now)
            return False
        self.times.clear()  # after the pause a new window begins
        self.paused_until = now + limit.pause_seconds
        return True


class HiddenLimits:
    """Judges each request by a sliding window; `now` is in monotonic seconds."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = tuple(limits)
        self._accounts: dict[tuple[int, str], _Account] = {}

    def judge(self, kind: str, identity: str, now: float) -> HowRefused | None:
        """None when it may be answered. Every limit counts it, refused by others or not."""
        refusal = None
        for number, limit in enumerate(self._limits):
            if limit.kind != kind or (limit.identities and identity not in limit.identities):
                continue
            account = self._accounts.setdefault((number, identity), _Account())
            if account.refuses(limit, now):
                header = retry_after(limit.retry_after, account.paused_until - now)
                # The first limit words it; the others count on, as YouTube's do.
                refusal = refusal or HowRefused(limit.style, header)
        return refusal


def retry_after(form: RetryAfterForm, seconds: float) -> str | None:
    """The value of a `Retry-After` header in the form asked for; never before the pause ends."""
    if form == "none":
        return None
    if form == "date":
        # A date has whole seconds: one more, so that who keeps to it is not too early.
        return formatdate(time.time() + seconds + 1, usegmt=True)
    return str(max(1, round(seconds + 0.5)))


def drawn_by_hash(text: str) -> float:
    """A number from 0 to 1, always the same for the same text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


class SeededFaults:
    """Draws which fault hits a request, so that a run can be repeated."""

    def __init__(self, seed: int, faults: Sequence[Fault]) -> None:
        self._seed, self._faults = seed, tuple(faults)
        self._hits: Counter[tuple[int, str]] = Counter()

    def draw(self, incoming: Incoming) -> Fault | None:
        """The first fault that hits this request. Its use is counted."""
        endpoint = incoming.endpoint
        what = incoming.videos[0] if incoming.videos else incoming.path
        for number, fault in enumerate(self._faults):
            if endpoint not in (fault.endpoints or _COMMON_ENDPOINTS):
                continue
            if fault.clients and incoming.client not in fault.clients:
                continue
            if fault.identities and incoming.identity not in fault.identities:
                continue
            # A client that is blocked in disguise is told the same of a video wherever it asks.
            disguised = fault.name in REFUSALS and REFUSALS[fault.name].bare
            target = what if disguised else f"{endpoint} {what}"
            # Drawn by hash, not in turn: the same videos are hit, in whatever order they are asked.
            drawn = drawn_by_hash(f"{self._seed} {number} {fault.name} {target}")
            if drawn >= fault.share or 0 < fault.times <= self._hits[number, target]:
                continue
            self._hits[number, target] += bool(fault.times)
            return fault
        return None
