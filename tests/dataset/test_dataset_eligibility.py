"""What becomes of a segment, for each thing the journal may know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from dataset_samples import DAY, ENCODING, NOW, answer, clip, clip_file, removals

from ascc_async.dataset.eligibility import Decision, Terms, decide
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import License, Outcome, Reason

VIDEO = "abcdefghijk"
SEGMENT = f"{VIDEO}_30000"
TERMS = Terms(ENCODING, NOW, 30)
CC, STANDARD, UNKNOWN, GONE = (
    License.CREATIVE_COMMONS, License.STANDARD, License.UNKNOWN, License.UNAVAILABLE,
)  # fmt: skip
PRIVATE = {"reason": Reason.PRIVATE}


def decided(
    answer_row: AnswerRow | None, clip_row: ClipRow | None = None, **terms: Any
) -> tuple[str, str | None]:
    """Outcome and reason."""
    decision = decide(SEGMENT, answer_row, clip_row, replace(TERMS, **terms))
    return decision.outcome, decision.reason


@pytest.mark.parametrize(
    ("row", "expected", "expected_with_clip"),
    [
        (None, ("pending", None), None),
        (answer(VIDEO), ("pending", None), ("clip", None)),
        (answer(VIDEO, STANDARD), ("not_shareable", None), ("not_shareable", "license_changed")),
        (answer(VIDEO, UNKNOWN), ("not_shareable", "license_unknown"), None),
        (answer(VIDEO, GONE, **PRIVATE), ("unavailable", "private"), None),
        (answer(VIDEO, STANDARD, previous_license=CC), ("not_shareable", "license_changed"), None),
        (answer(VIDEO, STANDARD, previous_license=UNKNOWN), ("not_shareable", None),
         ("not_shareable", "license_changed")),
    ],
)  # fmt: skip
def test_the_answer_decides_before_the_clip(
    row: AnswerRow | None,
    expected: tuple[str, str | None],
    expected_with_clip: tuple[str, str | None] | None,
) -> None:
    """Only Creative Commons leads further; unknown is never taken for standard."""
    assert decided(row) == expected
    assert decided(row, clip(SEGMENT)) == (expected_with_clip or expected)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.REJECTED, Reason.SILENT),
        (Outcome.REJECTED, Reason.TOO_SHORT),
        (Outcome.PENDING, Reason.NETWORK),
        (Outcome.PENDING, Reason.TOOL_FAILED),
    ],
)
def test_what_became_of_the_clip_is_said(outcome: Outcome, reason: Reason) -> None:
    """A rejected clip says why; a fault of network or tool is no word about the video."""
    assert decided(answer(VIDEO), clip(SEGMENT, outcome, reason=reason)) == (outcome, reason)


@pytest.mark.parametrize(
    ("answer_row", "clip_row"),
    [
        (answer(VIDEO, checked_at=NOW - 31 * DAY), clip(SEGMENT)),
        (answer(VIDEO, channel=" \x07"), clip(SEGMENT)),
        (answer(VIDEO, channel_id="../../x"), clip(SEGMENT)),
        (answer(VIDEO), clip(SEGMENT, clip=clip_file(SEGMENT, encoding="audio/wav/source/source"))),
        (answer(VIDEO, title="", channel="", channel_id=""), clip(SEGMENT)),
    ],
    ids=["old evidence", "no channel", "no link to the channel", "another form", "no credits"],
)
def test_a_clip_waits_until_all_terms_are_met(answer_row: AnswerRow, clip_row: ClipRow) -> None:
    """Old evidence, missing credits or another form keep a clip out for now."""
    assert decided(answer_row, clip_row) == ("pending", None)


def test_evidence_counts_to_the_last_second() -> None:
    """Thirty days to the second are still young enough."""
    row = answer(VIDEO, checked_at=NOW - 30 * DAY)
    assert decided(row, clip(SEGMENT)) == ("clip", None)
    assert decided(row, clip(SEGMENT), now=NOW + 1) == ("pending", None)


def test_credits_may_come_from_the_extraction() -> None:
    """What the license answer lacks may come from yt-dlp."""
    bare = answer(VIDEO, title="", channel="", channel_id="")
    assert decided(bare, clip(SEGMENT, title="T", channel="C", channel_id="UC1")) == ("clip", None)


@pytest.mark.parametrize(
    "line", [VIDEO, SEGMENT, "UC" + "x" * 22, "channel: a CHANNEL", f"https://youtu.be/{VIDEO}"]
)
def test_the_removal_list_goes_before_everything(line: str) -> None:
    """A named video, segment or channel is not in the dataset, and no reason is made up."""
    terms = replace(TERMS, removals=removals(line))
    decision = decide(SEGMENT, answer(VIDEO), clip(SEGMENT), terms)
    assert decision == Decision(Outcome.NOT_SHAREABLE, None, removed=True)
