"""The one place that says what becomes of a segment in the dataset of now."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from ascc_async.dataset.removals import Removals
from ascc_async.dataset.text import clean
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import License, Outcome, Reason, Resolved

_DAY = 86400.0
_CHANNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Decision(NamedTuple):
    """What the manifest says of a segment. `removed`: the removal list names it."""

    outcome: Outcome
    reason: Reason | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a clip must fulfil now: its encoding, the age of its evidence, the removal list.

    `now` is POSIX time in seconds.
    """

    encoding: str
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


def credits_of(answer: AnswerRow | None, clip: ClipRow | Resolved | None) -> Credits:
    """The newest words for each part: the license answer's, else those of the clip's extraction."""
    title = channel = channel_id = ""
    for source in (answer, clip):
        if source is not None:
            title = title or clean(source.title)
            channel = channel or clean(source.channel)
            channel_id = channel_id or clean(source.channel_id)
    return Credits(title, channel, channel_id)


# Made once: nearly all of two million segments get one of these.
PENDING = Decision(Outcome.PENDING)
CLIP = Decision(Outcome.CLIP)
SPARE = Decision(Outcome.SPARE)
# None of the closed list of reasons says "asked to be left out".
_REMOVED = Decision(Outcome.NOT_SHAREABLE, None, removed=True)
_STANDARD = Decision(Outcome.NOT_SHAREABLE)
_UNKNOWN = Decision(Outcome.NOT_SHAREABLE, Reason.LICENSE_UNKNOWN)
_CHANGED = Decision(Outcome.NOT_SHAREABLE, Reason.LICENSE_CHANGED)


def decide(
    segment_id: str, answer: AnswerRow | None, clip: ClipRow | None, terms: Terms
) -> Decision:
    """What becomes of a segment, given all that the journal knows of it.

    The removal list goes before everything, then what the newest answer says, then what became of
    the clip. A clip counts only with the encoding of now, young evidence and complete credits;
    else it is `pending`. Whether it is beyond `max_per_class` is not asked here.
    """
    if terms.removals:
        known = credits_of(answer, clip)
        if terms.removals.cover(segment_id, known.channel_id, known.channel):
            return _REMOVED
    if answer is None:
        return PENDING
    if answer.license is License.UNAVAILABLE:
        return Decision(Outcome.UNAVAILABLE, answer.reason)
    if answer.license is License.UNKNOWN:
        return _UNKNOWN
    # A clip on disk proves that the video was Creative Commons once, even where the journal
    # holds no earlier answer any more.
    file = clip.clip if clip is not None else None
    if answer.license is License.STANDARD:
        was_shareable = answer.previous_license is License.CREATIVE_COMMONS or file is not None
        return _CHANGED if was_shareable else _STANDARD
    if clip is None:
        return PENDING
    if clip.outcome is not Outcome.CLIP:
        return Decision(clip.outcome, clip.reason)
    if file is None or file.encoding != terms.encoding or terms.outdated(answer.checked_at):
        return PENDING
    return CLIP if credits_of(answer, clip).complete else PENDING
