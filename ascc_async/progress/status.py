"""Where an output folder stands, also beside a run: for `status` and for the page of `serve`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ascc_async.dataset.counts import Counts
from ascc_async.dataset.manifest import MANIFEST
from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.errors import JournalError, MetadataError, NoJournal
from ascc_async.journal.lock import Holder, holder
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.pipeline.snapshot import SNAPSHOT, Phase, RunSnapshot, snapshot_from
from ascc_async.progress.figures import snapshot_fields
from ascc_async.progress.formatting import moment
from ascc_async.progress.report import count_fields


def _count(manifest: Path) -> Counts:
    return ManifestIndex(manifest).counts


@dataclass(frozen=True, slots=True)
class Status:
    """How it stood when looked at. `running`: who runs there now; `snapshot`: the newest one of
    that run, or else of the last one; `counts`: the manifest's, unless the snapshot says more.
    What could not be read: `journal_error`, also where there is none, and `manifest_error`.
    """

    output: Path
    running: Holder | None = None
    snapshot: RunSnapshot | None = None
    written_at: float | None = None
    counts: Counts | None = None
    journal_error: JournalError | None = None
    manifest_error: MetadataError | None = None

    @property
    def problem(self) -> JournalError | MetadataError | None:
        """What is damaged; to have no journal is nothing of the kind."""
        if self.journal_error and not isinstance(self.journal_error, NoJournal):
            return self.journal_error
        return self.manifest_error

    @property
    def run(self) -> str:
        """Whether one is going on, or how the last one ended, as a sentence without its end."""
        snapshot, running = self.snapshot, self.running
        if running is not None:
            since = moment(running.began)
            return f"A run is going on (process {running.pid} on {running.host} since {since})"
        if isinstance(self.journal_error, NoJournal):
            return "The journal is not here: these are the dataset's own numbers"
        return f"No run is going on{_last_run(snapshot)}"

    def fields(self) -> dict[str, Any]:
        """JSON-ready, with stable names."""
        snapshot = self.snapshot
        return {
            "output_dir": str(self.output),
            "running": asdict(self.running) if self.running else None,
            "seen_at": snapshot.at if snapshot else None,
            # Named so since version 0.1: programs read it.
            "picture": snapshot_fields(snapshot, time.time() if self.running else None)
            if snapshot
            else None,
            "manifest_written_at": self.written_at,
            "manifest": count_fields(self.counts) if self.counts else None,
        }


def read_status(output: Path, count: Callable[[Path], Counts] = _count) -> Status:
    """Look at it, also where a part is missing or damaged. `count` adds a manifest up."""
    running, snapshot = None, None
    journal_error: JournalError | None = None
    manifest_error: MetadataError | None = None
    try:
        with closing(Reader(output / JOURNAL_NAME)) as reader:
            running = holder(output)
            snapshot = snapshot_from(reader.learned(SNAPSHOT).get(""))
            reader.touch()
    except JournalError as error:
        running, journal_error = holder(output), error
    if running and snapshot and snapshot.at < running.began:
        snapshot = None  # left by an earlier run
    manifest = output / MANIFEST
    written_at = manifest.stat().st_mtime if manifest.is_file() else None
    # While a run goes on its snapshot says more, and counting millions of rows takes a while.
    counted = written_at is not None and (running is None or snapshot is None)
    counts = None
    try:
        counts = count(manifest) if counted else None
    except MetadataError as error:
        manifest_error = error
    return Status(output, running, snapshot, written_at, counts, journal_error, manifest_error)


def _last_run(snapshot: RunSnapshot | None) -> str:
    if snapshot is None:
        return ", and no status was saved by the last one"
    ended = moment(snapshot.at)
    if snapshot.stopping.draining:
        return f". The last one was stopped at {ended}; the same command resumes it"
    if snapshot.phase is Phase.DONE:
        return f". The last one finished at {ended}"
    if snapshot.phase is Phase.STOPPED:
        return f". The last one gave up at {ended} and said why; the same command resumes it"
    return f". The last one ended unexpectedly at about {ended}; the same command resumes it"
