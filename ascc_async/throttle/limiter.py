"""The gate: every request to YouTube waits here for its turn."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from ascc_async.errors import AsccError, GaveUp, NetworkFault, Refused
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.identity import Identity
from ascc_async.throttle.limiter_log import Announcer
from ascc_async.throttle.limiter_memory import recall, remember
from ascc_async.throttle.limiter_queue import Queue, RequestKind, Turn
from ascc_async.throttle.status import BucketSnapshot, RateLimiterSnapshot

# Timers are not more exact than this anyway.
SHORTEST_WAIT = 0.0005

__all__ = ["BucketSnapshot", "Closed", "Entry", "RateLimiter", "RateLimiterSnapshot", "RequestKind"]


class Closed(AsccError):
    """The run is stopping: nothing new begins. Says nothing of any video."""


class Entry:
    """Leave to send. `fault_counts` is false when the request failed because the network is away:
    then no attempt is used up. `started_at` is on the gate's clock.
    """

    def __init__(self, turn: Turn, identity: str, started_at: float) -> None:
        self.kind, self.identity, self.started_at = turn.kind, identity, started_at
        self.fault_counts = True
        self.cost, self.count = turn.cost, turn.cost

    def sent(self, n: int) -> None:
        """How many requests really went out: settles what was reserved. The last call counts."""
        self.count = max(0, n)


class RateLimiter:
    """As fast as the other side permits, and no faster; per identity and kind of request.

    `identities` are names. `clock` is monotonic and must agree with the event loop's, `wall` is
    POSIX time; `memory` is what `memory()` gave in an earlier run, damaged entries are left out.
    """

    def __init__(
        self,
        throttle: ThrottleSettings,
        identities: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        rng: random.Random | None = None,
        memory: Mapping[str, Any] | None = None,
    ) -> None:
        self._clock, self._wall = clock, wall
        rng = rng or random.Random()
        now = clock()
        self._identities = {
            name: Identity(name, throttle, now, rng) for name in dict.fromkeys(identities)
        }
        self._queues = {kind: Queue(kind, self._identities) for kind in RequestKind}
        self._announce = Announcer(wall)
        self._give_up_after = throttle.give_up_after_hours * 3600
        self._timer: asyncio.Handle | None = None
        self._due = math.inf
        self._closed = False
        recall(memory or {}, self._identities, now, wall())

    def entry(
        self,
        kind: RequestKind,
        *,
        identity: str | None = None,
        cost: int = 1,
        new_video: bool = False,
        also: Sequence[RequestKind] = (),
    ) -> _Passage:
        """Wait for a turn; `async with` gives an `Entry`.

        `identity` None: whichever is ready first. `cost`: requests to reserve, settled by
        `Entry.sent`. `new_video`: also wait `delay_seconds` since that identity's last new video.
        `also`: kinds that must not be resting either, for work that will need them next.

        Raises `GaveUp` when all identities have rested longer than `give_up_after_hours`, and
        `Refused` when the named identity rests: start the video anew, with whoever is ready;
        `Closed` after `close`, unless an identity is named: that goes on with something begun.
        What is raised inside decides what the gate learns: `Refused` is a refusal, `NetworkFault`
        a fault, anything else an answer.
        """
        if identity is not None and identity not in self._identities:
            raise ValueError(f"no identity is called {identity!r}")
        return _Passage(self, Turn(kind, identity, max(1, cost), new_video, tuple(also)))

    def close(self) -> None:
        """The run drains: whoever waits to begin something (names no identity) is turned away.

        What is in flight goes on; without this it would be waited for through any rest.
        """
        self._closed = True
        for queue in self._queues.values():
            for turn in queue.leave_line(None):
                turn.fail(Closed("the run is stopping"))
        self._pump()

    def is_away(self, identity: str) -> bool:
        """The network, or this identity's proxy, is away: its faults use up no attempt."""
        return self._identities[identity].outage.away

    def resting_until(self, kind: RequestKind, identity: str | None = None) -> float | None:
        """POSIX time at which the identity (None: the first of all) may go; None: it may now."""
        names = [identity] if identity is not None else list(self._identities)
        now = self._clock()
        left = min(self._identities[name].rest_left(kind, now) for name in names)
        return None if left <= 0 else self._wall() + (left if math.isfinite(left) else 0.0)

    async def wait_until_any_ready(self, *kinds: RequestKind) -> None:
        """Return once some identity rests in none of `kinds` (default: pages).

        Raises `GaveUp` like `entry`.
        """
        first, *others = kinds or (RequestKind.PAGES,)
        turn = Turn(first, None, 0, False, tuple(others))
        await self._wait_turn(turn)

    def snapshot(self) -> RateLimiterSnapshot:
        """How things stand now, for progress and `status`."""
        now, wall = self._clock(), self._wall()
        return RateLimiterSnapshot(
            tuple(
                BucketSnapshot.of(identity, kind, now, wall, self._queues[kind].waiting(name))
                for name, identity in self._identities.items()
                for kind in RequestKind
            )
        )

    def memory(self) -> dict[str, Any]:
        """What was learned, for the next start: JSON-ready, keyed "<identity>/<kind>"."""
        return remember(self._identities, self._clock(), self._wall())

    # Waiting

    async def _wait_turn(self, turn: Turn) -> Identity:
        if self._closed and turn.identity is None:
            raise Closed("the run is stopping")
        queue, now = self._queues[turn.kind], self._clock()
        if (identity := queue.at_once(turn, now)) is not None:
            self._let_go(turn, identity, now)
            return identity
        turn.future = asyncio.get_running_loop().create_future()
        queue.join(turn)
        self._pump()
        try:
            return await turn.future
        except asyncio.CancelledError:
            self._withdraw(turn)
            self._pump()
            raise

    def _withdraw(self, turn: Turn) -> None:
        """A waiter was cancelled: it leaves the line, or gives back what it just received."""
        self._queues[turn.kind].leave(turn)
        future = turn.future
        if not turn.cost or future is None or future.cancelled() or future.exception() is not None:
            return
        identity = future.result()
        identity.buckets[turn.kind].settle(-turn.cost)
        identity.left(turn.kind, turn.granted_at)

    def _pump(self) -> None:
        """Let go whoever may go, and wake up when the next one may."""
        if not any(self._queues.values()):
            return
        now = self._clock()
        wake = math.inf
        for queue in self._queues.values():
            if queue:
                wake = min(wake, self._pump_queue(queue, now))
        self._wake_in(wake)

    def _wake_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + max(seconds, SHORTEST_WAIT)
        if self._timer is not None:
            if self._due <= at <= self._due + SHORTEST_WAIT:
                return
            self._timer.cancel()
        # Our own note of when: for waits under a millisecond uvloop gives a handle without `when`.
        self._due = at
        self._timer = loop.call_at(at, self._on_timer) if math.isfinite(seconds) else None

    def _on_timer(self) -> None:
        self._timer = None
        self._pump()

    def _pump_queue(self, queue: Queue, now: float) -> float:
        for turn, left in queue.turn_away(now):
            turn.fail(Refused(f"identity {turn.identity} rests for {left:.0f} s"))
        while (ready := queue.next_ready(now)) is not None:
            self._let_go(*ready, now)
        if not queue:
            return math.inf
        return min(queue.seconds_to_next(now), self._pump_all_resting(queue, now))

    def _let_go(self, turn: Turn, identity: Identity, now: float) -> None:
        if turn.cost:
            identity.take(turn.kind, now, turn.cost, turn.new_video)
        turn.succeed(identity, now)

    def _pump_all_resting(self, queue: Queue, now: float) -> float:
        """Seconds until giving up; gives up when they are over. Infinite when somebody may go."""
        since = [identity.resting_since(queue.kind) for identity in self._identities.values()]
        rested = [now - one for one in since if one is not None]
        if len(rested) < len(since):
            self._announce.not_all_resting(queue.kind)
            return math.inf
        self._announce.all_resting(queue.kind, queue.rest_left(now))
        left = self._give_up_after - min(rested)
        if left <= 0:
            self._give_up(queue, min(rested))
            return math.inf
        return left

    def _give_up(self, queue: Queue, rested: float) -> None:
        away = all(identity.outage.away for identity in self._identities.values())
        for turn in queue.leave_all():
            turn.fail(GaveUp(_advice(queue.kind, rested, away)))

    # What became of a request

    def _leave(self, entry: Entry, error: BaseException | None) -> None:
        now = self._clock()
        identity = self._identities[entry.identity]
        bucket = identity.buckets[entry.kind]
        bucket.settle(entry.count - entry.cost)
        if isinstance(error, Refused):
            self._refused(entry, identity, error, now)
        elif isinstance(error, NetworkFault):
            self._fault(entry, identity, error, now)
        elif (error is not None and not isinstance(error, Exception)) or entry.count == 0:
            identity.left(entry.kind, entry.started_at)
        else:
            self._answered(entry, identity, now)
        self._pump()

    def _refused(self, entry: Entry, identity: Identity, error: Refused, now: float) -> None:
        self._back(identity, now)
        cut = identity.buckets[entry.kind].refused(now, entry.started_at, error.retry_after)
        if cut is not None:
            identity.why[entry.kind] = f"{error.kind}: {error}"
            self._announce.refused(identity, entry.kind, cut, error)

    def _fault(self, entry: Entry, identity: Identity, error: NetworkFault, now: float) -> None:
        bucket = identity.buckets[entry.kind]
        bucket.faults += 1
        bucket.left(entry.started_at)
        if identity.outage.fault(now, error.kind, entry.started_at):
            self._announce.away(identity.name, error)
        entry.fault_counts = not identity.outage.away

    def _answered(self, entry: Entry, identity: Identity, now: float) -> None:
        self._back(identity, now)
        bucket = identity.buckets[entry.kind]
        ceiling = bucket.pace.ceiling
        rested = bucket.answered(now, entry.started_at)
        if rested is not None:
            self._announce.resumed(identity, entry.kind, rested)
        if ceiling is not None and bucket.pace.ceiling is None:
            self._announce.ceiling_lifted(identity, entry.kind, bucket.pace.rate(now))

    def _back(self, identity: Identity, now: float) -> None:
        away = identity.outage.answered(now)
        if away is not None:
            self._announce.back(identity.name, away)


class _Passage:
    """The context manager that `Gate.entry` gives."""

    def __init__(self, limiter: RateLimiter, turn: Turn) -> None:
        self._limiter, self._turn = limiter, turn
        self._entry: Entry | None = None

    async def __aenter__(self) -> Entry:
        limiter = self._limiter
        identity = await limiter._wait_turn(self._turn)
        self._entry = Entry(self._turn, identity.name, self._turn.granted_at)
        return self._entry

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._entry is not None
        self._limiter._leave(self._entry, error)


def _advice(kind: RequestKind, rested: float, away: bool) -> str:
    hours = rested / 3600
    if away:
        return (
            f"the network has been away for {hours:.1f} hours: check the connection and the"
            " proxies, then run the same command again to go on"
        )
    return (
        f"every identity has been refused for {hours:.1f} hours ({kind.value}). Lower"
        " throttle.requests_per_second, give cookies (network.cookies_file), add another identity"
        " (network.identities) or a Data API key (license.api_keys); then run the same command"
        " again to go on"
    )
