"""Retries, written as histories on virtual time."""

from __future__ import annotations

import pytest

from ascc_async.errors import NetworkFault, Refused, ServerFault, Unavailable, UnexpectedAnswer
from ascc_async.model import Reason
from ascc_async.network.retry import RetrySettings, retry_faults
from tests import fakeclock
from tests.fakeclock import now

RESET, BUSY = NetworkFault("reset"), ServerFault("503")


def play(
    history: list[Exception | None], *, away_after: int = 1000
) -> tuple[int, float, Exception | None]:
    """Fail as `history` says; return the tries, the seconds they took, and what was raised."""
    again: list[bool] = []

    async def attempt(is_again: bool) -> None:
        again.append(is_again)
        error = history[len(again) - 1]
        if error is not None:
            raise error

    async def timed() -> tuple[float, Exception | None]:
        try:
            await retry_faults(
                attempt,
                RetrySettings(),
                is_away=lambda: len(again) >= away_after,
            )
        except (NetworkFault, ServerFault, Refused, Unavailable) as error:
            return now() - 1000, error
        return now() - 1000, None

    seconds, raised = fakeclock.run(timed())
    assert again == [False] + [True] * (len(again) - 1)
    return len(again), seconds, raised


def test_a_first_success_waits_for_nothing() -> None:
    """No fault, no wait."""
    assert play([None]) == (1, 0.0, None)


def test_faults_are_tried_again_with_growing_waits() -> None:
    """Two resets and a 503, then it works; within seconds."""
    tries, seconds, raised = play([RESET, RESET, BUSY, None])
    assert (tries, raised) == (4, None)
    assert 1.2 <= seconds <= 3


@pytest.mark.parametrize(("fault", "tries"), [(RESET, 5), (BUSY, 4)])
def test_each_kind_has_its_own_bound_and_the_last_error_is_raised_as_it_is(
    fault: Exception, tries: int
) -> None:
    """Five tries for the network, four for the server."""
    made, _, raised = play([fault] * 9)
    assert (made, raised) == (tries, fault)


def test_kinds_are_counted_apart() -> None:
    """Three server faults do not use up the network's tries."""
    assert play([BUSY, RESET, BUSY, RESET, BUSY, RESET, RESET, None])[0] == 8


@pytest.mark.parametrize(
    "error",
    [
        Refused("429"),
        Unavailable(Reason.PRIVATE, "private"),
        UnexpectedAnswer("418"),
        NetworkFault("wrong password", kind="proxy_auth"),
        NetworkFault("not trusted", kind="certificate"),
    ],
)
def test_what_will_not_pass_in_a_moment_is_never_tried_again(error: Exception) -> None:
    """Refusals are the rate limiter's business, an item's end is final, a password stays wrong."""
    assert play([error, None]) == (1, 0.0, error)


def test_when_the_network_goes_away_the_fault_is_raised_at_once() -> None:
    """Then the rate limiter paces the tries of all."""
    tries, _, raised = play([RESET] * 9, away_after=2)
    assert (tries, raised) == (2, RESET)
