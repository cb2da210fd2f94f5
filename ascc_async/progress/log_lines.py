"""A run without a terminal: one plain line a minute, or one JSON object."""

from __future__ import annotations

from typing import Any

from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.formatting import clock, count, duration, rate, share, size
from ascc_async.progress.snapshot import Figures, figures


def snapshot_line(snapshot: RunSnapshot) -> str:
    """The run in one line."""
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
        parts.append(time_left(sums))
    return " · ".join(parts)


def time_left(sums: Figures) -> str:
    """`3.5 h left`, `at most 3.5 h left`, or nothing."""
    if sums.seconds_left is None:
        return ""
    return f"{'at most ' if sums.at_most else ''}{duration(sums.seconds_left)} left"


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
            {
                "name": source.name,
                "state": source.state,
                "why": source.why,
                "answered": source.answered,
            }
            for source in snapshot.sources
        ],
    }
