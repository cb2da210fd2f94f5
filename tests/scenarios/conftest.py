"""Fixtures of the scenarios: one stand-in for all, set back before each test."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from scenario import Place, Row, reach

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings
from benchmarks.chaos_run import Job


@pytest.fixture(scope="session")
def youtube() -> Iterator[StandinProcess]:
    """A stand-in with the world of the demo, without limits and faults unless a test sets them."""
    with StandinProcess(WorldSettings()) as process:
        yield process


@pytest.fixture
def calm(youtube: StandinProcess) -> StandinProcess:
    """The same, with everything a test before may have changed set back."""
    youtube.set(**WorldSettings().model_dump())
    youtube.reset_counters()
    return youtube


@pytest.fixture
def place(tmp_path: Path, calm: StandinProcess) -> Place:
    """An empty output folder whose runs reach the stand-in."""
    return Place(tmp_path / "out", (*reach(calm), f"audioset.metadata_dir={tmp_path / 'metadata'}"))


@pytest.fixture(scope="session")
def finished(
    youtube: StandinProcess, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Path:
    """The folder of a job that ran undisturbed to its end, for all of xdist's workers made by
    whichever needs it first. Not to be written in.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "undisturbed"
    made = folder.with_suffix(".made")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            youtube.set(**WorldSettings().model_dump())
            job = Job(folder, youtube)
            assert job.leg() == 0, job.ends.said
            for name in ("state.sqlite3", "state.sqlite3.backup"):
                with closing(sqlite3.connect(job.output / name)) as connection, connection:
                    # Others have other proxies, by which what was barred would be asked again.
                    connection.execute("DELETE FROM learned WHERE key = 'access'")
            made.touch()
    return folder


@pytest.fixture
def undisturbed(finished: Path) -> list[Row]:
    """The manifest of an undisturbed run."""
    return Place(finished / "out").manifest()


@pytest.fixture
def done(finished: Path, tmp_path: Path, calm: StandinProcess) -> Callable[[], Job]:
    """Makes a copy of the finished job, to be damaged."""

    def copy() -> Job:
        shutil.copytree(finished, tmp_path / "job")
        return Job(tmp_path / "job", calm)

    return copy
