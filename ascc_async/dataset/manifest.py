"""The rows of `manifest.csv`: one for every selected segment."""

from __future__ import annotations

from typing import NamedTuple

from ascc_async.dataset.decision import Decision, credits_of
from ascc_async.dataset.roster import Entry
from ascc_async.dataset.text import decimal, field, iso_time, neutral, seconds
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import ClipFile, Outcome


class ManifestRow(NamedTuple):
    """A row as it stands in the file: texts, in the order of the columns."""

    segment_id: str
    video_id: str
    start_seconds: str
    end_seconds: str
    split: str
    labels: str
    license: str
    license_text: str
    license_source: str
    license_checked_at: str
    outcome: str
    reason: str
    path: str
    sha256: str
    bytes: str
    duration_seconds: str
    sample_rate: str
    channels: str
    source_format: str
    title: str
    channel: str
    channel_id: str
    fetched_at: str
    attempts: str

    @property
    def mids(self) -> tuple[str, ...]:
        """The labels, in AudioSet's order."""
        return tuple(self.labels.split(",")) if self.labels else ()

    @property
    def start_ms(self) -> int:
        """Start in whole milliseconds."""
        return round(float(self.start_seconds) * 1000)

    @property
    def end_ms(self) -> int:
        """End in whole milliseconds."""
        return round(float(self.end_seconds) * 1000)

    @property
    def has_file(self) -> bool:
        """Whether the row vouches for a file: outcome `clip` or `spare`."""
        return self.outcome in _WITH_FILE


COLUMNS = ManifestRow._fields
_WITH_FILE = (Outcome.CLIP, Outcome.SPARE)
_NO_LICENSE = ("", "", "", "")
_NO_FILE = ("", "", "", "", "", "", "")
_NOBODY = ("", "", "")


def manifest_row(
    entry: Entry, answer: AnswerRow | None, clip: ClipRow | None, decision: Decision
) -> ManifestRow:
    """The row of one segment. A file is named only where the dataset vouches for it.

    `attempts` counts the tries to fetch the clip. Titles and channels of what the removal list
    names are left out.
    """
    file = clip.clip if clip is not None and decision.outcome in _WITH_FILE else None
    return ManifestRow._make(
        (
            entry.segment_id, entry.video_id, seconds(entry.start_ms), seconds(entry.end_ms),
            entry.split, entry.labels,
            *(_NO_LICENSE if answer is None else _license(answer)),
            decision.outcome, decision.reason or "",
            *(_NO_FILE if file is None else _file(file)),
            *(_NOBODY if decision.removed else _credits(answer, clip)),
            iso_time(file.fetched_at) if file is not None else "",
            str(clip.attempts) if clip is not None else "0",
        )
    )  # fmt: skip


def _license(answer: AnswerRow) -> tuple[str, str, str, str]:
    return answer.license, field(answer.text), answer.source, iso_time(answer.checked_at)


def _file(file: ClipFile) -> tuple[str, str, str, str, str, str, str]:
    return (
        file.path, file.sha256, str(file.bytes), decimal(file.duration_seconds),
        str(file.sample_rate), str(file.channels), field(file.source_format),
    )  # fmt: skip


def _credits(answer: AnswerRow | None, clip: ClipRow | None) -> tuple[str, str, str]:
    if clip is None:  # nearly every row: there is but one source of words
        return ("", "", "") if answer is None else _words(answer)
    known = credits_of(answer, clip)
    return neutral(known.title), neutral(known.channel), neutral(known.channel_id)


def _words(answer: AnswerRow) -> tuple[str, str, str]:
    return field(answer.title), field(answer.channel), field(answer.channel_id)
