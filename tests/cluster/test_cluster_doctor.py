"""`doctor` looks at the machines of a cluster."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from ascc_async import __version__
from ascc_async.cluster import engine
from ascc_async.commands.doctor_checks import State
from ascc_async.commands.doctor_extras import machine_checks
from ascc_async.settings import Settings


def test_it_says_why_a_scheduler_cannot_be_used() -> None:
    """Nothing without an engine; a port in the clear fails before anybody is asked."""
    assert list(machine_checks(Settings())) == []
    settings = {"engine": "dask", "scheduler": "tcp://10.1.2.3:8786"}
    (check,) = machine_checks(Settings.model_validate({"cluster": settings}))
    assert check.state is State.FAILED
    assert "not encrypted" in check.found
    (check,) = machine_checks(Settings.model_validate({"cluster": {"engine": "dask"}}))
    assert check.state is State.PASSED


class Client:
    """Of a scheduler with workers of which one is suspended, one broken and one without ffmpeg."""

    address = "tcp://127.0.0.1:1"
    names = ("tcp://here:1", "tcp://here:2", "way-3", "way-4", "way-5")

    def __init__(self) -> None:
        self.scheduler = self

    async def identity(self, n_workers: int) -> Any:
        facts = {"local_directory": "/w"}
        workers = {f"tcp://here:{n}": {**facts, "name": name}
                   for n, name in enumerate(self.names, 1)}  # fmt: skip
        return {"address": self.address, "workers": workers}

    async def run(self, function: Any, *, workers: list[str]) -> Any:
        (worker,) = workers
        if worker.endswith("3"):
            await asyncio.Event().wait()
        if worker.endswith("4"):
            raise ModuleNotFoundError("No module named 'ascc_async'")
        facts = {
            "host": "vm",
            "version": __version__,
            "tools": "yt-dlp",
            "at": time.time(),
            "ports": [],
        }
        return {worker: facts | {"trouble": "no ffmpeg" if worker.endswith("5") else ""}}

    async def close(self) -> None:
        """Nothing is open."""


def test_each_worker_is_looked_at_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is silent hides no other; they are called as a run calls them."""

    async def connect(address: str) -> Client:
        return Client()

    monkeypatch.setattr(engine, "connect", connect)
    monkeypatch.setattr(engine, "_GREETING_SECONDS", 0.1)
    settings = {"engine": "dask", "scheduler": "tcp://127.0.0.1:1"}
    found = [each.found for each in machine_checks(Settings.model_validate({"cluster": settings}))]
    assert found == [
        "«vm» (tcp://here:1): yt-dlp",
        "«vm-2» (tcp://here:2): yt-dlp",
        "«way-3» (tcp://here:3): no answer in 0.1 s",
        "«way-4» (tcp://here:4) is left out: No module named 'ascc_async'",
        "«way-5» (tcp://here:5) is left out: no ffmpeg",
    ]
    monkeypatch.setattr(Client, "address", "tcp://10.1.2.3:1")  # reached by loopback, but open
    (check,) = machine_checks(Settings.model_validate({"cluster": settings}))
    assert (check.state, "not encrypted" in check.found) == (State.FAILED, True)
