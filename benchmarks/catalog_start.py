"""`python -m benchmarks.catalog_start`: from process start to the first license request.

The real command over all of AudioSet's 2,084,320 rows (made up, in the official format), against a
bare `pandas.read_csv` of the same three files, by turns in one run: the first start, later ones
(which find the segments in the `.npz` of the first), one with all but a hundred licenses answered
by an earlier run, one with `max_per_class`; and `plan`.

Wanted, where `read_csv` takes 1.1 s: 8 s for the first start and 3 s for a later one; peak memory
under 800 MB, under 400 MB once the stages run; `plan` in less than 6 s.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from ascc_async.journal.writer import JOURNAL_NAME, open_for_writing
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings
from benchmarks.large_metadata import write_large

SHARED = Path(__file__).parents[1].parent / "shared" / "audioset"
SPLITS = ("balanced_train", "eval", "unbalanced_train")
UNANSWERED = 100
WATCHED = 6.0  # seconds of the stages' work, for their memory

BARE = f"""
import sys
import pandas
for split in {SPLITS!r}:
    pandas.read_csv(f"{{sys.argv[1]}}/{{split}}_segments.csv", skiprows=3, header=None,
                    skipinitialspace=True)
"""
ANSWER = (
    "INSERT INTO answers (video_id, license, source, checked_at, text, link, title, channel,"
    " channel_id, published, detail) VALUES (?, 'standard', 'innertube', ?, '', '',"
    " 'A title of some length', 'Some channel', 'UCxxxxxxxxxxxxxxxxxxxxxx', '1 Jan 2015', '')"
)


@dataclass(frozen=True)
class Start:
    """Seconds to the first license request (or the end), peak and working memory in MB."""

    seconds: float
    peak: float
    working: float = float("nan")


def bare(folder: Path) -> Start:
    """Without the time to start Python and import pandas, which a user's script needs as well."""
    timed = BARE.replace("import pandas\n", "import pandas, time\nbegin = time.time()\n")
    timed += "print(time.time() - begin)"
    done = subprocess.run(
        [sys.executable, "-c", timed, str(folder)], check=True, capture_output=True, text=True
    )
    return Start(float(done.stdout), float("nan"))


def command(folder: Path, output: Path, *settings: str) -> list[str]:
    """The end of a command line: where things are, and no limit in the way."""
    given = (
        f"output.dir={output}", f"audioset.metadata_dir={folder}", "output.min_free_gb=0",
        "throttle.requests_per_second=1000", "throttle.max_requests_per_second=1000",
        "concurrency.extractions=1", *settings,
    )  # fmt: skip
    return [word for one in given for word in ("--set", one)]


def plan(folder: Path, output: Path) -> Start:
    """`plan` over everything."""
    began, peak = time.perf_counter(), 0
    process = psutil.Popen(
        [sys.executable, "-m", "ascc_async", "plan", *command(folder, output)],
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None:
        peak = max(peak, memory(process))
        time.sleep(0.02)
    return Start(time.perf_counter() - began, peak / 1e6)


def start(folder: Path, output: Path, *settings: str) -> Start:
    """`run` until it asked for the first license and some seconds more; then it is killed."""
    with StandinProcess(WorldSettings(log_requests=False)) as youtube:
        reached = (f"network.proxy={youtube.proxy}", f"network.ca_file={youtube.ca_file}")
        arguments = [sys.executable, "-m", "ascc_async", "run"]
        began, first, peak, working = time.perf_counter(), 0.0, 0, 0
        process = psutil.Popen(
            [*arguments, *command(folder, output, *reached, *settings)],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while process.poll() is None and (not first or since(began) < first + WATCHED):
                if not first and youtube.counters()["requests"].get("next"):
                    first = since(began)
                peak = max(peak, memory(process))
                working = memory(process) if first else 0
                time.sleep(0.02)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert first, "it never asked"
    return Start(first, peak / 1e6, working / 1e6)


def since(began: float) -> float:
    """Seconds."""
    return time.perf_counter() - began


def memory(process: psutil.Process) -> int:
    """Resident bytes; 0 when it has just ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def answer_all(folder: Path, journal: Path) -> None:
    """Write an answer for every video of the metadata but the last hundred."""
    journal.parent.mkdir(parents=True)
    connection = open_for_writing(journal)
    ids = sorted(read_ids(folder))[:-UNANSWERED]
    with connection:
        connection.execute("BEGIN")
        connection.executemany(ANSWER, ((video_id, time.time()) for video_id in ids))
    connection.close()


def unanswer(journal: Path) -> None:
    """Forget again what a run has asked."""
    connection = sqlite3.connect(journal)
    with connection:
        connection.execute("DELETE FROM answers WHERE published <> '1 Jan 2015'")
    connection.close()


def read_ids(folder: Path) -> Iterator[str]:
    """All video ids of the metadata."""
    for split in SPLITS:
        with (folder / f"{split}_segments.csv").open(encoding="utf-8") as lines:
            yield from (line[:11] for line in lines if not line.startswith("#"))


def measure(folder: Path, rounds: int) -> dict[str, list[Start]]:
    """All ways by turns, so that they share whatever else the machine is doing."""
    found: dict[str, list[Start]] = defaultdict(list)
    answered = folder / "answered"
    answer_all(folder, answered / JOURNAL_NAME)
    for turn in range(rounds):
        found["bare pandas.read_csv"].append(bare(folder))
        for copy in folder.glob("*_segments.npz"):
            copy.unlink()
        found["run, first start"].append(start(folder, folder / f"first{turn}"))
        found["run, later start"].append(start(folder, folder / f"later{turn}"))
        found["run, all but 100 answered"].append(start(folder, answered))
        unanswer(answered / JOURNAL_NAME)
        limit = "sampling.max_per_class=20"
        found["run, max_per_class 20"].append(start(folder, folder / f"limited{turn}", limit))
        found["plan"].append(plan(folder, folder / "planned"))
    return found


def main() -> None:
    """Measure and print side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_084_320)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="catalog_start_") as scratch:
        folder = Path(scratch)
        classes = SHARED if SHARED.exists() else None
        write_large(folder, rows=options.rows, class_folder=classes)
        found = measure(folder, options.rounds)
    base = statistics.median(one.seconds for one in found["bare pandas.read_csv"])
    print(f"{options.rows:,} rows, median of {options.rounds}; to the first license request")
    print(f"{'':<28} {'seconds':>8} {'ratio':>6} {'peak MB':>8} {'working MB':>11}")
    for name, results in found.items():
        seconds, peak, working = (
            statistics.median(getattr(one, key) for one in results)
            for key in ("seconds", "peak", "working")
        )
        print(f"{name:<28} {seconds:>8.2f} {seconds / base:>6.2f} {peak:>8.0f} {working:>11.0f}")


if __name__ == "__main__":
    main()
