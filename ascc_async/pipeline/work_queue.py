"""What is still to be done with the selected segments; both stages take their work from here.

The journal is the truth: a row changes here only after its record was committed.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ascc_async.audioset.sampling import RowState, Sampler
from ascc_async.audioset.segments import Bools, Ids
from ascc_async.journal.reader import REASONS
from ascc_async.journal.records import ClipRow
from ascc_async.model import License, LicenseAnswer, Outcome, Reason, Segment
from ascc_async.pipeline.journal_index import (
    LICENSE_CODES,
    REASON_CODES,
    UNASKED,
    JournalIndex,
    state_by,
)
from ascc_async.pipeline.missing_rows import MissingRows

_UNKNOWN = LICENSE_CODES[License.UNKNOWN]
_TAKEN_BACK_AT_ONCE = 16_384  # rows: some 10 ms of the event loop


@dataclass(frozen=True, slots=True)
class WorkQueueSnapshot:
    """Counts over the selected rows, for progress. `reasons`: of the unavailable videos.

    `to_ask`: still to be asked, some of them again; with `max_per_class` at most so many. `first`
    counts the rows of `license.ask_first`: how many, asked, and Creative Commons.
    `missing`: those that are still to be asked why the Data API does not list them.
    Of the segments found to be Creative Commons `clips` are made, `clips_open` to be made,
    `clips_rejected` too bad, `clips_gone` not to be had, `clips_later` left for another run or
    doubted again: together a number that never shrinks in a run.
    """

    selected: int
    asked: int
    licenses: dict[License, int]
    reasons: dict[Reason, int]
    clips: int
    clips_open: int
    to_ask: int = 0
    first: tuple[int, int, int] = (0, 0, 0)
    missing: int = 0
    clips_rejected: int = 0
    clips_gone: int = 0
    clips_later: int = 0


class WorkQueue:
    """The selected segments, what is still to be done with each, and who waits for that."""

    def __init__(self, index: JournalIndex, first: Bools | None = None) -> None:
        """`first`: for every row, whether it comes before all others, to be asked and to be made.

        Not on the event loop: two million rows are looked at.
        """
        self._index, self._selection = index, index.selection
        self._sampled = index.selection.max_per_class is not None
        self._licenses, self._reasons, self._states = index.licenses, index.reasons, index.states
        self._sampler = Sampler(index.selection, index.states, first, index.last)
        self._first = np.flatnonzero(first) if first is not None else np.empty(0, np.int64)
        self._open = OrderedDict[int, None]()  # Creative Commons, clip to be made
        self._offered: set[int] = set()  # those a worker has
        self._deferred: set[int] = set()  # those left for the next run
        self._doubted: set[int] = set()  # those whose answer lost its trust before they were made
        self._stale_open = False  # states changed since `_open` was filled
        self._out: set[int] = set()  # those whose license is being asked
        self.missing = MissingRows(index)
        self._taking_back = 0  # sources whose answers are being taken back
        selected = self._selection.rows
        self._license_counts = Counter(index.licenses[selected].tolist())
        self._reason_counts = Counter(index.reasons[selected].tolist())
        self._ended = index.clips_ended.copy()
        self._changed = asyncio.Event()
        self.asked_now = self.clips_ended_now = 0
        self.licenses_done = False
        self._refresh()

    async def take_back(self, ids: Ids) -> None:
        """The answers about these videos do not count any more: they are asked again.

        Meanwhile no row is handed out, neither to be asked nor to be made into a clip.
        """
        # Were rows handed out in between, a clip could be made on such an answer, and the order
        # of asking would be worked out again after each slice.
        self._taking_back += 1
        try:
            for start in range(0, len(ids), _TAKEN_BACK_AT_ONCE):
                rows = self._index.table.rows_of(ids[start : start + _TAKEN_BACK_AT_ONCE])
                rows = rows[rows >= 0]
                rows = rows[self._selection.selected[rows]]
                # What is being asked is answered again anyway; what is deferred stays so.
                rows = rows[~np.isin(self._states[rows], (RowState.UNASKED, RowState.ASKED_OUT))]
                self._license_counts.subtract(self._licenses[rows].tolist())
                self._reason_counts.subtract(self._reasons[rows].tolist())
                self._license_counts[_UNKNOWN] += len(rows)
                self._reason_counts[0] += len(rows)
                self._licenses[rows], self._reasons[rows] = _UNKNOWN, 0
                self._sampler.put_back(rows)
                self._stale_open = self._sampled
                await asyncio.sleep(0)  # it may be two million rows: let others run in between
        finally:
            self._taking_back -= 1
            self.notify()

    # -- the license stage -----------------------------------------------------------------

    def video_id(self, row: int) -> str:
        """The video of a row."""
        return self._index.table.video_id(row)

    def take(self, at_most: int) -> tuple[int, ...]:
        """Rows to ask now; each comes back by `asked` or `defer`."""
        if self._taking_back:
            return ()
        rows: tuple[int, ...] = tuple(self._sampler.next(at_most).tolist())
        self._out.update(rows)
        return rows

    def anything_to_do(self) -> bool:
        """Whether any row is still to be asked, or any clip to be made."""
        rows = self._sampler.next(1)
        self._sampler.settle(rows, RowState.UNASKED)
        return self.making or bool(len(rows)) or self.missing.any()

    def take_missing(self) -> int | None:
        """A row that the Data API does not list, to be asked why; it comes back by `asked` or
        `defer`. None while anything else is under way (`take` gave nothing).
        """
        return self.missing.take() if self.asking_done and not self.making else None

    def asked(self, row: int, answer: LicenseAnswer) -> None:
        """The answer about a row is committed."""
        self._is_back((row,))
        self.asked_now += 1
        state = RowState.NO
        # Unknown is no evidence: an old answer stays, and stays too old to count.
        if answer.license is not License.UNKNOWN or self._licenses[row] in (UNASKED, _UNKNOWN):
            self._license_counts[int(self._licenses[row])] -= 1
            self._reason_counts[int(self._reasons[row])] -= 1
            self._licenses[row] = license_code = LICENSE_CODES[answer.license]
            self._reasons[row] = reason = REASON_CODES[answer.reason] if answer.reason else 0
            self._license_counts[license_code] += 1
            self._reason_counts[reason] += 1
            removed = self._index.is_removed(row, answer.channel_id, answer.channel)
            if answer.license is License.CREATIVE_COMMONS and not removed:
                state = RowState(int(self._index.clip_states[row]))
        self._set_state(row, state)
        self.notify()

    def defer(self, rows: Sequence[int]) -> None:
        """These rows could not be asked in this run; the next one asks them again.

        They stay as if out: what they are is open, so they keep their places in their classes.
        """
        self._is_back(rows)
        self.notify()

    def _is_back(self, rows: Sequence[int]) -> None:
        self._out.difference_update(rows)
        self.missing.back(rows)

    @property
    def asking(self) -> bool:
        """Whether licenses are being asked."""
        return bool(self._out)

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
        return self._index.table.segment(row)

    def next_clip(self) -> int | None:
        """A row whose clip is to be made now; it comes back by `clip_done` or `clip_again`."""
        while not self._taking_back and self._has_open():
            row, _ = self._open.popitem(last=False)
            # Its answer may have lost its trust since.
            if self._states[row] == RowState.APPROVED:
                self._offered.add(row)
                return row
            self._doubted.add(row)
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
        self._doubted.add(row)
        self._put_in_line(row)
        self.notify()

    def clip_done(self, row: int, clip: ClipRow) -> None:
        """What became of a row's clip is committed. `PENDING`: not in this run any more."""
        self.clips_ended_now += 1
        self._index.clip_states[row] = state = state_by(clip)
        self._offered.discard(row)
        if state is RowState.APPROVED:
            self._deferred.add(row)
        else:
            self._ended[clip.outcome] += 1
            if self._states[row] == RowState.APPROVED:
                self._set_state(row, state)
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
            and row not in self._open
            and row not in self._offered
            and row not in self._deferred
        ):
            self._open[row] = None
            self._doubted.discard(row)

    def _refresh(self) -> None:
        """With `max_per_class`, which approved rows are wanted depends on all rows before them.

        Looked up when none waits in line: what was wanted once stays so until it is made.
        """
        self._stale_open = False
        for row in self._sampler.wanted(but=self._offered | self._deferred).tolist():
            self._put_in_line(row)

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
        licenses = {name: self._license_counts[code] for name, code in LICENSE_CODES.items()}
        asked, first = sum(licenses.values()), self._licenses[self._first]
        return WorkQueueSnapshot(
            selected=len(self._selection),
            asked=asked,
            licenses=licenses,
            reasons={
                reason: self._reason_counts[code]
                for code, reason in enumerate(REASONS, 1)
                if self._reason_counts[code]
            },
            clips=self._ended[Outcome.CLIP],
            clips_open=len(self._open) + len(self._offered),
            to_ask=len(self._out)
            + self.missing.left
            + (len(self._selection) - asked if self._sampled else self._sampler.left),
            first=(
                len(first),
                int((first != UNASKED).sum()),
                int((first == LICENSE_CODES[License.CREATIVE_COMMONS]).sum()),
            ),
            missing=self.missing.left,
            clips_rejected=self._ended[Outcome.REJECTED],
            clips_gone=self._ended[Outcome.UNAVAILABLE] + self._ended[Outcome.NOT_SHAREABLE],
            clips_later=len(self._deferred) + len(self._doubted),
        )
