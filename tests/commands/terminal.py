"""Runs the real command: through pipes, in a pseudo-terminal, or here, where that is enough."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ascc_async.standin.process import StandinProcess
from tests.in_process import run_here
from tests.scenarios.scenario import QUICK

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Place:
    """An output folder, and how commands are run on it."""

    output: Path
    settings: tuple[str, ...]
    said: str = ""

    @classmethod
    def reaching(cls, youtube: StandinProcess, folder: Path) -> Self:
        """Settings with which the stand-in is reached."""
        return cls(
            folder / "out",
            (
                f"network.proxy={youtube.proxy}",
                f"network.ca_file={youtube.ca_file}",
                f"audioset.metadata_dir={folder / 'metadata'}",
                *QUICK,
            ),
        )

    def arguments(self, *arguments: str) -> list[str]:
        """The whole command line."""
        given = [f"output.dir={self.output}", *self.settings]
        sets = [argument for setting in given for argument in ("--set", setting)]
        return [sys.executable, "-m", "ascc_async", *sets, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Through pipes, to its end."""
        return subprocess.run(
            self.arguments(*arguments), capture_output=True, text=True, timeout=90
        )

    def here(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """In this process, for commands that only look."""
        return run_here(self.arguments(*arguments)[3:])


@dataclass(frozen=True)
class Seen:
    """What a terminal received, when first, and the exit code."""

    raw: str
    first_seconds: float
    code: int

    @property
    def plain(self) -> str:
        """Without control sequences."""
        return _CONTROL.sub("", self.raw)


def in_terminal(
    arguments: list[str],
    columns: int,
    *,
    environment: dict[str, str] | None = None,
    interrupt_when: Callable[[str], bool] = lambda seen: False,
    limit: float = 90.0,
) -> Seen:
    """Run in a pseudo-terminal; Ctrl-C is typed once `interrupt_when` holds for what was seen."""
    began = time.monotonic()
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        # pytest-xdist exports a number of columns, which would count more than the terminal's.
        size = {"COLUMNS": str(columns)}
        own = {**os.environ, "TERM": "xterm", **size, **(environment or {})}
        os.execvpe(arguments[0], arguments, own)
    raw, first, typed = b"", 0.0, False
    try:
        while piece := _read(terminal, began + limit - time.monotonic()):
            first = first or time.monotonic() - began
            raw += piece
            if not typed and interrupt_when(raw.decode("utf-8", "replace")):
                os.write(terminal, b"\x03")
                typed = True
    except TimeoutError:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
        os.close(terminal)
    return Seen(raw.decode("utf-8", "replace"), first, os.waitstatus_to_exitcode(status))


def _read(terminal: int, seconds: float) -> bytes:
    if not select.select([terminal], [], [], max(0.0, seconds))[0]:
        raise TimeoutError("the command did not end")
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other end is closed
        return b""
