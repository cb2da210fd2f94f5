"""Trying again, by kind of failure: the network and the server each have their own bounds.

`Refused` is never tried again here: it slows the rate limiter, and the caller starts over.
"""

from __future__ import annotations

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
    """How often in all, and the seconds before the second try; they double from try to try."""

    tries: int
    first_wait: float


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """Bounds for each kind of fault."""

    network: Bounds = Bounds(tries=5, first_wait=0.5)
    server: Bounds = Bounds(tries=4, first_wait=1.0)


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
    try:
        # Nearly every request succeeds at once, and tenacity costs 35 us a call: a tenth of what
        # a license costs in all, two million times.
        return await attempt(False)
    except (NetworkFault, ServerFault) as fault:
        first_faults = [fault]
    bounds = {NetworkFault: settings.network, ServerFault: settings.server}
    faults: Counter[type[Exception]] = Counter()

    def kind_of(state: RetryCallState) -> type[NetworkFault | ServerFault]:
        error = state.outcome.exception() if state.outcome is not None else None
        return ServerFault if isinstance(error, ServerFault) else NetworkFault

    def should_stop(state: RetryCallState) -> bool:
        kind = kind_of(state)
        faults[kind] += 1
        return faults[kind] >= bounds[kind].tries

    def wait(state: RetryCallState) -> float:
        kind = kind_of(state)
        # Varied, so that all workers of a server that came back do not knock at the same moment.
        # tenacity asks for the wait before it asks whether to stop: this fault is not counted yet.
        return bounds[kind].first_wait * 2.0 ** faults[kind] * random.uniform(0.5, 1.0)

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
