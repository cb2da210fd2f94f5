"""Sampling: the same set whatever happens on the way, for not a request too many."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import in_seeded_order, selection_of

from ascc_async.audioset.sampling import RowState, Sampler, reach, spare
from ascc_async.audioset.segments import Bools
from ascc_async.audioset.selection import Selection

CHOSEN = (0, 1, 2, 4)

rngs = st.integers(0, 1 << 40).map(Random)


@dataclass
class World:
    """What YouTube has: `truth` is what a row turns out to be in the end."""

    selection: Selection
    approved: set[int]
    clips: set[int]
    asked: set[int] = field(default_factory=set)
    made: set[int] = field(default_factory=set)

    def final(self) -> set[int]:
        """The first N clips of each class, the plain way."""
        limit = self.selection.max_per_class
        result: set[int] = set()
        for code in CHOSEN:
            order = in_seeded_order(self.selection, code)
            result |= set([row for row in order if row in self.clips][:limit])
        return result

    def least(self) -> set[int]:
        """The rows nobody can do without: up to the N-th clip of each class."""
        limit = self.selection.max_per_class
        result: set[int] = set()
        for code in CHOSEN:
            clips = 0
            for row in in_seeded_order(self.selection, code):
                if clips == limit:
                    break
                result.add(row)
                clips += row in self.clips
        return result


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A few dozen rows of up to three classes each; most are not Creative Commons."""
    labels = draw(
        st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True), max_size=40)
    )
    limit = draw(st.none() | st.integers(1, 4))
    selection = selection_of(labels, CHOSEN, limit=limit, seed=draw(st.integers(0, 3)))
    rng = Random(draw(st.integers(0, 1 << 30)))
    share = draw(st.sampled_from([0.0, 0.2, 0.6, 1.0]))
    rows = range(len(labels))
    approved = {row for row in rows if rng.random() < share}
    return World(selection, approved, {row for row in approved if rng.random() < 0.7})


def run(world: World, rng: Random, trouble: float, first: Bools | None = None) -> Sampler:
    """Ask, answer and make clips in a random order; `trouble`: interruptions and put-backs."""
    states = np.zeros(len(world.selection.segments), np.uint8)
    sampler = Sampler(world.selection, states, first)
    while True:
        out = np.flatnonzero(sampler.states == RowState.ASKED_OUT).tolist()
        wanted = sampler.wanted().tolist()
        act = rng.random()
        if act < trouble and out:
            sampler.settle([rng.choice(out)], RowState.UNASKED)
        elif act < 2 * trouble:
            sampler = interrupted(sampler, first)
        elif act < 0.4 and out:
            row = rng.choice(out)
            sampler.settle([row], RowState.APPROVED if row in world.approved else RowState.NO)
        elif act < 0.6 and wanted:
            row = rng.choice(wanted)
            world.made.add(row)
            sampler.settle([row], RowState.CLIP if row in world.clips else RowState.NO)
        else:
            asked = sampler.next(rng.randint(1, 8)).tolist()
            assert not world.asked & set(asked) or trouble
            world.asked |= set(asked)
            if not (asked or out or wanted):
                return sampler


def interrupted(sampler: Sampler, first: Bools | None) -> Sampler:
    """What a new start finds: nothing is out any more."""
    states = sampler.states.copy()
    states[states == RowState.ASKED_OUT] = RowState.UNASKED
    return Sampler(sampler.selection, states, first)


def clips(sampler: Sampler) -> set[int]:
    """The final set as the sampler has it."""
    kept = (sampler.states == RowState.CLIP) & ~spare(sampler.selection, sampler.states)
    return set(np.flatnonzero(kept).tolist())


@settings(deadline=None, max_examples=150)
@given(worlds(), rngs, st.booleans())
def test_same_set_whatever_happens(world: World, rng: Random, calm: bool) -> None:
    """Order of answers, concurrency and interruptions never change the final set."""
    sampler = run(world, rng, 0.0 if calm else 0.08)
    assert clips(sampler) == world.final()


@settings(deadline=None, max_examples=150)
@given(worlds(), rngs, st.booleans())
def test_not_one_request_too_many(world: World, rng: Random, calm: bool) -> None:
    """Exactly the least is asked, and no clip is made in vain."""
    sampler = run(world, rng, 0.0 if calm else 0.08)
    if world.selection.max_per_class is not None:
        assert world.asked == world.least()
        assert world.made <= world.least()
    assert not spare(world.selection, sampler.states).any()


@settings(deadline=None, max_examples=150)
@given(worlds(), rngs, st.booleans())
def test_what_comes_first_changes_order_only(world: World, rng: Random, calm: bool) -> None:
    """Some rows before all others: the same set, and with a limit not one request more."""
    first = np.array([rng.random() < 0.4 for _ in range(len(world.selection.segments))], bool)
    sampler = run(world, rng, 0.0 if calm else 0.08, first)
    assert clips(sampler) == world.final()
    if world.selection.max_per_class is not None:
        assert world.asked == world.least()


@pytest.mark.parametrize("limit", [None, 4])
def test_what_comes_first_is_asked_and_made_first(limit: int | None) -> None:
    """Rows of a list come before others in a page to ask, and before others to be made."""
    selection = selection_of([[0]] * 9, [0], limit=limit)
    needed = in_seeded_order(selection, 0)[:limit]
    first = np.zeros(9, bool)
    first[needed[1::2]] = True
    sampler = Sampler(selection, np.zeros(9, np.uint8), first=first)
    asked = sampler.next(9)
    assert sorted(asked.tolist()) == sorted(needed)
    assert first[asked].tolist() == sorted(first[needed], reverse=True)
    sampler.settle(asked, RowState.APPROVED)
    assert first[sampler.wanted()].tolist() == sorted(first[needed], reverse=True)


def test_what_comes_last_is_asked_after_all_others() -> None:
    """First ones first, also those that would be last; the others keep their order."""
    selection = selection_of([[0]] * 6, [0], limit=None)
    first, last = np.zeros(6, bool), np.zeros(6, bool)
    first[4], last[[0, 2, 4]] = True, True
    sampler = Sampler(selection, np.zeros(6, np.uint8), first=first, last=last)
    assert sampler.next(9).tolist() == [4, 1, 3, 5, 0, 2]


@settings(deadline=None, max_examples=100)
@given(worlds(), rngs, st.data())
def test_start_finds_what_a_long_run_knows(world: World, rng: Random, data: st.DataObject) -> None:
    """A sampler started on any states goes on exactly as one that lived through them."""
    sampler = Sampler(world.selection, np.zeros(len(world.selection.segments), np.uint8))
    for _ in range(data.draw(st.integers(0, 30))):
        asked = sampler.next(rng.randint(1, 4)).tolist()
        for row in rng.sample(asked, rng.randint(0, len(asked))):
            sampler.settle([row], rng.choice(list(RowState)))
    again = Sampler(world.selection, sampler.states.copy())
    assert set(again.wanted()) == set(sampler.wanted())
    everything = len(world.selection.segments) + 1
    assert set(again.next(everything)) == set(sampler.next(everything))


@settings(deadline=None, max_examples=100)
@given(worlds(), rngs, st.data())
def test_a_changed_mind_is_followed(world: World, rng: Random, data: st.DataObject) -> None:
    """Any row may go from any state to any other; what is wanted follows."""
    rows = world.selection.rows.tolist()
    sampler = Sampler(world.selection, np.zeros(len(world.selection.segments), np.uint8))
    for _ in range(data.draw(st.integers(0, 25)) if rows else 0):
        sampler.next(rng.randint(0, 3))
        sampler.settle([rng.choice(rows)], rng.choice(list(RowState)))
        again = Sampler(world.selection, sampler.states.copy())
        assert sampler.wanted().tolist() == again.wanted().tolist()


def test_without_a_limit_the_catalogue_order() -> None:
    """All selected rows come once, in order; those put back come again."""
    selection = selection_of([[0], [3], [1, 3], [5], [2]], CHOSEN, limit=None)
    sampler = Sampler(selection, np.zeros(5, np.uint8))
    assert sampler.next(0).tolist() == []
    assert sampler.next(2).tolist() == [0, 2]
    sampler.settle([0], RowState.UNASKED)
    sampler.settle([2], RowState.APPROVED)
    assert sampler.wanted().tolist() == [2]
    assert sampler.next(5).tolist() == [0, 4]
    assert sampler.next(5).tolist() == []


def test_none_is_asked_beyond_the_needed_rows() -> None:
    """N rows that may become clips, and another for each that does not; none once N are clips."""
    selection = selection_of([[0]] * 8, [0], limit=2)
    order = in_seeded_order(selection, 0)
    sampler = Sampler(selection, np.zeros(8, np.uint8))
    assert sampler.next(8).tolist() == order[:2]
    assert sampler.next(8).tolist() == []
    sampler.settle([order[0]], RowState.APPROVED)
    sampler.settle([order[1]], RowState.NO)
    assert sampler.next(8).tolist() == order[2:3]
    assert sampler.wanted().tolist() == [order[0]]
    states = np.array([int(RowState.CLIP)] * 2 + [0] * 6, np.uint8)[np.argsort(order)]
    assert Sampler(selection, states).next(8).tolist() == []


def test_classes_take_turns() -> None:
    """A page of rows to ask holds some of each class, not all of the first."""
    selection = selection_of([[0]] * 9 + [[1]] * 9, [0, 1], limit=5)
    asked = Sampler(selection, np.zeros(18, np.uint8)).next(4)
    assert sorted(row < 9 for row in asked.tolist()) == [False, False, True, True]


def test_reach_is_the_nth_row_that_is_not_no() -> None:
    """Far into a class's order as well, and at its end where there are fewer."""
    order = np.arange(1000, dtype=np.int32)
    states = np.full(1000, int(RowState.NO), np.uint8)
    states[[5, 700, 900]] = RowState.UNASKED, RowState.CLIP, RowState.ASKED_OUT
    assert [reach(order, states, limit) for limit in (1, 2, 3, 4)] == [6, 701, 901, 1000]


def test_one_video_counts_for_each_of_its_classes() -> None:
    """A row of two classes is asked once and fills a place in both."""
    selection = selection_of([[0, 1]] * 9, [0, 1], limit=3)
    sampler = Sampler(selection, np.zeros(9, np.uint8))
    asked = sampler.next(9)
    assert len(asked) == 3
    sampler.settle(asked, RowState.CLIP)
    assert sampler.next(9).tolist() == []


def test_spare_when_n_is_lowered() -> None:
    """Clips beyond a smaller N are spare, unless another class still counts them."""
    labels = [[0]] * 5 + [[0, 1]]
    selection = selection_of(labels, [0, 1], limit=2)
    states = np.full(6, int(RowState.CLIP), np.uint8)
    order = in_seeded_order(selection, 0)
    expected = set(range(6)) - set(order[:2]) - {5}
    assert set(np.flatnonzero(spare(selection, states))) == expected
