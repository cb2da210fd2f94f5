"""Many machines: answers a second from 1, 2 and 4 addresses, what they cost, hours to all of it.

As root on Linux each worker stands in a network namespace of its own, with a real address of its
own, by which the stand-in's hidden limit knows it; scheduler and run talk to it over TLS.

    python -m benchmarks.machines [SECONDS [PERMITTED]]  # of each measurement; a second
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Limit, ProxyListener, WorldSettings

MACHINES = (1, 2, 4)
WARM_UP = 20.0  # seconds
NET = "10.77.0"  # of this machine alone
# What all of AudioSet takes: page by page, and with a Data API key the clips alone.
PAGES, CLIP_PAGES, KEY_DAYS = 2_900_000, 12_000 * 4, 42_538 / 10_000
GUEST = 0.28  # requests a second


def call(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def addresses(number: int) -> Iterator[list[str]]:
    """Network namespaces with an address each, and a bridge on which this machine is `NET`.1."""
    names = [f"ascc{index}" for index in range(number)]
    with ExitStack() as stack:
        call("ip", "link", "add", "ascc", "type", "bridge")
        stack.callback(call, "ip", "link", "del", "ascc")
        call("ip", "addr", "add", f"{NET}.1/24", "dev", "ascc")
        call("ip", "link", "set", "ascc", "up")
        for index, name in enumerate(names):
            call("ip", "netns", "add", name)
            stack.callback(call, "ip", "netns", "del", name)
            call("ip", "link", "add", f"{name}v", "type", "veth", "peer", "eth0", "netns", name)
            call("ip", "link", "set", f"{name}v", "master", "ascc", "up")
            call("ip", "-n", name, "addr", "add", f"{NET}.{10 + index}/24", "dev", "eth0")
            call("ip", "-n", name, "link", "set", "eth0", "up")
            call("ip", "-n", name, "link", "set", "lo", "up")
        yield names


@contextmanager
def process(*command: str, **environment: str) -> Iterator[psutil.Process]:
    """Ended when it is left."""
    module = [sys.executable, "-m", *command] if command[0] != "ip" else list(command)
    started = subprocess.Popen(
        module, env=os.environ | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield psutil.Process(started.pid)
    finally:
        started.terminate()
        try:
            started.wait(60)
        except subprocess.TimeoutExpired:
            started.kill()


def tls(folder: Path) -> dict[str, str]:
    """By the lines of docs/machines.md."""
    page = (Path(__file__).parents[1] / "docs/machines.md").read_text(encoding="utf-8")
    lines = page[page.index("mkdir -m 700 tls") :].partition("```")[0]
    subprocess.run(["bash", "-ec", lines], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return {"DASK_CONFIG": str(folder / "tls")}


def answered(youtube: StandinProcess) -> int:
    """License requests that were not refused."""
    counters = youtube.counters()
    return counters["requests"].get("next", 0) - sum(counters["refused"].values())


def cpu(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def measure(
    youtube: StandinProcess, names: list[str], folder: Path, seconds: float, permitted: float
) -> tuple[float, float, float]:
    """Answers a second, and CPU milliseconds for each: the run's and the scheduler's."""
    youtube.reset_counters()
    folder.mkdir()
    file, environment = folder / "scheduler.json", tls(folder)
    reach = {"ASCC_NETWORK__PROXY": youtube.proxy, "ASCC_NETWORK__CA_FILE": str(youtube.ca_file)}
    settings = {
        "cluster.engine": "dask", "cluster.scheduler": file, "output.dir": folder / "out",
        "audioset.metadata_dir": folder / "m", "output.min_free_gb": 1e6,  # no clips
        "throttle.requests_per_second": permitted * 0.7, "license.sources": "[innertube]",
        "throttle.max_requests_per_second": 1000,
    }  # fmt: skip
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    with ExitStack() as stack:
        start = stack.enter_context
        dask = "distributed.cli.dask_"
        where = ("--host", f"{NET}.1", "--port", "0", "--protocol", "tls", "--no-dashboard")
        scheduler = start(
            process(f"{dask}scheduler", *where, "--scheduler-file", str(file), **environment)
        )
        while not file.exists():
            time.sleep(0.1)
        for name in names:
            start(
                process(
                    "ip", "netns", "exec", name, sys.executable, "-m", f"{dask}worker",
                    "--scheduler-file", str(file), "--name", name, "--no-nanny", "--no-dashboard",
                    "--memory-limit", "0", "--nthreads", "64", "--local-directory", str(folder),
                    **environment, **reach,
                )
            )  # fmt: skip
        run = start(process("ascc_async", *sets, **environment, **reach))
        while answered(youtube) < 20 * len(names):
            time.sleep(0.2)
        time.sleep(WARM_UP)
        before, cpus = answered(youtube), (cpu(run), cpu(scheduler))
        time.sleep(seconds)
        done = answered(youtube) - before
        used = (cpu(run) - cpus[0], cpu(scheduler) - cpus[1])
        return done / seconds, used[0] / done * 1000, used[1] / done * 1000


def main() -> None:
    """Print both tables."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    permitted = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    limit = Limit(requests=round(permitted * 10), window_seconds=10, pause_seconds=10)
    world = WorldSettings(
        videos=20_000, creative_commons_share=0, limits=(limit,), log_requests=False,
        listeners=(ProxyListener(host=f"{NET}.1"),),
    )  # fmt: skip
    with (
        addresses(max(MACHINES)) as names,
        tempfile.TemporaryDirectory() as folder,
        StandinProcess(world) as youtube,
    ):
        got = {
            number: measure(youtube, names[:number], Path(folder, str(number)), seconds, permitted)
            for number in MACHINES
        }
    print("addresses  answers/s  times  run's CPU ms an answer  scheduler's")
    for number, (rate, own, scheduler) in got.items():
        times = rate / got[MACHINES[0]][0]
        print(f"{number:9}  {rate:9.2f}  {times:5.2f}  {own:22.2f}  {scheduler:11.2f}")
    share = got[max(MACHINES)][0] / got[MACHINES[0]][0] / max(MACHINES)
    print(f"\nall of AudioSet as guests, at {share:.0%} of the permission of more addresses")
    print("addresses  days without a key  days with one")
    for number in (1, 2, 4, 8, 16, 32, 64):
        rate = GUEST * (number * share if number > 1 else 1) * 86_400
        print(f"{number:9}  {PAGES / rate:18.1f}  {max(KEY_DAYS, CLIP_PAGES / rate):13.1f}")


if __name__ == "__main__":
    main()
