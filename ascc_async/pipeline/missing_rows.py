"""The rows that the Data API does not list: which are still to be asked why."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from ascc_async.model import Reason
from ascc_async.pipeline.journal_index import REASON_CODES, JournalIndex

_NOT_LISTED = REASON_CODES[Reason.NOT_LISTED]


class MissingRows:
    """Each comes once in a run; none when `JournalIndex.explained` says that nobody is asked."""

    def __init__(self, index: JournalIndex) -> None:
        self._index = index
        self._waiting: deque[int] = deque()
        self._out: set[int] = set()

    @property
    def left(self) -> int:
        """How many are being asked or known to wait for it: all, once nothing else is done."""
        return len(self._waiting) + len(self._out)

    def any(self) -> bool:
        """Whether some are being asked, or are to be."""
        return bool(self._out) or self._find()

    def take(self) -> int | None:
        """One to be asked now; `back` says that it was."""
        if self._index.explained is None or not self._find():
            return None
        row = self._waiting.popleft()
        self._index.explained[row] = True
        self._out.add(row)
        return row

    def back(self, rows: Iterable[int]) -> None:
        """These are not being asked any more, whether they were or not."""
        self._out.difference_update(rows)

    def _find(self) -> bool:
        reasons, explained = self._index.reasons, self._index.explained
        while self._waiting and reasons[self._waiting[0]] != _NOT_LISTED:
            self._waiting.popleft()  # another answer came meanwhile
        if not self._waiting and explained is not None:
            rows = (reasons == _NOT_LISTED) & ~explained & self._index.selection.selected
            self._waiting.extend(np.flatnonzero(rows).tolist())
        return bool(self._waiting)
