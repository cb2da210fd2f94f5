"""One small stand-in and one finished run for all tests of the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Place

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings


@pytest.fixture(scope="session")
def youtube() -> Iterator[StandinProcess]:
    """A stand-in with a small world."""
    with StandinProcess(WorldSettings(videos=30)) as process:
        yield process


@pytest.fixture(scope="session")
def finished(youtube: StandinProcess, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder in which a run went to its end, through a pipe; `said` is what it printed."""
    place = Place.reaching(youtube, tmp_path_factory.mktemp("finished"))
    done = place.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    place.said = done.stdout
    return place


@pytest.fixture
def place(youtube: StandinProcess, tmp_path: Path) -> Place:
    """An empty folder whose commands reach the stand-in."""
    return Place.reaching(youtube, tmp_path)
