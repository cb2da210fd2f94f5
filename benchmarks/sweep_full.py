"""`python -m benchmarks.sweep_full`: 2,084,320 licenses in one go, through the real command.

All of AudioSet (made up, in the official format) is asked from the stand-in's Data API, in a world
without Creative Commons, so that there is nothing but the sweep. Wanted: memory flat (the last
quarter's peak within 10 % of the first's), the time per video in the last tenth within 1.3 times
that of the first tenth. Then once more in a new folder, killed with -9 in the middle: the run that
goes on asks nothing again but the batches that were in flight. Takes some five minutes.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import DataApi, Shares, WorldSettings
from benchmarks.large_metadata import write_large

SHARED = Path(__file__).parents[1].parent / "shared" / "audioset"
NOTHING = Shares(**dict.fromkeys(Shares.model_fields, 0.0))
WORLD = WorldSettings(log_requests=False, shares=NOTHING, data_api=DataApi(quota=10**7))
WORKERS = 8


@dataclass
class Watched:
    """What was seen of a run: seconds, videos answered so far, resident MB; and its exit code."""

    seen: list[tuple[float, int, float]] = field(default_factory=list)
    code: int = 0
    said: str = ""

    def peak(self, first: float, last: float, videos: int) -> float:
        """The peak in MB while this part of the videos was answered."""
        part = [mb for _, done, mb in self.seen if first * videos <= done <= last * videos]
        return max(part)

    def seconds(self, first: float, last: float, videos: int) -> float:
        """How long this part of the videos took."""
        begin, end = (
            next(at for at, done, _ in self.seen if done >= share * videos)
            for share in (first, last)
        )
        return end - begin


def run(
    youtube: StandinProcess, folder: Path, output: Path, until: Callable[[int], bool]
) -> Watched:
    """The command, watched; killed with -9 once `until(videos answered)` holds."""
    given = (
        f"output.dir={output}", f"audioset.metadata_dir={folder}", "output.min_free_gb=0",
        f"network.proxy={youtube.proxy}", f"network.ca_file={youtube.ca_file}",
        "license.sources=[data_api]", "license.api_keys=[AIzaBenchmark]",
        "throttle.adaptive=false", "throttle.requests_per_second=1000",
        "throttle.max_requests_per_second=1000", "throttle.burst=1000",
        f"concurrency.licenses={WORKERS}", "concurrency.extractions=1",
    )  # fmt: skip
    sets = [word for one in given for word in ("--set", one)]
    said = output.with_suffix(".txt")
    with said.open("w") as words:
        process = psutil.Popen(
            [sys.executable, "-m", "ascc_async", "run", *sets],
            stdout=words, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    watched, began = Watched(), time.perf_counter()
    try:
        while process.poll() is None:
            done = youtube.counters()["videos"].get("data_api", 0)
            mb = resident(process)
            if mb:
                watched.seen.append((time.perf_counter() - began, done, mb))
            if until(done):
                break
            time.sleep(0.1)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        watched.code = process.wait()
    watched.said = said.read_text()
    return watched


def resident(process: psutil.Process) -> float:
    """MB; 0 when it has just ended."""
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0


def answered(output: Path) -> int:
    """Answers in the journal."""
    with closing(sqlite3.connect(output / JOURNAL_NAME)) as journal:
        return int(journal.execute("SELECT count(*) FROM answers").fetchone()[0])


def in_one_go(folder: Path, rows: int) -> None:
    """The whole sweep."""
    with StandinProcess(WORLD) as youtube:
        watched = run(youtube, folder, folder / "whole", lambda done: False)
        calls = youtube.counters()["requests"]["data_api"]
    if watched.code != 0:
        print(watched.said[-3000:])
    first, last = (watched.peak(*part, rows) for part in ((0.01, 0.25), (0.75, 1.0)))
    begin, end = (watched.seconds(*part, rows) for part in ((0.0001, 0.1), (0.9, 0.999)))
    whole = watched.seconds(0.0001, 0.999, rows)
    print(f"exit code {watched.code}, {answered(folder / 'whole'):,} answers, {calls:,} calls")
    print(
        f"{rows / whole:,.0f} videos a second; {watched.seen[-1][0]:.0f} s with start and dataset"
    )
    print(f"peak of the first quarter {first:.0f} MB, of the last {last:.0f} MB:"
          f" {last / first:.2f}   wanted: at most 1.10")  # fmt: skip
    print(f"time of the last tenth / the first tenth {end / begin:.2f}   wanted: at most 1.3")


def told_of(youtube: StandinProcess) -> int:
    """Videos answered, without those whose license is known: one in every call."""
    told = youtube.counters()["videos"]["data_api"]
    return told - youtube.counters()["requests"]["data_api"]


def in_two(folder: Path, rows: int) -> None:
    """Killed in the middle, and gone on with for a while."""
    output = folder / "killed"
    with StandinProcess(WORLD) as youtube:
        run(youtube, folder, output, lambda done: done > 0.4 * rows)
        lost = told_of(youtube) - answered(output)
        run(youtube, folder, output, lambda done: done > 0.5 * rows)
        lost_again = told_of(youtube) - answered(output) - lost
    most = (WORKERS + 4) * 50 + 4
    print(f"killed at 40 % and 50 %: {lost} and {lost_again} answers were not yet committed"
          f"   wanted: at most {most}, what is in flight")  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_084_320)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sweep_full_") as scratch:
        folder = Path(scratch)
        write_large(folder, rows=options.rows, class_folder=SHARED if SHARED.exists() else None)
        in_one_go(folder, options.rows)
        in_two(folder, options.rows)


if __name__ == "__main__":
    main()
