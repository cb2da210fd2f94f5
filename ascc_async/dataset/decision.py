"""The one place that says what becomes of a segment in the dataset of now."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ascc_async.dataset.removals import Removals
from ascc_async.dataset.text import clean
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import ClipFile, License, Outcome, Reason

_DAY = 86400.0
_CHANNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Hold(StrEnum):
    """Why a clip that is there is not in the dataset."""

    OLD_EVIDENCE = "old_evidence"
    NO_CREDITS = "no_credits"
    OTHER_FORM = "other_form"
    REMOVAL_LIST = "removal_list"
    LICENSE_CHANGED = "license_changed"
    NO_LONGER_THERE = "no_longer_there"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the manifest says of a segment.

    `hold` is set when a finished clip is kept out; `removed` when the removal list names it.
    """

    outcome: Outcome
    reason: Reason | None = None
    hold: Hold | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a clip must fulfil now: its form, the age of its evidence, the removal list.

    `now` is POSIX time in seconds.
    """

    form: str
    now: float
    recheck_after_days: float
    removals: Removals = field(default_factory=Removals)

    def outdated(self, checked_at: float) -> bool:
        """Whether evidence from then must be asked for again before a clip counts."""
        return self.now - checked_at > self.recheck_after_days * _DAY


class Credits(NamedTuple):
    """Whom to name. Cleaned of control characters."""

    title: str
    channel: str
    channel_id: str

    @property
    def complete(self) -> bool:
        """Title, channel and a channel id that a link can be made of."""
        return bool(self.title and self.channel and _CHANNEL_ID.fullmatch(self.channel_id))


PENDING = Decision(Outcome.PENDING)
STANDARD = Decision(Outcome.NOT_SHAREABLE)
UNKNOWN = Decision(Outcome.NOT_SHAREABLE, Reason.LICENSE_UNKNOWN)
CHANGED = Decision(Outcome.NOT_SHAREABLE, Reason.LICENSE_CHANGED)
CLIP = Decision(Outcome.CLIP)
SPARE = Decision(Outcome.SPARE)


def credits_of(answer: AnswerRow | None, clip: ClipRow | None) -> Credits:
    """The newest words for each part: the license answer's, else those of the clip's extraction."""
    title, channel, channel_id = _words(answer)
    if clip is None or (title and channel and channel_id):
        return Credits(title, channel, channel_id)
    others = _words(clip)
    return Credits(title or others[0], channel or others[1], channel_id or others[2])


def _words(source: AnswerRow | ClipRow | None) -> tuple[str, str, str]:
    if source is None:
        return "", "", ""
    return clean(source.title), clean(source.channel), clean(source.channel_id)


def decide(
    segment_id: str,
    video_id: str,
    answer: AnswerRow | None,
    clip: ClipRow | None,
    terms: Terms,
    *,
    spare: bool = False,
) -> Decision:
    """What becomes of a segment, given all that the journal knows of it.

    The removal list goes before everything (`not_shareable`, without a reason: none of the closed
    list says it), then what the newest answer says, then what became of the clip. A clip counts
    only with the form of now, evidence young enough and complete credits; else it is `pending`.
    `spare`: the clip is beyond `max_per_class` in each of its classes.
    """
    file = clip.clip if clip is not None else None
    if terms.removals and _is_removed(segment_id, video_id, answer, clip, terms.removals):
        return Decision(
            Outcome.NOT_SHAREABLE, None, Hold.REMOVAL_LIST if file is not None else None, True
        )
    if answer is None:
        return PENDING
    if answer.license is not License.CREATIVE_COMMONS:
        return _not_creative_commons(answer, file)
    if clip is None or clip.outcome is not Outcome.CLIP:
        return PENDING if clip is None else Decision(clip.outcome, clip.reason)
    return _clip(answer, clip, terms, spare)


def _not_creative_commons(answer: AnswerRow, file: ClipFile | None) -> Decision:
    if answer.license is License.UNAVAILABLE:
        gone = Decision(Outcome.UNAVAILABLE, answer.reason)
        return _held(gone, file, Hold.NO_LONGER_THERE)
    if answer.license is License.UNKNOWN:
        return _held(UNKNOWN, file, Hold.OLD_EVIDENCE)
    if file is not None or answer.previous_license is License.CREATIVE_COMMONS:
        return _held(CHANGED, file, Hold.LICENSE_CHANGED)
    return STANDARD


def _clip(answer: AnswerRow, clip: ClipRow, terms: Terms, spare: bool) -> Decision:
    if clip.clip is None:
        return PENDING
    if clip.clip.form != terms.form:
        return _held(PENDING, clip.clip, Hold.OTHER_FORM)
    if terms.outdated(answer.checked_at):
        return _held(PENDING, clip.clip, Hold.OLD_EVIDENCE)
    if not credits_of(answer, clip).complete:
        return _held(PENDING, clip.clip, Hold.NO_CREDITS)
    return SPARE if spare else CLIP


def _is_removed(
    segment_id: str, video_id: str, answer: AnswerRow | None, clip: ClipRow | None, list_: Removals
) -> bool:
    known = credits_of(answer, clip)
    return list_.hold(video_id, segment_id, known.channel_id, known.channel)


def _held(decision: Decision, file: ClipFile | None, hold: Hold) -> Decision:
    return Decision(decision.outcome, decision.reason, hold) if file is not None else decision
