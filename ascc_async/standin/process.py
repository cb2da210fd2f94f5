"""The stand-in as a process of its own, for demo, tests and benchmarks.

    settings = WorldSettings(seed=3, limits=(Limit(requests=30, pause_seconds=5),))
    with StandinProcess(settings) as youtube:
        youtube.proxy        # "http://127.0.0.1:40111"  -> network.proxy
        youtube.ca_file      # Path                      -> network.ca_file
        youtube.proxies      # {"main": "http://…"}, by the names of settings.listeners
        youtube.world        # World: .videos, .video(id), .expected(id, start_ms)
        youtube.set_faults(Fault(name="server_error", share=0.2))
        youtube.set_pages(license_row="gone")
        youtube.requests()   # the request log as a list of dicts
        youtube.counters()   # {"requests": {"next": 3, …}, "bytes": …, "connections": …}

Calls block for about a millisecond: under a running event loop use `asyncio.to_thread` where even
that matters. The process ends with the `with` block, or when the parent is gone.
"""

from __future__ import annotations

import http.client
import json
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from ascc_async.standin.world import World
from ascc_async.standin.world_settings import Fault, WorldSettings

_START_SECONDS = 30  # on a busy machine the imports alone take some seconds
_STOP_SECONDS = 5


class StandinFailed(RuntimeError):
    """The stand-in did not start, or refused a setting; the message has its error output."""


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
        self._ports: Mapping[str, int] = {}
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

    def start(self) -> None:
        """Start, or start again on the same ports with the same certificate."""
        # The same ports: a run that is under way finds it again after a restart.
        listeners = tuple(
            listener.model_copy(update={"port": self._ports.get(listener.name, 0)})
            for listener in self.settings.listeners
        )
        config = self.settings.model_copy(update={"listeners": listeners}).model_dump_json()
        (self._folder / "world.json").write_text(config)
        with (self._folder / "stderr.txt").open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ascc_async.standin", str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # a Ctrl-C is for the run alone
            )
        stdout = self._process.stdout
        assert stdout is not None
        # It says that it is ready, or dies and its output ends: no need to look again and again.
        readable, _, _ = select.select([stdout], [], [], _START_SECONDS)
        line = stdout.readline() if readable else b""
        if not line:
            self.stop()
            last = (self._folder / "stderr.txt").read_text(errors="replace")[-2000:]
            raise StandinFailed(f"the stand-in did not start: {last}")
        ready = json.loads(line)
        self._ports, self._control = ready["ports"], ready["control"]
        self.proxies: Mapping[str, str] = ready["proxies"]
        self.proxy: str = next(iter(self.proxies.values()))
        self.ca_file, self.log_file = Path(ready["ca_file"]), Path(ready["log_file"])

    def stop(self) -> None:
        """End the process; what is in flight is cut."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def requests(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """The request log since the last reset, of one endpoint if named."""
        # Up to the last line end: the stand-in may be writing.
        text = self.log_file.read_bytes()[self._log_from :]
        lines = map(json.loads, text[: text.rfind(b"\n") + 1].splitlines())
        return [line for line in lines if endpoint in (None, line["endpoint"])]

    def counters(self) -> dict[str, dict[str, int]]:
        """Counters: requests, videos (by endpoint), bytes (by kind), refused, answered
        (by identity), faults, connections (by listener), quota_used (by key)."""
        counters: dict[str, dict[str, int]] = json.loads(self._call("GET", "/counters"))
        return counters

    def reset_counters(self) -> None:
        """Set counters and the Data API's used quota to nothing (a new day); forget the log."""
        self._call("POST", "/reset")
        # The log is not emptied: the stand-in has it open, and a failed test wants to be read.
        self._log_from = self.log_file.stat().st_size

    def set(self, **changes: Any) -> None:
        """Change settings while it runs; sections are merged, everything else replaced."""
        text = self._call("POST", "/settings", TypeAdapter(dict[str, Any]).dump_json(changes))
        self.settings = WorldSettings.model_validate_json(text)
        self.world = World(self.settings)

    def set_faults(self, *faults: Fault) -> None:
        """These faults from now on; none: no faults."""
        self.set(faults=faults)

    def set_pages(self, **changes: Any) -> None:
        """Change how pages look: see `world_settings.PageSettings`."""
        self.set(pages=changes)

    def cut_connections(self) -> None:
        """Cut every open connection."""
        self._call("POST", "/cut")

    @retry(
        # On a busy machine an answer may take its time; asking again changes nothing.
        retry=retry_if_exception_type((OSError, http.client.HTTPException)),
        stop=stop_after_attempt(3),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    def _call(self, method: str, path: str, body: bytes | None = None) -> str:
        connection = http.client.HTTPConnection(self._control, timeout=10)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise StandinFailed(text)
        return text
