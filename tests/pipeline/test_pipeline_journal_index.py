"""What a start makes of the journal: which videos it asks again, which clips it makes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sweep_world import (
    CC,
    DAY,
    NOW,
    STANDARD,
    UNAVAILABLE,
    UNKNOWN,
    Memory,
    aged,
    clip_row,
    one_row,
    work_queue_of,
)
from worlds import selection_of

from ascc_async.audioset.sampling import RowState
from ascc_async.dataset.reasons import PASSING_REASONS
from ascc_async.dataset.removals import Removals
from ascc_async.model import LicenseAnswer, Outcome, Reason
from ascc_async.pipeline.journal_index import state_by


@pytest.mark.parametrize(
    ("answers", "again"),
    [
        ([], True),
        ([aged(STANDARD, 400)], False),
        ([aged(CC, 29)], False),
        ([aged(CC, 31)], True),
        ([aged(UNKNOWN)], True),
        ([aged(UNKNOWN)] * 2, True),
        ([aged(UNKNOWN)] * 3, False),
        ([aged(UNKNOWN, 31)] * 3, True),
        ([aged(UNKNOWN, shown=False)] * 9, True),
        ([aged(UNAVAILABLE, 400, Reason.REMOVED)], False),
        ([aged(UNAVAILABLE, 29, Reason.REMOVED, bare_by="main")], False),
        ([aged(UNAVAILABLE, 31, Reason.REMOVED, bare_by="main")], True),
        ([aged(UNAVAILABLE, 29, Reason.NOT_LISTED)], False),
        ([aged(UNAVAILABLE, 31, Reason.NOT_LISTED)], True),
        *(([aged(UNAVAILABLE, 31, reason)], True) for reason in PASSING_REASONS),
        *(([aged(UNAVAILABLE, 29, reason)], False) for reason in PASSING_REASONS),
    ],
)
def test_what_a_start_asks_again(answers: list[LicenseAnswer], again: bool) -> None:
    """Old evidence, unknown (if shown, `retry_unknown` times a month), and what may pass."""
    assert one_row(*answers).take(9) == ((0,) if again else ())


def test_what_ended_unsurely_is_asked_again_last_of_all() -> None:
    """After rows that were never asked and after unknown ones."""
    memory = Memory()
    for row, known in enumerate(
        (
            aged(UNAVAILABLE, 31, Reason.REMOVED, bare_by="main"),
            aged(UNAVAILABLE, 31, Reason.NOT_LISTED),
            aged(UNKNOWN),
        )
    ):
        memory._put(replace(known, video_id=f"{row:011d}"))
    rows = selection_of([[0]] * 4, [0], limit=None)
    assert work_queue_of(rows, memory, wall=lambda: NOW).take(9) == (2, 3, 0, 1)


@pytest.mark.parametrize(
    ("clip", "wanted"),
    [
        (None, True),
        ((Outcome.CLIP, None, NOW), False),
        ((Outcome.PENDING, Reason.NETWORK, NOW), True),
        ((Outcome.REJECTED, Reason.SILENT, NOW), False),
        ((Outcome.REJECTED, Reason.SILENT, NOW - 31 * DAY), False),
        ((Outcome.REJECTED, Reason.CORRUPT, NOW - 29 * DAY), False),
        ((Outcome.REJECTED, Reason.CORRUPT, NOW - 31 * DAY), True),
        ((Outcome.UNAVAILABLE, Reason.LIVE, NOW - 29 * DAY), False),
        ((Outcome.UNAVAILABLE, Reason.LIVE, NOW - 31 * DAY), True),
    ],
)
def test_which_clips_a_start_makes(
    clip: tuple[Outcome, Reason | None, float] | None, wanted: bool
) -> None:
    """Those not tried, those that failed for now, and what may have passed since."""
    assert (one_row(aged(CC), clip=clip).next_clip() == 0) == wanted


@pytest.mark.parametrize(("reason", "again"), [(Reason.AGE_RESTRICTED, True), (Reason.LIVE, False)])
def test_another_account_or_proxy_opens_only_what_was_barred(reason: Reason, again: bool) -> None:
    """A stream is a stream for everybody: that passes with time alone."""
    memory = Memory()
    memory._put(aged(UNAVAILABLE, 1, reason))
    rows = selection_of([[0]], [0], limit=None)
    work_queue = work_queue_of(rows, memory, access_since=NOW, wall=lambda: NOW)
    assert work_queue.take(9) == ((0,) if again else ())
    clip = clip_row(work_queue, 0, Outcome.UNAVAILABLE, reason, NOW - DAY)
    assert (state_by(clip, access_since=NOW) is RowState.APPROVED) == again


def test_videos_on_the_removal_list_are_left_alone() -> None:
    """Neither asked nor fetched."""
    removals = Removals(videos=frozenset({"00000000001", "not there"}))
    work_queue = work_queue_of(
        selection_of([[0]] * 2, [0], limit=None), Memory(), removals=removals
    )
    assert work_queue.take(9) == (0,)
