"""Writes the dataset as the journal has it, now and then and at the end of a run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TypeVar

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.eligibility import Terms
from ascc_async.dataset.removals import Removals
from ascc_async.dataset.write import Entries, RunFacts, write_dataset
from ascc_async.errors import StoppedOnRequest
from ascc_async.files import disk_errors
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import Evidence

Page = TypeVar("Page")


class _Pages:
    """The journal's pages, until the run is aborted: a thread cannot be cancelled."""

    def __init__(self, reader: Reader, shutdown: Shutdown) -> None:
        self._reader, self._shutdown = reader, shutdown

    def answers(self) -> Iterator[list[AnswerRow]]:
        """As the reader's."""
        return self._until_aborted(self._reader.answers())

    def clips(self, encoding: str) -> Iterator[list[ClipRow]]:
        """As the reader's."""
        return self._until_aborted(self._reader.clips(encoding))

    def evidence(self) -> Iterator[list[Evidence]]:
        """As the reader's."""
        return self._until_aborted(self._reader.evidence())

    def _until_aborted(self, pages: Iterator[Page]) -> Iterator[Page]:
        for page in pages:
            if self._shutdown.aborted:
                raise StoppedOnRequest("aborted: the next run writes the dataset")
            yield page


class DatasetWriter:
    """Writes the dataset as the journal has it now; one writing at a time."""

    def __init__(
        self,
        entries: Entries,
        reader: Reader,
        encoding: str,
        removals: Removals,
        facts: RunFacts,
        shutdown: Shutdown,
    ) -> None:
        self._entries, self._pages = entries, _Pages(reader, shutdown)
        self._encoding, self._removals, self._facts = encoding, removals, facts
        # The last writing may begin while the one before is still in its thread.
        self._lock = asyncio.Lock()
        self.seconds = 0.0  # what the last writing took

    async def write(self) -> Counts:
        """All files under `dataset/`. Raises SetupError when the folder cannot be written."""
        async with self._lock:
            began = time.monotonic()
            settings = self._facts.settings
            folder, days = settings.output.dir, settings.license.recheck_after_days
            # Made for each writing: by its own time it is decided whose evidence is too old.
            terms = Terms(self._encoding, time.time(), days, self._removals)
            with disk_errors(folder):
                counts = await asyncio.to_thread(
                    write_dataset, folder, self._entries, self._pages, terms, self._facts
                )
            self.seconds = time.monotonic() - began
            return counts
