"""The history's totals go on over all runs of a folder, and never fall."""

from __future__ import annotations

from dataclasses import replace

from ascc_async.journal.records import Minute, Permitted
from ascc_async.pipeline.minutes import Minutes
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiterSnapshot
from tests.progress.snapshots import bucket, snapshot

BEFORE = Minute(
    1.0, 1000, 7, 10**9, 2000, 30,
    (Permitted("main", "pages", 1.0, None, True, 20),
     Permitted("old", "media", 1.0, 2.0, True, 10)),
)  # fmt: skip


def limiter(**changes: object) -> RateLimiterSnapshot:
    return RateLimiterSnapshot((bucket(sent=600, **changes),))


def test_totals_go_on_where_the_last_run_ended() -> None:
    """Of counts and of each identity's refusals; an identity that is gone keeps its own."""
    now = snapshot(limiter=limiter(resting_until=5.0, ceiling=4.0), media_bytes=5)
    assert Minutes(BEFORE).after(now) == Minute(
        now.at, 1500, 47, 10**9 + 5, 2600, 34,
        (Permitted("main", "pages", 2.0, 4.0, True, 24),
         Permitted("old", "media", 1.0, 2.0, False, 10)),
        begins=True,
    )  # fmt: skip


def test_a_run_that_asks_nothing_forgets_nothing() -> None:
    """It ends before there is a rate limiter, or before any kind was used."""
    nothing = snapshot(limiter=None, answered=0, clips_made=0, media_bytes=0)
    after = (run := Minutes(BEFORE)).after(nothing)
    assert not run.after(nothing).begins
    assert Minutes(after).after(snapshot(limiter=limiter())).identities[0].refusals == 24
    assert replace(after, at=1.0, identities=(), begins=False) == replace(BEFORE, identities=())


def test_totals_never_fall() -> None:
    """Requests that were reserved and not sent come off a run's own count, not off the total."""
    minutes = Minutes(None)
    assert minutes.after(snapshot(limiter=limiter())).requests == 600
    fewer = RateLimiterSnapshot((bucket(sent=598),))
    assert minutes.after(snapshot(limiter=fewer)).requests == 600


def test_many_identities_are_kept_as_sums() -> None:
    """One for each kind: a cluster's history is as small as another's."""
    kinds = (RequestKind.PAGES, RequestKind.MEDIA)
    many = [bucket(identity=f"m{number}/main", kind=kind) for number in range(50) for kind in kinds]
    many[0] = replace(many[0], resting_until=9.0)
    limits = Minutes(None).after(snapshot(limiter=RateLimiterSnapshot(tuple(many)))).identities
    assert limits == tuple(Permitted("all", kind, 100.0, None, False, 200) for kind in kinds)
