"""The adaptive pace against limits it is not told: the numbers of the promise."""

from __future__ import annotations

import pytest

from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.adaptive_rate import AdaptivePace
from ascc_async.throttle.bucket import Bucket
from tests.throttle.hidden_limit import HiddenLimit, drive

THROTTLE = ThrottleSettings(max_requests_per_second=100)
CELLS = [(0.5, 5.0), (0.5, 60.0), (0.5, 600.0), (3.0, 5.0), (3.0, 60.0), (20.0, 5.0)]


def length(pause: float) -> float:
    return max(3600.0, 100 * pause)


@pytest.mark.parametrize(("limit", "pause"), CELLS)
def test_finds_a_hidden_limit_and_stays_just_under_it(limit: float, pause: float) -> None:
    """85 % of what was permitted, 92 % in the last half, refused at most 1 % (0.2 % at 10 min)."""
    seconds = length(pause)

    trace, _ = drive(THROTTLE, HiddenLimit(limit, pause), seconds)

    assert trace.goodput(0, seconds) >= 0.85 * limit
    assert trace.goodput(seconds / 2, seconds) >= 0.92 * limit
    assert trace.refused_share() <= (0.002 if pause >= 600 else 0.01)


@pytest.mark.parametrize(("limit", "pause"), [(3.0, 5.0), (3.0, 60.0), (9.0, 60.0)])
def test_follows_a_limit_that_drops_to_a_third(limit: float, pause: float) -> None:
    """92 % of what was permitted over the second half of each half."""
    seconds = length(pause)

    trace, _ = drive(
        THROTTLE, HiddenLimit(limit, pause, changes_at=seconds / 2, factor=1 / 3), seconds
    )

    assert trace.goodput(seconds / 4, seconds / 2) >= 0.92 * limit
    assert trace.goodput(seconds * 3 / 4, seconds) >= 0.92 * limit / 3


@pytest.mark.parametrize(("limit", "pause"), [(0.5, 5.0), (0.5, 60.0), (3.0, 5.0), (3.0, 60.0)])
def test_notices_a_limit_that_doubles(limit: float, pause: float) -> None:
    """90 % of the new limit within 50 pauses."""
    seconds = length(pause)
    half, span = seconds / 2, 20.0

    trace, _ = drive(
        THROTTLE, HiddenLimit(limit, pause, changes_at=half, factor=2), half + 50 * pause
    )

    starts = [half + step for step in range(int(50 * pause - span))]
    assert max(trace.goodput(start, start + span) for start in starts) >= 0.9 * 2 * limit


@pytest.mark.parametrize("start", [0.05, 1.0, 15.0])
def test_the_start_rate_does_not_matter_for_long(start: float) -> None:
    """From far below or above, the limit is found as well."""
    throttle = ThrottleSettings(requests_per_second=start, max_requests_per_second=100)

    trace, _ = drive(throttle, HiddenLimit(3.0, 60.0), 6000)

    assert trace.goodput(0, 6000) >= 0.85 * 3
    assert trace.goodput(3000, 6000) >= 0.92 * 3


@pytest.mark.parametrize(("window", "least"), [(1.0, 0.6), (60.0, 0.7)])
def test_other_windows_are_found_too(window: float, least: float) -> None:
    """Nothing rests on the server counting in tens of seconds."""
    trace, _ = drive(THROTTLE, HiddenLimit(3.0, 60.0, window=window), 6000)

    assert trace.goodput(3000, 6000) >= least * 3
    assert trace.refused_share() <= 0.02


def test_an_hourly_quota_is_learned_in_a_day() -> None:
    """300 an hour, an hour's pause: after a day four in five are used, and few are refused."""
    day = 86_400.0

    trace, _ = drive(ThrottleSettings(), HiddenLimit(300 / 3600, 3600.0, window=3600.0), 2 * day)

    assert trace.goodput(1.2 * day, 2 * day) >= 0.8 * 300 / 3600
    assert len(trace.refused) < 60


def test_without_a_limit_it_rises_to_the_maximum_within_half_a_minute() -> None:
    """From 0.28 to 20 requests a second."""
    trace, bucket = drive(ThrottleSettings(), HiddenLimit(1e6, 5.0), 60)

    assert bucket.pace.rate(60) == 20
    assert trace.goodput(30, 60) >= 0.98 * 20


def test_a_burst_of_refusals_is_one_event() -> None:
    """Thirty requests in flight, all refused: one cut, one ceiling."""
    bucket = Bucket(ThrottleSettings(requests_per_second=8, max_requests_per_second=8), 0.0)
    sent = [number / 8 + 1e-6 for number in range(130)]
    for at in sent:
        assert bucket.wait(at, 1) <= 1e-5
        bucket.take(at, 1)
        if at < 12.5:
            bucket.answered(at + 1e-7, at)

    refused = [at for at in sent if at >= 12.5]
    cuts = [bucket.refused(16.3 + n / 100, at, None) for n, at in enumerate(refused)]

    assert len(refused) == 30
    assert [cut is not None for cut in cuts] == [True] + [False] * 29
    bucket.take(22.0, 1)
    bucket.answered(22.2, 22.0)
    assert bucket.pace.full_rate > 7


def test_a_rate_that_nobody_uses_does_not_rise() -> None:
    """One request in ten seconds proves nothing about a rate of three a second."""
    pace = AdaptivePace(3.0, 0.02, 20.0, 5)
    for at in range(0, 1000, 10):
        pace.sent(float(at), 1)
        pace.answered(at + 0.1)

    assert pace.full_rate == 3.0


def test_stopped_while_resting_it_remembers_a_rate_below_the_refused() -> None:
    """The next run does not start with what was just refused."""
    pace = AdaptivePace(4.0, 0.02, 20.0, 5)
    for number in range(8):
        pace.sent(number / 4, 1)
    pace.refused(2.0, 1.75)

    assert pace.learned().rate < 4.0
    assert pace.learned().ceiling == 4.0
