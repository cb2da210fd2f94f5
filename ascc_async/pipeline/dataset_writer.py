"""Writes the dataset as the journal has it, now and then and at the end of a run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from ascc_async.audioset.selection import Selection
from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.eligibility import Terms
from ascc_async.dataset.manifest import Entry
from ascc_async.dataset.write import Entries, RunFacts, write_dataset
from ascc_async.errors import StoppedOnRequest
from ascc_async.files import disk_errors
from ascc_async.media.encoding import encoding_of
from ascc_async.pipeline.reconcile import Records

_WRITE_AFTER = 60.0  # seconds: somebody may look at the first clips
_WRITE_EVERY = 300.0  # from then on; longer when the writing itself takes long


class _UntilAborted(Entries):
    """The selected segments, until the run is aborted: a thread cannot be cancelled."""

    def __init__(self, selection: Selection, shutdown: Shutdown) -> None:
        super().__init__(selection)
        self._shutdown = shutdown

    def __iter__(self) -> Iterator[Entry]:
        for entry in super().__iter__():
            if self._shutdown.aborted:
                raise StoppedOnRequest("aborted: the next run writes the dataset")
            yield entry


class DatasetWriter:
    """Writes the dataset as the journal has it now; one writing at a time."""

    def __init__(
        self, selection: Selection, records: Records, facts: RunFacts, shutdown: Shutdown
    ) -> None:
        """Not on the event loop: it sorts two million rows."""
        self._entries = _UntilAborted(selection, shutdown)
        self._records, self._facts = records, facts
        # The last writing may begin while the one before is still in its thread.
        self._lock = asyncio.Lock()
        self._seconds = 0.0  # what the last writing took

    def seconds_until_due(self) -> float:
        """How long to wait before the next `write`."""
        # Two million rows take a minute of one core: at most a twentieth of the run.
        return max(_WRITE_EVERY, 20 * self._seconds) if self._seconds else _WRITE_AFTER

    async def write(self) -> Counts:
        """All files under `dataset/`. Raises SetupError when the folder cannot be written."""
        async with self._lock:
            began = time.monotonic()
            settings, records = self._facts.settings, self._records
            folder, days = settings.output.dir, settings.license.recheck_after_days
            # Made for each writing: by its own time it is decided whose evidence is too old.
            terms = Terms(encoding_of(settings.clips), time.time(), days, records.removals)
            with disk_errors(folder):
                counts = await asyncio.to_thread(
                    write_dataset, folder, self._entries, records.reader, terms, self._facts
                )
            self._seconds = time.monotonic() - began
            return counts
