"""Snapshots and counts for the tests of progress."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ascc_async.concurrency.shutdown import ShutdownSnapshot
from ascc_async.dataset.counts import Counts, RowKind
from ascc_async.model import License, Reason
from ascc_async.pipeline.pace import Done
from ascc_async.pipeline.snapshot import DiskSnapshot, Phase, RunSnapshot, SourceSnapshot
from ascc_async.pipeline.work_queue import WorkQueueSnapshot
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot
from ascc_async.throttle.limiter import RateLimiterSnapshot

START = 1_800_000_000.0


def bucket(**changes: Any) -> BucketSnapshot:
    """A bucket that is permitted two pages a second."""
    calm = BucketSnapshot(
        "main", RequestKind.PAGES, 2.0, None, 3, 1, 500, 4, 0, None, None, False
    )  # fmt: skip
    return replace(calm, **changes)


def work_queue(**changes: Any) -> WorkQueueSnapshot:
    """Half of a thousand segments asked."""
    licenses = {
        License.CREATIVE_COMMONS: 50,
        License.STANDARD: 400,
        License.UNAVAILABLE: 40,
        License.UNKNOWN: 10,
    }
    reasons = {Reason.PRIVATE: 25, Reason.ACCOUNT_TERMINATED: 10, Reason.LIVE: 5}
    half = WorkQueueSnapshot(1000, 500, licenses, reasons, 40, 10, to_ask=500)
    return replace(half, **changes)


def done(at: float, pages: int, **changes: Any) -> Done:
    """What the one identity had done."""
    return replace(Done(at, requests={"main": {RequestKind.PAGES: pages}}), **changes)


def snapshot(**changes: Any) -> RunSnapshot:
    """A run at work for a hundred seconds."""
    at_work = RunSnapshot(
        at=START + 100,
        started_at=START,
        phase=Phase.WORKING,
        stopping=ShutdownSnapshot(False, "", None),
        work_queue=work_queue(),
        limiter=RateLimiterSnapshot((bucket(), bucket(kind=RequestKind.MEDIA, rate=3.0))),
        sources=(SourceSnapshot("innertube", "ready", "", 500),),
        disk=DiskSnapshot(84_000_000_000, False),
        answered=500,
        clips_made=40,
        media_bytes=12_000_000,
        done=done(START + 100, 150, videos=120),
        minute_ago=done(START + 40, 60, videos=48),
        half_ago=done(START + 50, 75, videos=60),
    )
    return replace(at_work, **changes)


DRAINING = ShutdownSnapshot(True, "SIGINT", 42.0)

COUNTS = Counts(
    {
        RowKind("eval", license, outcome, reason, tried): number
        for license, outcome, reason, tried, number in (
            ("creative_commons", "clip", "", True, 58),
            ("standard", "not_shareable", "", False, 58),
            ("unknown", "not_shareable", "license_unknown", False, 2),
            ("", "pending", "", False, 1),
            ("", "pending", "", True, 1),
            ("creative_commons", "rejected", "silent", True, 3),
            ("unavailable", "unavailable", "age_restricted", False, 3),
            ("unavailable", "unavailable", "private", False, 4),
            ("unavailable", "unavailable", "removed", False, 20),
        )
    },
    classes={},
    sample_rates={44100: 58},
    seconds=580.0,
    bytes=34_500_000,
    channels=40,
    first_checked="2026-01-31T12:00:00Z",
    last_checked="2026-01-31T12:00:00Z",
)
