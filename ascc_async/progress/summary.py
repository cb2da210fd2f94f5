"""What is said at the end of a run: done, missing and why, where everything is."""

from __future__ import annotations

from pathlib import Path

from ascc_async.dataset.counts import Counts
from ascc_async.progress.snapshot import RunSnapshot
from ascc_async.progress.words import count, duration, share, size


def summary(counts: Counts, snapshot: RunSnapshot, output_dir: Path) -> str:
    """The whole text."""
    return f"{count(counts.clips)} clips, {output_dir}"
