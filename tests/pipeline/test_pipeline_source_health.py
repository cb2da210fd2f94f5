"""Trust in license sources: known videos, distrust, rest, and what is said when none is left."""

from __future__ import annotations

import logging

import pytest
from fakeclock import now, run
from sweep_world import CC, KNOWN_CC, KNOWN_STANDARD, UNAVAILABLE, UNKNOWN, Page, Watch, answer

from ascc_async.errors import (
    NetworkFault,
    Refused,
    ServerFault,
    SetupError,
    SourcesExhausted,
    SourceUnusable,
)
from ascc_async.model import License
from ascc_async.pipeline.source_health import CHECK_EVERY, SourceHealth


def test_known_videos_are_asked_before_anything_else() -> None:
    """The first check reads them; the next one asks nothing."""

    async def main() -> None:
        page = Page("a")
        watch = Watch(page)
        source_health = watch.source_health("a")
        began = now()
        assert await watch.router.ensure_checked(source_health)
        assert set(page.asked) == {*KNOWN_CC, *KNOWN_STANDARD}
        assert watch.good == [("a", began)]
        page.asked.clear()
        assert await watch.router.ensure_checked(source_health)
        assert page.asked == []

    run(main())


@pytest.mark.parametrize("seen", [License.STANDARD, License.UNKNOWN])
def test_a_known_video_misread_three_times_ends_trust(
    seen: License, caplog: pytest.LogCaptureFixture
) -> None:
    """The source is out, it is said loudly, and what it said since the last good check is named."""

    async def main() -> None:
        page = Page("a", {KNOWN_CC[0]: seen})
        watch = Watch(page, verified_at={"a": 123.0})
        source_health = watch.source_health("a")
        assert not await watch.router.ensure_checked(source_health)
        assert page.asked.count(KNOWN_CC[0]) == 3
        assert page.asked.count(KNOWN_CC[1]) == 1
        assert watch.bad == [("a", 123.0)]
        assert watch.router.usable() is None
        (source,) = watch.router.snapshot()
        assert source.state == "distrusted"
        assert KNOWN_CC[0] in source.why

    with caplog.at_level(logging.ERROR):
        run(main())
    assert "misreads videos whose license is known" in caplog.text


def test_a_standard_video_that_reads_creative_commons_ends_trust() -> None:
    """The guard looks both ways."""

    async def main() -> None:
        watch = Watch(Page("a", {KNOWN_STANDARD[0]: CC}))
        assert not await watch.router.ensure_checked(watch.source_health("a"))

    run(main())


def test_one_odd_page_is_no_evidence() -> None:
    """A known video that reads right at the second try leaves the source trusted."""

    async def main() -> None:
        page = Page("a", {KNOWN_CC[0]: [UNKNOWN, UNKNOWN, CC]})
        watch = Watch(page)
        assert await watch.router.ensure_checked(watch.source_health("a"))
        assert watch.bad == []

    run(main())


def test_a_known_video_may_be_gone() -> None:
    """Removed is no misreading while others read right."""

    async def main() -> None:
        watch = Watch(Page("a", {KNOWN_CC[0]: UNAVAILABLE}))
        assert await watch.router.ensure_checked(watch.source_health("a"))

    run(main())


def test_everything_gone_at_once_is_the_source_s_own_doing() -> None:
    """A source that read them right once, and now finds every known video gone, is out."""

    async def main() -> None:
        page = Page("a", dict.fromkeys((*KNOWN_CC, *KNOWN_STANDARD), UNAVAILABLE))
        watch = Watch(page, verified_at={"a": 1.0})
        assert not await watch.router.ensure_checked(watch.source_health("a"))

    run(main())


def test_known_videos_that_never_were_there_are_said(caplog: pytest.LogCaptureFixture) -> None:
    """Where no known video is left from the first, the run goes on with a warning."""

    async def main() -> None:
        page = Page("a", dict.fromkeys((*KNOWN_CC, *KNOWN_STANDARD), UNAVAILABLE))
        watch = Watch(page)
        assert await watch.router.ensure_checked(watch.source_health("a"))

    run(main())
    assert "none of the known videos" in caplog.text


def test_no_known_videos_no_check() -> None:
    """Whoever empties both lists does without the guard."""

    async def main() -> None:
        page = Page("a")
        watch = Watch(page, known=False)
        assert await watch.router.ensure_checked(watch.source_health("a"))
        assert page.asked == []

    run(main())


def test_checks_come_every_few_thousand_videos() -> None:
    """Four requests in CHECK_EVERY."""

    async def main() -> None:
        page = Page("a")
        watch = Watch(page)
        source_health = watch.source_health("a")
        for _ in range(3 * CHECK_EVERY):
            await watch.router.ensure_checked(source_health)
            source_health.count([answer("x" * 11, License.STANDARD)])
        assert len(page.asked) == 3 * 4

    run(main())


def test_a_jump_of_unknown_is_looked_into_at_once() -> None:
    """Most of the newest answers unknown: the known videos are asked; read right, it goes on."""

    async def main() -> None:
        page = Page("a")
        watch = Watch(page)
        source_health = watch.source_health("a")
        await watch.router.ensure_checked(source_health)
        source_health.count([answer("x" * 11, License.STANDARD)] * 200)
        assert not source_health.check_due
        source_health.count([answer("x" * 11, License.UNKNOWN)] * 61)
        assert source_health.check_due
        assert await watch.router.ensure_checked(source_health)
        assert not source_health.check_due
        source_health.count([answer("x" * 11, License.UNKNOWN)] * 50)
        assert not source_health.check_due, "the same share is no jump any more"
        page.known[KNOWN_CC[0]] = UNKNOWN
        source_health.count([answer("x" * 11, License.UNKNOWN)] * 89)
        assert not await watch.router.ensure_checked(source_health)

    run(main())


def test_share_of_unknown_is_that_of_the_newest() -> None:
    """Old answers leave the window."""
    source_health = SourceHealth(Page("a"))
    source_health.count([answer("x" * 11, License.UNKNOWN)] * 150)
    source_health.count([answer("x" * 11, License.STANDARD)] * 150)
    assert source_health.unknown_share == 50 / 200
    assert source_health.answered == 300


def test_a_resting_source_comes_back() -> None:
    """`until` is kept, and shown; afterwards the source is ready as before."""

    async def main() -> None:
        watch = Watch(Page("a"), Page("b"))
        first = watch.source_health("a")
        watch.router.pause(first, SourceUnusable("used up", until=now() + 50))
        usable = watch.router.usable()
        assert usable is not None
        assert usable[1].source.name == "b"
        assert watch.router.named("a") is None
        source = watch.router.snapshot()[0]
        assert (source.state, source.why) == ("resting", "used up")
        watch.router.pause(watch.source_health("b"), SourceUnusable("used up", until=now() + 80))
        assert watch.router.wait_seconds() == pytest.approx(50)
        watch.clock.advance(51)
        usable = watch.router.usable()
        assert usable is not None
        assert usable[1] is first
        source = watch.router.snapshot()[0]
        assert (source.state, source.why) == ("ready", "")

    run(main())


def test_a_source_set_aside_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Thirty-two requests that find the quota used up make one line."""

    async def main() -> None:
        watch = Watch(Page("a"))
        source_health = watch.source_health("a")
        for _ in range(32):
            watch.router.pause(source_health, SourceUnusable("used up", until=now() + 50))

    run(main())
    assert caplog.text.count("cannot be asked for now") == 1


def test_what_a_refused_key_s_source_said_stays_good() -> None:
    """Out for this run is not distrusted."""

    async def main() -> None:
        watch = Watch(Page("a"))
        source_health = watch.source_health("a")
        watch.router.pause(source_health, SourceUnusable("key …1234 refused"))
        assert source_health.trusted
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
        assert await watch.router.ensure_checked(watch.source_health("a"))
        page = Page("a")
        page.next_errors = [ServerFault("503")] * 3
        watch = Watch(page)
        assert not await watch.router.ensure_checked(watch.source_health("a"))
        assert watch.router.wait_seconds() == pytest.approx(300)

    run(main())


def test_a_connection_that_always_breaks_rests_the_source() -> None:
    """The check ends even where every answer is cut off."""

    async def main() -> None:
        page = Page("a")
        page.next_errors = [NetworkFault("cut", kind="short_body")] * 1000
        watch = Watch(page)
        assert not await watch.router.ensure_checked(watch.source_health("a"))
        assert len(page.next_errors) > 900

    run(main())


def test_nothing_reachable_at_the_start_stops_the_run() -> None:
    """No identity ever reached anything: the user must see to it."""

    async def main() -> None:
        page = Page("a")
        page.next_errors = [NetworkFault("proxy down", kind="proxy")]
        watch = Watch(page, unreachable=True)
        with pytest.raises(SetupError, match="proxy down"):
            await watch.router.ensure_checked(watch.source_health("a"))

    run(main())
