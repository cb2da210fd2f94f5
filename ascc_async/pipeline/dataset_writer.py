"""Writes the dataset as the journal has it, now and then and at the end of a run."""

from __future__ import annotations

import asyncio
import time

from ascc_async.audioset.selection import Selection
from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.eligibility import Terms
from ascc_async.dataset.write import RunFacts, write_dataset
from ascc_async.files import disk_errors
from ascc_async.media.encoding import encoding_of
from ascc_async.pipeline.reconcile import Records

_WRITE_AFTER = 60.0  # seconds: somebody may look at the first clips
_WRITE_EVERY = 300.0  # from then on; longer when the writing itself takes long


class DatasetWriter:
    """Writes the dataset as the journal has it now; one writing at a time."""

    def __init__(
        self, selection: Selection, records: Records, facts: RunFacts, shutdown: Shutdown
    ) -> None:
        self._selection, self._records = selection, records
        self._facts, self._shutdown = facts, shutdown
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
                    write_dataset, folder, self._selection, records.reader, terms, self._facts,
                    self._shutdown.stop_if_aborted,
                )  # fmt: skip
            self._seconds = time.monotonic() - began
            return counts
