"""The token bucket, at a rate that stays as configured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import Bucket, RequestKind


def bucket_of(rate: float) -> Bucket:
    """Room for five, filled at time 0."""
    throttle = ThrottleSettings(adaptive=False, requests_per_second=rate, burst=5)
    return Bucket("main", RequestKind.PAGES, throttle, 0.0)


def test_a_full_bucket_lets_a_burst_go_and_then_the_rate() -> None:
    """Five at once, then one every two seconds."""
    bucket = bucket_of(0.5)
    for _ in range(5):
        assert bucket.wait(0.0, 1) == 0
        bucket.take(0.0, 1)

    assert bucket.wait(0.0, 1) == pytest.approx(2.0)


def test_a_clock_that_goes_back_earns_nothing_and_asks_no_negative_wait() -> None:
    """Time is never given twice."""
    bucket = bucket_of(1.0)
    bucket.wait(100.0, 1)
    bucket.take(100.0, 5)
    assert bucket.wait(40.0, 1) == pytest.approx(1.0)
    assert bucket.wait(40.5, 1) == pytest.approx(0.5)


def test_a_request_that_costs_more_than_the_bucket_holds_goes_into_debt() -> None:
    """It waits for a full bucket, and those after it wait for the debt."""
    bucket = bucket_of(1.0)
    assert bucket.wait(0.0, 8) == 0
    bucket.take(0.0, 8)

    assert bucket.wait(0.0, 1) == pytest.approx(4.0)


@given(
    steps=st.lists(st.tuples(st.floats(-50, 50), st.integers(1, 4)), min_size=1, max_size=60),
    rate=st.floats(0.02, 20),
)
def test_no_stretch_of_time_sends_more_than_burst_plus_rate(
    steps: list[tuple[float, int]], rate: float
) -> None:
    """However the clock jumps, tokens stay under the burst and waits are never negative."""
    bucket, now, taken, earned = bucket_of(rate), 0.0, 0, 0.0
    for step, cost in steps:
        now += step
        earned += max(0.0, step) * rate
        wait = bucket.wait(now, cost)
        assert wait >= 0
        assert bucket.tokens <= 5
        if wait == 0:
            bucket.take(now, cost)
            taken += cost
    assert taken <= 5 + earned + 1e-6
