"""`python -m benchmarks.serve`: what ten open pages cost the run beside them.

One run asks the stand-in for licenses as fast as it can, which keeps both cores busy: the worst
case; with `--rate 60` it keeps to a permission. By turns ten readers have the overview open, each
with a stream and the history of its own (a browser has one stream for all its pages), or nobody
looks. Compared are the licenses a second of both, and the processor time of run and `serve`, which
does not jitter with what else the machine does.

Wanted: less than 3 % difference.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import mean

import aiohttp
import psutil

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import PageSettings, WorldSettings
from tests.scenarios.scenario import Place, reach

READERS = 10
_RATES = ("requests_per_second", "max_requests_per_second")


async def read(url: str) -> None:
    """One open page, until it is closed."""
    limit = aiohttp.TCPConnector(limit=6)
    async with aiohttp.ClientSession(url, connector=limit, timeout=aiohttp.ClientTimeout()) as page:
        for address in ("/", "/static/style.css", "/static/app.js", "/history.json?span=all"):
            async with page.get(address) as answer:
                await answer.read()
        async with page.get("/events") as stream:
            async for _ in stream.content.iter_any():
                pass


async def turn(url: str, readers: int, seconds: float) -> None:
    """So long with so many pages open."""
    pages = [asyncio.ensure_future(read(url)) for _ in range(readers)]
    await asyncio.sleep(seconds)
    for page in pages:
        page.cancel()
        with suppress(asyncio.CancelledError):
            await page


def asked(youtube: StandinProcess) -> int:
    """Licenses that the run has asked for."""
    return youtube.counters()["requests"].get("next", 0)


def cpu(process: psutil.Process) -> float:
    """Seconds of processor time so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(rounds: int, seconds: float, youtube: StandinProcess, place: Place) -> None:
    """Run, serve, and look by turns."""
    run = place.start("run", "-q")
    command = [*place.arguments("serve", "--listen", "127.0.0.1:0")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found
        while asked(youtube) < 1000:
            time.sleep(0.5)
        page, work = psutil.Process(server.pid), psutil.Process(run.pid)
        speeds: dict[int, list[float]] = {0: [], READERS: []}
        costs: dict[int, list[float]] = {0: [], READERS: []}
        spent = []
        titles = ("pages", "licenses/s", "CPU of run, ms a license", "of serve, ms/s")
        print("{:>6} {:>11} {:>25} {:>15}".format(*titles))
        for number in range(2 * rounds):
            # 0, 10, 10, 0, …: a run slows a little as its journal grows.
            readers = READERS if number % 4 in (1, 2) else 0
            before, busy, used = asked(youtube), cpu(work), cpu(page)
            began = time.monotonic()
            asyncio.run(turn(found[0], readers, seconds))
            took, done = time.monotonic() - began, asked(youtube) - before
            if run.poll() is not None or not done:
                print("the run has ended: fewer rounds, or more --videos")
                break
            speeds[readers].append(done / took)
            costs[readers].append(1000 * (cpu(work) - busy) / done)
            milliseconds = 1000 * (cpu(page) - used) / took
            spent += [milliseconds] if readers else []
            speed, cost = speeds[readers][-1], costs[readers][-1]
            print(f"{readers:>6} {speed:>11.0f} {cost:>25.3f} {milliseconds:>15.1f}")
        ratio, cost = (mean(of[READERS]) / mean(of[0]) for of in (speeds, costs))
        print(
            f"with ten pages {100 * (ratio - 1):+.1f} % licenses a second (wanted: less than 3 %"
            f" fewer), {100 * (cost - 1):+.1f} % CPU of the run a license; serve takes"
            f" {mean(spent):.1f} ms of CPU a second"
        )
    finally:
        for each in (run, server):
            each.kill()
            each.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=120_000)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=2, help="of each turn")
    parser.add_argument("--rate", type=float, help="as a permission that the run keeps to")
    options = parser.parse_args()
    world = WorldSettings(
        videos=options.videos,
        creative_commons_share=0,
        pages=PageSettings(kilobytes=20),
        log_requests=False,
    )
    with tempfile.TemporaryDirectory() as folder, StandinProcess(world) as youtube:
        metadata = f"audioset.metadata_dir={folder}/metadata"
        rate = [f"throttle.{name}={options.rate}" for name in _RATES] if options.rate else []
        place = Place(Path(folder) / "out", (*reach(youtube), metadata, *rate))
        measure(options.rounds, options.seconds, youtube, place)


if __name__ == "__main__":
    main()
