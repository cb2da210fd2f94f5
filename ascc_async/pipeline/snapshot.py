"""How a run stands: one frozen snapshot, put together by `run`, rendered by `progress`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ascc_async.concurrency.shutdown import ShutdownSnapshot
from ascc_async.pipeline.pace import Done
from ascc_async.pipeline.work_queue import WorkQueueSnapshot
from ascc_async.throttle.limiter import RateLimiterSnapshot

SNAPSHOT = "snapshot"  # journal key of the newest one; version 0.1 wrote the same


class Phase(StrEnum):
    """What a run is doing."""

    STARTING = "starting"
    METADATA = "metadata"
    WORKING = "working"
    WRITING = "writing the dataset"
    DONE = "done"
    STOPPED = "stopped"  # by an error, which it explained


@dataclass(frozen=True, slots=True)
class Download:
    """One metadata file on its way: bytes so far, and in all where the server says."""

    name: str
    received: int
    total: int | None


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """One source for progress. `state`: ready, resting (`until` a POSIX time), distrusted or out
    (for this run).
    """

    name: str
    state: str
    why: str
    answered: int
    until: float | None = None


@dataclass(frozen=True, slots=True)
class DiskSnapshot:
    """Free bytes where the output lies; `waiting`: clips wait for room."""

    free: int
    waiting: bool


@dataclass(frozen=True, slots=True)
class MachineSnapshot:
    """A machine of a cluster. `status`: opening, working, left out or lost; `why` so. `tools` are
    its versions; `seen_at`: its last answer; `rests_until`: 0 where some identity may ask now.
    """

    name: str
    status: str
    why: str
    tools: str
    seen_at: float
    rests_until: float


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """One moment of a run. Times are POSIX seconds; what is not there yet is None.

    `answered` and `clips_made` count this run; `work_queue` counts everything known.
    `sampled`: `max_per_class` is set, so that not every video may have to be asked. `put_off`:
    rows asked once that wait for a second look, of which `second_looks` will have it. `hours` is
    `throttle.hours`. `done` counts this run's work; `minute_ago` and `half_ago` (half of the time
    since work began) are the same as it stood then. `signed_out`: identities whose
    cookies have died.
    """

    at: float
    started_at: float
    phase: Phase
    stopping: ShutdownSnapshot
    download: Download | None = None
    work_queue: WorkQueueSnapshot | None = None
    sources: tuple[SourceSnapshot, ...] = ()
    limiter: RateLimiterSnapshot | None = None
    machines: tuple[MachineSnapshot, ...] = ()
    disk: DiskSnapshot | None = None
    answered: int = 0
    clips_made: int = 0
    media_bytes: int = 0
    sampled: bool = False
    api_keys: int = 0
    put_off: int = 0
    second_looks: int = 0
    hours: str | None = None
    done: Done | None = None
    minute_ago: Done | None = None
    half_ago: Done | None = None
    signed_out: tuple[str, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Whether it is working, and will do what is left: a run that stops will not."""
        return self.phase is Phase.WORKING and not self.stopping.draining

    @property
    def missing(self) -> int:
        """Videos still to be asked why the Data API does not list them."""
        return self.work_queue.missing if self.work_queue else 0


# Made once: building it takes longer than using it a hundred times.
_DATA = TypeAdapter(RunSnapshot)


def snapshot_data(snapshot: RunSnapshot) -> Any:
    """The snapshot as JSON-ready data, for `status`."""
    return _DATA.dump_python(snapshot, mode="json")


def snapshot_from(data: Any) -> RunSnapshot | None:
    """What `snapshot_data` gave; None for nothing, or for the data of another version."""
    try:
        return _DATA.validate_python(data)
    except ValidationError:
        return None
