"""A virtual clock: an event loop that jumps to its next timer instead of waiting.

An hour of waiting takes as long as its work does. No sockets, threads or processes under it:
their answers come in real time, which does not pass here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class NothingLeftToWaitFor(RuntimeError):
    """Every task waits for something that no timer will bring: a deadlock."""


class _JumpingSelector(selectors.SelectSelector):
    """Returns at once and tells the loop how long it would have waited."""

    loop: FakeClockLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Move the virtual clock by `timeout`; a deadlock raises `NothingLeftToWaitFor`."""
        if timeout is None:
            raise NothingLeftToWaitFor("no timer is set and nothing is ready to run")
        self.loop.advance(timeout)
        return []


class FakeClockLoop(asyncio.SelectorEventLoop):
    """The standard loop on virtual time; `time()` starts at 1000 s."""

    def __init__(self) -> None:
        self._virtual_now = 1000.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Virtual seconds; also good as the `clock` of whatever is tested."""
        return self._virtual_now

    def advance(self, seconds: float) -> None:
        """Move the clock, as a sleeping machine or a busy loop would."""
        self._virtual_now += max(0.0, seconds)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end on a fresh virtual clock."""
    with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
        return runner.run(main)


def now() -> float:
    """Virtual seconds, inside `run`."""
    return asyncio.get_running_loop().time()
