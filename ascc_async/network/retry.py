"""Retries, by kind of failure: each owns its waits and its bounds.

`NetworkFault` and `ServerFault` are tried again, bounded in tries and in time. `Refused` is not
retried here and never counts: the gate rests the identity and the caller starts anew.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from ascc_async.errors import NetworkFault, ServerFault, Transient


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often and how long. Seconds; waits double from `first_wait` up to `longest_wait`."""

    tries: int
    first_wait: float
    longest_wait: float


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """Bounds for each kind, and `seconds` for all tries together."""

    network: Bounds = Bounds(tries=5, first_wait=0.5, longest_wait=20.0)
    server: Bounds = Bounds(tries=4, first_wait=1.0, longest_wait=30.0)
    seconds: float = 180.0


class _Faults:
    """Counts the faults of one call, each kind on its own."""

    def __init__(
        self,
        settings: RetrySettings,
        is_away: Callable[[], bool],
        rng: random.Random,
        clock: Callable[[], float],
    ) -> None:
        self._settings, self._is_away = settings, is_away
        self._rng, self._clock = rng, clock
        self._counts: dict[type[Transient], int] = {NetworkFault: 0, ServerFault: 0}
        self._kind: type[Transient] = NetworkFault
        self._since = clock()

    def should_stop(self, state: RetryCallState) -> bool:
        """True when this kind's tries or the time are used up. Faults while away are free."""
        error = state.outcome.exception() if state.outcome is not None else None
        self._kind = ServerFault if isinstance(error, ServerFault) else NetworkFault
        if self._is_away():
            self._counts[NetworkFault] = 0
            self._since = self._clock()
            return False
        self._counts[self._kind] += 1
        late = self._clock() - self._since >= self._settings.seconds
        return late or self._counts[self._kind] >= self._bounds().tries

    def wait(self, _: RetryCallState) -> float:
        """Seconds until the next try: doubling, varied by up to a half, bounded."""
        bounds = self._bounds()
        doublings = max(0, self._counts[self._kind] - 1)
        wait = min(bounds.longest_wait, bounds.first_wait * 2.0 ** min(doublings, 30))
        return wait * self._rng.uniform(0.5, 1.0)

    def _bounds(self) -> Bounds:
        return self._settings.server if self._kind is ServerFault else self._settings.network


def retrying(
    settings: RetrySettings | None = None,
    *,
    is_away: Callable[[], bool] = lambda: False,
    rng: random.Random | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncRetrying:
    """A policy for one call: `async for attempt in retrying(): with attempt: …`.

    `is_away`: whether the identity's network is away (`Gate.is_away`): then a fault uses up no
    try, the gate itself paces the tries. The last error is raised as it is. Make a new one
    per call.
    """
    faults = _Faults(settings or RetrySettings(), is_away, rng or random.Random(), clock)
    return AsyncRetrying(
        retry=retry_if_exception_type((NetworkFault, ServerFault)),
        stop=faults.should_stop,
        wait=faults.wait,
        reraise=True,
    )
