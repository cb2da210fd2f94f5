"""A run on a terminal: calm, steady, and as wide as there is room."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ascc_async.files import size
from ascc_async.pipeline.snapshot import Phase, RunSnapshot
from ascc_async.progress.figures import Figures, few, figures
from ascc_async.progress.formatting import clock, count, duration, rate, safe, share
from ascc_async.throttle.identity import BucketSnapshot

_MOST_MACHINES = 4  # in trouble, one by one
_NARROW = 60  # columns; below that, bars go
_STOPPING, _ALL_COLUMNS = 72, 80  # what the long words for stopping take, and the whole table
_SOURCE_STATES = {
    "resting": "paused",
    "distrusted": "not trusted any more",
    "out": "not used in this run",
}


class Dashboard:
    """Renders a snapshot at whatever width the console has."""

    def __init__(self, snapshot: RunSnapshot, *, headline: bool = True) -> None:
        """Without `headline` for a snapshot that is not live."""
        self._snapshot, self._headline = snapshot, headline

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        snapshot, width = self._snapshot, options.max_width
        if self._headline:
            yield _line(_headline(snapshot, width), width, "bold")
        if (download := snapshot.download) is not None:
            of_total = f" of {size(download.total)}" if download.total else ""
            received = f"{size(download.received)}{of_total}"
            yield _line(f"downloading {safe(download.name)}: {received}", width)
        sums = figures(snapshot)
        if sums is None:
            return
        yield from _progress(snapshot, sums, width)
        if sums.buckets:
            yield _bucket_table(few(sums.buckets), width)
        away = [each for each in snapshot.machines if each.status in ("lost", "left out")]
        for machine in away[:_MOST_MACHINES]:
            text = f"machine {safe(machine.name)}: {machine.status} ({safe(machine.why)})"
            yield _line(text, width, "yellow")
        if (more := len(away) - _MOST_MACHINES) > 0:
            yield _line(f"{more} more machines are lost or left out", width, "yellow")
        # Sources that work need no line: only trouble is worth the room.
        for source in snapshot.sources:
            if source.state != "ready":
                state = _SOURCE_STATES.get(source.state, source.state)
                text = f"source {source.name}: {state} ({safe(source.why)})"
                yield _line(text, width, "yellow")
        if snapshot.disk is not None:
            waiting = " · too little: clips wait for space" if snapshot.disk.waiting else ""
            yield _line(f"disk {size(snapshot.disk.free)} free{waiting}", width)


def _headline(snapshot: RunSnapshot, width: int) -> str:
    stopping = snapshot.stopping
    if stopping.draining:
        left = duration(stopping.seconds_left or 0)
        if width < _STOPPING:
            return f"stopping, {left} · Ctrl-C: abort"
        return f"stopping: finishing what is under way, at most {left}; Ctrl-C now aborts"
    elapsed = duration(snapshot.at - snapshot.started_at)
    if snapshot.phase in (Phase.WRITING, Phase.DONE, Phase.STOPPED):
        return f"ascc_async · {snapshot.phase.value} · {elapsed}"
    phase = "" if snapshot.phase is Phase.WORKING else f" · {snapshot.phase.value}"
    goes_on = "" if width < _NARROW else ", the same command resumes"
    return f"ascc_async{phase} · {elapsed} · Ctrl-C stops{goes_on}"


def _progress(snapshot: RunSnapshot, sums: Figures, width: int) -> Iterator[RenderableType]:
    pace = rate(sums.videos_per_second) if snapshot.answered else ""
    table = Table.grid(padding=(0, 1))
    for name, done, total, note in (
        ("licenses", sums.asked, sums.selected, pace),
        (
            "clips",
            sums.clips,
            sums.clips + sums.clips_open,
            f"{sums.clips_open} to make" if sums.clips_open else "",
        ),
    ):
        bar = [ProgressBar(max(total, 1), done, width=20)] if width >= _NARROW else []
        table.add_row(name, *bar, f"{count(done)} / {count(total)}", note)
    yield table
    # A run that stops will not do what is left.
    if snapshot.phase is Phase.WORKING and not snapshot.stopping.draining:
        licenses, clips = sums.left.licenses, sums.left.clips
        # Where they differ: the last clips come after the last license.
        differ = licenses and clips and licenses < inf and width >= _NARROW
        more = f" · licenses in {duration(licenses or 0)}" if differ else ""
        yield _line(f"{sums.time_left or 'time left: not known yet'}{more}", width)
    of = "" if width < _NARROW else " of the videos answered"
    shareable = f"{share(sums.creative_commons, sums.answered)}{of} · unknown {count(sums.unknown)}"
    yield _line(f"Creative Commons {shareable if sums.asked else '–'}", width)
    if sums.unavailable:
        yield _line(_reasons(sums.unavailable, width), width)


def _reasons(reasons: dict[str, int], width: int) -> str:
    """As many reasons as there is room for, biggest first; the rest as one number."""
    ranked = sorted(reasons.items(), key=lambda item: -item[1])
    text = ""
    for shown in range(len(ranked), -1, -1):
        names = [f"{name} {count(number)}" for name, number in ranked[:shown]]
        if rest := sum(number for _, number in ranked[shown:]):
            names.append(f"other {count(rest)}")
        text = f"unavailable {count(sum(reasons.values()))}: {', '.join(names)}"
        if len(text) <= width:
            break
    return text


def _bucket_table(buckets: tuple[tuple[BucketSnapshot, float], ...], width: int) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    names = ["requests", "last minute", "permitted", "refused at", "refusals", "paused until"]
    if width < _NARROW:
        names = ["requests", "rate", "paused"]
    elif width < _ALL_COLUMNS:
        names = ["requests", "last minute", "permitted", "paused until"]
    # Only who asks may be longer than its heading.
    room = width - sum(max(8, len(name)) + 2 for name in names)
    for name in ("identity", *names):
        table.add_column(name, no_wrap=True)
    for bucket, per_second in buckets:
        shown = {
            "requests": bucket.kind.value,
            "last minute": rate(per_second),
            "rate": rate(per_second),
            "permitted": rate(bucket.rate),
            # The rate that was last refused, which the limiter now stays below.
            "refused at": rate(bucket.ceiling) if bucket.ceiling else "–",
            "refusals": count(bucket.refused),
        }
        paused = clock(bucket.resting_until) if bucket.resting_until else "–"
        who = safe(bucket.identity)
        who = who if len(who) <= room else who[: room - 1] + "…"
        table.add_row(who, *(shown.get(name, paused) for name in names))
    return table


def _line(text: str, width: int, style: str = "") -> Text:
    # Cut rather than wrapped: a line more or less would make the whole dashboard jump.
    if cell_len(text) > width:
        text = text[:width].rpartition(" ")[0] + "…"
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
