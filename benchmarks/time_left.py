"""`python -m benchmarks.time_left`: does the foretold finish hold?

The real command, default settings, against a stand-in with a limit it is not told: 120 pages in
any 10 s, 2 s of refusals after each breach. Sized to take some four minutes (`--minutes 30` for
the long one, where a breach costs 15 s). Every ten seconds `status --json` is asked when the run
will be done. Wanted of every answer after the first quarter: wrong by less than 20 % of what was
really left, or of a tenth of the run where less was left.
"""

from __future__ import annotations

import argparse
import json
import random
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ascc_async.standin.metadata import write_world
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Limit, Shares, WorldSettings
from tests.scenarios.scenario import reach

EVERY = 10.0
# As AudioSet is, but with more Creative Commons: some clips are made in four minutes too.
SHARES = Shares(
    **dict.fromkeys(Shares.model_fields, 0.0)
    | {"creative_commons": 0.015, "age_restricted": 0.0015, "license_unknown": 0.002}
    | {"removed": 0.10, "private": 0.04, "account_terminated": 0.04, "copyright_claim": 0.02}
)
PERMITTED = 12.0  # pages a second
VIDEOS_A_SECOND = 7.0  # that are answered, and made into clips, at that limit
LETTERS = string.ascii_letters + string.digits


def world(minutes: float) -> WorldSettings:
    """The stand-in, which outlives the run."""
    limit = Limit(requests=round(PERMITTED * 10), pause_seconds=minutes / 2)
    return WorldSettings(videos=10, shares=SHARES, limits=(limit,), log_requests=False)


def start(youtube: StandinProcess, folder: Path, minutes: float) -> list[str]:
    """Write the metadata; the options with which commands are run."""
    rng = random.Random(5)
    count = round(minutes * 60 * VIDEOS_A_SECOND)
    ids = ("".join(rng.choices(LETTERS, k=11)) for _ in range(count))
    write_world(folder / "metadata", [youtube.world.video(video_id) for video_id in ids])
    given = (
        *reach(youtube),
        f"output.dir={folder / 'out'}",
        f"audioset.metadata_dir={folder / 'metadata'}",
        "output.min_free_gb=0",
    )
    return [word for one in given for word in ("--set", one)]


def samples_of(process: subprocess.Popen[bytes], sets: list[str]) -> list[tuple[float, float]]:
    """Until it ends: when it was asked, and the finish that was foretold."""
    samples: list[tuple[float, float]] = []
    command = [sys.executable, "-m", "ascc_async", "status", "--json", *sets]
    while process.poll() is None:
        try:
            process.wait(EVERY)
        except subprocess.TimeoutExpired:
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            picture = json.loads(said)["picture"] if said else None
            if picture and picture.get("finish_at"):
                samples.append((time.time(), picture["finish_at"]))
    return samples


def judge(samples: list[tuple[float, float]], began: float, ended: float) -> bool:
    """Print every sample; whether those after the first quarter are good enough."""
    run, worst = ended - began, 0.0
    print(f"the run took {run:.0f} s\n  at s  really left  foretold  wrong by")
    for at, finish in samples:
        left = ended - at
        wrong = abs(finish - ended) / max(left, run / 10)
        counts = at - began >= run / 4
        worst = max(worst, wrong) if counts else worst
        note = "" if counts else "  (first quarter)"
        print(f"{at - began:6.0f} {left:12.0f} {finish - at:9.0f} {wrong:8.0%}{note}")
    enough = len(samples) >= run / EVERY / 2
    print(f"worst after the first quarter: {worst:.0%} (wanted: under 20 %)")
    return worst < 0.2 and enough


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.time_left")
    parser.add_argument("--minutes", type=float, default=4.0, help="about so long a run")
    options = parser.parse_args()
    with (
        StandinProcess(world(options.minutes)) as youtube,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
    ):
        folder = Path(name)
        sets = start(youtube, folder, options.minutes)
        began = time.time()
        process = subprocess.Popen(
            [sys.executable, "-m", "ascc_async", *sets],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            samples = samples_of(process, sets)
        finally:
            process.kill()
        ended = time.time()
    raise SystemExit(0 if process.returncode == 0 and judge(samples, began, ended) else 1)


if __name__ == "__main__":
    main()
