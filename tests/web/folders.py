"""Folders as runs leave them, made within a moment: snapshot, history, log."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ascc_async.journal.records import Learned, Minute, Permitted
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.pipeline.snapshot import SNAPSHOT, RunSnapshot, snapshot_data

# As hostile as what a machine, a proxy or a video may be called.
HOSTILE = "<script>alert(1)</script>\u202egnp.exe\x1b[2J</textarea>"


def leave(output: Path, snapshot: RunSnapshot | None, minutes: Sequence[Minute] = ()) -> None:
    """What a run leaves in its journal."""

    async def write() -> None:
        async with Journal(output / JOURNAL_NAME) as journal:
            records = [Learned(SNAPSHOT, snapshot_data(snapshot))] if snapshot else []
            await journal.record(*records, *minutes)

    with ThreadPoolExecutor(1) as thread:  # a test's own may have a loop already: the browser's
        thread.submit(lambda: asyncio.run(write())).result()


def history(end: float, minutes: int, identities: Sequence[str] = ("main",)) -> Iterator[Minute]:
    """So many minutes of two runs, each with a night between them, with rests and refusals."""
    answers = clips = refusals = 0
    for number in range(minutes):
        rests = number % 97 in range(40, 52)
        answers += 0 if rests else int(60 * (1.5 + math.sin(number / 60)))
        clips += number % 3 == 0 and not rests
        refusals += number % 97 in (40, 44, 51)
        rate, pause = 2 + math.sin(number / 30), 9 * 3600 * (number < minutes / 2)
        limits = [
            Permitted(name, kind, rate * (1 + place), 3.1 if number > 97 else None, rests, refusals)
            for place, name in enumerate(identities)
            for kind in ("pages", "media")
        ]
        at = end - 60 * (minutes - number) - pause
        yield Minute(at, answers, clips, answers * 900, answers, refusals, tuple(limits))


def log(output: Path, *events: str, level: str = "info") -> None:
    """A log file with these events."""
    (output / "logs").mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"time": f"2027-01-15T08:0{number}:00.000Z", "level": level, "event": event})
        for number, event in enumerate(events)
    ]
    (output / "logs" / "ascc_async.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
