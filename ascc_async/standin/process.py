"""The stand-in as a process of its own, for demo, tests and benchmarks.

    settings = WorldSettings(seed=3, limits=(Limit(requests=30, pause_seconds=5),))
    with StandinProcess(settings) as youtube:
        youtube.proxy        # "http://127.0.0.1:40111"  -> network.proxy
        youtube.ca_file      # Path                      -> network.ca_file
        youtube.proxies      # {"main": "http://…"}, by the names of settings.listeners
        youtube.world        # World: .videos, .video(id)
        youtube.set_faults(Fault(name="server_error", share=0.2))
        youtube.set_pages(license_row="gone")
        youtube.requests()   # the request log as a list of dicts
        youtube.counters()   # {"requests": {"next": 3, …}, "bytes": …, "connections": …}

Calls block for about a millisecond, from any thread. The process ends with the `with` block, or
when the parent is gone.
"""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Self
from urllib.parse import urlsplit

from ascc_async.standin.world import World
from ascc_async.standin.world_settings import CA_FILE, LOG_FILE, Fault, WorldSettings

_ANSWER_SECONDS = 30  # on a busy machine the imports alone take some seconds


class StandinFailed(RuntimeError):
    """The stand-in did not start, or is gone; the message has its error output."""


class StandinProcess:
    """Starts on entry, ends on exit. `folder`: where certificates and log go (kept if given)."""

    def __init__(
        self, settings: WorldSettings | None = None, *, folder: Path | None = None
    ) -> None:
        self.settings = settings or WorldSettings()
        self.world = World(self.settings)
        self._given = folder
        self._folder = folder or Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self.proxies: Mapping[str, str] = {}
        self._log_from = 0

    def __enter__(self) -> Self:
        self._folder = self._given or Path(tempfile.mkdtemp(prefix="standin-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()
        if self._given is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process else None

    @property
    def proxy(self) -> str:
        """The first of the proxies."""
        return next(iter(self.proxies.values()))

    @property
    def ca_file(self) -> Path:
        """The authority that its certificates are of."""
        return self._folder / CA_FILE

    def start(self) -> None:
        """Start, or start again on the same ports with the same certificate."""
        # The same ports: a run that is under way finds it again after a restart.
        ports = {name: urlsplit(proxy).port for name, proxy in self.proxies.items()}
        listeners = tuple(
            listener.model_copy(update={"port": ports.get(listener.name, 0)})
            for listener in self.settings.listeners
        )
        with (self._folder / "stderr.txt").open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ascc_async.standin", str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # a Ctrl-C is for the run alone
            )
        settings = self.settings.model_copy(update={"listeners": listeners})
        self.proxies = self._ask(settings.model_dump(mode="json"))

    def stop(self) -> None:
        """End the process; what is in flight is cut."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def requests(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """The request log since the last reset, of one endpoint if named."""
        # Up to the last line end: the stand-in may be writing.
        text = (self._folder / LOG_FILE).read_bytes()[self._log_from :]
        lines = map(json.loads, text[: text.rfind(b"\n") + 1].splitlines())
        return [line for line in lines if endpoint in (None, line["endpoint"])]

    def counters(self) -> dict[str, dict[str, int]]:
        """Counters: requests, videos (by endpoint), bytes (by kind), refused, answered
        (by identity), faults, connections (by listener), quota_used (by key)."""
        counters: dict[str, dict[str, int]] = self._ask(["counters"])
        return counters

    def reset_counters(self) -> None:
        """Set counters and the Data API's used quota to nothing (a new day); forget the log."""
        self._ask(["reset"])
        # The log is not emptied: the stand-in has it open, and a failed test wants to be read.
        self._log_from = (self._folder / LOG_FILE).stat().st_size

    def set(self, **changes: Any) -> None:
        """Change settings while it runs, but for seed, videos and listeners; sections are merged,
        everything else replaced.
        """
        data = self.settings.model_dump()
        for name, value in changes.items():
            data[name] = data[name] | value if isinstance(value, dict) else value
        self.settings = WorldSettings.model_validate(data)
        self.world = World(self.settings)
        self._ask(["settings", self.settings.model_dump(mode="json")])

    def set_faults(self, *faults: Fault) -> None:
        """These faults from now on; none: no faults."""
        self.set(faults=faults)

    def set_pages(self, **changes: Any) -> None:
        """Change how pages look: see `world_settings.PageSettings`."""
        self.set(pages=changes)

    def cut_connections(self) -> None:
        """Cut every open connection."""
        self._ask(["cut"])

    def _ask(self, command: object) -> Any:
        """Its answer to a command. Raises StandinFailed."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            with suppress(BrokenPipeError):  # it is gone: then its answers end, too
                process.stdin.write(json.dumps(command).encode() + b"\n")
                process.stdin.flush()
            readable, _, _ = select.select([process.stdout], [], [], _ANSWER_SECONDS)
            line = process.stdout.readline() if readable else b""
        if not line:
            self.stop()
            last = (self._folder / "stderr.txt").read_text(errors="replace")[-2000:]
            raise StandinFailed(f"the stand-in does not answer: {last}")
        return json.loads(line)
