"""`serve` beside a real run against the stand-in, in a real browser."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings
from tests.scenarios.scenario import Place, reach


@pytest.mark.slow
def test_a_run_is_seen_to_begin_to_die_and_to_end(
    serve: Callable[..., str], window: Callable[..., Any], tmp_path: Path
) -> None:
    """By a page that was open all the time, which leaves no file behind: kill -9 is said within
    seconds, and the same command ends what it began.
    """
    output = tmp_path / "out"
    page = window().open(serve(output))
    state = page.locator("[data-live=state]")
    with StandinProcess(WorldSettings(videos=60)) as youtube:
        metadata = f"audioset.metadata_dir={tmp_path / 'metadata'}"
        place = Place(output, (*reach(youtube), metadata))
        slow = ("throttle.requests_per_second=4", "throttle.max_requests_per_second=4")
        run = Place(output, (*place.settings, *slow)).start("run", "-q")
        state.get_by_text("A run is going on").wait_for()
        page.locator(".stage").first.wait_for()
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        state.get_by_text("ended unexpectedly").wait_for()
        assert place.run("run", "-q")[0] == 0
    state.get_by_text("The last one finished at").wait_for()
    licenses = page.locator(".stage progress").first
    assert licenses.evaluate("bar => bar.value === bar.max")
    assert not list(output.glob("state.sqlite3-*"))
