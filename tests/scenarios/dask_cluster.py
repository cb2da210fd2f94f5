"""A Dask cluster of processes on this host, each worker behind a door of the stand-in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from ascc_async.standin.process import StandinProcess

# What docs/machines.md tells to start on each machine.
_WORKER = ("--host", "localhost", "--no-nanny", "--no-dashboard", "--memory-limit", "0")


class DaskCluster:
    """A scheduler and workers that are started again when they end, as a job's loop does."""

    def __init__(
        self,
        folder: Path,
        youtube: StandinProcess,
        names: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        own: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """`names`: which of the stand-in's proxies each worker goes out by. `environment`: that in
        which Dask speaks TLS; `own`: that of a worker.
        """
        self.folder, self.file, self._youtube = folder, folder / "scheduler.json", youtube
        self._names = names if names is not None else {name: name for name in youtube.proxies}
        self._environment, self._own = environment or {}, own or {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs = folder / "logs"

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True)
        self.start_scheduler()
        for name in self._names:
            self.start_worker(name)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def settings(self) -> tuple[str, ...]:
        return ("cluster.engine=dask", f"cluster.scheduler={self.file}")

    def start_scheduler(self) -> None:
        self.file.unlink(missing_ok=True)
        # The same port: workers that lost it find it again.
        where = ("--host", "localhost", "--port", "0", "--no-dashboard")
        where += ("--protocol", "tls") if self._environment else ()
        self._start("scheduler", "dask_scheduler", *where, "--scheduler-file", str(self.file))
        wait_for(self.file.exists)

    def start_worker(self, name: str) -> None:
        reach = {
            "ASCC_NETWORK__PROXY": self._youtube.proxies[self._names[name]],
            "ASCC_NETWORK__CA_FILE": str(self._youtube.ca_file),
        }
        self._start(
            name, "dask_worker", "--scheduler-file", str(self.file), "--name", name, *_WORKER,
            "--local-directory", str(self.folder), **(reach | dict(self._own.get(name, {}))),
        )  # fmt: skip

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def said(self, name: str) -> str:
        return (self._logs / name).read_text(errors="replace")

    def _start(self, name: str, module: str, *arguments: str, **environment: str) -> None:
        with (self._logs / name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
                stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, **self._environment, **environment},
                start_new_session=True,
            )  # fmt: skip


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Until it holds; fails when it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.05)
