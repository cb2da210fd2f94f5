"""Where a run stands, for `status`: the picture that it left, or what its manifest adds up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ascc_async.dataset.counts import Counts
from ascc_async.journal.lock import Holder
from ascc_async.pipeline.snapshot import Phase, RunSnapshot
from ascc_async.progress.lines import fields
from ascc_async.progress.summary import missing, number_fields, numbers, places
from ascc_async.progress.words import duration, moment


@dataclass(frozen=True, slots=True)
class Standing:
    """`holder`: who runs here now. `picture`: the newest one a run left. `counts`: the manifest's
    sums and `written_at` its time (POSIX), None where there is no manifest or a run goes on.
    """

    output_dir: Path
    now: float
    holder: Holder | None
    picture: RunSnapshot | None
    counts: Counts | None
    written_at: float | None


def headline(standing: Standing) -> str:
    """Who runs, or how the last run ended."""
    by, picture = standing.holder, standing.picture
    if by is not None:
        seen = (
            f"this is how it stood {duration(max(0.0, standing.now - picture.at))} ago"
            if picture
            else "it has only begun, look again in some seconds"
        )
        return f"A run is going on (process {by.pid} on {by.host} since {by.since}): {seen}."
    if picture is None:
        return "No run is going on. The last one left no picture."
    return f"No run is going on. The last one {_end(picture)}."


def _end(picture: RunSnapshot) -> str:
    ended = moment(picture.at)
    if picture.stopping.draining:
        return f"was stopped at {ended}; the same command goes on"
    if picture.phase is Phase.DONE:
        return f"was done at {ended}"
    return f"broke off at about {ended}; the same command goes on"


def sums(standing: Standing) -> Iterator[str]:
    """The manifest's sums, what is missing, where everything is."""
    if standing.counts is None or standing.written_at is None:
        yield "There is no manifest yet: a run writes it when it ends, and every few minutes."
        return
    yield f"The manifest, written at {moment(standing.written_at)}, adds up to:"
    yield numbers(standing.counts)
    for part in (missing(standing.counts), places(standing.output_dir)):
        if part:
            yield ""
            yield part


def standing_fields(standing: Standing) -> dict[str, Any]:
    """The same for programs. Times are POSIX seconds."""
    counts, picture = standing.counts, standing.picture
    return {
        "output_dir": str(standing.output_dir),
        "running": asdict(standing.holder) if standing.holder else None,
        "seen_at": picture.at if picture else None,
        "picture": fields(picture) if picture else None,
        "manifest_written_at": standing.written_at,
        "manifest": number_fields(counts) if counts else None,
    }
