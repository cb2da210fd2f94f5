"""The license stage: order of sources, and nothing lost, doubled or quietly misjudged."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fakeclock import now, run
from sweep_world import (
    CC,
    EXPLAINING,
    SETTINGS,
    STANDARD,
    UNAVAILABLE,
    UNKNOWN,
    Memory,
    Page,
    Sweep,
    Truth,
    work_queue_of,
)
from worlds import in_seeded_order, selection_of

from ascc_async.errors import (
    GaveUp,
    NetworkFault,
    Refused,
    ServerFault,
    SourceUnusable,
    StationLost,
)
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.throttle.bucket import RequestKind

MIXED = {"00000000001": CC, "00000000003": UNAVAILABLE, "00000000004": UNKNOWN}


def queue_of(rows: int) -> WorkQueue:
    """A work queue over so many rows `00000000000`, `00000000001`, …"""
    return work_queue_of(selection_of([[0]] * rows, [0], limit=None), wall=now)


def ids(rows: int) -> list[str]:
    """Their video ids."""
    return [f"{row:011d}" for row in range(rows)]


def test_every_row_is_asked_once_and_kept() -> None:
    """One source, four kinds of answer."""

    async def main() -> None:
        page = Page("a", MIXED)
        sweep = Sweep(queue_of(40), page)
        await sweep.run()
        assert sorted(page.sweep()) == ids(40)
        assert sweep.memory.licenses() == {
            video_id: MIXED.get(video_id, STANDARD) for video_id in ids(40)
        }
        counts = sweep.work_queue.snapshot().licenses
        assert (counts[CC], counts[UNAVAILABLE], counts[UNKNOWN], counts[STANDARD]) == (1, 1, 1, 37)

    run(main())


def test_unknown_goes_on_to_the_next_source_and_is_recorded_once() -> None:
    """The second source is asked only for what the first did not know; one record each."""

    async def main() -> None:
        first, second = Page("a", MIXED, batch_size=7), Page("b", {"00000000004": CC})
        sweep = Sweep(queue_of(30), first, second)
        await sweep.run()
        assert second.sweep() == ["00000000004"]
        assert sweep.memory.answers["00000000004"].source == "b"
        assert set(sweep.memory.asks.values()) == {1}
        # What no source knows is recorded once too, as unknown.
        first, second = Page("a", MIXED), Page("b", MIXED)
        sweep = Sweep(queue_of(30), first, second)
        await sweep.run()
        assert sweep.memory.licenses()["00000000004"] is UNKNOWN
        assert sweep.memory.asks["00000000004"] == 1

    run(main())


def test_batches_are_as_large_as_the_source_takes() -> None:
    """50 rows are 50 ids in one call; where the next source takes 1, they come one by one."""

    async def main() -> None:
        first, second = Page("a", batch_size=50, otherwise=UNKNOWN), Page("b")
        sweep = Sweep(queue_of(120), first, second)
        await sweep.run()
        assert sorted(first.sizes) == [4, 23, 50, 50]  # the known four, and one in each
        assert set(second.sizes) == {1}
        assert sorted(second.sweep()) == ids(120)

    run(main())


def test_a_call_that_is_not_full_waits_for_those_under_way() -> None:
    """With `max_per_class` their answers let more be asked: each round of twenty rows a class takes
    as many calls as it fills, though they come back one by one.
    """

    async def main() -> None:
        page = Page("a", batch_size=50)
        classes = [[row % 6] for row in range(1200)]
        selection = selection_of(classes, [*range(6)], limit=20)
        sweep = Sweep(work_queue_of(selection, wall=now), page, workers=8)
        await sweep.run()
        assert sorted(page.sweep()) == ids(1200)
        assert len(page.sizes) < 1.4 * 1200 / 49

    run(main())


def test_refusals_and_network_faults_lose_no_row_and_record_nothing() -> None:
    """However many; each row has its answer in the end, recorded once."""

    async def main() -> None:
        page = Page("a")
        errors: list[Exception] = [Refused("429"), NetworkFault("reset"), Refused("bot")]
        sweep = Sweep(queue_of(60), page)
        page.next_errors = errors * 20
        await sweep.run()
        assert set(sweep.memory.licenses().values()) == {STANDARD}
        assert set(sweep.memory.asks) == set(ids(60))
        assert set(sweep.memory.asks.values()) == {1}

    run(main())


@pytest.mark.parametrize("error", [NetworkFault("cut"), Refused("429")])
def test_one_video_that_always_fails_is_left_for_the_next_run(error: Exception) -> None:
    """The run ends although this row never gets an answer; nothing is recorded of it."""

    async def main() -> None:
        page = Page("a")
        page.errors_of["00000000005"] = error
        sweep = Sweep(queue_of(9), page)
        await sweep.run()
        assert set(sweep.memory.asks) == set(ids(9)) - {"00000000005"}
        assert page.asked.count("00000000005") <= 81

    run(main())


def test_a_refusal_half_way_costs_no_answers_before_it() -> None:
    """Rows taken for a source of 50 come one by one to a source of 1."""

    async def main() -> None:
        first, second = Page("a", batch_size=50), Page("b")
        sweep = Sweep(queue_of(50), first, second)
        first.next_errors = [SourceUnusable("used up", until=None)]
        second.errors_of["00000000030"] = Refused("429")
        await sweep.run()
        asked = [video_id for video_id in second.sweep() if video_id != "00000000030"]
        assert sorted(asked) == [video_id for video_id in ids(50) if video_id != "00000000030"]

    run(main())


def test_a_source_that_rests_comes_back() -> None:
    """The next one goes on meanwhile; after the rest the first is asked again."""

    async def main() -> None:
        first, second = Page("a", seconds=1), Page("b", seconds=1)
        sweep = Sweep(queue_of(400), first, second, workers=4)
        first.next_errors = [SourceUnusable("used up", until=now() + 20)]
        await sweep.run()
        assert len(second.sweep()) > 40
        assert len(first.sweep()) > 100
        assert set(sweep.memory.asks) == set(ids(400))
        assert set(sweep.memory.asks.values()) == {1}

    run(main())


def test_all_sources_resting_is_waited_for_without_a_busy_loop() -> None:
    """A day later the run goes on; waiting takes about one look a minute."""

    async def main() -> None:
        page = Page("a", batch_size=50)
        sweep = Sweep(queue_of(60), page)
        page.next_errors = [SourceUnusable("used up", until=now() + 86400)] * 1
        began = now()
        await sweep.run()
        assert now() - began >= 86400
        assert set(sweep.memory.asks) == set(ids(60))
        assert len(page.asked) < 60 + 60 + 8

    run(main())


def test_no_source_left_drains_and_keeps_what_is_known() -> None:
    """What was in flight is recorded, the run drains, the reason is there for exit code 1."""

    async def main() -> None:
        page = Page("a", seconds=1)
        sweep = Sweep(queue_of(100), page, workers=4)
        await sweep.source("a").reads_right(None)
        page.errors_of["00000000020"] = SourceUnusable("key …1234 refused")
        await sweep.run()
        assert sweep.shutdown.draining
        assert sweep.stage.exhausted is not None
        assert "…1234" in str(sweep.stage.exhausted)
        assert set(ids(20)) <= set(sweep.memory.asks)
        assert "00000000022" in sweep.memory.asks, "its answer was on the way"
        assert sweep.work_queue.licenses_done

    run(main())


def test_a_changed_page_at_the_start_costs_not_one_row() -> None:
    """The broken source is asked only for known videos; the next one does the work."""

    async def main() -> None:
        first, second = Page("a", {"M4gD1WSo5mA": STANDARD}), Page("b")
        sweep = Sweep(queue_of(30), first, second)
        await sweep.run()
        assert first.sweep() == []
        assert sorted(second.sweep()) == ids(30)

    run(main())


@pytest.mark.parametrize("commit_seconds", [0.01, 2.0])
def test_a_page_that_changes_on_the_way_is_asked_again_elsewhere(commit_seconds: float) -> None:
    """What it said since the last good check comes again from the next source, the rest stays.

    Also what waits for a slow disk when that is noticed.
    """

    async def main() -> None:
        rows = 5000
        every_seventh = dict.fromkeys(ids(rows)[::7], CC)
        first = Page("a", dict(every_seventh), batch_size=10)
        second = Page("b", dict(every_seventh), batch_size=10)
        memory = Memory(commit_seconds)
        sweep = Sweep(queue_of(rows), first, second, workers=3, memory=memory)
        first.errors_of = Changing(first, "00000003000")
        await sweep.run()
        assert sweep.memory.licenses() == {
            video_id: every_seventh.get(video_id, STANDARD) for video_id in ids(rows)
        }
        assert len(sweep.good) >= 3
        assert [name for name, _ in sweep.bad] == ["a"]
        kept = [known for known in sweep.memory.answers.values() if known.source == "a"]
        assert 1900 <= len(kept) < 3000
        counts = sweep.work_queue.snapshot().licenses
        assert (counts[CC], counts[STANDARD]) == (len(every_seventh), rows - len(every_seventh))
        assert sweep.work_queue.snapshot().asked == rows

    run(main())


def test_a_page_that_changes_near_the_end_is_noticed_at_the_end() -> None:
    """No thousand videos follow that would bring another look: the end brings one."""

    async def main() -> None:
        shareable = dict.fromkeys(ids(300)[::7], CC)
        first, second = Page("a", dict(shareable)), Page("b", dict(shareable))
        sweep = Sweep(queue_of(300), first, second)
        first.errors_of = Changing(first, "00000000150")
        await sweep.run()
        expected = {video_id: shareable.get(video_id, STANDARD) for video_id in ids(300)}
        assert sweep.memory.licenses() == expected
        assert [name for name, _ in sweep.bad] == ["a"]

    run(main())


class Changing(dict[str, Exception]):
    """When this video is asked, the page loses its license row: all standard from then on."""

    def __init__(self, page: Page, at: str) -> None:
        super().__init__()
        self._page, self._at = page, at

    def __contains__(self, video_id: object) -> bool:
        if video_id == self._at:
            self._page.known = {}
        return False


def test_a_page_that_shows_no_license_any_more_is_noticed_soon() -> None:
    """All unknown at once: the known videos are asked within some hundred answers."""

    async def main() -> None:
        first, second = Page("a"), Page("b")
        sweep = Sweep(queue_of(1500), first, second)
        first.errors_of = Silent(first, "00000000700")
        await sweep.run()
        assert set(sweep.memory.licenses().values()) == {STANDARD}
        assert len(first.sweep()) < 1000

    run(main())


class Silent(Changing):
    """When this video is asked, the page shows no license any more."""

    def __contains__(self, video_id: object) -> bool:
        if video_id == self._at:
            self._page.known, self._page.otherwise = {}, UNKNOWN
        return False


def test_server_errors_everywhere_do_not_make_everything_unknown() -> None:
    """503 for all: after some hundred the source rests; once it is back, all is asked."""

    async def main() -> None:
        page = Page("a")
        sweep = Sweep(queue_of(3000), page)
        await sweep.source("a").reads_right(None)
        page.next_errors = [ServerFault("503")] * 600
        await sweep.run()
        assert list(sweep.memory.licenses().values()).count(UNKNOWN) < 300
        assert len(sweep.memory.licenses()) == 3000

    run(main())


def test_a_drain_stops_at_once_while_all_sources_rest() -> None:
    """Waiting for a quota's reset does not hold a Ctrl-C up."""

    async def main() -> None:
        page = Page("a")
        sweep = Sweep(queue_of(60), page)
        page.next_errors = [SourceUnusable("used up", until=now() + 86400)] * 20
        sweep.clock.call_later(500, sweep.shutdown.drain, "SIGINT")
        began = now()
        await sweep.run()
        assert now() - began < 600
        assert sweep.stage.exhausted is None

    run(main())


def test_a_drained_sweep_goes_on_where_it_stopped() -> None:
    """What was recorded before the drain is not asked again."""

    async def main() -> None:
        memory, page = Memory(), Page("a", MIXED)
        sweep = Sweep(queue_of(200), page, memory=memory)
        sweep.clock.call_later(1.0, sweep.shutdown.drain, "SIGINT")
        await sweep.run()
        done = set(memory.asks)
        assert 10 < len(done) < 190
        again = Page("a", MIXED)
        work_queue = work_queue_of(selection_of([[0]] * 200, [0], limit=None), memory, wall=now)
        await Sweep(work_queue, again, memory=memory).run()
        unknown = {"00000000004"}
        assert set(again.sweep()) == set(ids(200)) - done | unknown
        assert set(memory.asks) == set(ids(200))

    run(main())


def test_giving_up_ends_the_stage() -> None:
    """Every identity rested too long: the run raises it."""

    async def main() -> None:
        page = Page("a")
        sweep = Sweep(queue_of(20), page)
        await sweep.source("a").reads_right(None)
        page.next_errors = [GaveUp("12 hours")]
        with pytest.raises(GaveUp):
            await sweep.run()
        assert sweep.work_queue.licenses_done

    run(main())


@pytest.mark.parametrize("workers", [1, 32])
def test_with_a_limit_only_what_is_needed_is_asked(workers: int) -> None:
    """Asking stops with N approved; a clip that cannot be made lets it go on; the end comes."""

    async def main() -> None:
        shareable: dict[str, License | list[License]] = dict.fromkeys(ids(300)[::3], CC)
        page = Page("a", shareable)
        selection = selection_of([[0]] * 300, [0], limit=10)
        work_queue = work_queue_of(selection, wall=now)
        sweep = Sweep(work_queue, page, workers=workers)
        made = await sweep.run_with_clips(makes=lambda row: row % 2 == 0)
        order = in_seeded_order(selection, 0)
        expected = [row for row in order if row % 3 == 0 and row % 2 == 0][:10]
        assert sorted(made) == sorted(expected)
        least = order.index(expected[-1]) + 1
        assert least <= len(page.sweep()) <= least + 4

    run(main())


def data_api(known: dict[str, Truth] | None = None) -> Page:
    """A source that shares no limit with pages."""
    api = Page("data_api", known, batch_size=50)
    api.kind = RequestKind.DATA_API
    return api


def not_listed(*video_ids: str) -> Memory:
    """What an earlier run left: the Data API does not list these videos."""
    memory = Memory()
    for video_id in video_ids:
        memory._put(LicenseAnswer(video_id, UNAVAILABLE, "data_api", 0.0, Reason.NOT_LISTED))
    return memory


def test_why_videos_are_not_listed_is_asked_after_all_else() -> None:
    """A reason replaces `not_listed`, bare words leave it, what plays is asked of the next source;
    one that cannot be asked is left for the next run.
    """

    async def main() -> None:
        memory = not_listed(*ids(4))
        rows = selection_of([[0]] * 40, [0], limit=None)
        work_queue = work_queue_of(rows, memory, settings=EXPLAINING, wall=now)
        api, page = data_api(), Page("b", {"00000000002": CC})
        sweep = Sweep(work_queue, api, page, memory=memory)
        sweep.why = {
            "00000000000": Reason.PRIVATE,
            "00000000002": None,
            "00000000003": Refused("bot"),
        }
        made = await sweep.run_with_clips(makes=lambda row: True)
        assert sorted(api.sweep()) == ids(40)[4:]
        assert page.sweep() == ["00000000002"]
        assert made == [2]
        assert sweep.asked_why.count("00000000001") == 1
        assert sweep.asked_why.count("00000000003") < 20
        reasons = [memory.answers[video_id].reason for video_id in ids(4)]
        assert reasons == [Reason.PRIVATE, Reason.NOT_LISTED, None, Reason.NOT_LISTED]
        assert memory.answers["00000000001"].bare_by == "main"
        assert memory.answers["00000000003"].bare_by == ""

    run(main())


@pytest.mark.parametrize("workers", [1, 8])
def test_pages_that_do_not_answer_hold_up_no_data_api(workers: int) -> None:
    """What the Data API cannot tell waits for pages; the rest is recorded meanwhile."""

    async def main() -> None:
        api = data_api(dict.fromkeys(ids(400)[::4], UNKNOWN))
        page = Page("b", seconds=9999)
        sweep = Sweep(queue_of(400), api, page, workers=workers)
        sweep.clock.call_later(60, sweep.shutdown.drain, "SIGINT")
        await sweep.run()
        assert {*sweep.memory.asks} == {*ids(400)} - {*ids(400)[::4]}


BARE = "00000000005"
TWO = ("main", "second")


def recorded(sweep: Sweep) -> tuple[License, Reason | None, str]:
    """What is known of the video that was called unavailable in bare words."""
    known = sweep.memory.answers[BARE]
    return known.license, known.reason, known.bare_by


@pytest.mark.parametrize("also_second", [False, True])
def test_bare_words_are_looked_at_again_by_another_identity(also_second: bool) -> None:
    """In the same run, after all else: told the same it is removed, else it is what it is."""

    async def main() -> None:
        page = Page("a", {BARE: CC}, identities=("main",))
        page.bare = {(name, BARE) for name in TWO[: 1 + also_second]}
        sweep = Sweep(queue_of(20), page, Page("b"), identities=TWO)
        await sweep.run()
        expected = (UNAVAILABLE, Reason.REMOVED, "second") if also_second else (CC, None, "")
        assert recorded(sweep) == expected
        assert [one for one in page.sweep() if one == BARE] == [BARE] * 2
        assert page.sweep()[-1] == BARE
        assert set(sweep.memory.answers) == set(ids(20))
        assert sweep.second_looks.left == 0

    run(main())


def test_a_second_look_goes_to_another_machine_when_the_first_is_lost() -> None:
    """It was in hand when the machine went, which says nothing of the video."""

    class Lost(Page):
        async def ask(
            self, video_ids: Sequence[str], *, identity: str | None = None
        ) -> list[LicenseAnswer]:
            if identity == "second" and BARE in video_ids and self.asked.count(BARE) == 1:
                self.asked.append(BARE)
                raise StationLost("«second» is lost")
            return await super().ask(video_ids, identity=identity)

    async def main() -> None:
        page = Lost("a", identities=("main",))
        page.bare = {(name, BARE) for name in TWO}
        sweep = Sweep(queue_of(20), page, identities=TWO)
        await sweep.run()
        assert recorded(sweep) == (UNAVAILABLE, Reason.REMOVED, "second")
        assert sweep.second_looks.left == 0

    run(main())


def test_with_one_identity_bare_words_wait_for_a_run_two_hours_later() -> None:
    """A look that comes too soon changes nothing, not even the time of the first."""

    async def main() -> None:
        memory, page = Memory(), Page("a", identities=("main",))
        page.bare = {("main", BARE)}
        first_seen = 0.0
        for expected in (UNKNOWN, UNKNOWN, UNAVAILABLE):
            selection = selection_of([[0]] * 20, [0], limit=None)
            sweep = Sweep(work_queue_of(selection, memory, wall=now), page, memory=memory)
            await sweep.run()
            assert recorded(sweep)[0] is expected
            assert sweep.second_looks.left == (expected is UNKNOWN)
            if expected is UNKNOWN:
                first_seen = first_seen or memory.answers[BARE].checked_at
                assert memory.answers[BARE].checked_at == first_seen
            sweep.clock.advance(4000)

    run(main())


def test_what_ended_by_bare_words_is_asked_again_a_month_later() -> None:
    """Told the same, that counts at once for another month; shown, it is what it is."""

    async def main() -> None:
        memory, page = Memory(), Page("a", {BARE: CC}, identities=("main",))
        page.bare = {("main", BARE)}
        ended = (UNAVAILABLE, Reason.REMOVED, "main")
        expected = (UNKNOWN, None, "main"), ended, ended, ended, (CC, None, "")
        for days, known in zip((0.1, 29, 2, 31, 0), expected, strict=True):
            rows = selection_of([[0]] * 20, [0], limit=None)
            sweep = Sweep(work_queue_of(rows, memory, wall=now), page, memory=memory)
            page.asked.clear()
            await sweep.run()
            assert recorded(sweep) == known
            assert (BARE in page.asked) == (days != 2)
            sweep.clock.advance(days * 86_400)
            if days == 31:
                page.bare = set()

    run(main())


def test_bare_words_do_not_replace_what_is_known() -> None:
    """A license that is too old to count stays in its row until two looks say that it is gone; a
    look before it was last seen is none of them.
    """

    async def main() -> None:
        memory, page = Memory(), Page("a", {BARE: CC}, identities=("main",))
        expected = [CC, CC, CC, CC, CC, UNAVAILABLE]
        for run_number, (told_bare, license_) in enumerate(
            zip([False, True, False, True, True, True], expected, strict=True)
        ):
            page.bare = {("main", BARE)} if told_bare else set()
            rows = selection_of([[0]] * 20, [0], limit=None)
            often = SETTINGS.model_copy(update={"recheck_after_days": 0.01})
            queue = work_queue_of(rows, memory, settings=often, wall=now)
            sweep = Sweep(queue, page, memory=memory)
            await sweep.run()
            assert recorded(sweep)[0] is license_, run_number
            sweep.clock.advance(4000)

    run(main())


def test_a_run_of_two_hours_looks_again_at_its_end() -> None:
    """Before it ends, at what it was told that long ago."""

    async def main() -> None:
        page = Page("a", seconds=400, identities=("main",))
        page.bare = {("main", BARE)}
        sweep = Sweep(queue_of(30), page, workers=1)
        await sweep.run()
        assert recorded(sweep) == (UNAVAILABLE, Reason.REMOVED, "main")

    run(main())


def test_bare_words_of_one_who_is_shown_nothing_do_not_count() -> None:
    """A second look by a blocked identity: it pauses, and the video stays unknown."""

    async def main() -> None:
        page = Page("a", identities=("main",))
        page.bare, page.blocked = {(name, BARE) for name in TWO}, {"second"}
        sweep = Sweep(queue_of(20), page, identities=TWO)
        rest = sweep.clock.call_later(3.0, page.resting.add, "second")
        await sweep.run()
        assert rest.when() < now()
        assert recorded(sweep) == (UNKNOWN, None, "main")
        assert {name for name, _ in sweep.rested} == {"second"}
        assert sweep.second_looks.left == 1

    run(main())


def test_a_class_waits_for_the_second_look() -> None:
    """With a limit no further video is asked for one that may be had after all."""

    async def main() -> None:
        page = Page("a", dict.fromkeys(ids(30), CC), identities=("main",))
        selection = selection_of([[0]] * 30, [0], limit=3)
        order = in_seeded_order(selection, 0)
        page.bare = {("main", ids(30)[order[0]])}
        sweep = Sweep(work_queue_of(selection, wall=now), page, identities=TWO, workers=1)
        assert sorted(await sweep.run_with_clips(makes=lambda row: True)) == sorted(order[:3])
        assert len(set(page.sweep())) <= 4

    run(main())


@pytest.mark.parametrize("gives_up", [False, True])
def test_a_quota_that_is_renewed_is_used_whatever_becomes_of_pages(gives_up: bool) -> None:
    """Used up, pages answer instead, or do not: when the Data API can be asked again, it is."""

    async def main() -> None:
        api, page = data_api(), Page("b", seconds=99_999)
        if gives_up:
            page.seconds, page.errors_of = 0.1, dict.fromkeys(ids(400), GaveUp("12 hours"))
        sweep = Sweep(queue_of(400), api, page, workers=8)
        await sweep.source("data_api").reads_right(None)
        api.next_errors = [SourceUnusable("used up", until=now() + 5000)]
        sweep.clock.call_later(6000, sweep.shutdown.drain, "SIGINT")
        await sweep.run()
        assert len(sweep.memory.asks) >= 400 - 3 * 4  # what four workers for pages have, or will

    run(main())


def test_a_data_api_in_the_middle_that_pauses_is_passed_over() -> None:
    """What the first source did not know goes to the last one."""

    async def main() -> None:
        first, last = Page("a", otherwise=UNKNOWN), Page("c")
        api = data_api()
        sweep = Sweep(queue_of(60), first, api, last)
        await sweep.source("data_api").reads_right(None)
        api.next_errors = [SourceUnusable("used up", until=now() + 86_400)]
        sweep.clock.call_later(1000, sweep.shutdown.drain, "SIGINT")
        await sweep.run()
        assert len(sweep.memory.asks) == 60

    run(main())
