"""The rate limiter, on virtual time."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ascc_async.errors import Closed, GaveUp, NetworkFault, Refused, RefusedAlone, ServerFault
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot
from ascc_async.throttle.limiter import RateLimiter
from tests import fakeclock
from tests.fakeclock import now

START = 1_700_000_000.0
QUICK = ThrottleSettings(adaptive=False, requests_per_second=10, burst=1)
FIXED = ThrottleSettings(adaptive=False, requests_per_second=1.0, burst=1)
Scene = Callable[[], Coroutine[Any, Any, None]]


def in_virtual_time(scene: Scene) -> Callable[[], None]:
    """Run a scene on the fake clock."""

    def test() -> None:
        fakeclock.run(scene())

    test.__name__, test.__doc__ = scene.__name__, scene.__doc__
    return test


def limiter(
    throttle: ThrottleSettings = FIXED, *names: str, memory: dict[str, Any] | None = None
) -> RateLimiter:
    loop = asyncio.get_running_loop()
    return RateLimiter(
        throttle,
        names or ("main",),
        clock=loop.time,
        wall=lambda: START + loop.time() - 1000.0,
        rng=random.Random(1),
        memory=memory,
    )


def bucket_of(
    one: RateLimiter, identity: str = "main", kind: RequestKind = RequestKind.PAGES
) -> BucketSnapshot:
    buckets = one.snapshot().buckets
    return next(each for each in buckets if (each.identity, each.kind) == (identity, kind))


async def ask(
    one: RateLimiter,
    error: Exception | None = None,
    kind: RequestKind = RequestKind.PAGES,
    **how: Any,
) -> str:
    """One request that takes 0.1 s; an expected error is swallowed."""
    try:
        async with one.permit(kind, **how) as permit:
            await asyncio.sleep(0.1)
            if error is not None:
                raise error
    except (Refused, NetworkFault, ServerFault) as raised:
        if raised is not error:
            raise
    return permit.identity


@in_virtual_time
async def test_waiters_go_in_the_order_they_came() -> None:
    """First come, first served, one each second."""
    one, order = limiter(), list[tuple[int, float]]()

    async def wait_in_line(number: int) -> None:
        async with one.permit(RequestKind.PAGES):
            order.append((number, round(now() - 1000, 3)))

    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(wait_in_line(number))

    assert order == [(number, float(number)) for number in range(5)]


@in_virtual_time
async def test_a_cancelled_waiter_leaves_the_line_and_costs_nothing() -> None:
    """The one behind goes when the cancelled one would have."""
    one = limiter()
    await ask(one)
    async with asyncio.TaskGroup() as tasks:
        cancelled = tasks.create_task(ask(one))
        behind = tasks.create_task(ask(one))
        await asyncio.sleep(0.5)
        cancelled.cancel()

    assert now() == pytest.approx(1001.1)
    assert behind.result() == "main"
    assert bucket_of(one).answered == 2


@in_virtual_time
async def test_a_waiter_cancelled_in_the_moment_of_its_turn_gives_its_token_back() -> None:
    """Nothing leaks between being let go and going."""
    one = limiter()
    await ask(one)
    task = asyncio.create_task(ask(one))
    # Just after the timer that lets it go, before the task runs on.
    asyncio.get_running_loop().call_at(1001 + 5e-7, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bucket_of(one).in_flight == 0
    await ask(one)

    assert now() == pytest.approx(1001.1)
    assert bucket_of(one).answered == 2


@in_virtual_time
async def test_any_exception_leaves_the_limiter_usable() -> None:
    """In flight goes back to zero whatever is raised."""
    one = limiter()
    for error in (ValueError("a bug"), ServerFault("502"), Refused("429"), NetworkFault("reset")):
        with pytest.raises(type(error)):
            async with one.permit(RequestKind.PAGES):
                raise error
        await asyncio.sleep(10)

    assert bucket_of(one).in_flight == 0


@in_virtual_time
async def test_what_was_really_sent_is_settled_after() -> None:
    """Four reserved and one sent: three are given back. One reserved, four sent: three are owed."""
    one = limiter(ThrottleSettings(adaptive=False, requests_per_second=1.0, burst=5))
    async with one.permit(RequestKind.PAGES, cost=4) as permit:
        permit.sent(1)
    async with one.permit(RequestKind.PAGES) as permit:
        permit.sent(4)
    assert now() == 1000
    async with one.permit(RequestKind.PAGES):
        assert now() == pytest.approx(1001)


@in_virtual_time
async def test_work_for_anybody_goes_to_whoever_is_ready_first() -> None:
    """Two identities are twice as fast as one."""
    one = limiter(FIXED, "main", "second")
    names = [await ask(one) for _ in range(10)]

    assert (names.count("main"), names.count("second")) == (5, 5)
    assert now() - 1000 == pytest.approx(4.2, abs=0.3)


@in_virtual_time
async def test_kinds_of_request_do_not_slow_each_other() -> None:
    """Pages wait for pages, media for media."""
    one = limiter()
    async with asyncio.TaskGroup() as tasks:
        for kind in (RequestKind.PAGES, RequestKind.DATA_API, RequestKind.MEDIA):
            tasks.create_task(ask(one, kind=kind))

    assert now() - 1000 == pytest.approx(0.1)


@in_virtual_time
async def test_an_identity_that_rests_is_passed_over() -> None:
    """The others go on; who asks for it by name is turned away at once."""
    one = limiter(FIXED, "main", "second")
    await ask(one, Refused("429", kind="rate", retry_after=600), identity="main")

    assert [await ask(one) for _ in range(5)] == ["second"] * 5
    with pytest.raises(Refused):
        await ask(one, identity="main")
    assert bucket_of(one).resting_until == pytest.approx(START + 600.1)
    assert one.is_paused(RequestKind.PAGES, "main")
    assert not one.is_paused(RequestKind.PAGES, "second")
    assert not one.is_paused(RequestKind.MEDIA, "main")


@in_virtual_time
async def test_those_in_line_for_an_identity_are_turned_away_when_it_is_refused() -> None:
    """They need not wait for hours: the video can start over with another identity."""
    one = limiter(FIXED, "main", "second")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(ask(one, Refused("bot", kind="bot_check"), identity="main"))
        waiting = tasks.create_task(_refused(one, "main"))

    assert waiting.result()
    assert now() - 1000 == pytest.approx(0.1)


@in_virtual_time
async def test_the_only_identity_waits_for_itself() -> None:
    """Nobody else could begin the video again: what was learned of it is not thrown away. Once the
    run is stopping nobody waits through a pause.
    """
    one = limiter(FIXED)
    await ask(one, Refused("429", kind="rate", retry_after=60), identity="main")
    before = now()
    assert await ask(one, identity="main") == "main"
    assert now() - before == pytest.approx(60, abs=1)
    await ask(one, Refused("429", kind="rate", retry_after=600), identity="main")
    one.close()
    with pytest.raises(Refused):
        await ask(one, identity="main")


async def _ask_for_ever(one: RateLimiter, error: Exception) -> None:
    while True:
        await ask(one, error)


async def _refused(one: RateLimiter, identity: str) -> bool:
    try:
        await ask(one, identity=identity)
    except Refused:
        return True
    return False


@in_virtual_time
async def test_work_that_will_need_media_avoids_who_rests_for_media() -> None:
    """`also` looks ahead, so that nobody resolves links that cannot be fetched."""
    one = limiter(FIXED, "main", "second")
    await ask(one, Refused("403", retry_after=60), kind=RequestKind.MEDIA, identity="main")
    names = [await ask(one, also=(RequestKind.MEDIA,)) for _ in range(3)]
    assert names == ["second"] * 3

    await ask(one, Refused("403", retry_after=60), kind=RequestKind.MEDIA, identity="second")
    before = now()
    await ask(one, also=(RequestKind.MEDIA,))
    assert 50 < now() - before <= 60


@in_virtual_time
async def test_after_a_rest_one_tries_and_the_others_follow() -> None:
    """While that one is out nobody else goes."""
    one, sent = limiter(ThrottleSettings(adaptive=False, requests_per_second=100)), list[float]()
    await ask(one, Refused("429", retry_after=10))

    async def slow() -> None:
        async with one.permit(RequestKind.PAGES):
            sent.append(round(now() - 1000, 1))
            await asyncio.sleep(3)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(slow())

    assert sent == [10.1, 13.1, 13.1, 13.1]


@in_virtual_time
async def test_an_answer_that_may_be_a_disguised_refusal_ends_no_pause() -> None:
    """The next one tries at once, and when that is refused the pause doubles."""
    one = limiter(ThrottleSettings(requests_per_second=100))
    await ask(one, Refused("429"))
    for _ in range(2):
        async with one.permit(RequestKind.PAGES) as permit:
            permit.no_verdict()
    bucket = bucket_of(one)
    assert (bucket.sent, bucket.answered, bucket.resting_why) == (3, 0, "other: 429")
    await ask(one, Refused("429"))
    paused_until = bucket_of(one).resting_until
    assert paused_until is not None
    assert paused_until - START > now() - 1000 + 4.9
    await ask(one)
    assert bucket_of(one).resting_why is None


@in_virtual_time
async def test_when_all_rest_too_long_the_run_gives_up_with_advice() -> None:
    """After `give_up_after_hours`, not before, and not while somebody goes on."""
    one = limiter(FIXED.model_copy(update={"give_up_after_hours": 2.0}), "main", "second")
    with pytest.raises(GaveUp) as caught:
        await _ask_for_ever(one, Refused("429", kind="rate"))

    assert now() - 1000 == pytest.approx(7200, abs=10)
    for advice in ("requests_per_second", "cookies", "identities", "Data API", "same command"):
        assert advice in str(caught.value)


@in_virtual_time
async def test_new_videos_keep_their_distance_and_other_requests_do_not() -> None:
    """`delay_seconds` with jitter counts per identity, for new videos only."""
    throttle = ThrottleSettings(
        adaptive=False, requests_per_second=1000, burst=10, delay_seconds=10, jitter=0.3
    )
    one, starts = limiter(throttle), list[float]()
    for _ in range(50):
        async with one.permit(RequestKind.PAGES, new_video=True) as permit:
            starts.append(permit.started_at)
        async with one.permit(RequestKind.PAGES, identity="main") as permit:
            assert permit.started_at - starts[-1] < 0.1

    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert min(gaps) >= 7
    assert max(gaps) <= 13.1
    assert max(gaps) - min(gaps) > 3


@in_virtual_time
async def test_a_sleeping_machine_saves_up_no_burst() -> None:
    """Eight hours later: `burst` at once, then the rate."""
    one = limiter(ThrottleSettings(adaptive=False, requests_per_second=1.0, burst=3))
    for _ in range(3):
        await ask(one)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, fakeclock.FakeClockLoop)
    loop.advance(8 * 3600)

    begin, starts = now(), list[float]()
    for _ in range(6):
        async with one.permit(RequestKind.PAGES) as permit:
            starts.append(round(permit.started_at - begin, 2))
    assert starts == [0, 0, 0, 1, 2, 3]


def test_an_outage_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """An hour without a network: few tries and two lines."""
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        one = limiter(ThrottleSettings(requests_per_second=10))
        tries = 0
        while now() < 4600:
            tries += 1
            await ask(one, NetworkFault("no name server", kind="dns"))
            assert one.is_away("main") is (tries > 1)
        assert tries < 30
        await ask(one)
        assert not one.is_away("main")

    fakeclock.run(scene())
    away, back = (record.message for record in caplog.records)
    assert away == "no network for «main»: no name server; its requests wait"
    assert re.fullmatch("network of «main» is back after 3[0-9]{3} s", back)


@in_virtual_time
async def test_a_proxy_that_is_down_rests_only_its_identity() -> None:
    """The run goes on with the others, whatever the kind of request."""
    one = limiter(FIXED, "main", "second")
    for _ in range(2):
        await ask(one, NetworkFault("proxy refuses", kind="proxy_auth"), identity="second")

    assert one.is_away("second")
    assert [await ask(one) for _ in range(3)] == ["main"] * 3
    assert bucket_of(one, "second", RequestKind.MEDIA).resting_why == "no network"


@in_virtual_time
async def test_what_was_learned_survives_a_restart() -> None:
    """Rate, ceiling, and a rest that is not over yet."""
    throttle = ThrottleSettings(requests_per_second=5, burst=5)
    one = limiter(throttle)
    for _ in range(100):
        await ask(one)
    await ask(one, Refused("429", retry_after=500))
    memory = one.memory()
    await asyncio.sleep(100)

    again = limiter(throttle, memory=memory)

    bucket = bucket_of(again)
    assert bucket.ceiling is not None
    assert bucket.rate < bucket.ceiling
    assert bucket.resting_until == pytest.approx(START + now() - 1000 + 400, abs=2)


@pytest.mark.parametrize(("days", "kept"), [(0.1, True), (6, True), (8, False), (-3, False)])
def test_what_was_learned_long_ago_is_forgotten(days: float, kept: bool) -> None:
    """After a week the configured start counts again. This memory is one of version 0.1."""

    async def scene() -> None:
        learned = {"rate": 7.0, "ceiling": 8.0, "rest": 60.0, "pause_low": 55.0, "pause_high": 60.0}
        memory = {"main/pages": learned | {"at": START - days * 86_400, "resting_until": None}}
        bucket = limiter(ThrottleSettings(), memory=memory).snapshot().buckets[0]
        assert (bucket.rate, bucket.ceiling) == ((7.0, 8.0) if kept else (0.28, None))

    fakeclock.run(scene())


@pytest.mark.parametrize(
    "memory",
    [
        {"main/pages": 3},
        {"main/pages": {"rate": 4}},
        {"main/pages": {"rate": "fast", "at": START}},
        {"main/pages": {"rate": -1, "at": START}},
        {"main/pages": None},
        {"nobody/pages": {}},
    ],
)
def test_a_damaged_memory_is_left_out(memory: dict[str, Any]) -> None:
    """It never stops a run."""

    async def scene() -> None:
        assert limiter(ThrottleSettings(), memory=memory).snapshot().buckets[0].rate == 0.28

    fakeclock.run(scene())


def test_that_all_identities_pause_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """With the time at which one goes on; of a single identity its own line has said it."""

    async def scene() -> None:
        one = limiter(FIXED, "a", "b")
        for _ in range(2):
            await ask(one, Refused("YouTube answers 429", kind="rate"))
        await ask(one)

    fakeclock.run(scene())
    said = [record.message for record in caplog.records if "all identities" in record.message]
    assert len(said) == 1
    assert re.fullmatch("all identities paused for pages until [-0-9]{10} [0-9:]{8}", said[0])


def test_events_are_one_sentence_each(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal, a refused trial, the return, and a limit that is no more."""
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        one = limiter(ThrottleSettings(requests_per_second=5, burst=5, max_requests_per_second=8))
        for _ in range(200):
            await ask(one)
        for _ in range(2):
            await ask(one, Refused("YouTube answers 429", kind="rate"))
        for _ in range(1100):
            await ask(one)

    fakeclock.run(scene())
    texts = [re.sub("until .*", "until …", record.message) for record in caplog.records]
    assert texts == [
        "YouTube refused «main» while 8 pages/s were permitted (YouTube answers 429); pausing 5 s",
        "«main»: pages are still refused (YouTube answers 429); pausing 5 s",
        "«main» is answered again after 10 s; 7.2 pages/s are permitted now",
        "«main» is answered above its former limit: 8 pages/s are permitted now",
    ]
    fields = caplog.records[0].args
    assert isinstance(fields, dict)
    assert (fields["identity"], fields["seconds"]) == ("main", 5.0)


def test_a_rate_that_is_said_is_one_that_can_be_reached(caplog: pytest.LogCaptureFixture) -> None:
    """The player's own rate may be higher than that of pages, which its requests keep as well."""
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        one = limiter(ThrottleSettings(requests_per_second=2))
        await ask(one, Refused("a bot?"), kind=RequestKind.PLAYER)
        await ask(one, kind=RequestKind.PLAYER)

    fakeclock.run(scene())
    said = [
        re.findall("2 player requests/s (?:are|were) permitted", text) for text in caplog.messages
    ]
    assert [len(each) for each in said] == [1, 1]


@pytest.mark.parametrize("rate", [0.37, 3.1, 7.0, 19.9, 333.3])
def test_no_wake_up_is_ever_lost(rate: float) -> None:
    """Thousands of turns with odd waits; a lost timer would leave everybody waiting for ever."""

    async def scene() -> None:
        rng = random.Random(5)
        one = limiter(ThrottleSettings(adaptive=False, requests_per_second=rate, burst=1))

        async def work() -> None:
            for _ in range(100):
                async with one.permit(RequestKind.PAGES):
                    await asyncio.sleep(rng.uniform(0, 2 / rate))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(16):
                tasks.create_task(work())
        assert now() - 1000 == pytest.approx(1600 / rate, rel=0.01)

    fakeclock.run(scene())


@in_virtual_time
async def test_an_unknown_identity_is_a_bug_that_is_named() -> None:
    """It does not wait forever."""
    with pytest.raises(ValueError, match="nobody"):
        await ask(limiter(), identity="nobody")


@in_virtual_time
async def test_with_adaptive_off_refusals_rest_but_the_rate_stays() -> None:
    """The user's rate is kept; the breaker still rests the identity."""
    one = limiter(FIXED)
    await ask(one, Refused("429"))
    assert bucket_of(one).resting_until == pytest.approx(START + 5.1)
    await ask(one)

    bucket = bucket_of(one)
    assert (bucket.rate, bucket.ceiling, bucket.refused) == (1.0, None, 1)


def test_a_trial_that_is_out_is_not_said_to_be_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows how long it takes: only a pause with an end is worth a line."""

    async def scene() -> None:
        one = limiter(FIXED)
        await ask(one, Refused("429", retry_after=10))
        await asyncio.sleep(10)
        async with one.permit(RequestKind.PAGES):
            waiting = asyncio.create_task(ask(one))
            await asyncio.sleep(1)
            assert one.snapshot().buckets[0].resting_until == START + now() - 1000
        await waiting

    fakeclock.run(scene())
    assert len(caplog.records) == 1


@in_virtual_time
async def test_closed_it_turns_away_who_waits_to_begin_something() -> None:
    """An hour's rest does not hold up a drain; who names an identity goes on with something."""
    one = limiter(FIXED)
    await ask(one, Refused("wait", retry_after=3600))
    waiting = asyncio.create_task(ask(one))
    await asyncio.sleep(1)
    one.close()

    for refused in (waiting, ask(one)):
        with pytest.raises(Closed):
            await refused
    assert now() - 1000 < 10
    assert await ask(one, kind=RequestKind.MEDIA, identity="main") == "main"


@in_virtual_time
async def test_a_refusal_that_is_noticed_later_is_one_for_all_that_follows() -> None:
    """Trials are answered, and the answers turn out to be worth nothing: pauses grow all the same,
    and after `give_up_after_hours` it gives up.
    """
    one = limiter(FIXED.model_copy(update={"give_up_after_hours": 3}))
    began, pauses = now(), list[float]()

    async def in_disguise() -> None:
        while True:
            await ask(one)
            at = now()
            one.were_refusals(RequestKind.PAGES, "main", Refused("nothing"), at - began)
            pauses.append((bucket_of(one).resting_until or 0.0) - START - (at - 1000.0))

    with pytest.raises(GaveUp):
        await in_disguise()
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == pytest.approx((5.0, 3600.0))
    assert len(pauses) < 20
    assert bucket_of(one).in_flight == 0


@in_virtual_time
async def test_a_player_that_refuses_alone_pauses_alone() -> None:
    """Pages go on at their rate, and what waits for the player is not in their way."""
    one = limiter(QUICK)
    await ask(one, Refused("a bot?"), kind=RequestKind.PLAYER)
    waiting = asyncio.create_task(ask(one, kind=RequestKind.PLAYER, cost=3))
    began = now()
    for _ in range(40):
        await ask(one)
    assert now() - began < 4.5
    assert bucket_of(one).ceiling is None
    assert (bucket_of(one).refused, bucket_of(one, kind=RequestKind.PLAYER).refused) == (0, 1)
    await waiting
    assert now() - began >= 5


@in_virtual_time
async def test_a_player_request_that_costs_more_is_not_overtaken_for_ever() -> None:
    """It keeps the limit of pages, too, and its place in their line."""
    one = limiter(ThrottleSettings(adaptive=False, requests_per_second=1, burst=3))
    await ask(one, cost=3)

    async def pages() -> None:
        while True:
            await ask(one)

    beside = [asyncio.create_task(pages()) for _ in range(8)]
    await asyncio.sleep(0.5)
    began = now()
    await ask(one, kind=RequestKind.PLAYER, cost=3)
    assert now() - began < 15
    for task in beside:
        task.cancel()


@in_virtual_time
async def test_while_pages_are_paused_the_player_is_their_trial() -> None:
    """Refused it doubles both pauses, so a block costs one trial; answered it ends only its own,
    as pages may be refused alone.
    """
    one = limiter()
    await ask(one, Refused("429"))
    await ask(one, Refused("a bot?"), kind=RequestKind.PLAYER)
    assert now() == pytest.approx(1005.2)
    pause = (bucket_of(one).resting_until or 0) - START - 5.2
    assert pause == pytest.approx(5.1, abs=0.1)
    await ask(one, kind=RequestKind.PLAYER)
    await ask(one, Refused("429"))
    assert (bucket_of(one).resting_until or 0) - START - (now() - 1000) > 10
    await ask(one)
    assert bucket_of(one).resting_until is None


@in_virtual_time
async def test_one_refusal_leaves_the_player_as_quick_as_pages() -> None:
    """It may have been the limit of pages that was met: no license waits for the player then."""
    one = limiter(ThrottleSettings(requests_per_second=2))
    await ask(one, Refused("429"), kind=RequestKind.PLAYER)
    await ask(one, kind=RequestKind.PLAYER)
    began = now()
    for _ in range(20):
        await ask(one, kind=RequestKind.PLAYER)
    assert now() - began < 13


@in_virtual_time
async def test_a_player_that_is_refused_along_with_pages_keeps_its_rate() -> None:
    """Whichever is refused first: else clips would wait behind a ceiling that is none of theirs."""
    for first in (RequestKind.PLAYER, RequestKind.PAGES):
        one = limiter(ThrottleSettings(requests_per_second=2))
        other = RequestKind.PAGES if first is RequestKind.PLAYER else RequestKind.PLAYER
        await ask(one, Refused("429"), kind=first)
        await ask(one, Refused("429"), kind=other)
        assert bucket_of(one).ceiling is not None
        assert bucket_of(one, kind=RequestKind.PLAYER).ceiling is None


@in_virtual_time
async def test_patience_ends_where_the_player_alone_is_refused() -> None:
    """After ten seconds, and then at once; where pages pause, too, one waits along with them."""
    one = limiter()
    await ask(one, Refused("a bot?", retry_after=600), kind=RequestKind.PLAYER)
    for seconds in (10, 10):
        with pytest.raises(RefusedAlone):
            await ask(one, kind=RequestKind.PLAYER, patience=10)
        assert now() == pytest.approx(1000.1 + seconds)
    await ask(one, Refused("429", retry_after=700))
    await ask(one, kind=RequestKind.PLAYER, patience=10)
    assert now() > 1700


@in_virtual_time
async def test_a_refusal_that_hangs_on_its_video_neither_pauses_nor_slows() -> None:
    """Seen by others that were answered in between; with none in between it is a refusal of us."""
    one, player = limiter(ThrottleSettings(requests_per_second=10)), RequestKind.PLAYER
    await ask(one, Refused("a bot?"), kind=player, video_id="bad")
    for _ in range(3):
        await ask(one, kind=player, video_id="good")
        before = bucket_of(one, kind=player)
        await ask(one, Refused("a bot?"), kind=player, video_id="bad")
        after = bucket_of(one, kind=player)
        assert (after.rate, after.resting_until) == (before.rate, None)
        assert after.refused == before.refused + 1
    await ask(one, Refused("a bot?"), kind=player, video_id="bad")
    assert bucket_of(one, kind=player).resting_until is not None


@in_virtual_time
async def test_a_trial_that_tells_nothing_is_followed_by_who_goes_on_with_something() -> None:
    """A page without a video ends no pause: the player is asked before any other page."""
    one, order = limiter(QUICK), list[str]()
    await ask(one, Refused("429"))

    async def page(name: str) -> None:
        async with one.permit(RequestKind.PAGES) as permit:
            order.append(name)
            await asyncio.sleep(0.1)
            permit.no_verdict()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(page("first"))
        await asyncio.sleep(5.05)  # it is under way
        tasks.create_task(page("second"))
        async with one.permit(RequestKind.PLAYER, identity="main"):
            order.append("player")
    assert order == ["first", "player", "second"]


@in_virtual_time
async def test_who_asks_by_name_waits_where_nobody_else_is_ready() -> None:
    """To begin again as another that pauses, too, would ask for the same pages again and again."""
    one = limiter(QUICK, "main", "second")
    for name in ("main", "second"):
        await ask(one, Refused("a bot?"), kind=RequestKind.PLAYER, identity=name)
    assert await ask(one, kind=RequestKind.PLAYER, identity="main") == "main"
    assert now() > 1005
