"""A terminal as somebody sees it: what is written becomes lines, at a size that may change."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable
from typing import Self

import pyte

_FRAME = 0.1  # seconds: what belongs together comes sooner


class Emulator:
    """A shell in a pseudo-terminal, drawn by an emulator of a VT100, 40 lines high."""

    def __init__(self, columns: int = 120) -> None:
        self.screen = pyte.HistoryScreen(columns, 40, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self._shell, self._terminal = pty.fork()
        if self._shell == 0:
            # pytest-xdist exports a number of columns, which would count more than the terminal's.
            kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            own = {**kept, "TERM": "xterm", "PS1": "READY> ", "HISTFILE": ""}
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], own)
        self.resize(columns)

    def __enter__(self) -> Self:
        self.until(lambda lines: "READY>" in lines[0])
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._terminal)  # hangs up: whatever still runs there ends
        os.kill(self._shell, signal.SIGKILL)
        os.waitpid(self._shell, 0)

    def resize(self, columns: int) -> None:
        """The window becomes as wide."""
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.screen.resize(columns=columns)

    def type(self, keys: str) -> None:
        """As on a keyboard; `\\n` is Enter, `\\x1a` Ctrl-Z."""
        os.write(self._terminal, keys.encode())

    @property
    def lines(self) -> list[str]:
        """What is seen, without what is empty at the end."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip().split("\n")

    def until(self, seen: Callable[[list[str]], bool], limit: float = 60.0) -> list[str]:
        """Read until that holds for the lines; raises TimeoutError with them."""
        end = time.monotonic() + limit
        while not seen(self.lines):
            if not self._read(end - time.monotonic()):
                raise TimeoutError("\n".join(self.lines))
        return self.lines

    def drawn_until(self, seen: Callable[[list[str]], bool]) -> None:
        """The same, of what is there once something more was written."""
        assert self._read(60.0)
        while self._read(_FRAME):
            pass
        self.until(seen)

    def _read(self, seconds: float) -> bool:
        ready = select.select([self._terminal], [], [], max(0.0, seconds))[0]
        if ready:
            self._stream.feed(os.read(self._terminal, 65536))
        return bool(ready)
