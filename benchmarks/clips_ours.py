"""Our side of `benchmarks.clips`: the clip stage as a run builds it, in a process of its own.

Says `warm` when everything runs, waits for a line, makes the clips, and says what that took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop

from ascc_async.audioset.segments import SegmentTable
from ascc_async.audioset.selection import ChosenClass, Selection
from ascc_async.concurrency.process_pool import ProcessPool
from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.dataset.removals import Removals
from ascc_async.journal.records import ClipRow
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import encoding_of
from ascc_async.media.ffmpeg import FFmpeg, find_ffmpeg
from ascc_async.model import License, LicenseAnswer, Resolved
from ascc_async.pipeline.clip_maker import ClipMaker
from ascc_async.pipeline.clip_stage import ClipStage, Disk
from ascc_async.pipeline.journal_index import JournalIndex
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.pipeline.youtube_access import YouTubeAccess
from ascc_async.settings import (
    ClipsSettings,
    ConcurrencySettings,
    LicenseSettings,
    NetworkSettings,
    ThrottleSettings,
)
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.extraction import warm_up
from ascc_async.youtube.extractor import Extractor
from ascc_async.youtube.innertube import PlayerEndpoint, current_web_client
from ascc_async.youtube.media_links import MediaLinks
from ascc_async.youtube.session import Sessions

WIDE = ThrottleSettings(requests_per_second=1e5, max_requests_per_second=1e6, burst=100_000)
Job = tuple[str, int]


def selection_of(jobs: list[Job]) -> Selection:
    """One row for each (video, start in ms), all of one class."""
    rows = len(jobs)
    starts = np.array([start for _, start in jobs], np.int32)
    table = SegmentTable(
        ids=np.array([video_id for video_id, _ in jobs], "S11"),
        start_ms=starts,
        end_ms=starts + 10_000,
        split=np.zeros(rows, np.uint8),
        splits=("balanced_train",),
        label_offsets=np.arange(rows + 1, dtype=np.int64),
        label_codes=np.zeros(rows, np.uint16),
        mids=("/m/0",),
    )
    chosen = ChosenClass(0, "/m/0", "Speech", None)
    return Selection(table, (chosen,), np.arange(rows, dtype=np.int32), 0, None)


def shareable(jobs: list[Job]) -> WorkQueue:
    """A work queue in which all of these wait for their clip."""
    index = JournalIndex(selection_of(jobs), LicenseSettings())
    work_queue = WorkQueue(index)
    for row in work_queue.take(len(jobs)):
        answer = LicenseAnswer(
            work_queue.video_id(row), License.CREATIVE_COMMONS, "benchmark", time.time()
        )
        work_queue.asked(row, answer)
    work_queue.licenses_done = True
    return work_queue


async def no_second_look(resolved: Resolved) -> LicenseAnswer | None:
    """Licenses have a benchmark of their own."""
    return None


async def nothing_here(video_id: str) -> list[ClipRow]:
    """Every clip is fetched."""
    return []


@dataclass
class Tools:
    """What a clip stage needs."""

    youtube: YouTubeAccess
    cutter: Cutter
    journal: Journal
    output: Path

    async def make(self, jobs: list[Job]) -> int:
        """All clips; how many were made."""
        maker = ClipMaker(self.youtube, self.cutter, no_second_look, Removals(), nothing_here)
        stage = ClipStage(
            ConcurrencySettings().downloads, maker, encoding_of(ClipsSettings()),
            Disk(self.output, 0, 12), lambda: False, shareable(jobs), self.journal, Shutdown(),
        )  # fmt: skip
        await stage.run()
        return stage.made


async def tools(stack: AsyncExitStack, network: NetworkSettings, output: Path) -> Tools:
    """Everything, started."""
    limiter, concurrency, clips = (
        RateLimiter(WIDE, ["main"]),
        ConcurrencySettings(),
        ClipsSettings(),
    )
    sessions = await stack.enter_async_context(Sessions(network, limiter))
    journal = await stack.enter_async_context(Journal(output / JOURNAL_NAME))
    pool = await stack.enter_async_context(ProcessPool(concurrency.extractions, warm_up))
    extractor = await stack.enter_async_context(
        Extractor(pool, limiter, network, clips, output / "yt-dlp")
    )
    cutter = Cutter(clips, FFmpeg(await find_ffmpeg(), concurrency.ffmpeg), output)
    player = PlayerEndpoint(sessions, current_web_client())
    links = MediaLinks(sessions)
    youtube = YouTubeAccess(limiter, sessions, extractor, links, [], player, ("main",), concurrency)
    return Tools(youtube, cutter, journal, output)


def cpu() -> float:
    """Processor seconds of this process, of its children, and of those that ended."""
    own = psutil.Process()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = [own, *own.children(recursive=True)]
    living = sum(sum(process.cpu_times()[:2]) for process in alive)
    return float(living + ended.ru_utime + ended.ru_stime)


def memory() -> float:
    """Resident megabytes of this process and its children, shared pages counted once."""
    own = psutil.Process()
    total = 0
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


async def watch(delays: list[float], sizes: list[float]) -> None:
    """Note how late a 5 ms timer is, again and again; every 5 s the memory in use."""
    seen = time.perf_counter()
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        delays.append(time.perf_counter() - before - 0.005)
        if before - seen > 5:
            sizes.append(await asyncio.to_thread(memory))
            seen = before


async def run(
    network: NetworkSettings, output: Path, jobs: list[Job], warming: int
) -> dict[str, Any]:
    """Warm up, wait for the word, make the clips."""
    async with AsyncExitStack() as stack:
        ready = await tools(stack, network, output)
        await ready.make(jobs[:warming])
        print("warm", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        delays, sizes = list[float](), list[float]()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch(delays, sizes))
            before, began = cpu(), time.perf_counter()
            made = await ready.make(jobs[warming:])
            seconds, spent = time.perf_counter() - began, cpu() - before
            sizes.append(await asyncio.to_thread(memory))
            watching.cancel()
    late = sorted(delays)[int(len(delays) * 0.99)]
    return {"clips": made, "seconds": seconds, "cpu": spent, "late": late, "memory": sizes}


def main() -> None:
    """Called by `benchmarks.clips`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--ca-file", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--jobs", type=Path, required=True)
    parser.add_argument("--warming", type=int, default=8)
    chosen = parser.parse_args()
    network = NetworkSettings(proxy=chosen.proxy, ca_file=chosen.ca_file)
    jobs = [(video_id, start) for video_id, start in json.loads(chosen.jobs.read_text())]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run(network, chosen.output, jobs, chosen.warming))))


if __name__ == "__main__":
    main()
