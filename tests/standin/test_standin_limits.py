"""Hidden limits and seeded faults."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from ascc_async.standin.faults import Faults
from ascc_async.standin.limits import Limits, retry_after
from ascc_async.standin.world_settings import Fault, Limit


def _refused(limits: Limits, times: list[float], identity: str = "main") -> list[bool]:
    return [limits.judge("pages", identity, now, 0) is not None for now in times]


def test_a_sliding_window_lets_so_many_through() -> None:
    """Three in any ten seconds; the fourth starts a pause in which all is refused."""
    limits = Limits([Limit(requests=3, window_seconds=10, pause_seconds=5)])
    assert _refused(limits, [0, 1, 2, 3, 7.9]) == [False, False, False, True, True]
    assert _refused(limits, [8.1, 8.2, 8.3, 8.4]) == [False, False, False, True]
    assert limits.breaches() == {"main": 2}


def test_the_window_slides() -> None:
    """A request that is ten seconds old no longer counts."""
    limits = Limits([Limit(requests=2, window_seconds=10, pause_seconds=5)])
    assert _refused(limits, [0, 9, 10.1, 19.2, 20.2]) == [False] * 5


def test_identities_and_kinds_have_limits_of_their_own() -> None:
    """What one does costs the other nothing."""
    limits = Limits([Limit(requests=1, pause_seconds=60)])
    assert _refused(limits, [0, 1]) == [False, True]
    assert _refused(limits, [2], "other") == [False]
    assert limits.judge("media", "main", 3, 0) is None


def test_pauses_grow_up_to_a_bound() -> None:
    """Each breach doubles the pause."""
    limits = Limits([Limit(requests=0, pause_seconds=10, growth=2, max_pause_seconds=30)])
    starts = [0.0, 10.5, 31.0, 61.5]
    lasts = [9.9, 30.4, 60.9, 91.4]
    assert _refused(limits, starts[:1] + lasts[:1]) == [True, True]
    for start, last in zip(starts[1:], lasts[1:], strict=True):
        before = limits.breaches()["main"]
        assert _refused(limits, [start, last]) == [True, True]
        assert limits.breaches()["main"] == before + 1


def test_retry_after_has_three_forms() -> None:
    """Seconds, an HTTP date, or nothing."""
    assert retry_after("none", 4, 0) is None
    assert retry_after("seconds", 4.2, 0) == "5"
    date = retry_after("date", 60, 1_800_000_000)
    assert date is not None
    assert parsedate_to_datetime(date).timestamp() == 1_800_000_061


def test_faults_hit_a_seeded_share_a_set_number_of_times() -> None:
    """The same videos in every run, each once."""
    found = []
    for _ in range(2):
        faults = Faults(5, [Fault(name="cut_body", share=0.2)])
        hit = [i for i in range(1000) if faults.draw("next", [f"v{i}"], "/", "main")]
        again = [i for i in range(1000) if faults.draw("next", [f"v{i}"], "/", "main")]
        assert not again
        found.append(hit)
    assert found[0] == found[1]
    assert 150 < len(found[0]) < 250


def test_faults_keep_to_the_endpoints_videos_and_identities_they_name() -> None:
    """And hit every time where `times` is 0."""
    fault = Fault(
        name="empty", times=0, endpoints=("player",), videos=("a",), identities=("second",)
    )
    faults = Faults(0, [fault])
    assert faults.draw("player", ["a"], "/", "second") == fault
    assert faults.draw("player", ["a"], "/", "second") == fault
    assert faults.draw("next", ["a"], "/", "second") is None
    assert faults.draw("player", ["b"], "/", "second") is None
    assert faults.draw("player", ["a"], "/", "main") is None
