"""Fixtures of the scenarios: one stand-in for all, set back before each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario import Place, reach

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings


@pytest.fixture(scope="session")
def youtube() -> Iterator[StandinProcess]:
    """A stand-in with the world of the demo, without limits and faults unless a test sets them."""
    with StandinProcess(WorldSettings()) as process:
        yield process


@pytest.fixture
def calm(youtube: StandinProcess) -> StandinProcess:
    """The same, with everything a test before may have changed set back."""
    fixed = {"seed", "videos", "doors", "metadata_dir", "max_seconds"}
    youtube.set(**WorldSettings().model_dump(mode="json", exclude=fixed))
    youtube.reset_counters()
    return youtube


@pytest.fixture
def place(tmp_path: Path, calm: StandinProcess) -> Place:
    """An empty output folder whose runs reach the stand-in."""
    return Place(tmp_path / "out", (*reach(calm), f"audioset.metadata_dir={tmp_path / 'metadata'}"))
