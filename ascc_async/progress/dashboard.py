"""A run on a terminal: calm, steady, and as wide as there is room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from ascc_async.files import size
from ascc_async.model import Reason
from ascc_async.pipeline.snapshot import Phase, RunSnapshot
from ascc_async.progress.figures import Figures, few, figures, source_troubles
from ascc_async.progress.formatting import count, duration, finish, rate, safe, share
from ascc_async.throttle.identity import BucketSnapshot

_MOST_MACHINES = 4  # in trouble, one by one
_TINY, _NARROW = 48, 60  # columns; below, a rate has no room beside a date; bars go
_STOPPING, _ALL_COLUMNS = 72, 80  # what the long words for stopping take, and the whole table
_SPEEDS, _END = 27, 22  # a row without bar and counts, and its end with a date


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
            yield _bucket_table(few(sums.buckets), sums.at, width)
        for text, style in machine_lines(snapshot, sums, all_of_them=not self._headline):
            yield _line(text, width, style)
        for text in source_troubles(snapshot):
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
    asked = rate(sums.videos_per_second) if snapshot.answered else ""
    made = rate(sums.clips_per_second) if snapshot.clips_made else ""
    fetched = f"{size(sums.bytes_per_second)}/s" if snapshot.media_bytes else ""
    table = Table.grid(*(Column(no_wrap=True) for _ in range(3)), padding=(0, 1))
    # From what hardly changes, so that no bar jumps.
    queue, ends = sums.queue, sums.left
    room = width - 2 * len(count(queue.selected)) - 3 - _SPEEDS
    room -= _END if width >= _ALL_COLUMNS else 0
    for name, done, ended, total, speeds, left in (
        ("licenses", queue.asked, queue.asked, queue.selected, (asked, ""), ends.licenses),
        ("clips", queue.clips, sums.clips_ended, sums.clips_total, (made, fetched), ends.clips),
    ):
        row: list[RenderableType] = [name, f"{count(done)} / {count(total)}", speeds[0]]
        if width >= _NARROW:
            row.insert(1, ProgressBar(max(total, 1), ended, width=min(20, room)))
            row.append(speeds[1])
        if width >= _ALL_COLUMNS and left is not None and left < inf:
            by = "by" if sums.at_most else "done"
            row.append(f"{by} {finish(sums.at + left, sums.at)}")
        table.add_row(*row)
    yield table
    yield _line(f"clips: {sums.clips_not_made}", width)
    if snapshot.goes_on:
        yield _line(sums.time_left or "time left: not known yet", width)
    of = "" if width < _NARROW else " of the videos answered"
    shareable = f"{share(sums.creative_commons, sums.answered)}{of} · unknown {count(sums.unknown)}"
    yield _line(f"Creative Commons {shareable if queue.asked else '–'}", width)
    if queue.reasons:
        yield _line(_reasons(queue.reasons, width), width)


def _reasons(reasons: dict[Reason, int], width: int) -> str:
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


def _bucket_table(
    buckets: tuple[tuple[BucketSnapshot, float], ...], at: float, width: int
) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    names = ["requests", "last minute", "permitted", "refused at", "refusals", "paused until"]
    pauses = [
        finish(bucket.resting_until, at, seconds=True) if bucket.resting_until else "–"
        for bucket, _ in buckets
    ]
    # Only who asks may be longer than its heading, and a pause until another day.
    date = max(0, max(map(len, pauses)) - len(names[-1]))
    if width - date < _NARROW:
        names = ["requests", "paused"] if date and width < _TINY else ["requests", "rate", "paused"]
    elif width - date < _ALL_COLUMNS:
        names = ["requests", "last minute", "permitted", "paused until"]
    room = max(4, width - date - sum(max(8, len(name)) + 2 for name in names))
    for name in ("identity", *names):
        table.add_column(name, no_wrap=True)
    for (bucket, per_second), paused in zip(buckets, pauses, strict=True):
        shown = {
            "requests": bucket.kind.value,
            "last minute": rate(per_second),
            "rate": rate(per_second),
            "permitted": rate(bucket.rate),
            # The rate that was last refused, which the limiter now stays below.
            "refused at": rate(bucket.ceiling) if bucket.ceiling else "–",
            "refusals": count(bucket.refused),
        }
        who = safe(bucket.identity)
        who = who if len(who) <= room else who[: room - 1] + "…"
        table.add_row(who, *(shown.get(name, paused) for name in names))
    return table


def machine_lines(
    snapshot: RunSnapshot, sums: Figures, *, all_of_them: bool
) -> Iterator[tuple[str, str]]:
    """How many of a cluster do what, then those in trouble, or each with all that is known."""
    if not snapshot.machines:
        return
    counts = Counter(each.status for each in snapshot.machines)
    number = ", ".join(f"{number} {status}" for status, number in counts.items())
    yield f"machines: {number}", ""
    trouble = [each for each in snapshot.machines if each.why]
    for machine in snapshot.machines if all_of_them else trouble[:_MOST_MACHINES]:
        text = f"machine {safe(machine.name)}: {machine.status}"
        text += f" ({safe(machine.why)})" if machine.why else ""
        if all_of_them:
            own = [
                (bucket, per_second)
                for bucket, per_second in sums.buckets
                if bucket.identity.rpartition("/")[0] == machine.name
            ]
            sent = rate(sum(per_second for _, per_second in own))
            text += f" · {sent} · refusals {sum(each.refused for each, _ in own)}"
            if machine.rests_until > sums.at:
                text += f" · paused until {finish(machine.rests_until, sums.at, seconds=True)}"
        yield text, "yellow" if machine.why else ""
        if all_of_them and machine.seen_at:
            seen = finish(machine.seen_at, sums.at, seconds=True)
            yield f"  seen {seen} · {safe(machine.tools)}", ""
    if not all_of_them and (more := len(trouble) - _MOST_MACHINES) > 0:
        yield f"{more} more machines are in trouble", "yellow"


def _line(text: str, width: int, style: str = "") -> Text:
    # Cut rather than wrapped: a line more or less would make the whole dashboard jump.
    if cell_len(text) > width:
        text = text[:width].rpartition(" ")[0] + "…"
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
