"""The learned rate against limits it does not know: the numbers of the promise."""

from __future__ import annotations

import itertools

import pytest

from ascc_async.errors import Refused
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.adaptive_rate import RateController
from ascc_async.throttle.bucket import Bucket, RequestKind
from tests.throttle.hidden_limit import HiddenLimit, drive

THROTTLE = ThrottleSettings(max_requests_per_second=100)


@pytest.mark.parametrize("factor", [1.0, 1 / 3, 2.0])
@pytest.mark.parametrize(
    ("limit", "pause"), [(0.5, 5.0), (0.5, 60.0), (0.5, 600.0), (3.0, 5.0), (3.0, 60.0)]
)
def test_finds_a_hidden_limit_and_follows_when_it_changes(
    limit: float, pause: float, factor: float
) -> None:
    """80 % of what is permitted, before and after the change, and less than 2 % refused."""
    seconds = max(3600.0, 100 * pause)

    trace, _ = drive(
        THROTTLE, HiddenLimit(limit, pause, changes_at=seconds / 2, factor=factor), seconds
    )

    after = HiddenLimit(limit, pause, changes_at=0, factor=factor).permitted(1)
    assert trace.goodput(seconds / 4, seconds / 2) >= 0.8 * limit
    assert trace.goodput(seconds * 3 / 4, seconds) >= 0.8 * after
    assert trace.refused_share() < 0.02


@pytest.mark.parametrize("start", [0.05, 1.0, 15.0])
def test_the_start_rate_does_not_matter_for_long(start: float) -> None:
    """From far below or above, the limit is found as well."""
    throttle = ThrottleSettings(requests_per_second=start, max_requests_per_second=100)

    trace, _ = drive(throttle, HiddenLimit(3.0, 60.0), 6000)

    assert trace.goodput(0, 6000) >= 0.8 * 3
    assert trace.goodput(3000, 6000) >= 0.85 * 3


def test_what_went_out_lately_is_the_limit_and_not_a_rate_just_raised() -> None:
    """One refusal shows it, though the rate had grown to twice as much."""
    _, bucket = drive(THROTTLE, HiddenLimit(12.0, 25.0), 35)

    assert bucket.controller.ceiling == pytest.approx(12, rel=0.1)


def test_past_a_limit_that_was_known_the_rate_rises_in_small_steps_first() -> None:
    """The limit may be just above; soon it grows by half again."""
    controller, rates, at = RateController(THROTTLE), list[float](), 0.0
    controller.recall(10.0, 10.0, 5.0)
    while controller.ceiling is not None:
        controller.sent(at, 30)
        at += 2.5
        controller.answered(at)
        rates.append(controller.rate)

    past = [rate for rate in rates if rate > 10]
    assert past[0] < 10.2
    assert [round(late / early, 2) for early, late in itertools.pairwise(past)] == [
        1.05,
        1.10,
        1.22,
        1.48,
    ]


@pytest.mark.parametrize("window", [1.0, 60.0])
def test_other_windows_are_found_too(window: float) -> None:
    """Nothing rests on the server counting in tens of seconds."""
    trace, _ = drive(THROTTLE, HiddenLimit(3.0, 60.0, window=window), 6000)

    assert trace.goodput(3000, 6000) >= 0.8 * 3
    assert trace.refused_share() <= 0.02


def test_an_hourly_quota_is_learned_in_a_day() -> None:
    """300 an hour, an hour's pause: after a day four in five are used, and few are refused."""
    day = 86_400.0

    trace, _ = drive(ThrottleSettings(), HiddenLimit(300 / 3600, 3600.0, window=3600.0), 2 * day)

    assert trace.goodput(1.2 * day, 2 * day) >= 0.8 * 300 / 3600
    assert len(trace.refused) < 100


def test_without_a_limit_it_rises_to_the_maximum_within_half_a_minute() -> None:
    """From 0.28 to 20 requests a second."""
    trace, bucket = drive(ThrottleSettings(), HiddenLimit(1e6, 5.0), 60)

    assert bucket.controller.rate == 20
    assert trace.goodput(30, 60) >= 0.98 * 20


def test_a_burst_of_refusals_is_one_event() -> None:
    """Thirty requests in flight, all refused: one cut of a tenth, one ceiling."""
    throttle = ThrottleSettings(requests_per_second=8, max_requests_per_second=8)
    bucket = Bucket("main", RequestKind.PAGES, throttle, 0.0)
    sent = [number / 8 + 1e-6 for number in range(200)]
    for at in sent:
        assert bucket.wait(at, 1) <= 1e-5
        bucket.take(at, 1)
        if at < 21.25:
            bucket.answered(at + 1e-7, at)

    refused = [at for at in sent if at >= 21.25]
    for number, at in enumerate(refused):
        bucket.refused(25.0 + number / 100, at, Refused("429"))

    assert len(refused) == bucket.refusals == 30
    assert bucket.controller.rate == pytest.approx(7.2)
    assert bucket.controller.ceiling == 8
    assert bucket.breaker.until == 30.0


def test_a_rate_that_nobody_uses_does_not_rise() -> None:
    """One request in ten seconds proves nothing about a rate of three a second."""
    controller = RateController(ThrottleSettings(requests_per_second=3.0))
    for at in range(0, 1000, 10):
        controller.sent(float(at), 1)
        controller.answered(at + 0.1)

    assert controller.rate == 3.0


def test_from_the_lowest_rate_it_rises_again() -> None:
    """Refused a dozen times in a row, then answered for a day: no refusal lasts for ever."""
    controller, now = RateController(ThrottleSettings()), 0.0
    for _ in range(12):
        controller.sent(now, 1)
        controller.refused(now)
        now += 60
        controller.resumed(now, 5.0)
    assert controller.rate == 0.02

    while controller.rate < 1 and now < 86_400:
        now += 1 / controller.rate
        controller.sent(now, 1)
        controller.answered(now)

    assert controller.rate >= 1


def test_with_adaptive_off_the_rate_stays_as_it_is() -> None:
    """`adaptive: false` means the configured rate and burst."""
    controller = RateController(ThrottleSettings(adaptive=False))
    controller.sent(0.0, 1)
    controller.refused(0.5)
    controller.resumed(9.0, 8.0)
    controller.answered(900.0)
    controller.recall(7.0, 8.0, 5.0)

    assert (controller.rate, controller.capacity, controller.ceiling) == (0.28, 5, None)
