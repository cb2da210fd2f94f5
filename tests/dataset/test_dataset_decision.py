"""What becomes of a segment, for each thing the journal may know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from dataset_samples import DAY, FORM, NOW, answer, clip, clip_file, removals

from ascc_async.dataset.decision import Decision, Hold, Terms, decide
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import License, Outcome, Reason

VIDEO = "abcdefghijk"
SEGMENT = f"{VIDEO}_30000"
TERMS = Terms(FORM, NOW, 30)
CC, STANDARD = License.CREATIVE_COMMONS, License.STANDARD


def decided(
    answer_row: AnswerRow | None, clip_row: ClipRow | None = None, **terms: Any
) -> tuple[str, str | None]:
    """Outcome and reason."""
    decision = decide(SEGMENT, VIDEO, answer_row, clip_row, replace(TERMS, **terms))
    return decision.outcome, decision.reason


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, ("pending", None)),
        (answer(VIDEO), ("pending", None)),
        (answer(VIDEO, STANDARD), ("not_shareable", None)),
        (answer(VIDEO, License.UNKNOWN), ("not_shareable", "license_unknown")),
        (
            answer(VIDEO, License.UNAVAILABLE, reason=Reason.PRIVATE),
            ("unavailable", "private"),
        ),
        (answer(VIDEO, STANDARD, previous_license=CC), ("not_shareable", "license_changed")),
        (answer(VIDEO, STANDARD, previous_license=License.UNKNOWN), ("not_shareable", None)),
    ],
)
def test_without_a_clip_the_answer_decides(
    row: AnswerRow | None, expected: tuple[str, str | None]
) -> None:
    """Only Creative Commons leads further; unknown is never taken for standard."""
    assert decided(row) == expected


@pytest.mark.parametrize("reason", [Reason.SILENT, Reason.TOO_SHORT, Reason.NO_AUDIO])
def test_rejected_clips_say_why(reason: Reason) -> None:
    """What the clip stage found is what the manifest says."""
    row = clip(SEGMENT, Outcome.REJECTED, reason=reason)
    assert decided(answer(VIDEO), row) == ("rejected", reason)


@pytest.mark.parametrize("reason", [Reason.NETWORK, Reason.TOOL_FAILED])
def test_a_failure_that_may_pass_is_pending(reason: Reason) -> None:
    """A fault of network or tool is no word about the video."""
    row = clip(SEGMENT, Outcome.PENDING, reason=reason)
    assert decided(answer(VIDEO), row) == ("pending", reason)


def test_a_finished_clip_counts() -> None:
    """Creative Commons, fresh, credited, in the form of now: in the dataset."""
    assert decided(answer(VIDEO), clip(SEGMENT)) == ("clip", None)


def test_a_clip_beyond_the_limit_is_spare() -> None:
    """`spare` names only what would otherwise count."""
    spare = decide(SEGMENT, VIDEO, answer(VIDEO), clip(SEGMENT), TERMS, spare=True)
    other = decide(SEGMENT, VIDEO, answer(VIDEO, STANDARD), None, TERMS, spare=True)
    assert (spare.outcome, other.outcome) == (Outcome.SPARE, Outcome.NOT_SHAREABLE)


@pytest.mark.parametrize(
    ("answer_row", "clip_row", "expected"),
    [
        (
            answer(VIDEO, checked_at=NOW - 31 * DAY),
            clip(SEGMENT),
            Decision(Outcome.PENDING, None, Hold.OLD_EVIDENCE),
        ),
        (
            answer(VIDEO, channel=" \x07"),
            clip(SEGMENT),
            Decision(Outcome.PENDING, None, Hold.NO_CREDITS),
        ),
        (
            answer(VIDEO, channel_id="../../x"),
            clip(SEGMENT),
            Decision(Outcome.PENDING, None, Hold.NO_CREDITS),
        ),
        (
            answer(VIDEO),
            clip(SEGMENT, clip=clip_file(SEGMENT, form="audio/wav/source/source")),
            Decision(Outcome.PENDING, None, Hold.OTHER_FORM),
        ),
        (
            answer(VIDEO, STANDARD, previous_license=CC),
            clip(SEGMENT),
            Decision(Outcome.NOT_SHAREABLE, Reason.LICENSE_CHANGED, Hold.LICENSE_CHANGED),
        ),
        (
            answer(VIDEO, License.UNAVAILABLE, reason=Reason.REMOVED),
            clip(SEGMENT),
            Decision(Outcome.UNAVAILABLE, Reason.REMOVED, Hold.NO_LONGER_THERE),
        ),
    ],
)
def test_a_clip_is_held_back_until_all_terms_are_met(
    answer_row: AnswerRow, clip_row: ClipRow, expected: Decision
) -> None:
    """Old evidence, missing credits, another form or a changed license keep a clip out."""
    assert decide(SEGMENT, VIDEO, answer_row, clip_row, TERMS) == expected


def test_evidence_counts_to_the_last_second() -> None:
    """Thirty days to the second are still young enough."""
    row = answer(VIDEO, checked_at=NOW - 30 * DAY)
    assert decided(row, clip(SEGMENT)) == ("clip", None)
    assert decided(row, clip(SEGMENT), now=NOW + 1) == ("pending", None)


def test_credits_may_come_from_the_extraction() -> None:
    """What the license page did not tell, yt-dlp may have told."""
    bare = answer(VIDEO, title="", channel="", channel_id="")
    row = clip(SEGMENT, title="T", channel="C", channel_id="UC1")
    assert decided(bare, row) == ("clip", None)
    assert decided(bare, clip(SEGMENT)) == ("pending", None)


@pytest.mark.parametrize(
    "line", [VIDEO, SEGMENT, "UC" + "x" * 22, "channel: a CHANNEL", f"https://youtu.be/{VIDEO}"]
)
def test_the_removal_list_goes_before_everything(line: str) -> None:
    """A named video, segment or channel is not in the dataset, and no reason is made up."""
    decision = decide(
        SEGMENT, VIDEO, answer(VIDEO), clip(SEGMENT), replace(TERMS, removals=removals(line))
    )
    assert decision == Decision(Outcome.NOT_SHAREABLE, None, Hold.REMOVAL_LIST, removed=True)
