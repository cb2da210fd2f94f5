"""The rate limiter: every request waits here for its turn."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ascc_async.errors import AsccError, Closed, GaveUp, Refused, RefusedAlone
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot, Identity
from ascc_async.throttle.open_hours import OpenHours
from ascc_async.throttle.permit import Permit, Turn, Waiter

log = logging.getLogger(__name__)

# Timers are no more exact than this; sooner ones would fire too early and spin.
SHORTEST_WAIT = 0.0005


@dataclass(frozen=True, slots=True)
class RateLimiterSnapshot:
    """All buckets, identity by identity."""

    buckets: tuple[BucketSnapshot, ...]


class RateLimiter:
    """As fast as the other side permits, and no faster; per identity and kind of request.

    `identities` are names. `clock` is monotonic and must agree with the event loop's, `wall` is
    POSIX time; `memory` is what `memory()` gave in an earlier run, damaged entries are left out.
    """

    # Seconds for which one that goes on with something waits though nobody else here is ready.
    longest_pause = math.inf

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
        rng, now = rng or random.Random(), clock()
        self._identities = {
            name: Identity(name, throttle, now, rng) for name in dict.fromkeys(identities)
        }
        for name, identity in self._identities.items():
            for kind, bucket in identity.buckets.items():
                bucket.recall((memory or {}).get(f"{name}/{kind.value}"), now, wall())
        # Whoever goes on with something first; else in the order they came.
        self._waiting: list[Waiter] = []
        self._give_up_after = throttle.give_up_after_hours * 3600
        self._said_all_paused: set[RequestKind] = set()
        self._hours = OpenHours(throttle.hours)
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf
        self._closed = False

    def permit(
        self,
        kind: RequestKind,
        *,
        identity: str | None = None,
        cost: int = 1,
        new_video: bool = False,
        also: Sequence[RequestKind] = (),
        patience: float = math.inf,
        video_id: str = "",
    ) -> AbstractAsyncContextManager[Permit]:
        """Wait for a turn: `async with limiter.permit(…) as permit`.

        `identity` None: whichever is ready first. `cost`: requests to reserve, settled by
        `Permit.sent`. `new_video`: also wait `delay_seconds` since that identity's last new video.
        `also`: kinds that must not be paused either, for work that will need them next. `patience`:
        do not wait for a kind that is refused alone, to everybody, for more seconds than this.
        `video_id`: what it is about. That this is refused once more, when others were answered in
        between, says nothing of how fast one may ask.

        Raises `GaveUp` when all identities have paused longer than `give_up_after_hours`, and
        `Refused` when the named identity pauses and another is ready: begin the video again, as
        any; `RefusedAlone` when patience is at an end; `Closed` after `close`, unless
        an identity is named: that goes on with something begun, and goes before those that begin.
        What is raised inside decides what is learned: `Refused` is a refusal, `NetworkFault` a
        fault, anything else an answer.
        """
        if identity is not None and identity not in self._identities:
            raise ValueError(f"no identity is called {identity!r}")
        granted: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        return Turn(
            Waiter(kind, identity, max(1, cost), new_video, also, patience, video_id, granted),
            self._wait_for_turn,
            self._finish,
        )

    def close(self) -> None:
        """The run drains: whoever waits to begin something (names no identity) is turned away.

        What is in flight goes on; without this the run would wait for it through any pause.
        """
        self._closed = True
        for waiter in [each for each in self._waiting if each.identity is None]:
            self._fail(waiter, Closed("the run is stopping"))
        self._let_go()

    def is_away(self, identity: str) -> bool:
        """The network, or this identity's proxy, is away: its faults say nothing of any video."""
        return self._identities[identity].outage.is_open

    def is_paused(self, kind: RequestKind, identity: str) -> bool:
        """Whether the identity may not ask for this kind now, after a refusal or an outage."""
        return self._identities[identity].pause_left(self._clock(), kind) > 0

    def is_refused(self, kind: RequestKind, identity: str) -> bool:
        """Whether this very kind was refused, and not answered since."""
        return self._identities[identity].buckets[kind].breaker.is_open

    def was_refused(self, kind: RequestKind, permit: Permit) -> bool:
        """Whether this very kind was refused to the permit's identity since that was given."""
        bucket = self._identities[permit.identity].buckets[kind]
        return bucket.breaker.is_open or bucket.resumed_at >= permit.started_at

    def were_refusals(
        self, kind: RequestKind, identity: str, error: Refused, seconds: float = 0.0
    ) -> None:
        """The answers of the last so many seconds were refusals, as is seen only now: it pauses,
        longer each time, as if none of them had ended the pause before.
        """
        now, bucket = self._clock(), self._identities[identity].buckets[kind]
        if seconds > 0:
            bucket.breaker.reopen(now - seconds)
        bucket.refused(now, now, error)
        self._let_go()

    def snapshot(self) -> RateLimiterSnapshot:
        """How things stand now, for progress and `status`."""
        now, wall = self._clock(), self._wall()
        buckets = [
            identity.snapshot(
                kind,
                now,
                wall,
                sum(each.kind is kind and each.identity in (None, name) for each in self._waiting),
            )
            for name, identity in self._identities.items()
            for kind in RequestKind
        ]
        if self._hours.opens_at > now:
            until, since = wall + self._hours.opens_at - now, wall + self._hours.closed_since - now
            why = "outside throttle.hours"
            buckets = [
                replace(bucket, resting_until=until, resting_why=why, resting_since=since)
                for bucket in buckets
            ]
        return RateLimiterSnapshot(tuple(buckets))

    def memory(self) -> dict[str, Any]:
        """What was learned, for the next start: JSON-ready, keyed "<identity>/<kind>"."""
        now, wall = self._clock(), self._wall()
        learned = {
            f"{name}/{kind.value}": bucket.memory(now, wall)
            for name, identity in self._identities.items()
            for kind, bucket in identity.buckets.items()
        }
        return {key: memory for key, memory in learned.items() if memory is not None}

    # Waiting

    async def _wait_for_turn(self, waiter: Waiter) -> Permit:
        if self._closed and waiter.identity is None:
            raise Closed("the run is stopping")
        granted = waiter.granted
        self._waiting.append(waiter)
        if waiter.identity is not None:
            self._waiting.sort(key=lambda each: each.identity is None)
        self._let_go()
        try:
            return await granted
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif not granted.cancelled() and granted.exception() is None:
                # Cancelled between being let go and going: nothing was sent.
                granted.result().sent(0)
                self._finish(granted.result(), None)
            self._let_go()
            raise

    def _let_go(self) -> None:
        """Let go whoever may go, and wake up when the next one may."""
        if not self._waiting:
            return
        now = self._clock()
        if wake := self._hours.wait(now, self._wall()):
            if self._closed:  # the run drains: nobody may go in time
                for waiter in tuple(self._waiting):
                    self._fail(waiter, Closed("the run is stopping"))
        else:
            wake = self._let_go_of_those_ready(now)
            for kind in {waiter.kind for waiter in self._waiting}:
                wake = min(wake, self._until_giving_up(kind, now))
        at = now + max(wake, SHORTEST_WAIT)
        # A timer that fires too early does no harm; one put off at every call would come late.
        if math.isfinite(at) and at < self._wakes_at:
            if self._timer is not None:
                self._timer.cancel()
            self._wakes_at = at
            self._timer = asyncio.get_running_loop().call_later(at - now, self._wake)

    def _wake(self) -> None:
        self._timer, self._wakes_at = None, math.inf
        self._let_go()

    def _let_go_of_those_ready(self, now: float) -> float:
        """Seconds until the next may go; infinite while that depends on another."""
        wake, everybody = math.inf, self._identities.values()
        # Nobody is overtaken by who came later for the same identity (None: for any) and limit.
        stuck: set[tuple[str | None, RequestKind]] = set()
        for waiter in tuple(self._waiting):
            if waiter.granted.done():
                # Cancelled, and its task has not run since: a turn given to it would be lost.
                self._waiting.remove(waiter)
                continue
            kind = waiter.kind
            if waiter.identity is not None:
                left = self._identities[waiter.identity].pause_left(now, kind, *waiter.also)
                # Its video can begin again as somebody else long before this pause ends. Where
                # nobody else is ready, what was learned so far would be asked again for nothing.
                ready = (each.pause_left(now, kind, *waiter.also) == 0 for each in everybody)
                elsewhere = self._closed or left > self.longest_pause or any(ready)
                if 0 < left < math.inf and elsewhere:
                    self._fail(waiter, Refused(f"«{waiter.identity}» pauses for {left:.0f} s more"))
                    continue
            if not stuck or stuck.isdisjoint(waiter.lines):
                wait, identity = self._soonest(waiter, now)
                if wait <= 0:
                    self._waiting.remove(waiter)
                    identity.take(now, kind, waiter.cost, waiter.new_video)
                    cost, video_id = waiter.cost, waiter.video_id
                    permit = Permit(identity.name, kind, cost, now, cost, video_id)
                    waiter.granted.set_result(permit)
                    continue
                wake = min(wake, wait)
                # Whoever waits for the end of its own pause only holds up nobody but its like.
                paused = identity.pause_left(now, kind, *waiter.also) > 0
                stuck.update(waiter.lines[-1:] if paused else waiter.lines)
            if waiter.patience < math.inf:
                refused = min(each.refused_alone_for(now, kind) for each in everybody)
                if refused >= waiter.patience:
                    self._fail(waiter, RefusedAlone(f"{kind.requests} are refused for long"))
                else:
                    wake = min(wake, waiter.patience - refused)
        return wake

    def _soonest(self, waiter: Waiter, now: float) -> tuple[float, Identity]:
        """Who may take it first; among several, who has most tokens: it was ready longest."""
        named, kind = waiter.identity, waiter.kind
        soonest = math.inf, math.inf
        for identity in self._identities.values() if named is None else (self._identities[named],):
            wait = identity.wait(now, kind, waiter.cost, waiter.new_video, waiter.also)
            if (order := (wait, -identity.buckets[kind].tokens)) < soonest:
                soonest, who = order, identity
        return soonest[0], who

    def _until_giving_up(self, kind: RequestKind, now: float) -> float:
        """Seconds until all have paused too long: then nobody waits any more. Infinite while
        somebody may go.
        """
        identities = self._identities.values()
        since = [identity.paused_since(kind) for identity in identities]
        rested = [now - opened_at for opened_at in since if opened_at is not None]
        if len(rested) < len(since):
            self._said_all_paused.discard(kind)
            return math.inf
        pause = min(identity.pause_left(now, kind) for identity in identities)
        # Of a single one its own line has said it.
        several = len(since) > 1 and math.isfinite(pause)
        if several and kind not in self._said_all_paused:
            self._said_all_paused.add(kind)
            # A server may ask for any number of seconds, but dates have an end.
            until = datetime.fromtimestamp(self._wall() + min(pause, 1e6))
            log.warning(
                "all identities paused for %(kind)s until %(until)s",
                {"kind": kind.requests, "until": f"{until:%Y-%m-%d %H:%M:%S}"},
            )
        left = self._give_up_after - min(rested)
        if left > 0:
            return left
        away = all(identity.outage.is_open for identity in identities)
        for waiter in [each for each in self._waiting if each.kind is kind]:
            self._fail(waiter, GaveUp(_why_given_up(kind, min(rested), away)))
        return math.inf

    # What became of a request

    def _finish(self, permit: Permit, error: BaseException | None) -> None:
        self._identities[permit.identity].ended(self._clock(), permit, error)
        self._let_go()

    def _fail(self, waiter: Waiter, error: AsccError) -> None:
        self._waiting.remove(waiter)
        if not waiter.granted.done():
            waiter.granted.set_exception(error)


def _why_given_up(kind: RequestKind, rested: float, away: bool) -> str:
    lasted = f"{rested / 3600:.1f} hours" if rested >= 3600 else f"{rested / 60:.0f} minutes"
    if away:
        return (
            f"the network has been away for {lasted}: check the connection and the"
            " proxies, then run the same command again to go on"
        )
    return (
        f"every identity has been refused for {lasted} ({kind.requests}): you may be"
        " blocked. Wait some hours, lower throttle.requests_per_second, give cookies"
        " (network.cookies_file), add another identity (network.identities) or a Data API key"
        " (license.api_keys); then run the same command again to go on"
    )
