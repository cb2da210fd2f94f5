"""Trying again, by kind of failure: the network and the server each have their waits and bounds.

`Refused` is never tried again here: it slows the rate limiter, and the caller starts over.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from ascc_async.errors import NetworkFault, ServerFault
from ascc_async.network.errors import is_worth_another_try

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often and how long. Seconds; waits double from `first_wait` up to `longest_wait`."""

    tries: int
    first_wait: float
    longest_wait: float


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """Bounds for each kind of fault, and `seconds` for all tries together."""

    network: Bounds = Bounds(tries=5, first_wait=0.5, longest_wait=20.0)
    server: Bounds = Bounds(tries=4, first_wait=1.0, longest_wait=30.0)
    seconds: float = 180.0


async def retry_faults(
    attempt: Callable[[bool], Awaitable[T]],
    settings: RetrySettings,
    *,
    is_away: Callable[[], bool] = lambda: False,
) -> T:
    """Await `attempt(again)`, and again after a NetworkFault or ServerFault, within bounds.

    The last fault is raised as it is; at once when the network `is_away`, since then the rate
    limiter paces the tries of all.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        # Nearly every request succeeds at once, and tenacity costs 35 us a call: a tenth of what
        # a license costs in all, two million times.
        return await attempt(False)
    except (NetworkFault, ServerFault) as fault:
        first_faults = [fault]
    faults: Counter[type[Exception]] = Counter()

    def bounds_of(state: RetryCallState) -> tuple[type[Exception], Bounds]:
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, ServerFault):
            return ServerFault, settings.server
        return NetworkFault, settings.network

    def should_stop(state: RetryCallState) -> bool:
        kind, bounds = bounds_of(state)
        faults[kind] += 1
        return faults[kind] >= bounds.tries or clock() - began >= settings.seconds

    def wait(state: RetryCallState) -> float:
        kind, bounds = bounds_of(state)
        # tenacity asks for the wait before it asks whether to stop: this fault is not counted yet.
        doubled = bounds.first_wait * 2.0 ** min(faults[kind], 30)
        # Varied, so that all workers of a server that came back do not knock at the same moment.
        return min(bounds.longest_wait, doubled) * random.uniform(0.5, 1.0)

    async def next_attempt() -> T:
        if first_faults:
            raise first_faults.pop()
        return await attempt(True)

    policy = AsyncRetrying(
        retry=retry_if_exception(lambda error: is_worth_another_try(error) and not is_away()),
        stop=should_stop,
        wait=wait,
        reraise=True,
    )
    return await policy(next_attempt)
