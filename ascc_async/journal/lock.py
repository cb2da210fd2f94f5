"""One run at a time per output folder."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ascc_async.errors import SetupError

LOCK_NAME = "run.lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs in an output folder: host, process id, and since when (ISO 8601, UTC)."""

    host: str
    pid: int
    since: str

    @property
    def began(self) -> float:
        """`since` as a POSIX time."""
        return datetime.fromisoformat(self.since).timestamp()


class AlreadyRunning(SetupError):
    """Another process works in this output folder."""


@contextmanager
def run_lock(output_dir: Path) -> Iterator[None]:
    """Hold `output_dir` for this process; AlreadyRunning names who holds it, SetupError why not."""
    path = output_dir / LOCK_NAME
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SetupError(
            f"{output_dir}: cannot be written: {error.strerror}. Choose another output.dir or"
            " give yourself the right to write there."
        ) from error
    with os.fdopen(descriptor, "r+", encoding="utf-8"):
        try:
            _take(descriptor)
        except BlockingIOError as error:
            by = _read(path)
            who = "another process"
            if by:
                since = f"{datetime.fromtimestamp(by.began):%Y-%m-%d %H:%M:%S}"
                who = f"process {by.pid} on {by.host} since {since}"
            raise AlreadyRunning(
                f"{output_dir}: a run is going on here already ({who}). Wait for it, stop it with"
                " Ctrl-C, or choose another output.dir. `python -m"
                " ascc_async status` shows its progress."
            ) from error
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        me = Holder(socket.gethostname(), os.getpid(), now)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(me)).encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)


def _take(descriptor: int) -> None:
    # The kernel gives it back when its process ends, however it ends: what a killed run left in
    # the file hinders nobody. Whoever asks for its `holder` has it for less than a millisecond.
    for _ in range(20):
        with suppress(BlockingIOError):
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.01)
    return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def holder(output_dir: Path) -> Holder | None:
    """Who runs in `output_dir` now, or None."""
    path = output_dir / LOCK_NAME
    try:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(path)
    except OSError:
        return None
    return None


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # just being written, or by a later version
