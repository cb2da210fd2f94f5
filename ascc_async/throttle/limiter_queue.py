"""Who waits at the gate, in which order. Pure but for the futures it completes."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ascc_async.throttle.identity import Identity


class RequestKind(StrEnum):
    """Kinds of request, each with limits of its own."""

    PAGES = "pages"
    DATA_API = "data_api"
    MEDIA = "media"


@dataclass(eq=False, slots=True)
class Turn:
    """Somebody who waits. `cost` 0 asks only whether anybody rests, and takes nothing."""

    kind: RequestKind
    identity: str | None
    cost: int
    new_video: bool
    also: tuple[RequestKind, ...] = ()
    number: int = 0
    granted_at: float = 0.0
    future: asyncio.Future[Identity] | None = field(default=None, repr=False)

    def succeed(self, identity: Identity, now: float) -> None:
        """Let it go."""
        self.granted_at = now
        if self.future is not None and not self.future.done():
            self.future.set_result(identity)

    def fail(self, error: Exception) -> None:
        """Turn it away."""
        if self.future is not None and not self.future.done():
            self.future.set_exception(error)


class Queue:
    """First come, first served among those who wait for the same identity, or for any."""

    def __init__(self, kind: RequestKind, identities: Mapping[str, Identity]) -> None:
        self.kind = kind
        self._identities = identities
        self._lines: dict[str | None, deque[Turn]] = {
            None: deque(),
            **{name: deque() for name in identities},
        }
        self._numbers = itertools.count()

    def __bool__(self) -> bool:
        return any(self._lines.values())

    def waiting(self, identity: str) -> int:
        """How many wait for this identity by name, or for any."""
        return len(self._lines[identity]) + len(self._lines[None])

    def join(self, turn: Turn) -> None:
        """Stand at the end of the line."""
        turn.number = next(self._numbers)
        self._lines[turn.identity].append(turn)

    def leave(self, turn: Turn) -> None:
        """Leave the line, wherever in it; nothing happens when not in it."""
        line = self._lines[turn.identity]
        if turn in line:
            line.remove(turn)

    def leave_all(self) -> list[Turn]:
        """Everybody leaves."""
        turns = [turn for line in self._lines.values() for turn in line]
        for line in self._lines.values():
            line.clear()
        return turns

    def leave_line(self, identity: str | None) -> list[Turn]:
        """All who wait for this identity (None: for any) leave."""
        turns = list(self._lines[identity])
        self._lines[identity].clear()
        return turns

    def turn_away(self, now: float) -> Iterator[tuple[Turn, float]]:
        """Those who wait for a named identity that rests, with the seconds it will; they leave."""
        for name, identity in self._identities.items():
            line = self._lines[name]
            for turn in tuple(line):
                left = max(identity.rest_left(kind, now) for kind in (self.kind, *turn.also))
                if 0 < left < math.inf:
                    line.remove(turn)
                    yield turn, left

    def at_once(self, turn: Turn, now: float) -> Identity | None:
        """As whom the turn may go at once; nobody while others are in line."""
        if self:
            return None
        who = (
            self._identities.values()
            if turn.identity is None
            else [self._identities[turn.identity]]
        )
        ready = [one for one in who if self._wait(turn, one, now) <= 0]
        return max(ready, key=self._tokens, default=None)

    def next_ready(self, now: float) -> tuple[Turn, Identity] | None:
        """The first in line who may go now, with the identity to go as; it leaves the line."""
        ready = [(turn, identity) for turn, identity, wait in self._heads(now) if wait <= 0]
        if not ready:
            return None
        # Among several identities, the one with most tokens: it has been ready longest.
        turn, identity = min(ready, key=self._precedence)
        self._lines[turn.identity].popleft()
        return turn, identity

    def seconds_to_next(self, now: float) -> float:
        """Seconds until somebody may go; infinite while that depends on a request's end."""
        return min((wait for _, _, wait in self._heads(now)), default=math.inf)

    def rest_left(self, now: float) -> float:
        """Seconds until the first identity's rest ends."""
        return min(one.rest_left(self.kind, now) for one in self._identities.values())

    def _precedence(self, candidate: tuple[Turn, Identity]) -> tuple[int, float]:
        turn, identity = candidate
        return turn.number, -self._tokens(identity)

    def _tokens(self, identity: Identity) -> float:
        return identity.buckets[self.kind].bucket.tokens

    def _heads(self, now: float) -> Iterator[tuple[Turn, Identity, float]]:
        anybody = self._lines[None]
        for name, identity in self._identities.items():
            for line in (self._lines[name], anybody):
                if line:
                    yield line[0], identity, self._wait(line[0], identity, now)

    def _wait(self, turn: Turn, identity: Identity, now: float) -> float:
        if turn.cost == 0:
            own = identity.rest_left(turn.kind, now)
        else:
            own = identity.wait(turn.kind, now, turn.cost, turn.new_video)
        return (
            max(own, *(identity.rest_left(kind, now) for kind in turn.also)) if turn.also else own
        )
