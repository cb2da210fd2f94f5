"""Many machines: answers a second with 1, 2 and 4 workers, and hours to all of AudioSet.

Measured against the stand-in, each worker behind a door of its own with the same hidden limit: what
the permission of more addresses is worth. The hours are reckoned from it.

    python -m benchmarks.machines [SECONDS]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Limit, ProxyListener, WorldSettings

LIMIT = Limit(requests=30, window_seconds=10, pause_seconds=10)  # 3 a second and address
MACHINES = (1, 2, 4)
WARM_UP = 20.0  # seconds
# What all of AudioSet takes: page by page, and with a Data API key the clips alone.
PAGES, CLIP_PAGES, KEY_DAYS = 2_900_000, 12_000 * 4, 42_538 / 10_000
GUEST = 0.28  # requests a second


def answered(youtube: StandinProcess) -> int:
    """License requests that were not refused."""
    counters = youtube.counters()
    return counters["requests"].get("next", 0) - sum(counters["refused"].values())


def measure(youtube: StandinProcess, machines: int, seconds: float) -> tuple[float, float]:
    """Answers a second, and milliseconds of the run's CPU (with the scheduler's) for each."""
    youtube.reset_counters()
    first, *others = list(youtube.proxies)[:machines]
    identities = [{"name": name, "proxy": youtube.proxies[name]} for name in others]
    with tempfile.TemporaryDirectory() as folder:
        settings = (
            "cluster.engine=dask", f"network.proxy={youtube.proxies[first]}",
            f"network.ca_file={youtube.ca_file}", f"network.identities={json.dumps(identities)}",
            f"output.dir={folder}/out", f"audioset.metadata_dir={folder}/metadata",
            "output.min_free_gb=0", "throttle.requests_per_second=2",
            "license.sources=[innertube]",
        )  # fmt: skip
        command = [sys.executable, "-m", "ascc_async", *(w for s in settings for w in ("--set", s))]
        run = subprocess.Popen(command, cwd=Path(folder), stdout=subprocess.DEVNULL)
        try:
            while answered(youtube) < 20 * machines:
                time.sleep(0.2)
            time.sleep(WARM_UP)
            process = psutil.Process(run.pid)
            before, cpu = answered(youtube), sum(process.cpu_times()[:2])
            time.sleep(seconds)
            done = answered(youtube) - before
            return done / seconds, (sum(process.cpu_times()[:2]) - cpu) / done * 1000
        finally:
            run.terminate()
            run.wait(120)


def main() -> None:
    """Print both tables."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 40.0
    doors = tuple(ProxyListener(name=f"n{number}") for number in range(max(MACHINES)))
    world = WorldSettings(videos=5000, creative_commons_share=0, listeners=doors, limits=(LIMIT,))
    with StandinProcess(world) as youtube:
        rates = {number: measure(youtube, number, seconds) for number in MACHINES}
    print("machines  answers/s  times  run's CPU ms an answer")
    for number, (rate, cpu) in rates.items():
        print(f"{number:8}  {rate:9.2f}  {rate / rates[1][0]:5.2f}  {cpu:22.2f}")
    share = rates[max(MACHINES)][0] / rates[1][0] / max(MACHINES)
    print(f"\nall of AudioSet as guests, at {share:.0%} of the permission of more addresses")
    print("addresses  days without a key  days with one")
    for number in (1, 2, 4, 8, 16, 32, 64):
        rate = GUEST * (number * share if number > 1 else 1) * 86_400
        print(f"{number:9}  {PAGES / rate:18.1f}  {max(KEY_DAYS, CLIP_PAGES / rate):13.1f}")


if __name__ == "__main__":
    main()
