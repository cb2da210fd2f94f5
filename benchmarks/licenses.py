"""`python -m benchmarks.licenses`: what a license costs, ours beside what a user would pick.

All ways ask the same stand-in (in a process of its own, no limit set) in one run, each way in a
process of its own, by turns:

- `yt-dlp`: its Python API in two processes, asking for the license;
- `bare`: an aiohttp loop that posts the requests that `innertube` posts, and searches the bytes of
  the answer for the link: no rate limiter, no journal, no evidence, no retry;
- `innertube` and `data_api`: our license stage from work queue to journal.

Wanted: innertube at least 40 times as fast as yt-dlp, data_api 300 times; 1.00 and 0.02 requests
a video, and one small one for a video that is gone; under 2 KB a video with the mask; processor
time of innertube at most 2.5 times that of the bare loop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import uvloop

from ascc_async.audioset.segments import SegmentTable
from ascc_async.audioset.selection import ChosenClass, Selection
from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.model import License
from ascc_async.network.client import trusted_authorities
from ascc_async.pipeline.journal_index import JournalIndex
from ascc_async.pipeline.known_videos import KnownVideos
from ascc_async.pipeline.license_stage import LicenseStage
from ascc_async.pipeline.second_looks import SecondLooks
from ascc_async.pipeline.source_router import SourceRouter
from ascc_async.pipeline.watched_source import SourceContext
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.settings import LicenseSettings, NetworkSettings, ThrottleSettings
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Shares, WorldSettings
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.data_api import DataApiSource
from ascc_async.youtube.innertube import (
    NEXT_PATHS,
    InnertubeSource,
    PlayerEndpoint,
    current_web_client,
    endpoint_urls,
)
from ascc_async.youtube.license_sources import LicenseSource, why_missing
from ascc_async.youtube.session import Sessions

WORKERS = 32
KEY = "AIza-benchmark"
WIDE = ThrottleSettings(requests_per_second=1e5, max_requests_per_second=1e6, burst=100_000)
NONE = dict.fromkeys(Shares.model_fields, 0.0)
ALL_THERE = Shares(**{**NONE, "creative_commons": 0.007})
SOME_GONE = Shares(**{**NONE, "creative_commons": 0.007, "removed": 0.1, "private": 0.05})
LINK = b"/t/creative_commons"


def ids(count: int, first: int = 0) -> list[str]:
    """So many made-up ids."""
    return [f"B{number:09d}A" for number in range(first, first + count)]


def selection_of(video_ids: list[str]) -> Selection:
    """All of these videos, of one class."""
    rows = len(video_ids)
    table = SegmentTable(
        ids=np.array(video_ids, "S11"),
        start_ms=np.zeros(rows, np.int32),
        end_ms=np.full(rows, 10_000, np.int32),
        split=np.zeros(rows, np.uint8),
        splits=("balanced_train",),
        label_offsets=np.arange(rows + 1, dtype=np.int64),
        label_codes=np.zeros(rows, np.uint16),
        mids=("/m/0",),
    )
    chosen = ChosenClass(0, "/m/0", "Speech", None)
    return Selection(table, (chosen,), np.arange(rows, dtype=np.int32), 0, None)


async def sweep(
    network: NetworkSettings, name: str, video_ids: list[str], folder: Path
) -> dict[str, Any]:
    """Our license stage over these videos; what it took, and what it found."""
    index = JournalIndex(selection_of(video_ids), LicenseSettings())
    work_queue = WorkQueue(index)
    limiter = RateLimiter(WIDE, [one.name for one in network.all_identities()])
    async with Sessions(network, limiter) as sessions, Journal(folder / JOURNAL_NAME) as journal:
        sources: dict[str, LicenseSource] = {
            "innertube": InnertubeSource(sessions),
            "data_api": DataApiSource(sessions, [KEY]),
        }

        async def nothing(*_: object) -> None:
            """Nobody to tell."""

        async def never_seen(_: str) -> tuple[None, None]:
            """Nothing is known from before."""
            return None, None

        context = SourceContext(
            KnownVideos(LicenseSettings(), unreachable=lambda: False),
            clean_until={},
            rest_identity=limiter.were_refusals,
            on_clean=nothing,
            on_doubt=nothing,
        )
        router = SourceRouter([sources[name]], context)
        stage = LicenseStage(
            WORKERS,
            router,
            work_queue,
            journal,
            Shutdown(),
            SecondLooks(work_queue, journal, never_seen, lambda _: None),
            why_missing=partial(why_missing, PlayerEndpoint(sessions, current_web_client())),
        )
        cpu, began = time.process_time(), time.perf_counter()
        await stage.run()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    told = work_queue.snapshot()
    return {
        "videos": told.asked,
        "seconds": seconds,
        "cpu": cpu,
        "shareable": told.licenses[License.CREATIVE_COMMONS],
    }


async def bare(network: NetworkSettings, video_ids: list[str]) -> dict[str, Any]:
    """The same requests by aiohttp alone; only whether the link is in the answer."""
    client, address = current_web_client(), endpoint_urls("next", NEXT_PATHS)[0]
    left = iter(video_ids)
    found = 0

    async def work(session: aiohttp.ClientSession) -> None:
        nonlocal found
        for video_id in left:
            async with session.post(
                address,
                data=client.body(video_id),
                headers=client.headers,
                proxy=network.proxy,
            ) as response:
                found += LINK in await response.read()

    connector = aiohttp.TCPConnector(ssl=trusted_authorities(network.ca_file), limit=WORKERS)
    async with aiohttp.ClientSession(connector=connector) as session:
        cpu, began = time.process_time(), time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(work(session))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"videos": len(video_ids), "seconds": seconds, "cpu": cpu, "shareable": found}


def licenses_by_yt_dlp(proxy: str, video_ids: list[str]) -> tuple[float, float, int]:
    """In one process: when it began and ended to extract, and how many licenses it saw."""
    import yt_dlp  # costs a second, which is not what is measured

    options = {"proxy": proxy, "quiet": True, "no_warnings": True, "ignoreerrors": True,
               "compat_opts": {"no-certifi"}, "logger": _Silent(), "cachedir": False}  # fmt: skip
    seen = 0
    with yt_dlp.YoutubeDL(options) as tool:
        tool.extract_info("https://www.youtube.com/watch?v=" + video_ids[0], download=False)
        began = time.time()
        for video_id in video_ids[1:]:
            address = "https://www.youtube.com/watch?v=" + video_id
            info = tool.extract_info(address, download=False, process=False) or {}
            seen += info.get("license") is not None
    return began, time.time(), seen


class _Silent:
    """Takes yt-dlp's words."""

    def debug(self, message: str) -> None:
        """Nothing."""

    info = warning = error = debug


def yt_dlp_way(network: NetworkSettings, video_ids: list[str]) -> dict[str, Any]:
    """Two processes side by side."""
    os.environ["SSL_CERT_FILE"] = str(network.ca_file)
    with ProcessPoolExecutor(2) as pool:
        halves = (video_ids[::2], video_ids[1::2])
        told = list(pool.map(licenses_by_yt_dlp, [str(network.proxy)] * 2, halves))
    seconds = max(end for _, end, _ in told) - min(begin for begin, _, _ in told)
    return {
        "videos": len(video_ids) - 2,
        "seconds": seconds,
        "cpu": float("nan"),
        "shareable": sum(seen for _, _, seen in told),
    }


def one_way(options: argparse.Namespace) -> dict[str, Any]:
    """What a child process does."""
    network = NetworkSettings(proxy=options.proxy, ca_file=options.ca_file)
    video_ids = ids(options.videos, options.first)
    if options.way == "yt-dlp":
        return yt_dlp_way(network, video_ids)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.way == "bare":
            return runner.run(bare(network, video_ids))
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            return runner.run(sweep(network, options.way, video_ids, Path(folder)))


def child(youtube: StandinProcess, way: str, videos: int, first: int) -> dict[str, Any]:
    """One way in a process of its own, with what the stand-in counted meanwhile."""
    youtube.reset_counters()
    command = [sys.executable, "-m", "benchmarks.licenses", "--way", way, "--proxy", youtube.proxy]
    command += ["--ca-file", str(youtube.ca_file), "--videos", str(videos), "--first", str(first)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    counted = youtube.counters()
    result["requests"] = counted["requests"]
    result["bytes"] = sum(counted["bytes"].values())
    return result


def measure(rounds: int, videos: int, tool_videos: int) -> dict[str, list[dict[str, Any]]]:
    """All ways by turns, so that they share whatever else the machine is doing."""
    found: dict[str, list[dict[str, Any]]] = {}
    world = WorldSettings(shares=ALL_THERE, log_requests=False)
    with StandinProcess(world) as youtube:
        for turn in range(rounds):
            first = turn * 10_000_000
            sizes = {"bare": videos, "innertube": videos, "data_api": 20 * videos,
                     "yt-dlp": tool_videos}  # fmt: skip
            for way, count in sizes.items():
                if count:
                    found.setdefault(way, []).append(child(youtube, way, count, first))
        youtube.set(shares=SOME_GONE)
        for way in ("innertube", "data_api"):
            found[f"{way}, some gone"] = [child(youtube, way, videos, 500_000_000)]
    return found


def middle(results: list[dict[str, Any]], key: str) -> float:
    """The median of a measure per video."""
    return float(statistics.median(result[key] / result["videos"] for result in results))


def by_turns(found: dict[str, list[dict[str, Any]]], way: str, other: str) -> float:
    """The median over all turns of `way`'s CPU to `other`'s, each pair a moment apart."""
    pairs = zip(found[way], found[other], strict=True)
    return float(statistics.median(one["cpu"] / two["cpu"] for one, two in pairs))


def report(found: dict[str, list[dict[str, Any]]]) -> None:
    """A table, and the bounds."""
    print(f"{'':<22} {'videos/s':>9} {'CPU us':>7} {'requests':>9} {'player':>7} {'bytes':>7}")
    for way, results in found.items():
        result = results[-1]
        requests = dict(result["requests"])
        player = requests.pop("player", 0)
        videos = result["videos"]
        print(
            f"{way:<22} {1 / middle(results, 'seconds'):>9.0f} {middle(results, 'cpu') * 1e6:>7.0f}"
            f" {sum(requests.values()) / videos:>9.4f} {player / videos:>7.4f}"
            f" {result['bytes'] / videos:>7.0f}"
        )
    bounds = [("CPU, innertube / bare", by_turns(found, "innertube", "bare"), "at most 2.5")]
    if "yt-dlp" in found:
        tool = middle(found["yt-dlp"], "seconds")
        for way, least in (("innertube", 40), ("data_api", 300)):
            ratio = tool / middle(found[way], "seconds")
            bounds.append((f"speed, {way} / yt-dlp", ratio, f"at least {least}"))
    for name, value, wanted in bounds:
        print(f"{name:<28} {value:>7.2f}   wanted: {wanted}")


def main() -> None:
    """Measure and print side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--videos", type=int, default=5000)
    parser.add_argument("--tool-videos", type=int, default=80, help="for yt-dlp; 0: leave it out")
    parser.add_argument("--scratch", type=Path, help="where journals go")
    for name in ("--way", "--proxy"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--ca-file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(one_way(options)))
    else:
        report(measure(options.rounds, options.videos, options.tool_videos))


if __name__ == "__main__":
    main()
