"""What a snapshot of a run adds up to, worked out once: for the screen, as one line, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from ascc_async.files import size
from ascc_async.model import License
from ascc_async.pipeline.pace import Done
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.pipeline.work_queue import WorkQueueSnapshot
from ascc_async.progress.formatting import count, duration, finish, rate, safe, share
from ascc_async.progress.time_left import TimeLeft, time_left
from ascc_async.throttle.identity import BucketSnapshot, summed

_MOST_SHOWN = 8  # identities one by one
_SOURCE_STATES = {
    "resting": "paused",
    "distrusted": "not trusted any more",
    "out": "not used in this run",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums, what was done a second in the last minute, and the time left.

    `at_most`: `max_per_class` may end the asking sooner. `buckets`: those used, each with the
    requests a second that it sent in the last minute.
    """

    queue: WorkQueueSnapshot
    creative_commons: int
    answered: int
    unknown: int
    videos_per_second: float
    clips_per_second: float
    bytes_per_second: float
    left: TimeLeft
    at: float
    at_most: bool
    buckets: tuple[tuple[BucketSnapshot, float], ...]

    @property
    def clips_ended(self) -> int:
        """Those made and those that never will be."""
        return self.queue.clips + self.queue.clips_rejected + self.queue.clips_gone

    @property
    def clips_total(self) -> int:
        """Of all segments found to be Creative Commons: it never shrinks in a run."""
        return self.clips_ended + self.queue.clips_open + self.queue.clips_later

    @property
    def clips_not_made(self) -> str:
        """`37 to make, 3 rejected`."""
        queue = self.queue
        rest = {"not available": queue.clips_gone, "left for another run": queue.clips_later}
        parts = {"to make": queue.clips_open, "rejected": queue.clips_rejected} | {
            name: number for name, number in rest.items() if number
        }
        return ", ".join(f"{count(number)} {name}" for name, number in parts.items())

    @property
    def time_left(self) -> str:
        """`3.5 h left, done at 17:30`, with `at most` where it may be sooner, or nothing."""
        if (left := self.left.whole) is None:
            return ""
        if left == inf:
            return "time left: unknown while all identities are paused"
        end = finish(self.at + left, self.at)
        if self.at_most:
            return f"at most {duration(left)} left, done by {end}"
        return f"{duration(left)} left, done at {end}"


def figures(snapshot: RunSnapshot) -> Figures | None:
    """None until the journal was read."""
    queue = snapshot.work_queue
    if queue is None:
        return None
    unknown = queue.licenses[License.UNKNOWN]
    buckets = snapshot.limiter.buckets if snapshot.limiter else ()
    now, before = snapshot.done or Done(snapshot.at), snapshot.minute_ago or Done(snapshot.at)
    seconds = max(1.0, now.at - before.at)
    return Figures(
        queue=queue,
        creative_commons=queue.licenses[License.CREATIVE_COMMONS],
        answered=queue.asked - unknown,
        unknown=unknown,
        videos_per_second=(now.videos - before.videos) / seconds,
        clips_per_second=(now.made - before.made) / seconds,
        bytes_per_second=(now.media_bytes - before.media_bytes) / seconds,
        left=time_left(snapshot),
        at=snapshot.at,
        at_most=snapshot.sampled and queue.asked < queue.selected,
        buckets=tuple(
            (bucket, (now.sent_by(bucket) - before.sent_by(bucket)) / seconds)
            for bucket in buckets
            if bucket.used
        ),
    )


def few(
    buckets: tuple[tuple[BucketSnapshot, float], ...],
) -> tuple[tuple[BucketSnapshot, float], ...]:
    """The same, or where there are many identities one sum for each kind of request."""
    if len({bucket.identity for bucket, _ in buckets}) <= _MOST_SHOWN:
        return buckets
    sums = []
    for kind in dict.fromkeys(bucket.kind for bucket, _ in buckets):
        same = [(bucket, rate) for bucket, rate in buckets if bucket.kind is kind]
        paused = sum(bucket.resting_until is not None for bucket, _ in same)
        name = f"{len(same)} identities" + (f", {paused} paused" if paused else "")
        total = summed([bucket for bucket, _ in same], name)
        sums.append((total, sum(rate for _, rate in same)))
    return tuple(sums)


def source_troubles(snapshot: RunSnapshot) -> Iterator[str]:
    """The license sources that do not work now: those that do need no line."""
    for source in snapshot.sources:
        if source.state != "ready":
            state = _SOURCE_STATES.get(source.state, source.state)
            yield f"source {source.name}: {state} ({safe(source.why)})"


def snapshot_line(snapshot: RunSnapshot) -> str:
    """The run in one line, for a pipe or a log file."""
    sums = figures(snapshot)
    if sums is None:
        download = snapshot.download
        # Before the metadata is read nothing can be counted.
        name = f": {download.name} {size(download.received)}" if download else ""
        return f"{snapshot.phase.value}{name}"
    parts = [
        f"licenses {count(sums.queue.asked)}/{count(sums.queue.selected)}",
        f"Creative Commons {share(sums.creative_commons, sums.answered)}",
        f"clips {count(sums.queue.clips)} ({sums.clips_not_made})",
        f"unavailable {count(sum(sums.queue.reasons.values()))}",
    ]
    for bucket, per_second in few(sums.buckets):
        until = bucket.resting_until
        pause = f", paused until {finish(until, snapshot.at, seconds=True)}" if until else ""
        name, permitted = f"{bucket.identity}/{bucket.kind.value}", rate(bucket.rate)
        parts.append(f"{name} {rate(per_second)} (permitted {permitted}{pause})")
    if sums.time_left:
        parts.append(sums.time_left)
    return " · ".join(parts)


def snapshot_fields(snapshot: RunSnapshot, now: float | None) -> dict[str, Any]:
    """The run as JSON-ready fields with stable names. Times are POSIX seconds.

    `now`: when it is asked; the seconds left are counted from then. None: no run is going on.
    """
    # Names are for programs and stay as they are, even where the screen says it otherwise.
    sums = figures(snapshot)
    fields: dict[str, Any] = {
        "phase": snapshot.phase.value,
        "started_at": snapshot.started_at,
        "draining": snapshot.stopping.draining,
    }
    if sums is None:
        return fields
    queue = sums.queue
    return fields | {
        "segments": queue.selected,
        "asked": queue.asked,
        "creative_commons": sums.creative_commons,
        "unknown": sums.unknown,
        "unavailable": {reason.value: number for reason, number in queue.reasons.items()},
        "clips": queue.clips,
        "clips_open": queue.clips_open,
        "clips_rejected": queue.clips_rejected,
        "clips_gone": queue.clips_gone,
        "clips_later": queue.clips_later,
        "media_bytes": snapshot.media_bytes,
        **_ends(sums.left.whole, snapshot.at, now),
        "stages": {
            "licenses": _ends(sums.left.licenses, snapshot.at, now),
            "clips": _ends(sums.left.clips, snapshot.at, now),
        },
        "at_most": sums.at_most,
        "videos_per_second": round(sums.videos_per_second, 4),
        "clips_per_second": round(sums.clips_per_second, 4),
        "bytes_per_second": round(sums.bytes_per_second),
        "free_bytes": snapshot.disk.free if snapshot.disk else None,
        "identities": [
            {
                "identity": bucket.identity,
                "kind": bucket.kind.value,
                "rate": round(bucket.rate, 4),  # the permitted one
                "sent_per_second": round(per_second, 4),
                "ceiling": bucket.ceiling and round(bucket.ceiling, 4),
                "sent": bucket.sent,
                "answered": bucket.answered,
                "refused": bucket.refused,
                "faults": bucket.faults,
                "away": bucket.away,
                "resting_until": bucket.resting_until,
                "resting_why": bucket.resting_why,
            }
            for bucket, per_second in sums.buckets
        ],
        "machines": [asdict(machine) for machine in snapshot.machines],
        "sources": [
            {key: getattr(source, key) for key in ("name", "state", "why", "answered")}
            for source in snapshot.sources
        ],
    }


def _ends(left: float | None, at: float, now: float | None) -> dict[str, float | None]:
    """The end that was foretold at `at`, and the seconds until then."""
    if left is None or left == inf or now is None:
        return {"seconds_left": None, "finish_at": None}
    return {"seconds_left": max(0.0, at + left - now), "finish_at": at + left}
