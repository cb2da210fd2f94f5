"""`/`: where the run stands, live; and its history."""

from __future__ import annotations

import json
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from ascc_async.errors import JournalError, NoJournal
from ascc_async.files import size
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.model import License, Reason
from ascc_async.pipeline.snapshot import Phase
from ascc_async.progress.dashboard import machine_lines
from ascc_async.progress.figures import Figures, few, figures, source_troubles
from ascc_async.progress.formatting import finish, rate
from ascc_async.progress.last_events import last_events
from ascc_async.progress.report import Advice, advice, advice_about
from ascc_async.progress.status import Status
from ascc_async.web.history import figures_of, read_minutes
from ascc_async.web.shown_folder import LIVE, SHOWN, ShownFolder

_EVENTS = 8
_SILENT = 60.0  # seconds: a run leaves its snapshot every two
_STILL_THERE = 20.0  # seconds, after which even a quiet stream shows whether its reader is gone
SPANS = {"all": inf, "week": 7 * 86_400.0, "day": 86_400.0, "hour": 3600.0}


async def page(request: web.Request) -> web.Response:
    """The page as it stands now; what changes later comes by `/events`."""
    view, drawn = await request.app[LIVE].now(), await _history(request)
    return request.app[SHOWN].page(
        request, "overview.html", title="Overview", view=view, history=drawn, spans=SPANS
    )


async def events(request: web.Request) -> web.StreamResponse:
    """What changes, as server-sent events. A reader that is slow is sent the newest only."""
    live = request.app[LIVE]
    headers = {hdrs.CONTENT_TYPE: "text/event-stream", "X-Accel-Buffering": "no"}
    stream = web.StreamResponse(headers=headers)
    await stream.prepare(request)
    digest = request.headers.get("Last-Event-ID", request.query.get("have", ""))
    with suppress(ConnectionResetError):  # the reader went away
        while not live.ended.is_set():
            view = await live.after(digest, _STILL_THERE)
            if view is not None:
                digest = view.digest
            await stream.write(view.message if view else b":\n\n")
        await stream.write(b"event: end\ndata:\n\n")
    return stream


async def history(request: web.Request) -> web.Response:
    """The figures of the history, as JSON."""
    drawn = await _history(request)
    return web.Response(text=drawn.json, content_type="application/json")


ROUTES = [
    web.get("/", page),
    web.get("/events", events, allow_head=False),
    web.get("/history.json", history),
]


@dataclass(frozen=True, slots=True)
class History:
    """Figures as JSON, that may stand in a page; and their heights, so that nothing moves there."""

    json: str
    heights: dict[str, int]
    problem: str = ""


async def _history(request: web.Request) -> History:
    shown = request.app[SHOWN]
    seconds = SPANS.get(request.query.get("span", "all"), inf)
    # All who look within these seconds share it.
    version = int(time.time() // 5)
    return await shown.kept(f"history {seconds}", version, _draw, shown.output, seconds)


def _draw(output: Path, seconds: float) -> History:
    found: dict[str, Any] = {}
    problem = ""
    try:
        with closing(Reader(output / JOURNAL_NAME)) as reader:
            if newest := reader.newest_minute():
                found = figures_of(read_minutes(reader, newest.at - seconds))
    except NoJournal:
        pass
    except JournalError as error:
        problem = str(error)
    heights = {name: figure["layout"]["height"] for name, figure in found.items()}
    return History(json.dumps(found).replace("<", "\\u003c"), heights, problem)


@dataclass(frozen=True, slots=True)
class StageBar:
    """One bar: `ended` of `total`; what of it is `done`, and what is said of the rest."""

    name: str
    done: int
    ended: int
    total: int
    speed: str = ""
    end: str = ""
    note: str = ""


def render(shown: ShownFolder, status: Status, problem: str | None) -> str:
    """What the overview shows of it. For a thread: it reads the log."""
    snapshot = status.snapshot
    sums = figures(snapshot) if snapshot else None
    badge, colour = _badge(status)
    return shown.text(
        "overview_live.html",
        status=status,
        problem=problem,
        badge=badge,
        colour=colour,
        snapshot=snapshot,
        sums=sums,
        working=_works(status),
        stages=_stages(status, sums),
        buckets=few(sums.buckets) if sums else (),
        machines=list(machine_lines(snapshot, sums, all_of_them=True)) if snapshot and sums else [],
        troubles=list(source_troubles(snapshot)) if snapshot and status.running else [],
        advices=_advice(status, sums),
        events=last_events(shown.output, _EVENTS),
        min_free=shown.settings.output.min_free_gb * 1e9,
        finish=finish,
    )


def _works(status: Status) -> bool:
    """Whether a run is under way that goes on to the end, as far as it knows."""
    return bool(status.running and status.snapshot and status.snapshot.goes_on)


def _badge(status: Status) -> tuple[str, str]:
    """In a word how it stands, and its colour."""
    snapshot = status.snapshot
    if status.running:
        if snapshot and snapshot.stopping.draining:
            return "stopping", "warn"
        if snapshot and time.time() - snapshot.at > _SILENT:
            return "silent", "warn"
        return "running", "good"
    if snapshot is None:
        return "no run", "dim"
    if snapshot.stopping.draining:
        return "stopped", "dim"
    ends = {Phase.DONE: ("finished", "good"), Phase.STOPPED: ("gave up", "bad")}
    return ends.get(snapshot.phase, ("died", "bad"))


def _stages(status: Status, sums: Figures | None) -> list[StageBar]:
    counts = status.counts
    if sums is None:
        if counts is None:
            return []
        shareable = counts.license(License.CREATIVE_COMMONS)
        return [
            StageBar("licenses", counts.asked, counts.asked, counts.segments),
            StageBar("clips", counts.clips, counts.clips, max(shareable, counts.clips)),
        ]
    queue = sums.queue
    licenses = StageBar("licenses", queue.asked, queue.asked, queue.selected)
    clips = StageBar(
        "clips", queue.clips, sums.clips_ended, sums.clips_total, note=sums.clips_not_made
    )
    if not _works(status):
        return [licenses, clips]
    # What is asked again at the end is not worth a speed.
    asked = rate(sums.videos_per_second) if queue.asked < queue.selected else ""
    fetched = f"{rate(sums.clips_per_second)}, {size(sums.bytes_per_second)}/s"
    if status.snapshot is None or not status.snapshot.media_bytes:
        fetched = ""  # the first clips are yet to come
    return [
        replace(licenses, speed=asked, end=_end(sums, sums.left.licenses)),
        replace(clips, speed=fetched, end=_end(sums, sums.left.clips)),
    ]


def _end(sums: Figures, left: float | None) -> str:
    if left is None or left == inf:
        return ""
    return f"{'by' if sums.at_most else 'at'} {finish(sums.at + left, sums.at)}"


def _advice(status: Status, sums: Figures | None) -> list[Advice]:
    if status.counts is not None:
        return advice(status.counts)
    if sums is None:
        return []
    # The run goes on by itself with what is pending.
    unknown = [(Reason.LICENSE_UNKNOWN, sums.unknown)] if sums.unknown else []
    return advice_about([*sums.queue.reasons.items(), *unknown])
