"""Who waits for a turn at the rate limiter, and what is given to whoever has it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ascc_async.throttle.bucket import RequestKind


@dataclass(eq=False, slots=True)
class Permit:
    """Leave to send, as `identity`."""

    identity: str
    kind: RequestKind
    cost: int
    started_at: float
    requests: int
    video_id: str = ""
    tells: bool = True

    def no_verdict(self) -> None:
        """The answer does not show whether such requests are permitted."""
        self.tells = False

    def sent(self, n: int) -> None:
        """How many requests really went out: settles what was reserved. The last call counts."""
        self.requests = max(0, n)


@dataclass(eq=False, slots=True)
class Waiter:
    """Somebody in line for an identity, or (None) for whichever is ready first."""

    kind: RequestKind
    identity: str | None
    cost: int
    new_video: bool
    also: Sequence[RequestKind]
    patience: float
    video_id: str
    granted: asyncio.Future[Permit]
    lines: Sequence[tuple[str | None, RequestKind]] = ()  # in which it stands, its own last

    def __post_init__(self) -> None:
        self.lines = [(self.identity, limit) for limit in self.kind.limits]
