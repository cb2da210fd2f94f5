"""`python -m benchmarks.event_loop`: how long anything holds the event loop of a run.

A journal of 600,000 answers, one in twenty of them Creative Commons and older than
`license.recheck_after_days`, so that the run asks again. The real run, in this process, against
the stand-in; the dataset is written and the journal copied over and over meanwhile. A task that
should wake every 5 ms notes how late it does, and a thread what kept the loop busy for long.

On a busy machine all of it is late; the second line is a loop that does nothing, in a process of
its own beside it. So what counts is CPU time between two wake-ups: `callbacks`, that of the loop
itself; `process`, that of all threads, at most as long as the loop was late: a thread in C code
may hold Python's lock, and with it the loop, for no longer than that.

Wanted: nothing holds the loop for 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import uvloop

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.journal.writer import JOURNAL_NAME, open_for_writing
from ascc_async.pipeline import run as composition
from ascc_async.pipeline.dataset_writer import DatasetWriter
from ascc_async.settings import Settings
from ascc_async.settings_loader import load
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings
from benchmarks.catalog_start import SHARED, read_ids
from benchmarks.large_metadata import write_large
from tests.scenarios.scenario import QUICK, reach

TICK = 0.005
BUSY = 0.02  # seconds of CPU from which on the stack is looked at
EVERY = 20  # one answer in so many is Creative Commons
ANSWER = (
    "INSERT INTO answers (video_id, license, source, checked_at, text, link, title, channel,"
    " channel_id, published, detail) VALUES (?, ?, 'innertube', 1.7e9, '', '',"
    " 'A title of some length', 'Some channel', 'UCxxxxxxxxxxxxxxxxxxxxxx', '1 Jan 2015', '')"
)


class Eager(DatasetWriter):
    """Written again at once, not after twenty times what the writing took."""

    def seconds_until_due(self) -> float:
        return 1.0


HURRIED = {
    "DatasetWriter": Eager,
    "seconds_until_backup": lambda path: 5.0,
}


class Heartbeat:
    """Notes how late the loop wakes a task, and what it was doing."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.callbacks: list[float] = []
        self.process: list[float] = []
        self.stacks: Counter[str] = Counter()
        self._woke_at = time.thread_time()
        self._thread = threading.get_ident()

    async def beat(self) -> None:
        """Until cancelled."""
        ended = threading.Event()
        threading.Thread(target=self._look, args=(ended,)).start()
        try:
            while True:
                woke, process = time.perf_counter(), time.process_time()
                self._woke_at = time.thread_time()
                await asyncio.sleep(TICK)
                late = time.perf_counter() - woke - TICK
                self.late.append(late)
                self.callbacks.append(time.thread_time() - self._woke_at)
                self.process.append(min(late, time.process_time() - process))
        finally:
            ended.set()

    def _look(self, ended: threading.Event) -> None:
        clock, seen = time.pthread_getcpuclockid(self._thread), 0.0
        while not ended.wait(TICK):
            if time.clock_gettime(clock) - self._woke_at > BUSY and self._woke_at != seen:
                seen = self._woke_at
                stack = traceback.extract_stack(sys._current_frames()[self._thread])[-5:]
                self.stacks[" < ".join(f"{each.name}:{each.lineno}" for each in stack[::-1])] += 1

    def line(self, name: str) -> str:
        """One line of the table, in milliseconds."""
        p50, p99, p999 = np.percentile(self.late, [50, 99, 99.9]) * 1000
        worst = [max(each) * 1000 for each in (self.late, self.callbacks, self.process)]
        figures = "".join(f"{each:>10.1f}" for each in (p50, p99, p999, *worst))
        return f"{name:<13}{figures}"


def idle(stop: Event, lines: multiprocessing.Queue[str]) -> None:
    """A loop that does nothing: what the machine alone costs."""

    async def main() -> str:
        heart = Heartbeat()
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(heart.beat())
            await asyncio.to_thread(stop.wait)
            beating.cancel()
        return heart.line("an idle loop")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines.put(runner.run(main()))


async def measure(settings: Settings, seconds: float) -> tuple[Heartbeat, str]:
    """The run's heartbeat from its first answer on, and what it did meanwhile."""
    shutdown, heart = Shutdown(), Heartbeat()
    run = composition.Run(settings, shutdown)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run.run())
        while not (run.snapshot().answered or running.done()):  # noqa: ASYNC110
            await asyncio.sleep(TICK)
        beating = tasks.create_task(heart.beat())
        await asyncio.wait([running], timeout=seconds)
        shutdown.drain("measured")
        await running
        beating.cancel()
    return heart, f"{run.snapshot().answered:,} answers, {run.snapshot().clips_made:,} clips"


def fill(journal: Path, metadata: Path) -> None:
    """Answers for every video of the metadata, long ago."""
    journal.parent.mkdir()
    connection = open_for_writing(journal)
    with connection:
        connection.execute("BEGIN")
        connection.executemany(
            ANSWER,
            (
                (video_id, "standard" if number % EVERY else "creative_commons")
                for number, video_id in enumerate(sorted(read_ids(metadata)))
            ),
        )
    connection.close()


def main() -> None:
    """Fill, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    for name, value in HURRIED.items():
        setattr(composition, name, value)
    stop: Event = multiprocessing.Event()
    lines: multiprocessing.Queue[str] = multiprocessing.Queue()
    with (
        tempfile.TemporaryDirectory(prefix="event_loop_") as scratch,
        StandinProcess(WorldSettings(log_requests=False)) as youtube,
    ):
        folder = Path(scratch)
        write_large(folder, rows=options.rows, class_folder=SHARED if SHARED.exists() else None)
        fill(folder / "out" / JOURNAL_NAME, folder)
        wanted = (*QUICK, *reach(youtube), f"output.dir={folder}/out",
                  f"audioset.metadata_dir={folder}")  # fmt: skip
        beside = multiprocessing.Process(target=idle, args=(stop, lines))
        beside.start()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            heart, done = runner.run(measure(load(None, list(wanted)), options.seconds))
        stop.set()
        idle_line = lines.get()
        beside.join()
    print(f"{options.rows:,} answers in the journal; meanwhile: {done}")
    print("late by, ms         p50       p99     p99.9     worst callbacks   process")
    print(heart.line("our run"), idle_line, sep="\n")
    for stack, times in heart.stacks.most_common(8):
        print(f"  busy for over {BUSY * 1000:.0f} ms in {stack}: {times} times")


if __name__ == "__main__":
    main()
