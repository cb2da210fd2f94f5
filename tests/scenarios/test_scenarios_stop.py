"""Signals, whatever the run is doing: exit codes 3 and 130, in time, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from scenario import Place, Row, timeless

from ascc_async.errors import JournalError
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault, Limit
from benchmarks.chaos_run import Job

EVAL = "audioset.splits=[eval]"
Prepare = Callable[[StandinProcess], None]


def resting(youtube: StandinProcess) -> None:
    youtube.set(limits=[Limit(requests=0, pause_seconds=3600, style="429")])


def stalled_metadata(youtube: StandinProcess) -> None:
    youtube.set_faults(Fault(name="stall", endpoints=("metadata",), times=0))


def nothing(youtube: StandinProcess) -> None:
    """All is well."""


def requests(youtube: StandinProcess, endpoint: str) -> int:
    return youtube.counters()["requests"].get(endpoint, 0)


CASES = [
    pytest.param(resting, "next", (), signal.SIGINT, id="all resting"),
    pytest.param(
        stalled_metadata,
        "metadata",
        (),
        signal.SIGTERM,
        id="metadata on its way",
        marks=pytest.mark.slow,
    ),
    pytest.param(nothing, "next", ("output.min_free_gb=1000000",), signal.SIGHUP, id="no room"),
]


@pytest.mark.parametrize(("prepare", "endpoint", "settings", "number"), CASES)
def test_a_signal_ends_what_only_waits_at_once(
    prepare: Prepare,
    endpoint: str,
    settings: tuple[str, ...],
    number: signal.Signals,
    place: Place,
    calm: StandinProcess,
) -> None:
    """Nobody waits for a rest, a stalled download or room on the disk to be over: exit code 3."""
    prepare(calm)
    place = Place(place.output, (*place.settings, EVAL, *settings))
    process = place.start()
    wait_until(process, lambda: requests(calm, endpoint) > 0)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert time.monotonic() - began < 15
    assert "Traceback" not in said
    assert not list(place.output.rglob(".part-*"))
    assert not list(place.output.rglob(".staging-*"))


@pytest.mark.slow
def test_nohup_is_respected(place: Place, calm: StandinProcess) -> None:
    """Where SIGHUP is ignored, a closed terminal does not stop the run."""
    place = Place(place.output, (*place.settings, EVAL))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children inherit it
    try:
        process = place.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_until(process, lambda: requests(calm, "next") > 3)
    process.send_signal(signal.SIGHUP)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said


def test_one_run_at_a_time_and_status_beside_it(place: Place, calm: StandinProcess) -> None:
    """A second run is refused with who holds the folder; `status` answers meanwhile."""
    resting(calm)
    place = Place(place.output, (*place.settings, EVAL))
    process = place.start()
    wait_until(process, lambda: requests(calm, "next") > 0)
    code, said = place.run()
    assert code == 1
    assert str(process.pid) in said
    assert os.uname().nodename in said
    code, said = place.here("status")
    assert code == 0, said
    code, said = place.here("verify")
    assert (code, "no dataset here yet" in said) == (1, True), said
    process.kill()
    process.communicate(timeout=30)


def wait_until(
    process: subprocess.Popen[str], condition: Callable[[], bool], seconds: float = 60
) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.05)


def test_a_second_signal_while_the_first_drains_leaves_at_once(
    place: Place, calm: StandinProcess
) -> None:
    """Downloads that stall are not waited for: exit code 130, and nothing half done is left."""
    calm.set_faults(Fault(name="stall", share=1, endpoints=("media",), times=0))
    process = place.start()
    wait_until(process, lambda: requests(calm, "media") > 0)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not list(place.output.glob("clips/*/.part-*"))


@pytest.mark.slow
def test_a_signal_to_all_processes_at_once_costs_nothing(
    calm: StandinProcess, tmp_path: Path, undisturbed: list[Row]
) -> None:
    """As systemd stops a service and SLURM a step: ffmpeg and yt-dlp's processes get it too."""
    job = Job(tmp_path, calm)
    for _ in range(4):
        process = job.place.start()
        before = len(job.known()[1]) if (job.output / "state.sqlite3").exists() else 0
        wait_until(process, lambda least=before + 3: len(clips_of(job)) >= least)  # type: ignore[misc]
        for one in [*psutil.Process(process.pid).children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=90)
        assert process.returncode == 3, said
        assert "Traceback" not in said
    assert job.leg() == 0, job.ends.said
    assert timeless(job.place.manifest()) == timeless(undisturbed)
    assert (job.leftovers(), job.orphans()) == ([], [])


def clips_of(job: Job) -> set[str]:
    try:
        return job.known()[1]
    except JournalError:  # it is just being made
        return set()


def test_a_disk_that_stays_full_ends_the_run_and_the_next_one_goes_on(
    place: Place, calm: StandinProcess
) -> None:
    """Exit 3 once all licenses are asked; the next run says first what is there already."""
    full = ("output.min_free_gb=1000000", "throttle.give_up_after_hours=0.0005")
    few = replace(place, settings=(*place.settings, EVAL))
    code, said = replace(few, settings=(*few.settings, *full)).run()
    assert code == 3, said
    assert "nothing is left to do but clips. Make room, or lower output.min_free_gb" in said
    assert said.splitlines()[0] == "ascc_async is starting …"
    assert "The last one gave up at" in few.here("status")[1]
    asked = len(few.manifest())
    calm.reset_counters()
    code, said = few.run()
    assert code == 0, said
    # One whose license stayed unknown may be asked again by then.
    assert f" of {asked} videos are answered" in said
    assert any(row["outcome"] == "clip" for row in few.manifest())
