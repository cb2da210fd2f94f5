"""Retries, written as histories on virtual time."""

from __future__ import annotations

import asyncio
import random

import pytest

from ascc_async.errors import NetworkFault, Refused, ServerFault, Unavailable
from ascc_async.model import Reason
from ascc_async.network.retry import Bounds, RetrySettings, retrying
from tests import fakeclock
from tests.fakeclock import now

NET, SERVER = NetworkFault("reset"), ServerFault("503")


def play(
    history: list[Exception | None],
    settings: RetrySettings | None = None,
    away: list[bool] | None = None,
) -> tuple[int, float, Exception | None]:
    """Fail as `history` says; return the tries, the seconds they took, and what was raised."""
    tries = 0
    absences = iter(away or [])

    async def scene() -> float:
        nonlocal tries
        clock = asyncio.get_running_loop().time
        policy = retrying(
            settings,
            is_away=lambda: next(absences, False),
            rng=random.Random(3),
            clock=clock,
        )
        async for attempt in policy:
            with attempt:
                error = history[tries]
                tries += 1
                if error is not None:
                    raise error
        return now() - 1000

    async def timed() -> tuple[float, Exception | None]:
        try:
            return await scene(), None
        except (NetworkFault, ServerFault, Refused, Unavailable) as error:
            return now() - 1000, error

    seconds, raised = fakeclock.run(timed())
    return tries, seconds, raised


def test_a_first_success_waits_for_nothing() -> None:
    """No fault, no wait."""
    assert play([None]) == (1, 0.0, None)


def test_faults_are_tried_again_with_growing_waits() -> None:
    """Two resets and a 503, then it works; within seconds."""
    tries, seconds, raised = play([NET, NET, SERVER, None])

    assert (tries, raised) == (4, None)
    assert 1.2 <= seconds <= 3


@pytest.mark.parametrize(("fault", "tries"), [(NET, 5), (SERVER, 4)])
def test_each_kind_has_its_own_bound_and_the_last_error_is_raised_as_it_is(
    fault: Exception, tries: int
) -> None:
    """Five tries for the network, four for the server."""
    made, _, raised = play([fault] * 9)

    assert (made, raised) == (tries, fault)


def test_kinds_are_counted_apart() -> None:
    """Three server faults do not use up the network's tries."""
    assert play([SERVER, NET, SERVER, NET, SERVER, NET, NET, None])[0] == 8


def test_all_tries_together_are_bounded_in_time() -> None:
    """However many tries are left."""
    endless = Bounds(tries=1000, first_wait=10, longest_wait=20)
    _, seconds, raised = play([NET] * 100, RetrySettings(network=endless, seconds=60))

    assert raised is NET
    assert 60 <= seconds <= 80


@pytest.mark.parametrize(
    "error", [Refused("429"), Unavailable(Reason.PRIVATE, "private"), Refused("bot")]
)
def test_what_is_not_a_fault_is_never_tried_again(error: Exception) -> None:
    """A refusal is the gate's business, an item's end is final."""
    assert play([error, None]) == (1, 0.0, error)


def test_while_the_network_is_away_no_try_is_used_up() -> None:
    """Forty faults while away, then four more that count, then it works."""
    history: list[Exception | None] = [NET] * 44
    tries, _, raised = play([*history, None], away=[True] * 40 + [False] * 10)

    assert (tries, raised) == (45, None)
