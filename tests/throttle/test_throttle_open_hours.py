"""Hours of the day in which requests may be sent."""

from __future__ import annotations

from datetime import datetime

import pytest

from ascc_async.errors import Closed
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.throttle.open_hours import OpenHours
from tests import fakeclock
from tests.fakeclock import now


def posix(clock: str) -> float:
    return datetime.fromisoformat(f"2026-11-21 {clock}").timestamp()


@pytest.mark.parametrize(
    ("text", "clock", "closed"),
    [
        (None, "12:00", 0),
        ("22:00-07:00", "12:00", 10),
        ("22:00-07:00", "21:59:59", 1 / 3600),
        ("22:00-07:00", "22:00", 0),
        ("22:00-07:00", "03:00", 0),
        ("22:00-07:00", "07:00", 15),
        ("08:00-20:00", "07:30", 0.5),
        ("08:00-20:00", "08:00", 0),
        ("08:00-20:00", "20:00", 12),
    ],
)
def test_it_is_known_when_they_begin(text: str | None, clock: str, closed: float) -> None:
    """Over midnight too."""
    assert OpenHours(text).closed_for(posix(clock)) == pytest.approx(3600 * closed)
    assert OpenHours("22:00-07:00").share == 9 / 24


def test_what_is_done_in_them_ends_after_days() -> None:
    """Nine hours a day: ten hours of work begun at noon end tomorrow night; and back."""
    hours, noon = OpenHours("22:00-07:00"), posix("12:00")
    end = hours.end_of(noon, 10 * 3600)
    assert end == datetime.fromisoformat("2026-11-22 23:00").timestamp()
    assert hours.seconds_within(noon, end) == 10 * 3600
    assert hours.seconds_within(posix("06:00"), posix("23:00")) == 2 * 3600
    ages = OpenHours("22:00-22:01").end_of(noon, 60 * 5_000_000)  # at once, and past year 9999
    assert ages == pytest.approx(noon + 86400 * 5_000_000, abs=86400)
    assert OpenHours(None).end_of(noon, 60) == noon + 60
    assert OpenHours(None).seconds_within(noon, noon + 60) == 60


def test_no_request_is_sent_outside_of_them() -> None:
    """Who asks waits until they begin, and again after they end."""
    began_at = posix("21:00")

    async def run() -> list[float]:
        began = now()
        limiter = RateLimiter(
            ThrottleSettings(hours="22:00-23:00", requests_per_second=0.01, adaptive=False),
            ["main"],
            clock=now,
            wall=lambda: began_at + now() - began,
        )
        sent = []
        for _ in range(60):
            async with limiter.permit(RequestKind.PAGES):
                sent.append((now() - began) / 3600)
        return sent

    sent = fakeclock.run(run())
    assert sent[0] == pytest.approx(1)
    tolerance = 61 / 3600
    assert all(at % 24 < 2 + tolerance for at in sent)
    assert sent[-1] > 24


def test_a_run_that_stops_does_not_wait_for_them() -> None:
    """Neither who begins something nor who goes on with it."""

    async def run() -> None:
        limiter = RateLimiter(
            ThrottleSettings(hours="22:00-23:00"), ["main"], clock=now, wall=lambda: posix("21:00")
        )
        limiter.close()
        with pytest.raises(Closed):
            async with limiter.permit(RequestKind.PAGES, identity="main"):
                pass
        assert limiter.snapshot().buckets[0].resting_why == "outside throttle.hours"

    fakeclock.run(run())
