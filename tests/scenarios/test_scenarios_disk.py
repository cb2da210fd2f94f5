"""Full disks: the run waits for room where it can, and loses nothing where it cannot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scenario import Row, timeless

from ascc_async.standin.process import StandinProcess
from benchmarks.chaos_disk import NoSmallDisk, SmallDisk, fill, small_disk
from benchmarks.chaos_run import Job

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small file system that can be filled and grown."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        with small_disk(folder) as disk:
            yield disk
    except NoSmallDisk:
        pytest.skip("nothing may be mounted here")


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.1)


def test_clips_wait_for_room_and_go_on_by_themselves(
    calm: StandinProcess, disk: SmallDisk, undisturbed: list[Row]
) -> None:
    """Under `min_free_gb` no new clips; said; with room again it goes on to the same end."""
    job = Job(disk.folder, calm, "output.min_free_gb=0.006")
    process = job.place.start()
    log = job.output / "logs" / "ascc_async.log"
    wait_for(lambda: log.exists() and "little free disk" in log.read_text())
    assert process.poll() is None
    assert disk.free > 1_000_000  # what was in flight had room
    disk.resize(200)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "enough free disk again" in said
    assert timeless(job.place.manifest()) == timeless(undisturbed)
    assert job.leftovers() == []


def test_a_full_disk_stops_the_run_and_loses_nothing(
    calm: StandinProcess, disk: SmallDisk, undisturbed: list[Row]
) -> None:
    """No room for the journal: exit 1, explained; what was committed is not asked again."""
    job = Job(disk.folder, calm)
    filler = disk.folder / "filler"

    def full() -> bool:
        if job.requests() > 60 and not filler.exists():
            fill(filler)
        return False

    assert job.leg(full) == 1, job.ends.said
    assert "no space" in job.ends.said.lower() or "disk is full" in job.ends.said.lower()
    assert "Traceback" not in job.ends.said
    filler.unlink()
    disk.resize(200)
    assert job.leg() == 0, job.ends.said
    assert timeless(job.place.manifest()) == timeless(undisturbed)
    assert job.ends.repeated == []
    assert job.leftovers() == []
