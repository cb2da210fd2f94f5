"""The network goes away for a while: the run waits with a line, and goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario import Row, timeless

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings
from benchmarks.chaos_run import Job

pytestmark = pytest.mark.slow


@pytest.fixture
def mortal() -> Iterator[StandinProcess]:
    """A stand-in of its own, since it is stopped; the same world as everybody's."""
    with StandinProcess(WorldSettings()) as process:
        yield process


def test_a_network_that_is_away_costs_no_attempt(
    mortal: StandinProcess, tmp_path: Path, undisturbed: list[Row]
) -> None:
    """The other side goes for seconds, twice: said once each time, nothing given up, all done."""
    job = Job(tmp_path, mortal)
    process = job.place.start()
    for requests in (60, 60):
        ends = time.monotonic() + 90
        while job.requests() < requests and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.05)
        mortal.stop()
        time.sleep(6)
        mortal.start()
    said, _ = process.communicate(timeout=150)
    assert process.returncode == 0, said
    assert timeless(job.place.manifest()) == timeless(undisturbed)
    assert 1 <= said.count("no network for «main»") <= 4, said
    assert "Traceback" not in said
