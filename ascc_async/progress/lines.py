"""Without a terminal: one plain line a minute, or one JSON object."""

from __future__ import annotations

from typing import Any

from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.figures import Figures, figures
from ascc_async.progress.words import clock, count, duration, rate, share, size


def line(snapshot: RunSnapshot) -> str:
    """The run in one line."""
    told = figures(snapshot)
    if told is None:
        got = snapshot.download
        return f"{snapshot.phase.value}: {got.name} {size(got.received)}" if got else (
            snapshot.phase.value
        )  # fmt: skip
    parts = [
        f"licenses {count(told.asked)}/{count(told.selected)}",
        f"Creative Commons {share(told.creative_commons, told.answered)}",
        f"clips {count(told.clips)} ({told.clips_open} open)",
        f"unavailable {count(sum(told.unavailable.values()))}",
    ]
    for bucket in told.buckets:
        rest = f" resting until {clock(bucket.resting_until)}" if bucket.resting_until else ""
        parts.append(f"{bucket.identity}/{bucket.kind.value} {rate(bucket.rate)}{rest}")
    if told.seconds_left and not snapshot.stopping.draining:
        parts.append(time_left(told))
    return " · ".join(parts)


def time_left(told: Figures) -> str:
    """`3.5 h left`, `at most 3.5 h left`, or nothing."""
    if told.seconds_left is None:
        return ""
    return f"{'at most ' if told.at_most else ''}{duration(told.seconds_left)} left"


def fields(snapshot: RunSnapshot) -> dict[str, Any]:
    """The run as JSON-ready fields with stable names. Times are POSIX seconds."""
    told = figures(snapshot)
    data: dict[str, Any] = {
        "phase": snapshot.phase.value,
        "started_at": snapshot.started_at,
        "draining": snapshot.stopping.draining,
    }
    if told is None:
        return data
    return data | {
        "segments": told.selected,
        "asked": told.asked,
        "creative_commons": told.creative_commons,
        "unknown": told.unknown,
        "unavailable": told.unavailable,
        "clips": told.clips,
        "clips_open": told.clips_open,
        "media_bytes": snapshot.media_bytes,
        "seconds_left": told.seconds_left,
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
            for bucket in told.buckets
        ],
        "sources": [
            {"name": one.name, "state": one.state, "why": one.why, "answered": one.answered}
            for one in snapshot.sources
        ],
    }
