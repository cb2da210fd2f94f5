"""The picture on a terminal: calm, steady, and as wide as there is room."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ascc_async.pipeline.snapshot import Phase, RunSnapshot
from ascc_async.progress.figures import Figures, figures
from ascc_async.progress.lines import time_left
from ascc_async.progress.words import clock, count, duration, rate, safe, share, size
from ascc_async.throttle.limiter import BucketSnapshot

_NARROW = 60


class Picture:
    """Renders a snapshot at whatever width the console has."""

    def __init__(self, snapshot: RunSnapshot, *, headline: bool = True) -> None:
        """Without `headline` for a picture that is not live."""
        self._snapshot, self._headline = snapshot, headline

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._headline:
            narrow = options.max_width < _NARROW
            yield _line(_headline(self._snapshot, narrow=narrow), "bold")
        yield Group(*picture(self._snapshot, options.max_width))


def picture(snapshot: RunSnapshot, width: int) -> Iterator[RenderableType]:
    """The lines beneath the headline, for a console of `width` columns."""
    if snapshot.download is not None:
        yield _line(f"metadata  {_download(snapshot)}")
    told = figures(snapshot)
    if told is not None:
        yield from _progress(snapshot, told, width)
        if told.buckets:
            yield _buckets(told.buckets, width)
        yield from _notes(snapshot)


def _headline(snapshot: RunSnapshot, *, narrow: bool) -> str:
    stopping = snapshot.stopping
    if stopping.draining:
        left = duration(stopping.seconds_left or 0)
        if narrow:
            return f"stopping, {left} · Ctrl-C: leave now"
        return f"stopping: finishing what is in flight, at most {left}; Ctrl-C again leaves at once"
    elapsed = duration(snapshot.at - snapshot.started_at)
    phase = "" if snapshot.phase is Phase.WORKING else f" · {snapshot.phase.value}"
    goes_on = "" if narrow else ", the same command goes on"
    return f"ascc_async{phase} · {elapsed} · Ctrl-C stops{goes_on}"


def _download(snapshot: RunSnapshot) -> str:
    assert snapshot.download is not None
    got = snapshot.download
    of = f" of {size(got.total)}" if got.total else ""
    return f"{safe(got.name)}: {size(got.received)}{of}"


def _progress(snapshot: RunSnapshot, told: Figures, width: int) -> Iterator[RenderableType]:
    table = Table.grid(padding=(0, 1))
    wanted = told.clips + told.clips_open
    rows = (
        ("licenses", told.asked, told.selected, _note(snapshot, told)),
        ("clips", told.clips, wanted, f"{told.clips_open} open" if told.clips_open else ""),
    )
    for name, done, total, note in rows:
        bar = [ProgressBar(max(total, 1), done, width=20)] if width >= _NARROW else []
        table.add_row(name, *bar, f"{count(done)} / {count(total)}", note)
    yield table
    of = "" if width < _NARROW else " of the answered"
    found = share(told.creative_commons, told.answered)
    yield _line(f"Creative Commons {found}{of} · unknown {count(told.unknown)}")
    if told.unavailable:
        yield _line(_reasons(told.unavailable, width))


def _note(snapshot: RunSnapshot, told: Figures) -> str:
    pace = rate(told.videos_per_second) if snapshot.answered else ""
    left = "" if snapshot.stopping.draining else time_left(told)
    return "  ".join(part for part in (pace, left) if part)


def _reasons(reasons: dict[str, int], width: int) -> str:
    """As many reasons as there is room for, biggest first; the rest as one number."""
    ranked = sorted(reasons.items(), key=lambda item: -item[1])
    texts = (_reasons_text(ranked, shown) for shown in range(len(ranked), 0, -1))
    return next((text for text in texts if len(text) <= width), _reasons_text(ranked, 0))


def _reasons_text(ranked: list[tuple[str, int]], shown: int) -> str:
    told = [f"{name} {count(number)}" for name, number in ranked[:shown]]
    rest = sum(number for _, number in ranked[shown:])
    told += [f"other {count(rest)}"] if rest else []
    return f"unavailable {count(sum(number for _, number in ranked))}: {', '.join(told)}"


def _buckets(buckets: tuple[BucketSnapshot, ...], width: int) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    wide = width >= _NARROW
    for name in ("identity", "kind", "rate", *(("ceiling", "refused") if wide else ()), "resting"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for bucket in buckets:
        ceiling = rate(bucket.ceiling) if bucket.ceiling else "–"
        resting = f"until {clock(bucket.resting_until)}" if bucket.resting_until else "no"
        more = (ceiling, count(bucket.refused)) if wide else ()
        table.add_row(safe(bucket.identity), bucket.kind.value, rate(bucket.rate), *more, resting)
    return table


def _notes(snapshot: RunSnapshot) -> Iterator[RenderableType]:
    for source in snapshot.sources:
        if source.state != "ready":
            yield _line(f"source {source.name}: {source.state}, {safe(source.why)}", "yellow")
    if snapshot.disk is not None:
        waiting = " · clips wait for room" if snapshot.disk.waiting else ""
        yield _line(f"disk {size(snapshot.disk.free)} free{waiting}")


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
