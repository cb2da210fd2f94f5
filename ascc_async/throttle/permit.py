"""Who waits for a turn at the rate limiter, and what is given to whoever has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

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

    @property
    def lines(self) -> list[tuple[str | None, RequestKind]]:
        """In which it stands, its own last."""
        return [(self.identity, limit) for limit in self.kind.limits]


class Turn:
    """A context manager: what happens inside of it is a turn."""

    # Not a generator with `contextlib`: this is entered for every request, at a third of the price.
    def __init__(
        self,
        waiter: Waiter,
        wait: Callable[[Waiter], Awaitable[Permit]],
        finish: Callable[[Permit, BaseException | None], None],
    ) -> None:
        self._waiter, self._wait, self._finish = waiter, wait, finish

    async def __aenter__(self) -> Permit:
        self._permit = await self._wait(self._waiter)
        return self._permit

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        self._finish(self._permit, error)
