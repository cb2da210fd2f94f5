"""Joins the selected segments with what the journal knows of each, in one ordered pass."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple, Protocol

from ascc_async.dataset.decision import Decision, Terms, decide
from ascc_async.dataset.roster import Entry, Roster
from ascc_async.journal.records import AnswerRow, ClipRow


class Journal(Protocol):
    """What is read: `state.reader.Reader`. Each call starts anew."""

    def answers(self) -> Iterator[list[AnswerRow]]:
        """The newest answers, in pages sorted by video id."""
        ...

    def clips(self, form: str) -> Iterator[list[ClipRow]]:
        """What became of the clips of this form, in pages sorted by segment id."""
        ...


class Case(NamedTuple):
    """One selected segment and all that the journal knows of it now."""

    entry: Entry
    answer: AnswerRow | None
    clip: ClipRow | None

    def decided(self, terms: Terms) -> Decision:
        """What becomes of it, `max_per_class` left aside."""
        entry, answer, clip = self
        return decide(entry.segment_id, entry.video_id, answer, clip, terms)


def cases(roster: Roster, journal: Journal, form: str) -> Iterator[Case]:
    """Every selected segment with its newest answer and clip row, sorted by segment id."""
    answers = chain.from_iterable(journal.answers())
    clips = chain.from_iterable(journal.clips(form))
    answer, clip = next(answers, None), next(clips, None)
    for entry in roster.entries():
        segment_id, video_id = entry.segment_id, entry.video_id
        while answer is not None and answer.video_id < video_id:
            answer = next(answers, None)
        while clip is not None and clip.segment_id < segment_id:
            clip = next(clips, None)
        yield Case(
            entry,
            answer if answer is not None and answer.video_id == video_id else None,
            clip if clip is not None and clip.segment_id == segment_id else None,
        )
