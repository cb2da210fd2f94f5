"""What a snapshot of a run adds up to, worked out once: for the screen, as one line, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ascc_async.model import License
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.formatting import clock, count, duration, rate, share, size
from ascc_async.throttle.limiter import BucketSnapshot, RequestKind

_VIDEOS_PER_REQUEST = {RequestKind.PAGES: 1, RequestKind.DATA_API: 50}
# Requests that a clip takes as a rule: resolving it now and then takes a second page.
_PAGES_PER_CLIP, _MEDIA_PER_CLIP = 1.5, 3.0
_ENOUGH_ANSWERS = 200  # before the speed reached says anything


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums and rates. `seconds_left` goes by the permitted rate, not by the last second's luck;
    None while nothing is permitted or nothing is left; `at_most` when `max_per_class` may end
    the asking sooner.
    """

    selected: int
    asked: int
    creative_commons: int
    answered: int
    unavailable: dict[str, int]
    unknown: int
    clips: int
    clips_open: int
    videos_per_second: float
    seconds_left: float | None
    at_most: bool
    buckets: tuple[BucketSnapshot, ...]

    @property
    def time_left(self) -> str:
        """`3.5 h left`, `at most 3.5 h left`, or nothing."""
        if self.seconds_left is None:
            return ""
        return f"{'at most ' if self.at_most else ''}{duration(self.seconds_left)} left"


def figures(snapshot: RunSnapshot) -> Figures | None:
    """None until the journal was read."""
    queue = snapshot.work_queue
    if queue is None:
        return None
    answered = queue.asked - queue.licenses[License.UNKNOWN]
    shareable = queue.licenses[License.CREATIVE_COMMONS]
    to_ask = queue.selected - queue.asked
    clips_to_come = queue.clips_open + (to_ask * shareable / answered if answered else 0)
    buckets = snapshot.limiter.buckets if snapshot.limiter else ()
    return Figures(
        selected=queue.selected,
        asked=queue.asked,
        creative_commons=shareable,
        answered=answered,
        unavailable={reason.value: number for reason, number in queue.reasons.items()},
        unknown=queue.licenses[License.UNKNOWN],
        clips=queue.clips,
        clips_open=queue.clips_open,
        videos_per_second=snapshot.answered / max(1.0, snapshot.at - snapshot.started_at),
        seconds_left=_seconds_left(snapshot, buckets, to_ask, clips_to_come),
        at_most=snapshot.sampled and to_ask > 0,
        buckets=tuple(bucket for bucket in buckets if bucket.used),
    )


def _seconds_left(
    snapshot: RunSnapshot, buckets: tuple[BucketSnapshot, ...], videos: int, clips: float
) -> float | None:
    """The slowest kind of request decides: what is still to be sent, at the permitted rates."""
    if videos <= 0 and clips <= 0:
        return None
    source = next((source.name for source in snapshot.sources if source.state == "ready"), "")
    asking = RequestKind.DATA_API if source == "data_api" else RequestKind.PAGES
    requests = {RequestKind.PAGES: clips * _PAGES_PER_CLIP}
    requests[RequestKind.MEDIA] = clips * _MEDIA_PER_CLIP
    requests[asking] = requests.get(asking, 0.0) + videos / _VIDEOS_PER_REQUEST[asking]

    estimates = []
    for kind, number in requests.items():
        own = [bucket for bucket in buckets if bucket.kind is kind]
        if number > 0 and (permitted := sum(bucket.rate for bucket in own)):
            pauses = [(bucket.resting_until or snapshot.at) - snapshot.at for bucket in own]
            estimates.append(number / permitted + max(0.0, min(pauses)))
    if not estimates:
        return None

    # Where no request waits for permission something else is slower: then the speed reached counts.
    held_up = any(
        bucket.waiting or bucket.resting_until for bucket in buckets if bucket.kind is asking
    )
    if not held_up and snapshot.answered >= _ENOUGH_ANSWERS:
        elapsed = snapshot.at - snapshot.started_at
        estimates.append(videos * elapsed / snapshot.answered)
    return max(estimates)


def snapshot_line(snapshot: RunSnapshot) -> str:
    """The run in one line, for a pipe or a log file."""
    sums = figures(snapshot)
    if sums is None:
        download = snapshot.download
        # Before the metadata is read nothing can be counted.
        name = f": {download.name} {size(download.received)}" if download else ""
        return f"{snapshot.phase.value}{name}"
    parts = [
        f"licenses {count(sums.asked)}/{count(sums.selected)}",
        f"Creative Commons {share(sums.creative_commons, sums.answered)}",
        f"clips {count(sums.clips)} ({sums.clips_open} to make)",
        f"unavailable {count(sum(sums.unavailable.values()))}",
    ]
    for bucket in sums.buckets:
        pause = f" paused until {clock(bucket.resting_until)}" if bucket.resting_until else ""
        parts.append(f"{bucket.identity}/{bucket.kind.value} {rate(bucket.rate)}{pause}")
    # A run that stops will not do what is left.
    if sums.seconds_left and not snapshot.stopping.draining:
        parts.append(sums.time_left)
    return " · ".join(parts)


def snapshot_fields(snapshot: RunSnapshot) -> dict[str, Any]:
    """The run as JSON-ready fields with stable names. Times are POSIX seconds."""
    # Names are for programs and stay as they are, even where the screen says it otherwise.
    sums = figures(snapshot)
    fields: dict[str, Any] = {
        "phase": snapshot.phase.value,
        "started_at": snapshot.started_at,
        "draining": snapshot.stopping.draining,
    }
    if sums is None:
        return fields
    return fields | {
        "segments": sums.selected,
        "asked": sums.asked,
        "creative_commons": sums.creative_commons,
        "unknown": sums.unknown,
        "unavailable": sums.unavailable,
        "clips": sums.clips,
        "clips_open": sums.clips_open,
        "media_bytes": snapshot.media_bytes,
        "seconds_left": sums.seconds_left,
        "free_bytes": snapshot.disk.free if snapshot.disk else None,
        "identities": [
            {
                "identity": bucket.identity,
                "kind": bucket.kind.value,
                "rate": round(bucket.rate, 4),
                "ceiling": bucket.ceiling and round(bucket.ceiling, 4),
                "sent": bucket.sent,
                "answered": bucket.answered,
                "refused": bucket.refused,
                "faults": bucket.faults,
                "away": bucket.away,
                "resting_until": bucket.resting_until,
                "resting_why": bucket.resting_why,
            }
            for bucket in sums.buckets
        ],
        "sources": [
            {key: getattr(source, key) for key in ("name", "state", "why", "answered")}
            for source in snapshot.sources
        ],
    }
