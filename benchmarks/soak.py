"""`python -m benchmarks.soak`: 20,000 videos with 2 % faults, watched from the inside.

Against a stand-in without limits. Every few seconds: open files, tasks, memory (RSS of the run
itself), threads, child processes and unfinished files. What still rises after the first third is
a leak; the last lines compare the second third with the last.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
import uvloop

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.model import Outcome
from ascc_async.pipeline.run import Run
from ascc_async.settings import Settings
from ascc_async.settings_loader import load
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault, PageSettings, WorldSettings
from tests.scenarios.scenario import QUICK, reach

EVERY = 5.0  # seconds
FAULTS = tuple(
    Fault(name=name, share=0.005) for name in ("server_error", "cut_before", "cut_body", "empty")
)


class Sample(NamedTuple):
    """One look."""

    seconds: float
    asked: int
    clips: int
    files: int
    tasks: int
    rss_mb: float
    threads: int
    children: int
    unfinished: int


async def watch(run: Run, output: Path, samples: list[Sample]) -> None:
    """Look until cancelled."""
    me, began = psutil.Process(), time.monotonic()
    while True:
        await asyncio.sleep(EVERY)
        picture = run.snapshot()
        samples.append(
            Sample(
                round(time.monotonic() - began, 1),
                picture.answered,
                picture.clips_made,
                me.num_fds(),
                len(asyncio.all_tasks()),
                round(me.memory_info().rss / 1e6, 1),
                me.num_threads(),
                len(me.children(recursive=True)),
                len(await asyncio.to_thread(unfinished, output)),
            )
        )
        print(" ".join(f"{value:>9}" for value in samples[-1]), flush=True)


def unfinished(output: Path) -> list[Path]:
    """Temporary files of clips and dataset."""
    names = [*output.glob("clips/*/.part-*"), *output.glob("dataset/.staging-*")]
    return names + list(output.glob(".part-*"))


async def soak(settings: Settings) -> tuple[list[Sample], int]:
    """Run to the end; the samples, and how many segments are pending then."""
    samples: list[Sample] = []
    run = Run(settings, Shutdown())
    print(" ".join(f"{name:>9}" for name in Sample._fields))
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch(run, settings.output.dir, samples))
        counts = await run.run()
        watching.cancel()
    return samples, counts.outcome(Outcome.PENDING)


def compared(samples: list[Sample]) -> str:
    """The medians of the second third and of the last, a line for each."""
    third = len(samples) // 3
    lines = []
    for name in ("files", "tasks", "rss_mb", "threads", "children", "unfinished"):
        before, after = (
            median(getattr(one, name) for one in part)
            for part in (samples[third : 2 * third], samples[2 * third :])
        )
        lines.append(f"{name}: {before:g} then {after:g}")
    return "\n".join(lines)


def main() -> None:
    """Soak, then compare."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--videos", type=int, default=20_000)
    arguments.add_argument("--share", type=float, default=0.02, help="of Creative Commons")
    options = arguments.parse_args()
    world = WorldSettings(
        videos=options.videos,
        creative_commons_share=options.share,
        faults=FAULTS,
        pages=PageSettings(kilobytes=20),
        log_requests=False,
    )
    with tempfile.TemporaryDirectory() as folder, StandinProcess(world) as youtube:
        wanted = (*QUICK, *reach(youtube), f"output.dir={folder}/out",
                  f"audioset.metadata_dir={folder}/metadata")  # fmt: skip
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            samples, pending = runner.run(soak(load(None, list(wanted))))
        print(f"pending: {pending}; faults: {youtube.counters()['faults']}")
    print(compared(samples))


if __name__ == "__main__":
    main()
