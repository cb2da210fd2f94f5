"""Trust in license sources: known videos, distrust, rest, and what is said when none is left."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import replace

import pytest
from fakeclock import now, run
from sweep_world import (
    CC,
    KNOWN_CC,
    KNOWN_STANDARD,
    STANDARD,
    UNAVAILABLE,
    UNKNOWN,
    Page,
    Watch,
    answer,
)

from ascc_async.errors import (
    NetworkFault,
    Refused,
    ServerFault,
    SetupError,
    SourcesExhausted,
    SourceUnusable,
    UnexpectedAnswer,
)
from ascc_async.model import License
from ascc_async.pipeline.standing import CLEAN_LOOKS, LOOK_EVERY, SUSPECT_LOOKS

EVERYTHING = (*KNOWN_CC, *KNOWN_STANDARD)
ROW = "x" * 11


def test_known_videos_are_asked_before_anything_else() -> None:
    """The first look reads them all; the next request is a video's."""

    async def main() -> None:
        page = Page("a")
        watch = Watch(page)
        began = now()
        assert await watch.source("a").ask([ROW])
        assert set(page.asked[:4]) == set(EVERYTHING)
        assert watch.good == [("a/main", began)]
        assert await watch.source("a").ask([ROW])
        assert page.asked[4:] == [ROW, ROW]

    run(main())


@pytest.mark.parametrize(("video_id", "seen"), [(KNOWN_CC[0], STANDARD), (KNOWN_STANDARD[0], CC)])
def test_a_known_video_misread_and_then_again_ends_trust(
    video_id: str, seen: License, caplog: pytest.LogCaptureFixture
) -> None:
    """The source is out, it is said loudly, and what it said since a clean stretch is named."""

    async def main() -> None:
        page = Page("a", {video_id: seen})
        watch = Watch(page, clean_until={"a": 123.0})
        assert await watch.source("a").ask([ROW]) is None
        assert ROW not in page.asked
        assert watch.bad == [("a", 123.0)]
        assert watch.router.usable() is None
        (source,) = watch.router.snapshot()
        assert source.state == "distrusted"
        assert video_id in source.why
        with pytest.raises(SourcesExhausted, match=r"If you are not blocked.*pip install"):
            watch.router.wait_seconds()

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "misreads videos whose license is known" in caplog.text


def test_one_odd_page_costs_the_answers_and_not_the_trust() -> None:
    """Misread once and then ten times right: asked again is what it said, elsewhere first."""

    async def main() -> None:
        page = Page("a", {KNOWN_CC[0]: [CC, STANDARD, CC]})
        watch = Watch(page, Page("b"), clean_until={"a/main": 123.0})
        health = watch.source("a")
        assert await health.ask([ROW])
        assert not await health.reads_right("main", looks=SUSPECT_LOOKS)
        assert page.asked.count(KNOWN_CC[0]) == 2 + SUSPECT_LOOKS
        assert health.trusted
        assert watch.bad == [("a", 123.0)]
        assert not health.believes(answer(ROW, STANDARD, at=now()))
        usable = watch.router.usable()
        assert usable is not None
        assert usable.name == "b"

    run(main())


def test_a_known_video_may_be_gone() -> None:
    """Removed is no misreading while others read right; then those are read all along."""

    async def main() -> None:
        page = Page("a", {KNOWN_CC[0]: UNAVAILABLE})
        watch = Watch(page)
        for _ in range(2 * LOOK_EVERY + 1):
            assert await watch.source("a").ask([ROW])
        assert page.asked.count(KNOWN_CC[0]) == 1

    run(main())


def test_standard_videos_alone_vouch_for_nothing() -> None:
    """A missing license row makes any video standard: without one known Creative Commons video that
    is read as such, nothing is asked.
    """

    async def main() -> None:
        page = Page("a", dict.fromkeys(KNOWN_CC, UNAVAILABLE))
        watch = Watch(page)
        assert await watch.source("a").ask([ROW]) is None
        assert ROW not in page.asked
        with pytest.raises(SourcesExhausted, match=r"name others in license\.known_creative_c"):
            watch.router.wait_seconds()

    run(main())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_all_known_videos_gone_at_the_first_look(elsewhere: bool) -> None:
    """Blocked or wrong, not «none is there any more»: the source is not used, and it says so."""

    async def main() -> None:
        pages = [Page("a", dict.fromkeys(EVERYTHING, UNAVAILABLE)), *[Page("b")] * elsewhere]
        watch = Watch(*pages)
        assert await watch.source("a").ask([ROW]) is None
        assert ROW not in pages[0].asked
        source = watch.router.snapshot()[0]
        if elsewhere:  # which shows them: this one does not answer now
            assert source.state == "resting"
        else:
            assert source.state == "out"
            with pytest.raises(
                SourcesExhausted, match=r"known_creative_commons are gone.*You may be"
            ):
                watch.router.wait_seconds()

    run(main())


def test_all_known_videos_gone_at_one_machine() -> None:
    """The first one of a cluster to come may be blocked: it is left out, the source is not."""

    async def main() -> None:
        watch = Watch(Page("a", dict.fromkeys(EVERYTHING, UNAVAILABLE)))
        source = watch.source("a")
        left_out = list[tuple[str, str]]()
        source._context = replace(source._context, leave_out=lambda *who: not left_out.append(who))
        assert await source.ask([ROW]) is None
        assert (left_out, source.usable) == ([("a", "main")], True)

    run(main())


def test_an_identity_that_is_shown_nothing_rests_and_the_others_go_on() -> None:
    """Whether from the first or after some hours; what it was told since it was last shown a known
    video does not count.
    """

    async def main() -> None:
        page = Page("a", identities=("main", "second"))
        page.blocked = {"second"}
        watch = Watch(page)
        health = watch.source("a")
        believed = [await health.ask([ROW]) is not None for _ in range(4)]
        assert believed == [False, True, False, True]
        page.blocked, right_at = {"main"}, health.standing("main").looked_at
        assert not await health.reads_right("main", since=now())
        assert await health.reads_right("second")
        (first, at_once), (again, later), (other, _) = watch.rested
        assert (first, again, other) == ("second", "second", "main")
        assert later > at_once
        assert health.usable
        ((name, since),) = watch.bad
        assert (name, since) == ("a", pytest.approx(right_at, abs=1))

    run(main())


def test_a_source_that_shows_nothing_rests_where_another_shows_it() -> None:
    """Longer each time; afterwards known videos are asked first."""

    async def main() -> None:
        page = Page("a")
        page.blocked = {"main"}
        watch = Watch(page, Page("b"))
        pauses = []
        for _ in range(8):
            health = watch.source("a")
            assert await health.ask([ROW]) is None
            pauses.append(health.closed_until - now())
            watch.clock.advance(pauses[-1] + 1)
        assert pauses == sorted(pauses)
        assert pauses[-1] == pytest.approx(3600, abs=300)
        assert ROW not in page.asked
        assert watch.rested == []
        page.blocked = set()
        assert await watch.source("a").ask([ROW])

    run(main())


def test_no_known_videos_no_look() -> None:
    """Whoever empties both lists does without the guard."""

    async def main() -> None:
        page = Page("a")
        watch = Watch(page, known=False)
        for _ in range(300):
            assert await watch.source("a").ask([ROW])
        assert set(page.asked) == {ROW}

    run(main())


def test_one_in_a_hundred_requests_is_a_known_video_for_each_identity() -> None:
    """Creative Commons ones, in turn: only these show that a license row is missing."""

    async def main() -> None:
        page = Page("a", identities=("main", "second"))
        watch = Watch(page)
        for _ in range(1002):
            assert await watch.source("a").ask([ROW])
        known = [video_id for video_id in page.asked if video_id != ROW]
        assert len(known) == 2 * 4 + 1000 // LOOK_EVERY
        assert {known.count(video_id) for video_id in KNOWN_CC} == {2 + 5}

    run(main())


def test_at_the_end_all_identities_look_side_by_side() -> None:
    """Sixty-four take no longer than one; one that cannot ask holds nobody up."""

    async def main() -> None:
        everybody = [f"node{number}/main" for number in range(64)]
        page = Page("a", identities=everybody, seconds=1)
        watch = Watch(page)
        for _ in range(2 * 64):
            assert await watch.source("a").ask([ROW])
        page.resting, began, looked = {everybody[0]}, watch.clock.time(), len(page.asked)
        assert not await watch.router.look_at_the_end()
        assert watch.clock.time() - began == SUSPECT_LOOKS
        assert len(page.asked) - looked == 63 * SUSPECT_LOOKS

    run(main())


def test_in_a_call_about_many_one_is_a_known_video() -> None:
    """That costs no request; misread there makes suspect, too."""

    async def main() -> None:
        page = Page("a", batch_size=50)
        watch = Watch(page)
        health = watch.source("a")
        assert health.at_once == 49
        for _ in range(10):
            assert await health.ask([ROW] * 49)
        assert page.sizes == [4, *[50] * 10]
        page.known = {}
        assert await health.ask([ROW] * 49) is None
        assert not health.trusted

    run(main())


def test_unknown_in_a_row_is_looked_into_at_once() -> None:
    """Five: a known video is asked; read right, it goes on; else the last is not believed."""

    async def main() -> None:
        page = Page("a", otherwise=UNKNOWN)
        watch = Watch(page)
        for _ in range(10):
            assert await watch.source("a").ask([ROW])
        assert len(page.asked) == 4 + 10 + 2
        page.blocked = {"main"}
        for _ in range(4):
            assert await watch.source("a").ask([ROW])
        assert await watch.source("a").ask([ROW]) is None
        assert [name for name, _ in watch.rested] == ["main"]

    run(main())


def test_what_is_believed_for_good_is_older_than_a_clean_stretch() -> None:
    """Right looks may be luck: only after thirty in a row does that time move on."""

    async def main() -> None:
        watch = Watch(Page("a"))
        health = watch.source("a")
        times = []
        for _ in range(CLEAN_LOOKS + 2):
            times.append(now())
            assert await health.reads_right("main", since=now())
        assert [at for _, at in watch.good] == [*times[:1] * CLEAN_LOOKS, *times[1:3]]

    run(main())


def test_a_look_serves_all_who_wait_for_one() -> None:
    """Thirty-two answers that have to be vouched for cost one request."""

    async def main() -> None:
        page = Page("a")
        watch = Watch(page)
        health = watch.source("a")
        assert await health.reads_right(None)
        watch.clock.advance(5)
        page.asked.clear()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(32):
                tasks.create_task(health.reads_right("main", since=now()))
        assert len(page.asked) == 1

    run(main())


def test_a_change_of_one_answer_in_five_is_hardly_ever_missed() -> None:
    """In 3,000 videos so many looks happen that all are right by luck once in 800 times."""

    async def missed(rng: random.Random) -> tuple[bool, int]:
        page = Page("a", seconds=0.01)
        watch = Watch(page)
        health = watch.source("a")
        assert await health.ask([ROW])
        page.misread_share, page.rng = 0.2, rng
        for _ in range(3000):
            await health.ask([ROW])
            if watch.bad:
                return False, 0
        return True, len(page.asked)

    page = Page("a", seconds=0.01)
    watched = run(looks_in(page, 3000))
    assert watched >= CLEAN_LOOKS
    rng = random.Random(15)
    tries = 50_000
    lucky = sum(all(rng.random() > 0.2 for _ in range(watched)) for _ in range(tries))
    assert lucky / tries < 0.01
    # The same through the whole of it, as often as time allows.
    assert [run(missed(random.Random(seed)))[0] for seed in range(40)].count(True) <= 1


async def looks_in(page: Page, videos: int) -> int:
    """How many known videos are asked in so many, after the first look."""
    watch = Watch(page)
    for _ in range(videos):
        assert await watch.source("a").ask([ROW])
    return len([one for one in page.asked if one != ROW]) - len(EVERYTHING)


def test_a_resting_source_comes_back() -> None:
    """`until` is kept, and shown; afterwards the source is ready as before."""

    async def main() -> None:
        watch = Watch(Page("a"), Page("b"))
        first = watch.source("a")
        first.pause(SourceUnusable("used up", until=now() + 50))
        usable = watch.router.usable()
        assert usable is not None
        assert usable.name == "b"
        assert watch.router.named("a") is None
        source = watch.router.snapshot()[0]
        assert (source.state, source.why) == ("resting", "used up")
        watch.source("b").pause(SourceUnusable("used up", until=now() + 80))
        assert watch.router.wait_seconds() == pytest.approx(50)
        watch.clock.advance(51)
        usable = watch.router.usable()
        assert usable is not None
        assert usable is first
        source = watch.router.snapshot()[0]
        assert (source.state, source.why) == ("ready", "")

    run(main())


def test_a_source_set_aside_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Thirty-two requests that find the quota used up make one line."""

    async def main() -> None:
        watch = Watch(Page("a"))
        source = watch.source("a")
        for _ in range(32):
            source.pause(SourceUnusable("used up", until=now() + 50))

    run(main())
    assert caplog.text.count("not using") == 1


def test_what_a_refused_key_s_source_said_stays_good() -> None:
    """Out for this run is not distrusted."""

    async def main() -> None:
        watch = Watch(Page("a"))
        source = watch.source("a")
        source.pause(SourceUnusable("key …1234 refused"))
        assert source.trusted
        assert watch.router.snapshot()[0].state == "out"
        with pytest.raises(SourcesExhausted, match=r"…1234.*ASCC_LICENSE__API_KEYS.*innertube"):
            watch.router.wait_seconds()

    run(main())


def test_no_source_at_all_is_explained() -> None:
    """Only data_api named and no key given."""

    async def main() -> None:
        with pytest.raises(SourcesExhausted, match="no key is given"):
            Watch().router.wait_seconds()

    run(main())


def test_refusals_and_faults_do_not_fail_the_check() -> None:
    """They say nothing of the source; a server error three times rests it."""

    async def main() -> None:
        page = Page("a")
        page.next_errors = [Refused("429"), NetworkFault("reset"), ServerFault("503")]
        watch = Watch(page)
        assert await watch.source("a").reads_right(None)
        page = Page("a")
        page.next_errors = [ServerFault("503"), UnexpectedAnswer("no JSON"), ServerFault("503")]
        watch = Watch(page)
        assert not await watch.source("a").reads_right(None)
        assert watch.router.wait_seconds() == pytest.approx(300)

    run(main())


def test_a_connection_that_always_breaks_rests_the_source() -> None:
    """The check ends even where every answer is cut off."""

    async def main() -> None:
        page = Page("a")
        page.next_errors = [NetworkFault("cut", kind="short_body")] * 1000
        watch = Watch(page)
        assert not await watch.source("a").reads_right(None)
        assert len(page.next_errors) > 900

    run(main())


def test_nothing_reachable_at_the_start_stops_the_run() -> None:
    """No identity ever reached anything: the user must see to it."""

    async def main() -> None:
        page = Page("a")
        page.next_errors = [NetworkFault("proxy down", kind="proxy")]
        watch = Watch(page, unreachable=True)
        with pytest.raises(SetupError, match="proxy down"):
            await watch.source("a").reads_right(None)

    run(main())
