"""What the journal knows of every segment, in a few arrays: what a start reads, and what it means.

A row is a segment's index in the table of all segments.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ascc_async.audioset.sampling import RowState
from ascc_async.audioset.segments import Bools, Bytes, Ids, Rows
from ascc_async.audioset.selection import Selection
from ascc_async.dataset.eligibility import credits_of
from ascc_async.dataset.reasons import BARRED_REASONS, PASSING_REASONS
from ascc_async.dataset.removals import Removals
from ascc_async.journal.reader import LICENSES, REASONS, BulkAnswers, Reader
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.media.encoding import can_be_made_from
from ascc_async.model import License, Outcome, Reason
from ascc_async.settings import LicenseSettings

_DAY = 86400.0
LICENSE_CODES = {license_: code for code, license_ in enumerate(LICENSES)}
REASON_CODES = {reason: code for code, reason in enumerate(REASONS, 1)}
UNASKED = 255  # the license code of a row that was never answered


class JournalIndex:
    """For every row its license, its reason, what became of its clip, and what these mean."""

    def __init__(
        self,
        selection: Selection,
        settings: LicenseSettings,
        *,
        removals: Removals | None = None,
        access_since: float = 0.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`access_since`: POSIX time since when YouTube is asked with these accounts and proxies;
        what was barred before (`BARRED_REASONS`) is asked again.
        """
        rows = len(selection.segments)
        self.selection, self.table, self.now = selection, selection.segments, wall
        self._settings, self._recheck = settings, settings.recheck_after_days * _DAY
        self._removals, self._access_since = removals or Removals(), access_since
        self.licenses: Bytes = np.full(rows, UNASKED, np.uint8)
        self.reasons: Bytes = np.zeros(rows, np.uint8)
        # What a row is by its clip, if it is Creative Commons: approved, a clip, or no.
        self.clip_states: Bytes = np.full(rows, int(RowState.APPROVED), np.uint8)
        self.states: Bytes = np.zeros(rows, np.uint8)
        self.clips_ended: Counter[Outcome] = Counter()  # of selected rows: made, or not to be had
        self.bare: Bools = np.zeros(rows, bool)  # said not to be there, and no more
        # Ended by words that blocked addresses are told, too: asked again last of all.
        self.last: Bools = np.zeros(rows, bool)
        # Rows of which nobody is asked (again) why the Data API does not list them; None: of any.
        self.explained: Bools | None = None
        # Rows with a clip of another encoding, and those of which one can be made from that.
        self.elsewhere, self.lossless = np.zeros(rows, bool), np.zeros(rows, bool)

    def load(self, reader: Reader, encoding: str) -> None:
        """Take in all that the journal knows; of two million rows that takes seconds."""
        passed_before = self.now() - self._recheck
        # The clips come first: they decide what an answer means for a row.
        clips: dict[int, ClipRow] = {}
        for row, clip in self._clips(reader, encoding):
            self.clip_states[row] = state_by(clip, passed_before, self._access_since)
            clips[row] = clip
            if self.selection.selected[row] and self.clip_states[row] != RowState.APPROVED:
                self.clips_ended[clip.outcome] += 1
        for other in reader.encodings():
            for row, clip in self._clips(reader, other) if other != encoding else ():
                if clip.clip is not None:
                    self.elsewhere[row] = True
                    self.lossless[row] |= can_be_made_from(clip.clip, encoding)
        for answer_page in reader.answered():
            rows = self.table.rows_of(answer_page.ids)
            here = rows >= 0
            rows, page = rows[here], answer_page.where(here)
            self.licenses[rows], self.reasons[rows] = page.licenses, page.reasons
            self.bare[rows] = page.bare
            # Without a certain reason: not listed, or called unavailable twice.
            unsure = page.bare | (page.reasons == REASON_CODES[Reason.NOT_LISTED])
            self.last[rows] = unsure & (page.licenses == LICENSE_CODES[License.UNAVAILABLE])
            self.states[rows] = self._states_of(rows, page)
        for shareable_page in reader.shareable():
            self._check_credits(shareable_page, clips)
        self.leave_out_removed()
        if self._settings.explain_missing:
            self.explained = np.zeros(len(self.table), bool)
            for explained_page in reader.explained(passed_before):
                rows = self.table.rows_of(np.array(explained_page, "S11"))
                self.explained[rows[rows >= 0]] = True

    def _clips(self, reader: Reader, encoding: str) -> Iterator[tuple[int, ClipRow]]:
        for page in reader.clips(encoding):
            ids = np.array([clip.video_id for clip in page], "S11")
            for clip, row in zip(page, self.table.rows_of(ids).tolist(), strict=True):
                # The journal may hold other videos, or another segment of the same, from other
                # metadata.
                if row >= 0 and self.table.segment_id(row) == clip.segment_id:
                    yield row, clip

    def leave_out_removed(self) -> None:
        """Those that the removal list names are not even asked."""
        named = self._removals.videos | {each[:11] for each in self._removals.segments}
        rows = self.table.rows_of(np.array(list(named), "S11"))
        for row in rows[rows >= 0].tolist():
            if self.is_removed(row, "", ""):
                self.states[row] = RowState.NO

    def to_be_made(self) -> Bools:
        """The rows known to be Creative Commons whose clip is still to be made."""
        shareable = self.licenses == LICENSE_CODES[License.CREATIVE_COMMONS]
        open_ = (self.clip_states == RowState.APPROVED) & (self.states != RowState.NO)
        rows: Bools = self.selection.selected & shareable & open_
        return rows

    def _states_of(self, rows: Rows, page: BulkAnswers) -> Bytes:
        """What the newest answers of many rows mean; whole arrays, for millions take seconds."""
        stale = page.times < self.now() - self._recheck
        shareable = page.licenses == LICENSE_CODES[License.CREATIVE_COMMONS]
        unknown = page.licenses == LICENSE_CODES[License.UNKNOWN]
        passing = np.isin(page.reasons, [REASON_CODES[reason] for reason in PASSING_REASONS])
        barred = np.isin(page.reasons, [REASON_CODES[reason] for reason in BARRED_REASONS])
        # What stays unknown through many runs may be a block in words that nobody knows: those end.
        ask_again = (shareable & stale) | (
            unknown & (stale | (page.asks <= self._settings.retry_unknown))
        )
        ask_again |= (passing | self.last[rows]) & stale
        ask_again |= barred & (page.times < self._access_since)
        states = np.full(len(rows), int(RowState.NO), np.uint8)
        states[shareable] = self.clip_states[rows[shareable]]
        states[ask_again] = RowState.UNASKED
        return states

    def _check_credits(self, page: Sequence[AnswerRow], clips: dict[int, ClipRow]) -> None:
        """A clip whose author no answer named is asked for again; a removed channel's is not made.

        CC BY demands the author's name, so a clip without one may not be shared.
        """
        rows = self.table.rows_of(np.array([answer.video_id for answer in page], "S11"))
        for answer, row in zip(page, rows.tolist(), strict=True):
            if row < 0:
                continue
            known = credits_of(answer, clips.get(row))
            if self.is_removed(row, known.channel_id, known.channel):
                self.states[row] = RowState.NO
                continue
            nameless = self.clip_states[row] == RowState.CLIP and not known.complete
            if nameless and answer.asks <= self._settings.retry_unknown:
                self.states[row] = RowState.UNASKED

    def is_removed(self, row: int, channel_id: str, channel: str) -> bool:
        """Whether the removal list names this segment, its video or its channel."""
        return self._removals.cover(self.table.segment_id(row), channel_id, channel)


def state_by(clip: ClipRow, passed_before: float = 0.0, access_since: float = 0.0) -> RowState:
    """Whether a clip is there, still to be made (`APPROVED`), or not to be had (`NO`).

    What may pass has passed when it was so before `passed_before`; what was barred is asked again
    when that was before `access_since`. Both are POSIX times.
    """
    if clip.outcome is Outcome.CLIP:
        return RowState.CLIP
    again = clip.reason in PASSING_REASONS and clip.at < passed_before
    again |= clip.reason in BARRED_REASONS and clip.at < access_since
    return RowState.APPROVED if clip.outcome is Outcome.PENDING or again else RowState.NO


def doubtful_ids(reader: Reader) -> Ids:
    """The videos whose answers lost their trust: the journal counts them as never asked."""
    pages = [page.ids[page.asks == 0] for page in reader.answered()]
    return np.concatenate([np.empty(0, "S11"), *pages])
