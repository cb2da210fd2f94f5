"""Resting after refusals, and while the network is away."""

from __future__ import annotations

import itertools
import math

import pytest

from ascc_async.throttle.circuit_breaker import Breaker, Outage


def refuse_until(breaker: Breaker, pause: float, start: float) -> tuple[list[float], float]:
    """Refuse at `start` and every try within `pause`; return the tries and when one got through."""
    tries, now = [], start
    breaker.refused(now, None)
    while True:
        now += breaker.rest.wait(now)
        tries.append(now - start)
        breaker.rest.try_again(now)
        if now - start >= pause:
            breaker.answered(now)
            return tries, now
        breaker.refused(now, None)


def test_pauses_grow_up_to_an_hour() -> None:
    """Twice as long each time, never longer than an hour."""
    tries, _ = refuse_until(Breaker(), 20_000, 0.0)

    assert tries[:5] == [5, 10, 20, 40, 80]
    assert max(later - earlier for earlier, later in itertools.pairwise(tries)) == 3600


def test_a_known_pause_costs_one_try() -> None:
    """What was learned about a pause of 10 minutes is narrowed down, then used as it is."""
    breaker, now = Breaker(), 0.0
    for _ in range(6):
        _, now = refuse_until(breaker, 600, now + 1000)

    tries, _ = refuse_until(breaker, 600, now + 1000)

    assert len(tries) == 1
    assert 600 <= tries[0] <= 640


def test_a_pause_that_became_longer_is_followed() -> None:
    """A server that now pauses ten times as long is not hammered."""
    breaker = Breaker()
    _, now = refuse_until(breaker, 5, 0.0)

    tries, _ = refuse_until(breaker, 3000, now + 100)

    assert len(tries) <= 12


@pytest.mark.parametrize("asked", [1.0, 90.0, 7200.0])
def test_a_time_the_server_asked_for_is_kept_in_full(asked: float) -> None:
    """Retry-After counts as it is, beyond an hour too."""
    breaker = Breaker()

    assert breaker.refused(10.0, asked) == asked
    assert breaker.rest.wait(10.0 + asked - 0.01) == pytest.approx(0.01)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -5.0, 0.0])
def test_a_senseless_retry_after_is_ignored(nonsense: float) -> None:
    """The own pauses are used instead."""
    assert Breaker().refused(0.0, nonsense) == 5


def test_a_late_refusal_of_the_burst_may_lengthen_the_rest() -> None:
    """Never shorten it."""
    breaker = Breaker()
    breaker.refused(0.0, 60.0)
    breaker.asked_to_wait(1.0, 300.0)
    breaker.asked_to_wait(2.0, 10.0)
    breaker.asked_to_wait(2.0, None)
    breaker.asked_to_wait(2.0, math.nan)

    assert breaker.rest.until == 301.0


def test_while_one_tries_everybody_else_waits() -> None:
    """And when that try ends without a verdict, the next may try."""
    breaker = Breaker()
    breaker.refused(0.0, None)
    breaker.rest.try_again(6.0)
    assert breaker.rest.wait(6.1) == math.inf

    breaker.rest.leave(started_at=1.0)
    assert breaker.rest.wait(6.1) == math.inf
    breaker.rest.leave(started_at=6.0)
    assert breaker.rest.wait(6.1) == 0


def test_faults_in_a_row_without_an_answer_mean_the_network_is_away() -> None:
    """Three of any kind and some silence; the third says it."""
    outage = Outage(0.0)

    assert [outage.fault(10.0 + n, "reset", 9.0) for n in range(4)] == [False, False, True, False]


def test_single_faults_between_answers_mean_nothing() -> None:
    """One in five fails for hours: the network is there."""
    outage = Outage(0.0)
    for number in range(1000):
        if number % 5:
            outage.answered(float(number))
        else:
            assert not outage.fault(float(number), "timeout", number - 1.0)

    assert not outage.away


@pytest.mark.parametrize("kind", ["dns", "proxy", "proxy_auth", "certificate"])
def test_a_proxy_or_name_server_that_fails_is_noticed_sooner(kind: str) -> None:
    """Two in a row are enough, even right after an answer."""
    outage = Outage(0.0)
    outage.answered(1.0)

    assert not outage.fault(1.1, kind, 1.0)  # type: ignore[arg-type]
    assert outage.fault(1.2, kind, 1.0)  # type: ignore[arg-type]


def test_half_an_answer_is_no_sign_of_an_outage() -> None:
    """`short_body` comes from a network that is there."""
    outage = Outage(0.0)
    for number in range(10):
        assert not outage.fault(100.0 + number, "short_body", 99.0)


def test_tries_while_away_come_after_growing_pauses_up_to_minutes() -> None:
    """2, 4, 8 … 240 seconds, and the answer ends it."""
    outage, now = Outage(0.0), 10.0
    outage.fault(now, "dns", now)
    outage.fault(now, "dns", now)
    pauses = []
    for _ in range(10):
        pauses.append(outage.rest.wait(now))
        now += pauses[-1]
        outage.rest.try_again(now)
        assert not outage.fault(now, "dns", now)

    assert pauses == [2, 4, 8, 16, 32, 64, 128, 240, 240, 240]
    assert outage.answered(now + 1) == pytest.approx(now + 1 - 10)
    assert not outage.away
