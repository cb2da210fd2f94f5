"""From process start to the first row to ask, against a bare `pandas.read_csv` of the same files.

`python -m benchmarks.catalog_start [--rows N] [--rounds N]`. Both run by turns, each in a process
of its own. Wanted: at most 6 times as long, peak memory under 1 GB.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ascc_async.standin.metadata_large import write_large

SHARED = Path(__file__).parents[1].parent / "shared" / "audioset"
SPLITS = ("balanced_train", "eval", "unbalanced_train")

_UNITS = 1 << 20 if sys.platform == "darwin" else 1 << 10
_PEAK = f"resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / {_UNITS}"

BARE = f"""
import json, resource, sys, time
import pandas
begin = time.perf_counter()
for split in {SPLITS!r}:
    rows = pandas.read_csv(f"{{sys.argv[1]}}/{{split}}_segments.csv", skiprows=3, header=None,
                           skipinitialspace=True)
print(json.dumps({{"seconds": time.perf_counter() - begin, "peak_mb": {_PEAK}}}))
"""

OURS = f"""
import json, pathlib, resource, sys, time
import numpy as np
from ascc_async.catalog.audioset import read_catalog
from ascc_async.catalog.sampling import RowState, Sampler
from ascc_async.catalog.selection import select
from ascc_async.settings import AudiosetSettings, ClassesSettings, SamplingSettings
folder, started, limit, answered = sys.argv[1:]
catalog = read_catalog(AudiosetSettings(metadata_dir=pathlib.Path(folder)))
sampling = SamplingSettings(max_per_class=int(limit) or None)
selection = select(catalog, ClassesSettings(), sampling)
states = np.zeros(len(catalog.segments), np.uint8)
if int(answered):
    ids = catalog.segments.ids[:int(answered)][::-1].copy()
    states[catalog.segments.rows_of(ids)] = RowState.NO
sampler = Sampler(selection, states, 16)
asked = sampler.next(50)
end = time.time()
kept = sum(a.nbytes for a in vars(catalog.segments).values() if isinstance(a, np.ndarray))
print(json.dumps({{"seconds": end - float(started), "peak_mb": {_PEAK}, "rows": len(selection),
                  "asked": len(asked), "table_mb": kept / 1e6}}))
"""

PLAN = """
import time
begin = time.time()
import json, pathlib, sys
from ascc_async.catalog.audioset import read_catalog
from ascc_async.catalog.plan import make_plan
from ascc_async.catalog.plan_text import render_plan
from ascc_async.catalog.selection import select
from ascc_async.settings import AudiosetSettings, Settings
settings = Settings()
catalog = read_catalog(AudiosetSettings(metadata_dir=pathlib.Path(sys.argv[1])))
render_plan(make_plan(catalog, select(catalog, settings.classes, settings.sampling), settings))
print(json.dumps({"seconds": time.time() - begin, "peak_mb": 0.0}))
"""


def run(script: str, *arguments: str) -> dict[str, float]:
    """Run a script in a process of its own; what it measured."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def started() -> str:
    """The time before the process starts, for it to subtract."""
    return repr(time.time())


def middle(results: list[dict[str, float]], key: str) -> float:
    """The median of a measure."""
    return statistics.median(result[key] for result in results)


def main() -> None:
    """Measure and print side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_084_320)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="catalog_start_") as scratch:
        folder = Path(scratch)
        write_large(folder, rows=options.rows, class_folder=SHARED if SHARED.exists() else None)
        measure(folder, options.rows, options.rounds)


def measure(folder: Path, rows: int, rounds: int) -> None:
    """All ways by turns, so that they share whatever else the machine is doing."""
    ways: dict[str, list[dict[str, float]]] = {
        name: [] for name in ("bare pandas.read_csv", "start", "start, all answered",
                              "start, max_per_class 20", "plan")
    }  # fmt: skip
    for _ in range(rounds):
        ways["bare pandas.read_csv"].append(run(BARE, str(folder)))
        ways["start"].append(run(OURS, str(folder), started(), "0", "0"))
        answered = run(OURS, str(folder), started(), "0", str(rows - 100))
        ways["start, all answered"].append(answered)
        ways["start, max_per_class 20"].append(run(OURS, str(folder), started(), "20", "0"))
        ways["plan"].append(run(PLAN, str(folder)))
    bare = middle(ways["bare pandas.read_csv"], "seconds")
    print(f"{rows:,} rows, median of {rounds}")
    print(f"{'':<26} {'seconds':>8} {'ratio':>6} {'peak MB':>8}")
    for name, results in ways.items():
        seconds, peak = middle(results, "seconds"), middle(results, "peak_mb")
        print(f"{name:<26} {seconds:>8.2f} {seconds / bare:>6.2f} {peak:>8.0f}")
    print(f"the table of segments holds {middle(ways['start'], 'table_mb'):.0f} MB")


if __name__ == "__main__":
    main()
