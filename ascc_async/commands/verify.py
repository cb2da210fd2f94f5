"""`verify`: hashes and reads every clip again and compares with the manifest."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import closing

from ascc_async.dataset.text import counted
from ascc_async.dataset.verify import Checked, Problem, to_repair, verify
from ascc_async.errors import SetupError
from ascc_async.journal.lock import run_lock
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Forgotten
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.media.encoding import encoding_of
from ascc_async.media.ffmpeg import find_ffmpeg
from ascc_async.progress.formatting import count, safe, size
from ascc_async.settings import Settings
from ascc_async.settings_loader import load

_REPORT_EVERY = 2.0  # seconds
WRONG = 1


def main(options: argparse.Namespace) -> int:
    """Exit code 1 and a list where something is wrong; `--repair` has it fetched again."""
    settings = load(options.config, options.options)
    output = settings.output.dir
    if not (output / "dataset" / "manifest.csv").exists():
        raise SetupError(
            f"{output}: no dataset here yet. Make one with `python -m ascc_async run`, or name"
            " another folder with --set output.dir=…"
        )
    # Files the journal accounts for are no strays, whatever the manifest says of them. A dataset
    # that was copied without its journal can be verified too.
    known: set[str] = set()
    if (output / JOURNAL_NAME).exists():
        with closing(Reader(output / JOURNAL_NAME)) as reader:
            pages = (page for encoding in reader.encodings() for page in reader.clips(encoding))
            known = {row.clip.path for page in pages for row in page if row.clip is not None}
    problems: list[Problem] = []
    reported_at, checked = time.monotonic(), None
    for checked in verify(output, asyncio.run(find_ffmpeg()).path, known):
        if checked.problem is not None:
            problems.append(checked.problem)
        if time.monotonic() - reported_at > _REPORT_EVERY:
            reported_at = time.monotonic()
            # Not to standard output, which holds nothing but the result.
            print(_progress(checked), file=sys.stderr)
    done = _progress(checked) if checked else "no clips"
    print(f"{done}; {counted(len(problems), 'problem')}")
    for problem in problems:
        print(f"{problem.kind.value}: {safe(problem.path)} {safe(problem.detail)}".rstrip())
    if problems and options.repair:
        segments = to_repair(problems)
        asyncio.run(_forget(settings, segments))
        print(f"{counted(len(segments), 'clip')} will be fetched again by the next run.")
    return WRONG if problems else 0


def _progress(checked: Checked) -> str:
    return f"{count(checked.done)} of {count(checked.total)} clips, {size(checked.bytes)} read"


async def _forget(settings: Settings, segments: tuple[str, ...]) -> None:
    encoding = encoding_of(settings.clips)
    # A run keeps in memory which clips are there, and would not notice: refused beside one.
    with run_lock(settings.output.dir):
        async with Journal(settings.output.dir / JOURNAL_NAME) as journal:
            why = "found wrong by verify"
            await journal.record(*(Forgotten(segment, encoding, why) for segment in segments))
