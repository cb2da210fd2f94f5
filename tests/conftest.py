"""What holds for all tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

# Containers often set it. The hundreds of processes that tests start would each compile the whole
# package anew: an eighth of what a command takes to start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def _package_log_level() -> Iterator[None]:
    """As it was: a worker of a cluster sets it for its whole process, which is here the tests'."""
    package = logging.getLogger("ascc_async")
    level = package.level
    yield
    package.setLevel(level)


def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: a third of the time tests wait, for pauses and for processes."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)
