"""`python -m benchmarks.chaos`: what a run survives, as a table.

Each job runs against the stand-in with refusals and faults, is ended in one way again and again,
and then runs to its end. `lost`: rows of the manifest that are not as in an undisturbed run
(times, attempts and the name of the source left out). `repeated`: requests for what had been
committed. `left`: unfinished files, and processes alive five seconds after their run.
`full disk` needs the right to mount a tmpfs.
`--kills N` changes how often the first jobs are ended (25); `--only WORD` runs some of the jobs.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault, WorldSettings
from benchmarks.chaos_disk import SmallDisk, fill, small_disk
from benchmarks.chaos_run import FAULTS, LIMIT, Job, blank_page, flip_bit, moments
from tests.scenarios.scenario import Row, timeless

FULL_DISK = "full disk (14 MB)"
MOST_REQUESTS = 40  # of a leg, before it is ended
MANY_FAULTS = tuple(
    Fault(name=name, share=0.2) for name in ("server_error", "cut_before", "cut_body")
)


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    name: str
    injected: int
    survived: int
    lost: int
    repeated: int
    left: int
    seconds: float


def ended(job: Job, number: signal.Signals, times: int, seed: int) -> tuple[int, int]:
    """End the job at so many seeded moments: how many came, and ended as they should."""
    expected = -9 if number is signal.SIGKILL else 3
    codes = [job.leg(job.after(at), number) for at in moments(seed, times, MOST_REQUESTS)]
    came = [code for code in codes if code != 0]
    return len(came), sum(code == expected for code in came)


def outages(job: Job, times: int) -> tuple[int, int]:
    """The stand-in goes for five seconds, so many times during one leg."""
    done = 0

    def away() -> bool:
        nonlocal done
        if done < times and job.requests() > 60:
            job.youtube.stop()
            time.sleep(5)
            job.youtube.start()
            done += 1
        return False

    job.leg(away)
    return done, done


def damaged(job: Job, times: int) -> tuple[int, int]:
    """After a whole run: a page of the journal is lost and a bit in a clip flipped each time."""
    job.leg()
    survived = 0
    for seed in range(times):
        blank_page(job.output / "state.sqlite3", seed)
        clip = sorted((job.output / "clips").glob("??/*.flac"))[seed]
        flip_bit(clip, seed)
        clip.touch()
        survived += job.leg() == 0
    job.ends.repeated.clear()  # what was damaged must be fetched again
    return 2 * times, 2 * survived


def faulty(job: Job) -> tuple[int, int]:
    """One leg in which a fifth of all videos meets each fault; those injected are survived."""
    job.youtube.set(faults=MANY_FAULTS)
    code = job.leg()
    injected = sum(job.youtube.counters()["faults"].values())
    return injected, injected if code == 0 else 0


def full_disk(job: Job, times: int) -> tuple[int, int]:
    """The disk fills up in the middle of a leg, so many times; each must end explained, with 1."""
    disk = SmallDisk(job.output.parent)
    filler = disk.folder / "filler"
    codes = []
    for at in moments(3, times, MOST_REQUESTS):
        codes.append(job.leg(filling(job.after(at), filler)))
        filler.unlink(missing_ok=True)
    disk.resize(200)
    return times, sum(code == 1 for code in codes)


def filling(come: Callable[[], bool], filler: Path) -> Callable[[], bool]:
    """Never a moment to end a leg; but when one has come, the disk is filled."""

    def full() -> bool:
        if not filler.exists() and come():
            fill(filler)
        return False

    return full


Act = Callable[[Job], tuple[int, int]]


def jobs(kills: int) -> dict[str, Act]:
    """All ways to disturb a run."""
    return {
        "kill -9": lambda job: ended(job, signal.SIGKILL, kills, 1),
        "SIGTERM": lambda job: ended(job, signal.SIGTERM, max(1, kills // 3), 2),
        "network away 5 s": lambda job: outages(job, 3),
        "20 % faults": faulty,
        FULL_DISK: lambda job: full_disk(job, max(1, kills // 8)),
        "damaged journal and clip": lambda job: damaged(job, max(1, kills // 5)),
    }


def disturb(name: str, act: Act, undisturbed: list[Row], folder: Path) -> Line:
    """Run one job with its disturbances, then to the end."""
    began = time.monotonic()
    folder.mkdir()
    with (
        StandinProcess(WorldSettings(faults=FAULTS, limits=(LIMIT,))) as youtube,
        small_disk(folder) if name == FULL_DISK else nullcontext(),
    ):
        job = Job(folder, youtube)
        injected, survived = act(job)
        youtube.set(faults=(), limits=())
        code = job.leg()
        repeated = len(job.ends.repeated)
        if code != 0:
            print(job.ends.said)
        lost = differences(job.place.manifest(), undisturbed)
        left = len(job.leftovers()) + len(job.ends.orphans)
    return Line(name, injected, survived, lost, repeated, left, time.monotonic() - began)


def differences(rows: list[Row], expected: list[Row]) -> int:
    """Rows that differ, the name of the source left out."""
    there, wanted = (
        {row["segment_id"]: {**row, "license_source": ""} for row in timeless(one)}
        for one in (rows, expected)
    )
    return sum(there.get(key) != wanted.get(key) for key in {*there, *wanted})


def undisturbed_run(folder: Path) -> list[Row]:
    """The manifest of a run that nothing happens to."""
    with StandinProcess(WorldSettings()) as youtube:
        job = Job(folder, youtube)
        assert job.leg() == 0, job.ends.said
        return job.place.manifest()


def main() -> None:
    """Print the table, a line as soon as it is there."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kills", type=int, default=25)
    arguments.add_argument("--only", default="")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        undisturbed = undisturbed_run(Path(parent, "undisturbed"))
        print("| disturbance | injected | survived | lost | repeated | left | seconds |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for number, (name, act) in enumerate(jobs(options.kills).items()):
            if options.only in name:
                one = disturb(name, act, undisturbed, Path(parent, str(number)))
                print(
                    f"| {one.name} | {one.injected} | {one.survived} | {one.lost} |"
                    f" {one.repeated} | {one.left} | {one.seconds:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
