"""Hidden limits and seeded faults."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest

from ascc_async.standin.incoming import Incoming
from ascc_async.standin.limits import HiddenLimits, SeededFaults, retry_after
from ascc_async.standin.world_settings import Fault, Limit


def _refused(limits: HiddenLimits, times: list[float], identity: str = "main") -> list[bool]:
    return [limits.judge("pages", identity, now) is not None for now in times]


def test_a_sliding_window_lets_so_many_through() -> None:
    """Three in any ten seconds; the fourth starts a pause in which all is refused."""
    limits = HiddenLimits([Limit(requests=3, window_seconds=10, pause_seconds=5)])
    assert _refused(limits, [0, 1, 2, 3, 7.9]) == [False, False, False, True, True]
    assert _refused(limits, [8.1, 8.2, 8.3, 8.4]) == [False, False, False, True]


def test_the_window_slides() -> None:
    """A request that is ten seconds old no longer counts."""
    limits = HiddenLimits([Limit(requests=2, window_seconds=10, pause_seconds=5)])
    assert _refused(limits, [0, 9, 10.1, 19.2, 20.2]) == [False] * 5


def test_identities_and_kinds_have_limits_of_their_own() -> None:
    """What one does costs the other nothing."""
    limits = HiddenLimits([Limit(requests=1, pause_seconds=60)])
    assert _refused(limits, [0, 1]) == [False, True]
    assert _refused(limits, [2], "other") == [False]
    assert limits.judge("media", "main", 3) is None


def test_retry_after_has_three_forms() -> None:
    """Seconds, an HTTP date, or nothing."""
    assert retry_after("none", 4) is None
    assert retry_after("seconds", 4.2) == "5"
    date = retry_after("date", 60)
    assert date is not None
    assert parsedate_to_datetime(date).timestamp() == pytest.approx(time.time() + 61, abs=2)


def test_faults_hit_a_seeded_share_a_set_number_of_times() -> None:
    """The same videos in every run, each once."""
    found = []
    for _ in range(2):
        faults = SeededFaults(5, [Fault(name="cut_body", share=0.2)])
        pages = [Incoming("next", "main", "main", (f"v{i}",)) for i in range(1000)]
        hit = [page.videos for page in pages if faults.draw(page)]
        again = [page.videos for page in pages if faults.draw(page)]
        assert not again
        found.append(hit)
    assert found[0] == found[1]
    assert 150 < len(found[0]) < 250


def test_faults_keep_to_the_endpoints_they_name() -> None:
    """And hit every time where `times` is 0; without endpoints they spare metadata."""
    fault = Fault(name="empty", times=0, endpoints=("player",))
    common = Fault(name="html", times=0)
    faults = SeededFaults(0, [fault, common])
    player, page, file = (Incoming(at, "main", "main") for at in ("player", "next", "metadata"))
    assert [faults.draw(player) for _ in range(2)] == [fault, fault]
    assert faults.draw(page) == common
    assert faults.draw(file) is None
