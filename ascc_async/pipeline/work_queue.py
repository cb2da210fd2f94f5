"""What is known of every selected segment, in a few arrays, and what is still to be done with it.

The journal is the truth; a row changes here only after its record was committed, and a start
reads everything from there. Both stages take their work from here. A row is a segment's index in
the table of all segments.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ascc_async.audioset.sampling import RowState, Sampler
from ascc_async.audioset.segments import Bytes, Ids, Rows
from ascc_async.audioset.selection import Selection
from ascc_async.dataset.eligibility import credits_of
from ascc_async.dataset.reasons import PASSING_REASONS
from ascc_async.dataset.removals import Removals
from ascc_async.journal.reader import LICENSES, REASONS, BulkAnswers, Reader
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import License, LicenseAnswer, Outcome, Reason, Segment

_DAY = 86400.0
# One more per class than needed is asked while answers are awaited: saves waiting, costs little.
LOOKAHEAD = 1


class ClipFate(IntEnum):
    """What became of a row's clip; `NEVER`: it is not to be had."""

    NOT_MADE = 0
    MADE = 1
    NEVER = 2


# What a Creative Commons row is, by its clip's fate.
_STATE_BY_FATE = np.array([RowState.APPROVED, RowState.CLIP, RowState.NO], np.uint8)
_LICENSE_CODES = {license_: code for code, license_ in enumerate(LICENSES)}
_REASON_CODES = {reason: code for code, reason in enumerate(REASONS, 1)}
_UNASKED = 255  # the license code of a row that was never answered
_UNKNOWN = _LICENSE_CODES[License.UNKNOWN]
_TAKEN_BACK_AT_ONCE = 16_384  # rows: some 10 ms of the event loop


@dataclass(frozen=True, slots=True)
class WorkQueueSnapshot:
    """Counts over the selected rows, for progress. `reasons`: of the unavailable videos."""

    selected: int
    asked: int
    licenses: dict[License, int]
    reasons: dict[Reason, int]
    clips: int
    clips_open: int
    outcomes: dict[str, int]


class WorkQueue:
    """The selected segments, what is still to be done with each, and who waits for that."""

    def __init__(
        self,
        selection: Selection,
        *,
        retry_unknown: int,
        recheck_after_days: float,
        removals: Removals | None = None,
        access_since: float = 0.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`access_since`: POSIX time since when YouTube is asked with these accounts and proxies;
        what was barred before (`PASSING_REASONS`) is asked again.
        """
        rows = len(selection.segments)
        self._selection, self._table = selection, selection.segments
        self._retry_unknown, self._recheck = retry_unknown, recheck_after_days * _DAY
        self._removals = removals or Removals()
        self.now, self._access_since = wall, access_since
        self._licenses: Bytes = np.full(rows, _UNASKED, np.uint8)
        self._reasons: Bytes = np.zeros(rows, np.uint8)
        self._fates: Bytes = np.zeros(rows, np.uint8)
        self._states: Bytes = np.zeros(rows, np.uint8)
        self._sampler = Sampler(selection, self._states, LOOKAHEAD)
        self._open: deque[int] = deque()  # Creative Commons, clip to be made
        self._queued: set[int] = set()  # those in `_open`
        self._offered: set[int] = set()  # those a worker has
        self._deferred: set[int] = set()  # those left for the next run
        self._stale_open = False  # states changed since `_open` was filled
        self._out = 0  # rows being asked
        self._taking_back = 0  # sources whose answers are being taken back
        self._license_counts: Counter[int] = Counter()
        self._reason_counts: Counter[int] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self.answered_now = 0
        self.licenses_done = False

    # -- start -----------------------------------------------------------------------------

    def load(self, reader: Reader, encoding: str) -> None:
        """Take in all that the journal knows."""
        # The clips come first: they decide what an answer means for a row.
        clips: dict[int, ClipRow] = {}
        barred_before = self._barred_before()
        for clip_page in reader.clips(encoding):
            ids = np.array([clip.video_id for clip in clip_page], "S11")
            for clip, row in zip(clip_page, self._table.rows_of(ids).tolist(), strict=True):
                # The journal may hold other videos, or another segment of the same, from other
                # metadata.
                if row >= 0 and self._table.segment_id(row) == clip.segment_id:
                    self._fates[row] = _fate_of(clip, barred_before)
                    clips[row] = clip
                    if self._selection.selected[row]:
                        self._outcomes[clip.reason or clip.outcome] += 1
        for answer_page in reader.answered():
            rows = self._table.rows_of(answer_page.ids)
            here = rows >= 0
            rows, page = rows[here], answer_page.where(here)
            self._licenses[rows], self._reasons[rows] = page.licenses, page.reasons
            self._states[rows] = self._states_of(rows, page)
        for shareable_page in reader.shareable():
            self._check_credits(shareable_page, clips)
        # Also those of which the journal knows nothing yet: they are not even asked.
        segment_ids = {segment_id[:11] for segment_id in self._removals.segments}
        for video_id in self._removals.videos | segment_ids:
            row = self._table.row_of(video_id)
            if row is not None and self._is_removed(row, "", ""):
                self._states[row] = RowState.NO

        selected = self._selection.rows
        licenses = Counter(self._licenses[selected].tolist())
        del licenses[_UNASKED]
        self._license_counts = licenses
        self._reason_counts = Counter(self._reasons[selected].tolist())
        self._sampler = Sampler(self._selection, self._states, LOOKAHEAD)
        self._refresh()

    def _barred_before(self) -> float:
        """What was barred before this time is asked again."""
        return max(self.now() - self._recheck, self._access_since)

    def _states_of(self, rows: Rows, page: BulkAnswers) -> Bytes:
        """What the newest answers of many rows mean; whole arrays, for millions take seconds."""
        stale = page.times < self.now() - self._recheck
        shareable = page.licenses == _LICENSE_CODES[License.CREATIVE_COMMONS]
        unknown = page.licenses == _LICENSE_CODES[License.UNKNOWN]
        passing = np.isin(page.reasons, [_REASON_CODES[reason] for reason in PASSING_REASONS])
        ask_again = (shareable & stale) | (unknown & (page.asks <= self._retry_unknown))
        ask_again |= passing & (page.times < self._barred_before())
        states = np.full(len(rows), int(RowState.NO), np.uint8)
        states[shareable] = _STATE_BY_FATE[self._fates[rows[shareable]]]
        states[ask_again] = RowState.UNASKED
        return states

    def _check_credits(self, page: Sequence[AnswerRow], clips: dict[int, ClipRow]) -> None:
        """A clip whose author no answer named is asked for again; a removed channel's is not made.

        CC BY demands the author's name, so a clip without one may not be shared.
        """
        rows = self._table.rows_of(np.array([answer.video_id for answer in page], "S11"))
        for answer, row in zip(page, rows.tolist(), strict=True):
            if row < 0:
                continue
            known = credits_of(answer, clips.get(row))
            if self._is_removed(row, known.channel_id, known.channel):
                self._states[row] = RowState.NO
                continue
            ask_again = answer.asks <= self._retry_unknown and self._fates[row] == ClipFate.MADE
            if ask_again and not known.complete:
                self._states[row] = RowState.UNASKED

    def _is_removed(self, row: int, channel_id: str, channel: str) -> bool:
        """Whether the removal list names this segment, its video or its channel."""
        if not self._removals:
            return False
        video_id, segment_id = self._table.video_id(row), self._table.segment_id(row)
        return self._removals.cover(video_id, segment_id, channel_id, channel)

    async def take_back(self, ids: Ids) -> None:
        """The answers about these videos do not count any more: they are asked again.

        Meanwhile no row is handed out, neither to be asked nor to be made into a clip.
        """
        # Were rows handed out in between, a clip could be made on such an answer, and the order
        # of asking would be worked out again after each slice.
        self._taking_back += 1
        try:
            for start in range(0, len(ids), _TAKEN_BACK_AT_ONCE):
                self._take_slice_back(ids[start : start + _TAKEN_BACK_AT_ONCE])
                await asyncio.sleep(0)  # it may be two million rows: let others run in between
        finally:
            self._taking_back -= 1
            self.notify()

    def _take_slice_back(self, ids: Ids) -> None:
        rows = self._table.rows_of(ids)
        rows = rows[rows >= 0]
        rows = rows[self._selection.selected[rows]]
        # What is being asked just now is answered again anyway; what is deferred stays so.
        rows = rows[~np.isin(self._states[rows], (RowState.UNASKED, RowState.ASKED_OUT))]
        self._license_counts.subtract(self._licenses[rows].tolist())
        self._reason_counts.subtract(self._reasons[rows].tolist())
        self._license_counts[_UNKNOWN] += len(rows)
        self._reason_counts[0] += len(rows)
        self._licenses[rows], self._reasons[rows] = _UNKNOWN, 0
        self._sampler.put_back(rows)
        self._stale_open = self._sampled

    # -- the license stage -----------------------------------------------------------------

    def video_id(self, row: int) -> str:
        """The video of a row."""
        return self._table.video_id(row)

    def take(self, at_most: int) -> tuple[int, ...]:
        """Rows to ask now; each comes back by `answered` or `defer`."""
        if self._taking_back:
            return ()
        rows: tuple[int, ...] = tuple(self._sampler.next(at_most).tolist())
        self._out += len(rows)
        return rows

    def anything_to_do(self) -> bool:
        """Whether any row is still to be asked, or any clip to be made."""
        rows = self._sampler.next(1)
        self._sampler.settle(rows, RowState.UNASKED)
        return self.making or bool(len(rows))

    def answered(self, row: int, answer: LicenseAnswer) -> None:
        """The answer about a row is committed."""
        self._out -= 1
        self.answered_now += 1
        if answer.license is License.UNKNOWN and self._licenses[row] not in (_UNASKED, _UNKNOWN):
            # Unknown is no evidence: the old answer stays, and stays too old to count.
            self._set_state(row, RowState.NO)
        else:
            self._license_counts[int(self._licenses[row])] -= 1
            self._reason_counts[int(self._reasons[row])] -= 1
            self._licenses[row] = license_code = _LICENSE_CODES[answer.license]
            self._reasons[row] = reason = _REASON_CODES[answer.reason] if answer.reason else 0
            self._license_counts[license_code] += 1
            self._reason_counts[reason] += 1
            state = RowState.NO
            removed = self._is_removed(row, answer.channel_id, answer.channel)
            if answer.license is License.CREATIVE_COMMONS and not removed:
                state = RowState(int(_STATE_BY_FATE[self._fates[row]]))
            self._set_state(row, state)
        self.notify()

    def defer(self, rows: Iterable[int]) -> None:
        """These rows could not be asked in this run; the next one asks them again.

        They stay as if out: what they are is open, so they keep their places in their classes.
        """
        self._out -= sum(1 for _ in rows)
        self.notify()

    @property
    def asking_done(self) -> bool:
        """Whether nothing under way could make more asking needed (`take` gave nothing)."""
        if self._out or self._taking_back:
            return False
        # With `max_per_class` a clip that cannot be made lets a further video be asked.
        return not self._sampled or not self.making

    # -- the clip stage --------------------------------------------------------------------

    def segment(self, row: int) -> Segment:
        """The segment of a row."""
        return self._table.segment(row)

    def next_clip(self) -> int | None:
        """A row whose clip is to be made now; it comes back by `clip_done` or `clip_again`."""
        while not self._taking_back and self._has_open():
            row = self._open.popleft()
            self._queued.discard(row)
            # Its answer may have lost its trust since.
            if self._states[row] == RowState.APPROVED:
                self._offered.add(row)
                return row
        return None

    @property
    def making(self) -> bool:
        """Whether clips are waiting to be made, or being made."""
        return bool(self._offered) or self._has_open()

    def _has_open(self) -> bool:
        if not self._open and self._stale_open:
            self._refresh()
        return bool(self._open)

    def clip_again(self, row: int) -> None:
        """Nothing was learned of this row: its turn comes again."""
        self._offered.discard(row)
        self._put_in_line(row)
        self.notify()

    def clip_done(self, row: int, clip: ClipRow) -> None:
        """What became of a row's clip is committed. `PENDING`: not in this run any more."""
        self._outcomes[clip.reason or clip.outcome] += 1
        self._fates[row] = fate = _fate_of(clip, 0.0)
        self._offered.discard(row)
        if fate is ClipFate.NOT_MADE:
            self._deferred.add(row)
        elif self._states[row] == RowState.APPROVED:
            self._set_state(row, RowState(int(_STATE_BY_FATE[fate])))
        self.notify()

    def _set_state(self, row: int, state: RowState) -> None:
        self._sampler.settle((row,), state)
        if self._sampled:
            self._stale_open = True
        elif state is RowState.APPROVED:
            self._put_in_line(row)

    def _put_in_line(self, row: int) -> None:
        if (
            self._states[row] == RowState.APPROVED
            and row not in self._queued
            and row not in self._offered
            and row not in self._deferred
        ):
            self._open.append(row)
            self._queued.add(row)

    def _refresh(self) -> None:
        """With `max_per_class`, which approved rows are wanted depends on all rows before them.

        Looked up when none waits in line: what was wanted once stays so until it is made.
        """
        self._stale_open = False
        if self._sampler.approved <= self._offered | self._deferred:
            return
        for row in self._sampler.wanted().tolist():
            self._put_in_line(row)

    @property
    def _sampled(self) -> bool:
        return self._selection.max_per_class is not None

    # -- both ------------------------------------------------------------------------------

    def notify(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()

    async def wait_change(self) -> None:
        """Until something changes. Look at the queue first, with no `await` in between:
        what changes during an `await` would go unnoticed."""
        self._changed.clear()
        await self._changed.wait()

    def snapshot(self) -> WorkQueueSnapshot:
        """Counts for progress."""
        licenses = {name: self._license_counts[code] for name, code in _LICENSE_CODES.items()}
        return WorkQueueSnapshot(
            selected=len(self._selection),
            asked=sum(licenses.values()),
            licenses=licenses,
            reasons={
                reason: self._reason_counts[code]
                for code, reason in enumerate(REASONS, 1)
                if self._reason_counts[code]
            },
            clips=self._outcomes[Outcome.CLIP],
            clips_open=len(self._open) + len(self._offered),
            outcomes=dict(self._outcomes),
        )


def _fate_of(clip: ClipRow, stale_before: float) -> ClipFate:
    """Whether a clip is there, still to be made, or not to be had."""
    if clip.outcome is Outcome.CLIP:
        return ClipFate.MADE
    passing = clip.reason in PASSING_REASONS and clip.at < stale_before
    return ClipFate.NOT_MADE if clip.outcome is Outcome.PENDING or passing else ClipFate.NEVER


def doubtful_ids(reader: Reader) -> Ids:
    """The videos whose answers lost their trust: the journal counts them as never asked."""
    pages = [page.ids[page.asks == 0] for page in reader.answered()]
    return np.concatenate([np.empty(0, "S11"), *pages])
