"""The work queue: counts add up, each row comes once, and a start finds what a long run knew."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from random import Random
from typing import cast

import numpy as np
import pytest
from fakeclock import run
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_world import (
    CC,
    DAY,
    EXPLAINING,
    NOW,
    SETTINGS,
    STANDARD,
    UNAVAILABLE,
    UNKNOWN,
    Memory,
    aged,
    answer,
    clip_row,
    one_row,
    work_queue_of,
)
from worlds import in_seeded_order, selection_of

from ascc_async.audioset.sampling import RowState, spare
from ascc_async.audioset.selection import Selection
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Distrusted
from ascc_async.model import License, LicenseAnswer, Outcome, Reason
from ascc_async.pipeline.journal_index import doubtful_ids
from ascc_async.pipeline.work_queue import WorkQueue

CHOSEN = (0, 1, 2, 4)
rngs = st.integers(0, 1 << 40).map(Random)


class World:
    """A journal, a work queue over it, and what YouTube would say."""

    def __init__(self, selection: Selection, rng: Random, retry_unknown: int = 0) -> None:
        self.selection, self.rng, self.memory = selection, rng, Memory()
        self.retry_unknown = retry_unknown
        rows = len(selection.segments)
        kinds = rng.choices([CC, STANDARD, UNAVAILABLE, UNKNOWN], [5, 5, 2, 1], k=rows)
        self.truth = dict(enumerate(kinds))
        self.can = {row: rng.random() < 0.7 for row in range(rows)}
        self.asked: list[int] = []
        self.total = 0
        self.out: list[int] = []
        self.offered: list[int] = []
        self.work_queue = self.fresh()

    def fresh(self) -> WorkQueue:
        """A start: everything from the journal."""
        rules = SETTINGS.model_copy(update={"retry_unknown": self.retry_unknown})
        return work_queue_of(self.selection, self.memory, settings=rules, wall=lambda: NOW)

    def restart(self) -> None:
        """Killed: what was out is out no more."""
        self.work_queue, self.out, self.offered, self.total = self.fresh(), [], [], 0

    def take(self) -> bool:
        """Hand out rows."""
        rows = self.work_queue.take(self.rng.randint(1, 5))
        self.out += rows
        self.asked += rows
        return bool(rows)

    def answer(self) -> None:
        """One answer comes, whichever."""
        row = self.out.pop(self.rng.randrange(len(self.out)))
        new = answer(self.work_queue.video_id(row), self.truth[row], "a", NOW)
        self.memory._put(new)
        self.work_queue.asked(row, new)

    def offer(self) -> bool:
        """A clip is begun."""
        row = self.work_queue.next_clip()
        if row is not None:
            self.offered.append(row)
        return row is not None

    def make(self) -> None:
        """A clip is done, or put back."""
        row = self.offered.pop(self.rng.randrange(len(self.offered)))
        if self.rng.random() < 0.1:
            self.work_queue.clip_again(row)
            return
        clip = clip_row(self.work_queue, row, Outcome.CLIP if self.can[row] else Outcome.REJECTED)
        self.memory.clip_rows[clip.segment_id] = clip
        self.work_queue.clip_done(row, clip)

    def distrust(self) -> None:
        """Everything the source said is in doubt."""
        self.memory._distrust(Distrusted("a", 0.0))
        run(self.work_queue.take_back(doubtful_ids(cast(Reader, self.memory))))

    def watch(self) -> None:
        """The total that the bar of clips has never shrinks within a run."""
        now = self.work_queue.snapshot()
        clips = now.clips + now.clips_open + now.clips_rejected + now.clips_gone + now.clips_later
        assert clips >= self.total
        self.total = clips

    def live(self, trouble: float) -> None:
        """All that may happen, in any order, to the end."""
        while True:
            self.watch()
            act = self.rng.random()
            if act < trouble:
                self.rng.choice([self.restart, self.distrust])()
                trouble *= 0.8
            elif act < 0.4 and self.out:
                self.answer()
            elif act < 0.6 and self.offered:
                self.make()
            elif act < 0.8 and self.offer():
                continue
            elif not self.take() and not self.out and not self.offered and not self.offer():
                return

    def final(self) -> set[int]:
        """The rows that are clips in the end, the plain way."""
        good = {r for r, kind in self.truth.items() if kind is CC and self.can[r]}
        limit = self.selection.max_per_class
        orders = [in_seeded_order(self.selection, code) for code in CHOSEN]
        return {row for order in orders for row in [r for r in order if r in good][:limit]}

    def clips(self) -> set[int]:
        """The rows that are clips, without spares."""
        sampler = self.work_queue._sampler
        spares = spare(self.selection, sampler.states)
        kept = (sampler.states == RowState.CLIP) & self.selection.selected & ~spares
        return set(np.flatnonzero(kept).tolist())


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """Some dozen rows of up to three classes each, with a limit or without."""
    labels = draw(
        st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True), max_size=30)
    )
    limit = draw(st.none() | st.integers(1, 4))
    return selection_of(labels, CHOSEN, limit=limit, seed=draw(st.integers(0, 3)))


@settings(deadline=None, max_examples=150)
@given(selections(), rngs)
def test_each_needed_row_is_asked_exactly_once(selection: Selection, rng: Random) -> None:
    """Whatever the order of answers and clips; without a limit that is every row."""
    world = World(selection, rng)
    world.live(trouble=0)
    assert len(world.asked) == len(set(world.asked))
    if selection.max_per_class is None:
        assert set(world.asked) == set(selection.rows.tolist())
    assert world.work_queue.asking_done
    assert not world.work_queue.making


@settings(deadline=None, max_examples=150)
@given(selections(), rngs)
def test_the_end_is_the_same_whatever_happens(selection: Selection, rng: Random) -> None:
    """Restarts and lost trust at any time: the same clips in the end."""
    world = World(selection, rng)
    world.live(trouble=0.15)
    assert world.clips() == world.final()


@settings(deadline=None, max_examples=150)
@given(selections(), rngs)
def test_counts_add_up_and_a_start_finds_the_same(selection: Selection, rng: Random) -> None:
    """After any life, counts and states from the journal are those that were lived through."""
    world = World(selection, rng)
    world.live(trouble=0.15)
    lived, fresh = world.work_queue, world.fresh()
    known = world.memory.licenses()
    video_ids = map(lived.video_id, selection.rows.tolist())
    kinds = [known[video_id] for video_id in video_ids if video_id in known]
    for work_queue in (lived, fresh):
        counts = work_queue.snapshot()
        assert counts.asked == len(kinds)
        assert counts.licenses == {kind: kinds.count(kind) for kind in License}
        assert counts.reasons.get(Reason.REMOVED, 0) == kinds.count(UNAVAILABLE)
    assert lived.snapshot().clips == fresh.snapshot().clips
    assert lived._states.tolist() == fresh._states.tolist()


def test_a_license_that_changed_takes_its_clip_along() -> None:
    """Old evidence is asked again; standard now, no clip is made or counted."""
    work_queue = one_row(aged(CC, 31), clip=(Outcome.CLIP, None, NOW - 31 * DAY))
    assert work_queue.take(1) == (0,)
    work_queue.asked(0, aged(STANDARD))
    assert work_queue.next_clip() is None
    assert work_queue.snapshot().licenses[STANDARD] == 1


def test_old_evidence_stays_when_the_new_answer_is_unknown() -> None:
    """Asked again without an answer: counted as before, not asked again in this run."""
    work_queue = one_row(aged(CC, 31))
    work_queue.take(1)
    work_queue.asked(0, aged(UNKNOWN))
    assert work_queue.snapshot().licenses[CC] == 1
    assert work_queue.take(1) == ()
    assert work_queue.next_clip() is None


def test_a_waiting_clip_is_not_made_on_doubted_evidence() -> None:
    """Its row is asked again first, and made once."""
    world = World(selection_of([[0]] * 3, [0], limit=None), Random(0))
    world.truth = dict.fromkeys(range(3), CC)
    world.take()
    world.take()
    world.take()
    while world.out:
        world.answer()
    first = world.work_queue.next_clip()
    assert first is not None
    world.distrust()
    assert world.work_queue.next_clip() is None
    assert len(world.work_queue.take(9)) == 3
    for row in range(3):
        world.work_queue.asked(row, answer(world.work_queue.video_id(row), CC, "b", NOW))
    offered = [world.work_queue.next_clip(), world.work_queue.next_clip()]
    assert {first, *offered} == {0, 1, 2}
    assert world.work_queue.next_clip() is None


@pytest.mark.parametrize("limit", [None, 100])
def test_taking_back_many_answers_leaves_the_event_loop_free(limit: int | None) -> None:
    """Never 50 ms in one go; nothing is handed out before all are back, and then all are asked."""
    rows = 50_000
    selection = selection_of([[0, 1, 2]] * rows, [0, 1, 2], limit=limit)
    # As YouTube's ids, these differ in their first characters: by those they are looked up.
    ids = np.array([f"{row:08d}xyz" for row in range(rows)], "S11")
    selection = replace(selection, segments=replace(selection.segments, ids=ids))
    memory = Memory()
    memory.answers = {video_id: answer(video_id, STANDARD) for video_id in ids.astype(str).tolist()}
    memory.asks = dict.fromkeys(memory.answers, 0)
    reader = cast(Reader, memory)
    work_queue = work_queue_of(selection, memory)
    held: list[float] = []

    async def watch() -> None:
        taking_back = asyncio.create_task(work_queue.take_back(doubtful_ids(reader)))
        while not taking_back.done():
            # CPU time: on a busy machine everything takes longer.
            began = time.thread_time()
            await asyncio.sleep(0)
            held.append(time.thread_time() - began)
            assert taking_back.done() or work_queue.take(1) == ()

    run(watch())
    assert len(held) > 2
    assert max(held) < 0.05
    assert work_queue.snapshot().licenses == {**dict.fromkeys(License, 0), UNKNOWN: rows}
    assert len(work_queue.take(rows)) >= (limit or rows)


def test_rows_deferred_to_the_next_run_do_not_keep_this_one_going() -> None:
    """They count as open, keep their class's place, and come again after a start."""
    for limit in (None, 1):
        world = World(selection_of([[0]], [0], limit=limit), Random(0))
        rows = world.work_queue.take(1)
        world.work_queue.defer(rows)
        assert world.work_queue.asking_done
        assert world.work_queue.take(1) == ()
        assert world.fresh().take(1) == rows


def not_listed(row: int, bare_by: str = "", at: float = NOW) -> LicenseAnswer:
    """The Data API does not list it; `bare_by`: the player said no more to this identity."""
    video_id, reason = f"{row:011d}", Reason.NOT_LISTED
    return LicenseAnswer(video_id, UNAVAILABLE, "a", at, reason, bare_by=bare_by)


def explaining(*known: LicenseAnswer, rows: int = 3) -> WorkQueue:
    """A start that lets the player be asked why videos are not listed."""
    memory = Memory()
    for each in known:
        memory._put(each)
    selection = selection_of([[0]] * rows, [0], limit=None)
    return work_queue_of(selection, memory, settings=EXPLAINING, wall=lambda: NOW)


def test_why_a_video_is_missing_is_asked_when_nothing_else_waits() -> None:
    """Not while a row is out or a clip is made; then each once, whatever else comes meanwhile."""
    work_queue = explaining(not_listed(0), not_listed(1))
    assert work_queue.anything_to_do()
    assert work_queue.take(9) == (2,)
    assert work_queue.take_missing() is None, "row 2 is out"
    work_queue.asked(2, answer("00000000002", CC, at=NOW))
    assert work_queue.take_missing() is None, "its clip is still to be made"
    assert work_queue.next_clip() == 2
    work_queue.clip_done(2, clip_row(work_queue, 2, Outcome.CLIP))
    assert [work_queue.take_missing() for _ in range(3)] == [0, 1, None]
    assert work_queue.missing.any()
    work_queue.asked(0, not_listed(0, bare_by="main"))
    work_queue.asked(1, LicenseAnswer("00000000001", UNAVAILABLE, "a", NOW, Reason.PRIVATE))
    assert not work_queue.missing.any()
    assert work_queue.asking_done
    assert work_queue.snapshot().reasons == {Reason.NOT_LISTED: 1, Reason.PRIVATE: 1}


def test_what_the_player_said_is_not_asked_for_again_within_the_month() -> None:
    """Bare words of 29 days ago stay, of 31 days ago are asked again."""
    bare = [not_listed(0, "main", NOW - 29 * DAY), not_listed(1, "main", NOW - 31 * DAY)]
    work_queue = explaining(*bare, rows=2)
    assert [work_queue.take_missing() for _ in range(2)] == [1, None]


def test_without_the_setting_nobody_is_asked_why() -> None:
    """`not_listed` is an answer like any other."""
    work_queue = one_row(not_listed(0))
    assert not work_queue.anything_to_do()
    assert work_queue.take_missing() is None


def test_a_clip_put_off_is_not_offered_again_in_this_run() -> None:
    """PENDING waits for the next start, also when its license is asked again."""
    world = World(selection_of([[0]], [0], limit=None), Random(0))
    world.work_queue.take(1)
    world.work_queue.asked(0, aged(CC))
    assert world.work_queue.next_clip() == 0
    world.work_queue.clip_done(0, clip_row(world.work_queue, 0, Outcome.PENDING, Reason.NETWORK))
    assert world.work_queue.next_clip() is None
    assert not world.work_queue.making


def test_looking_whether_there_is_anything_to_do_takes_nothing() -> None:
    """The row that was seen is still the first to be asked."""
    work_queue = World(selection_of([[0]] * 3, [0], limit=None), Random(0)).work_queue
    assert work_queue.anything_to_do()
    assert set(work_queue.take(9)) == {0, 1, 2}
    assert not work_queue.anything_to_do()
