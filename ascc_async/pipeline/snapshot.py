"""How a run stands: one frozen picture, put together by `app`, rendered by the other modules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ascc_async.concurrency.shutdown import ShutdownSnapshot
from ascc_async.concurrency.stage import StageSnapshot
from ascc_async.pipeline.disk import DiskSnapshot
from ascc_async.pipeline.source_health import SourceSnapshot
from ascc_async.pipeline.work_queue import WorkQueueSnapshot
from ascc_async.throttle.limiter import RateLimiterSnapshot

SNAPSHOT = "snapshot"  # the key under which a run leaves its picture in the journal


class Phase(StrEnum):
    """What a run is doing."""

    STARTING = "starting"
    METADATA = "metadata"
    WORKING = "working"
    WRITING = "writing the dataset"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Download:
    """One metadata file on its way: bytes here, and in all where the server told."""

    name: str
    received: int
    total: int | None


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """One moment of a run. Times are POSIX seconds; what is not there yet is None.

    `answered` and `clips_made` count this run; the ledger counts everything known.
    `sampled`: `max_per_class` is set, so that not every video may have to be asked.
    """

    at: float
    started_at: float
    phase: Phase
    stopping: ShutdownSnapshot
    download: Download | None = None
    work_queue: WorkQueueSnapshot | None = None
    licenses: StageSnapshot | None = None
    clips: StageSnapshot | None = None
    sources: tuple[SourceSnapshot, ...] = ()
    limiter: RateLimiterSnapshot | None = None
    disk: DiskSnapshot | None = None
    answered: int = 0
    clips_made: int = 0
    media_bytes: int = 0
    sampled: bool = False


_DATA = TypeAdapter(RunSnapshot)


def snapshot_data(snapshot: RunSnapshot) -> Any:
    """The picture as JSON-ready data, for `status`."""
    return _DATA.dump_python(snapshot, mode="json")


def snapshot_from(data: Any) -> RunSnapshot | None:
    """What `snapshot_data` gave; None for nothing, or for the data of another version."""
    try:
        return _DATA.validate_python(data)
    except ValidationError:
        return None
