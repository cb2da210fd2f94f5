"""`/metrics`, `/status.json` and `/healthz`: for who watches over many services."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.figures import Figures, figures
from ascc_async.web.live import View
from ascc_async.web.shown_folder import LIVE, SHOWN


async def status(request: web.Request) -> web.Response:
    """The same as `status --json`."""
    view = await request.app[LIVE].now()
    if view.problem:
        return web.json_response({"error": view.problem}, status=503)
    return web.json_response(view.status.fields())


async def healthz(request: web.Request) -> web.Response:
    """Whether this page works and can read its folder; a run need not be going on."""
    view = await request.app[LIVE].now()
    return web.Response(text=f"{view.problem or 'ok'}\n", status=503 if view.problem else 200)


async def metrics(request: web.Request) -> web.Response:
    """For Prometheus."""
    view = await request.app[LIVE].now()
    registry = CollectorRegistry()
    registry.register(_Metrics(view))
    body = await request.app[SHOWN].work(generate_latest, registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES = [
    web.get("/metrics", metrics),
    web.get("/status.json", status),
    web.get("/healthz", healthz),
]


class _Metrics(Collector):
    """The newest snapshot as metrics. Without a run they stand still, and `ascc_run_up` is 0."""

    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        status = self._view.status
        yield _gauge("run_up", "1 while a run is going on", int(status.running is not None))
        readable = int(status.problem is None or status.problem is status.manifest_error)
        yield _gauge("journal_readable", "0 where the journal cannot be read", readable)
        sums = figures(status.snapshot) if status.snapshot else None
        if status.snapshot and sums:
            yield from _of(status.snapshot, sums)


def _of(snapshot: RunSnapshot, sums: Figures) -> Iterator[Metric]:
    queue = sums.queue
    yield _gauge("snapshot_timestamp_seconds", "When the run last said how it stands", snapshot.at)
    yield _gauge("segments", "Segments selected", queue.selected)
    yield _gauge("segments_asked", "Segments whose license was asked for", queue.asked)
    licenses = GaugeMetricFamily(
        "ascc_segments_by_license", "Segments by the newest answer", labels=["license"]
    )
    for license, number in queue.licenses.items():
        licenses.add_metric([license.value], number)
    yield licenses
    reasons = GaugeMetricFamily(
        "ascc_segments_unavailable", "Segments that are not available, by reason", labels=["reason"]
    )
    for reason, number in queue.reasons.items():
        reasons.add_metric([reason.value], number)
    yield reasons
    clips = GaugeMetricFamily(
        "ascc_clips", "Segments found to be Creative Commons, by state", labels=["state"]
    )
    for state, number in (
        ("made", queue.clips),
        ("open", queue.clips_open),
        ("rejected", queue.clips_rejected),
        ("gone", queue.clips_gone),
        ("later", queue.clips_later),
    ):
        clips.add_metric([state], number)
    yield clips
    yield CounterMetricFamily(
        "ascc_media_bytes", "Bytes of media fetched by this run", snapshot.media_bytes
    )
    if snapshot.disk:
        yield _gauge("disk_free_bytes", "Free where the output lies", snapshot.disk.free)
    names = ["identity", "kind"]
    sent = CounterMetricFamily("ascc_requests", "Requests sent by this run", labels=names)
    refused = CounterMetricFamily("ascc_refusals", "Requests that YouTube refused", labels=names)
    rate = GaugeMetricFamily(
        "ascc_permitted_requests_per_second", "The permitted rate, as learned", labels=names
    )
    ceiling = GaugeMetricFamily(
        "ascc_refused_at_requests_per_second", "The rate that was last refused", labels=names
    )
    resting = GaugeMetricFamily("ascc_resting", "1 while it pauses after a refusal", labels=names)
    for bucket, _ in sums.buckets:
        who = [bucket.identity, bucket.kind.value]
        sent.add_metric(who, bucket.sent)
        refused.add_metric(who, bucket.refused)
        rate.add_metric(who, bucket.rate)
        if bucket.ceiling:
            ceiling.add_metric(who, bucket.ceiling)
        resting.add_metric(who, int(bucket.resting_until is not None))
    yield from (sent, refused, rate, ceiling, resting)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ascc_{name}", what, value)
