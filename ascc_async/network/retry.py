"""Trying again, by kind of failure: the network and the server each have their own bounds.

`Refused` is never tried again here: it slows the rate limiter, and the caller starts over.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from ascc_async.errors import NetworkFault, ServerFault
from ascc_async.network.errors import is_worth_another_try

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often in a row, and the seconds before the second try; they double from try to try."""

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
    is_away: Callable[[], bool],
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

    async def next_attempt() -> T:
        if first_faults:
            raise first_faults.pop()
        return await attempt(True)

    def policy(kind: type[NetworkFault | ServerFault], bounds: Bounds) -> AsyncRetrying:
        def may_pass(error: BaseException) -> bool:
            return isinstance(error, kind) and is_worth_another_try(error) and not is_away()

        def wait(state: RetryCallState) -> float:
            # Varied, so that all workers of a server that came back do not knock at once.
            doubled = 2.0 ** (state.attempt_number - 1)
            return bounds.first_wait * doubled * random.uniform(0.5, 1.0)

        stop, retry = stop_after_attempt(bounds.tries), retry_if_exception(may_pass)
        return AsyncRetrying(stop=stop, wait=wait, retry=retry, reraise=True)

    network, server = policy(NetworkFault, settings.network), policy(ServerFault, settings.server)
    return await server(network, next_attempt)
