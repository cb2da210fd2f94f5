"""Resting after refusals, and while the network is away."""

from __future__ import annotations

import itertools
import math

import pytest

from ascc_async.errors import NetworkFaultKind
from ascc_async.throttle.circuit_breaker import OutageBreaker, RefusalBreaker


def refuse_until(breaker: RefusalBreaker, pause: float, start: float) -> tuple[list[float], float]:
    """Refuse at `start` and every trial within `pause`; return all trials, and when one passed."""
    trials, now = [], start
    breaker.refused(now, None)
    while True:
        now += breaker.wait(now)
        trials.append(now - start)
        breaker.sent(now)
        if now - start >= pause:
            breaker.answered()
            return trials, now
        breaker.refused(now, None)


def test_rests_double_up_to_an_hour() -> None:
    """Twice as long each time, never longer than an hour between two trials."""
    trials, _ = refuse_until(RefusalBreaker(), 20_000, 0.0)

    assert trials[:5] == [5, 10, 20, 40, 80]
    assert max(later - earlier for earlier, later in itertools.pairwise(trials)) == 3600


@pytest.mark.parametrize(
    ("before", "after", "trials"), [(600, 600, [320, 640]), (5, 60, [5, 10, 20, 40, 80])]
)
def test_the_next_rest_begins_with_half_of_the_last(
    before: float, after: float, trials: list[float]
) -> None:
    """Pauses of a known length cost a trial or two; longer ones are followed."""
    breaker = RefusalBreaker()
    _, now = refuse_until(breaker, before, 0.0)

    assert refuse_until(breaker, after, now + 1000)[0] == trials


@pytest.mark.parametrize("asked", [1.0, 90.0, 7200.0])
def test_a_time_the_server_asked_for_is_kept_in_full(asked: float) -> None:
    """Retry-After counts as it is, beyond an hour too."""
    breaker = RefusalBreaker()

    assert breaker.refused(10.0, asked) == asked
    assert breaker.wait(10.0 + asked - 0.01) == pytest.approx(0.01)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -5.0, 0.0])
def test_a_senseless_retry_after_is_ignored(nonsense: float) -> None:
    """The own rests are used instead."""
    assert RefusalBreaker().refused(0.0, nonsense) == 5


def test_a_late_refusal_of_the_burst_may_lengthen_the_rest() -> None:
    """Never shorten it."""
    breaker = RefusalBreaker()
    breaker.refused(0.0, 60.0)
    for retry_after in (300.0, 10.0, None, math.nan):
        breaker.extend(1.0, retry_after)

    assert breaker.until == 301.0


def test_while_one_tries_everybody_else_waits() -> None:
    """And when that trial ends without a verdict, the next may try."""
    breaker = RefusalBreaker()
    breaker.refused(0.0, None)
    breaker.sent(6.0)
    assert breaker.wait(6.1) == math.inf

    breaker.no_verdict(started_at=1.0)
    assert breaker.wait(6.1) == math.inf
    breaker.no_verdict(started_at=6.0)
    assert breaker.wait(6.1) == 0


def test_a_trial_that_nobody_made_for_hours_does_not_lengthen_the_rest() -> None:
    """Nobody wanted media for a day: what is remembered is how long the server had to rest."""
    breaker = RefusalBreaker()
    breaker.refused(0.0, None)
    breaker.sent(86_400.0)

    assert breaker.answered() == 5.0


def test_faults_in_a_row_without_an_answer_mean_the_network_is_away() -> None:
    """Three of any kind and some silence; the third says it."""
    outage = OutageBreaker(0.0)

    assert [outage.fault(10.0 + n, "reset", 9.0) for n in range(4)] == [False, False, True, False]


def test_single_faults_between_answers_mean_nothing() -> None:
    """One in five fails for hours: the network is there."""
    outage = OutageBreaker(0.0)
    for number in range(1000):
        if number % 5:
            outage.answered(float(number))
        else:
            assert not outage.fault(float(number), "timeout", number - 1.0)

    assert not outage.is_open


@pytest.mark.parametrize("kind", ["dns", "proxy", "proxy_auth", "certificate"])
def test_a_proxy_or_name_server_that_fails_is_noticed_sooner(kind: NetworkFaultKind) -> None:
    """Two in a row are enough, even right after an answer."""
    outage = OutageBreaker(0.0)
    outage.answered(1.0)

    assert not outage.fault(1.1, kind, 1.0)
    assert outage.fault(1.2, kind, 1.0)


def test_half_an_answer_is_no_sign_of_an_outage() -> None:
    """`short_body` comes from a network that is there."""
    outage = OutageBreaker(0.0)
    for number in range(10):
        assert not outage.fault(100.0 + number, "short_body", 99.0)


def test_trials_while_away_come_after_growing_pauses_up_to_minutes() -> None:
    """2, 4, 8 … 240 seconds, and the answer ends it."""
    outage, now = OutageBreaker(0.0), 10.0
    outage.fault(now, "dns", now)
    outage.fault(now, "dns", now)
    pauses = []
    for _ in range(10):
        pauses.append(outage.wait(now))
        now += pauses[-1]
        outage.sent(now)
        assert not outage.fault(now, "dns", now)

    assert pauses == [2, 4, 8, 16, 32, 64, 128, 240, 240, 240]
    assert outage.answered(now + 1) == pytest.approx(now + 1 - 10)
    assert not outage.is_open
