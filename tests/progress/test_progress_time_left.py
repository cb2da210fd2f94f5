"""The time left: from what a run observes of itself."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any

import pytest
from snapshots import DRAINING, START, bucket, done, snapshot, work_queue

from ascc_async.pipeline.pace import Pace
from ascc_async.pipeline.snapshot import Phase, RunSnapshot, SourceSnapshot
from ascc_async.progress.figures import figures, snapshot_fields
from ascc_async.progress.formatting import finish
from ascc_async.progress.time_left import time_left
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot
from ascc_async.throttle.limiter import RateLimiterSnapshot


def limited(**changes: Any) -> RateLimiterSnapshot:
    """Pages alone, waited for."""
    return RateLimiterSnapshot((bucket(**changes),))


def half_way(**changes: Any) -> RunSnapshot:
    """500 of 1,000 asked at 1.5 pages a second and 1.25 pages a video; no clips."""
    nothing_found = work_queue(clips=0, clips_open=0)
    nothing_found.licenses.clear()
    nothing_found.licenses.update(dict.fromkeys(work_queue().licenses, 0))
    given: dict[str, Any] = {"work_queue": nothing_found, "limiter": limited()} | changes
    return snapshot(**given)


def test_the_speed_observed_counts_and_not_the_permitted_rate() -> None:
    """500 videos at 1.25 pages each, at the 1.5 a second that were sent of 2.0 permitted."""
    assert time_left(half_way()).licenses == pytest.approx(500 * 1.25 / 1.5, rel=0.02)
    assert time_left(half_way()).clips is None


@pytest.mark.parametrize(
    ("rate", "many", "refusals"),
    [
        (0.9, 500, 1.8),  # the next but one is just before the end, or just behind it
        (0.96, 500, 2),
        (0.9, 100, 0),
        (0.9, 180, 0.4),
        (1.0, 100, 1),
        (1.0, 10, 0.7),
    ],
)
def test_a_learned_rate_climbs_to_its_ceiling_and_is_refused_there(
    rate: float, many: int, refusals: float
) -> None:
    """It is 0.95 in the mean, and a refusal costs 20 s; one that is due about the end, a part."""
    limits = limited(rate=rate, ceiling=1.0, climb=0.1 / 240, last_pause=20.0)
    left = time_left(
        half_way(limiter=limits, work_queue=replace(half_way().work_queue, to_ask=many))
    )
    assert left.licenses == pytest.approx(many * 1.25 / 0.98 / 0.95 + refusals * 20, rel=0.04)


def test_a_rate_that_does_not_adapt_meets_its_pauses_again() -> None:
    """Half of the time since half way was a pause: it will be so."""
    paused = {RequestKind.PAGES: 25.0}
    frame = half_way(minute_ago=None, done=done(START + 100, 150, videos=120, paused=paused))
    assert time_left(frame).licenses == pytest.approx(500 * 1.25 / 1.5, rel=0.02)


def paused_for(seconds: float, **changes: Any) -> BucketSnapshot:
    """Refused a moment ago; the next trial is so far off, as it was the last time."""
    until = START + 100 + seconds
    rest: dict[str, Any] = {
        "resting_until": until,
        "resting_since": START + 100,
        "last_pause": seconds,
    }
    return bucket(**rest | changes, resting_why="rate")


def test_a_pause_of_all_identities_is_added() -> None:
    """Nobody may go for ten seconds: that counts; when another may go, it does not."""
    calm = time_left(half_way()).licenses or 0
    paused = time_left(half_way(limiter=RateLimiterSnapshot((paused_for(10),)))).licenses
    assert paused == pytest.approx(calm + 10)
    two = RateLimiterSnapshot((paused_for(10), bucket(identity="other")))
    assert time_left(half_way(limiter=two)).licenses == pytest.approx(calm)


def test_a_pause_that_may_last_as_long_as_all_the_rest_makes_the_end_unknown() -> None:
    """Ten minutes where seven minutes of work are left: said, and no number; where days are left,
    and where another identity goes on, there is one.
    """
    long = RateLimiterSnapshot((paused_for(600),))
    assert time_left(half_way(limiter=long)).licenses == inf
    both = snapshot(limiter=long, done=done(START + 100, 150, videos=120, clip_pages=74))
    assert time_left(both).licenses == time_left(both).clips == inf
    sums = figures(half_way(limiter=long))
    assert sums is not None
    assert "unknown" in sums.time_left
    fields = snapshot_fields(half_way(limiter=long), START)
    assert (fields["seconds_left"], fields["finish_at"]) == (None, None)
    many = work_queue(selected=500_000, to_ask=490_000, clips=0, clips_open=0)
    assert (time_left(half_way(limiter=long, work_queue=many)).licenses or inf) < inf
    two = RateLimiterSnapshot((paused_for(600), bucket(identity="other")))
    assert (time_left(half_way(limiter=two)).licenses or inf) < inf


def test_a_block_makes_the_end_unknown_as_soon_as_a_trial_is_refused() -> None:
    """However much is left: a block lasts seconds or a day. A pause like the last one is none."""
    many = work_queue(selected=500_000, to_ask=490_000, clips=0, clips_open=0)
    for since, until, last_pause, known in (
        (0, 5, 0, True),  # the first pause
        (-5, 5, 0, False),  # its trial was refused
        (-5, 5, 8, True),
        (-20, 20, 8, False),
    ):
        resting = paused_for(until, resting_since=START + 100 + since, last_pause=last_pause)
        left = time_left(half_way(limiter=RateLimiterSnapshot((resting,)), work_queue=many))
        assert ((left.licenses or inf) < inf) is known


def test_outside_of_throttle_hours_nothing_is_done_and_no_time_is_slow() -> None:
    """Half was asked in one of these hours; half an hour later the end is that of the next one."""
    began = datetime(2026, 11, 21, 22).timestamp()
    now, why = began + 5400, "outside throttle.hours"
    closed = bucket(resting_until=began + 86400, resting_since=began + 3600, resting_why=why)
    frame = half_way(
        at=now,
        hours="22:00-23:00",
        limiter=RateLimiterSnapshot((closed,)),
        half_ago=done(began + 1800, 300, videos=250),
        minute_ago=done(now - 60, 600, videos=500, paused={RequestKind.PAGES: 1740}),
        done=done(now, 600, videos=500, paused={RequestKind.PAGES: 1800}),
    )
    assert time_left(frame).licenses == pytest.approx(86400 + 3600 - 5400, abs=60)


def test_a_long_pause_does_not_count_as_slowness() -> None:
    """Neither while it goes on, where something can be told at all, nor when it is over."""
    many = work_queue(selected=500_000, to_ask=490_000, clips=0, clips_open=0)
    calm = time_left(half_way(work_queue=many, limiter=limited(ceiling=2.0))).licenses or inf
    began = START + 55  # of the pause, with half of the time since then
    resting = bucket(ceiling=2.0, resting_until=START + 105, resting_since=began, last_pause=40.0)
    sent, paused = done(began, 83, videos=66), RequestKind.PAGES
    frame = half_way(
        work_queue=many,
        limiter=RateLimiterSnapshot((resting,)),
        done=replace(sent, at=START + 100, paused={paused: 45.0}),
        minute_ago=replace(sent, at=START + 56, paused={paused: 1.0}),
    )
    assert time_left(frame).licenses == pytest.approx(calm, rel=0.2)
    over = half_way(
        work_queue=many,
        limiter=limited(ceiling=2.0),
        done=done(START + 1000, 173, videos=138, paused={paused: 885.0}),
        minute_ago=done(START + 940, 83, videos=66, paused={paused: 885.0}),
        half_ago=done(START + 500, 83, videos=66, paused={paused: 445.0}),
    )
    assert time_left(over).licenses == pytest.approx(calm, rel=0.2)


def test_seconds_in_which_nobody_could_ask_are_counted_by_kind() -> None:
    """From one note to the next; not while another identity goes on."""
    pace, resting, two = Pace(), bucket(resting_since=START + 5), bucket(identity="other")
    pace.note(done(START, 0))
    alone, both = RateLimiterSnapshot((resting,)), RateLimiterSnapshot((resting, two))
    pace.note(done(START + 10, 0, paused=pace.paused(START + 10, alone)))
    assert pace.paused(START + 30, alone)[RequestKind.PAGES] == 25
    assert pace.paused(START + 30, both)[RequestKind.PAGES] == 5
    assert pace.paused(START + 30, alone)[RequestKind.MEDIA] == 0
    ahead = RateLimiterSnapshot((bucket(resting_since=START + 60),))  # a machine's clock
    assert pace.paused(START + 30, ahead)[RequestKind.PAGES] == 5


def test_clips_still_to_come_and_those_under_way_count() -> None:
    """A tenth of those left will be clips, of two pages each; half of each one's is sent."""
    left = time_left(snapshot(limiter=limited()))
    to_come = 10 + 500 * 50 / 500
    assert left.clips == pytest.approx((625 + 2 * to_come) / 1.5, rel=0.03)
    begun = done(START + 100, 150, videos=120, extractions=8)
    sooner = time_left(snapshot(limiter=limited(), done=begun))
    assert (left.clips or 0) - (sooner.clips or 0) == pytest.approx(8 / 2 * 2 / 1.5)
    assert left.whole == left.clips


def test_a_list_asked_first_says_nothing_of_the_others() -> None:
    """400 of a list are asked and mostly found; of the 500 left only the last listed will be."""
    queue = work_queue(clips_open=0, first=(410, 400, 50))
    left = time_left(snapshot(limiter=limited(), work_queue=queue))
    assert left.clips == pytest.approx((625 + 2 * 10 * 50 / 400 + 4) / 1.5 + 4, rel=0.01)


def test_a_player_that_is_blocked_alone_makes_the_end_of_clips_unknown() -> None:
    """Licenses go on by pages."""
    player = paused_for(600, kind=RequestKind.PLAYER, last_pause=0.0)
    left = time_left(snapshot(limiter=RateLimiterSnapshot((bucket(), player))))
    assert (left.licenses or inf) < inf
    assert left.clips == inf


def test_where_nobody_waits_for_permission_the_pace_itself_counts() -> None:
    """With a permitted rate far above what the network gives: 60 videos in 50 s so far."""
    left = time_left(half_way(limiter=limited(rate=1000.0, waiting=0)))
    assert left.licenses == pytest.approx(500 * 50 / 60)


def test_with_the_data_api_its_calls_decide() -> None:
    """Fifty videos a call."""
    calls = bucket(kind=RequestKind.DATA_API, rate=0.1)
    was = {at: {"main": {RequestKind.DATA_API: n}} for at, n in ((50, 2), (100, 4))}
    left = time_left(
        half_way(
            limiter=RateLimiterSnapshot((calls,)),
            done=done(START + 100, 0, videos=200, requests=was[100]),
            half_ago=done(START + 50, 0, videos=100, requests=was[50]),
            minute_ago=None,
        )
    )
    assert left.licenses == pytest.approx(500 / 50 / (2 / 50))


def test_what_a_days_quota_cannot_do_waits_for_the_next_days() -> None:
    """Of two million videos a key does half a million a day; while it rests, the time is counted
    from its return on, unless other sources are sooner done.
    """
    many = work_queue(selected=2_000_000, to_ask=1_900_000, clips_open=0)
    ready = SourceSnapshot("data_api", "ready", "", 100_000)
    begun = done(START + 100, 0, videos=100_000, requests={"main": {RequestKind.DATA_API: 2041}})
    frame = half_way(work_queue=many, sources=(ready,), api_keys=1, done=begun)
    assert time_left(frame).licenses == pytest.approx(4 * 86400)
    resting = replace(ready, state="resting", until=START + 3700)
    slow = replace(begun, videos=60)
    frame = half_way(work_queue=many, sources=(resting,), api_keys=1, done=slow)
    assert time_left(frame).licenses == pytest.approx(3600 + 3 * 86400)
    few = work_queue(to_ask=500, clips_open=0)
    frame = half_way(work_queue=few, sources=(resting,), api_keys=1)
    assert time_left(frame).licenses == pytest.approx(500 * 60 / 72)


def test_what_waits_for_a_later_look_is_not_to_be_done_now() -> None:
    """Rows of bare words that this run will not look at again cost nothing more; others do."""
    without = time_left(half_way(put_off=200)).licenses or 0
    looked_at = time_left(half_way(put_off=200, second_looks=200)).licenses or 0
    assert without == pytest.approx(300 * 1.25 / 1.5, rel=0.02)
    assert looked_at == pytest.approx(500 * 1.25 / 1.5, rel=0.02)


def test_nothing_is_foretold_of_nothing() -> None:
    """Neither before anything was answered nor when all is done, nor when nobody does it."""
    began = done(START, 0)
    assert time_left(snapshot(done=began, half_ago=began)).whole is None
    assert time_left(snapshot(stopping=DRAINING)).whole is None
    assert time_left(snapshot(phase=Phase.STOPPED)).whole is None
    assert snapshot_fields(snapshot(), None)["seconds_left"] is None  # its run was killed
    assert (
        time_left(half_way(work_queue=work_queue(asked=1000, to_ask=0, clips_open=0))).whole is None
    )


def test_status_names_the_finish_of_the_whole_and_of_each_stage() -> None:
    """As seconds from when it is asked, and as a POSIX time."""
    fields, later, last = (snapshot_fields(snapshot(), START + at) for at in (100, 108, 1e6))
    assert fields["finish_at"] == pytest.approx(START + 100 + fields["seconds_left"])
    assert later["finish_at"] == fields["finish_at"]
    assert later["seconds_left"] == pytest.approx(fields["seconds_left"] - 8)
    assert last["seconds_left"] == 0
    assert set(fields["stages"]) == {"licenses", "clips"}
    assert fields["stages"]["clips"]["seconds_left"] == fields["seconds_left"]
    assert fields["videos_per_second"] == pytest.approx(72 / 60)


def test_the_finish_is_a_time_of_day_and_has_a_date_when_it_is_not_today() -> None:
    """The way people say it."""
    noon = datetime(2026, 11, 21, 12).timestamp()
    assert finish(noon + 3600, noon) == "13:00"
    assert finish(noon + 24 * 3600, noon) == "2026-11-22 12:00"
    assert finish(noon + 1e15, noon).startswith("9987-")
    sums = figures(snapshot(at=time.time()))
    assert sums is not None
    assert "done at" in sums.time_left
