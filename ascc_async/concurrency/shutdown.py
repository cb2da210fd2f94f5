"""Stopping: the first signal drains, the second aborts."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ascc_async.errors import StoppedOnRequest


@dataclass(frozen=True, slots=True)
class ShutdownSnapshot:
    """`seconds_left` until the drain's deadline, None while nobody asked to stop."""

    draining: bool
    reason: str
    seconds_left: float | None


class Shutdown:
    """Remembers that somebody wants the run to end, and how urgently.

    `drain_seconds`: how long what is in flight may take to finish once draining began.
    """

    def __init__(
        self, drain_seconds: float = 30.0, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._drain_seconds = drain_seconds
        self._clock = clock
        self._drain = asyncio.Event()
        self._deadline: float | None = None
        self._main: asyncio.Task[object] | None = None
        self.aborted = False  # the main task was cancelled by `abort`: exit code 130
        self.reason = ""  # the signal's name, or the reason given to `drain`

    @property
    def draining(self) -> bool:
        """Somebody asked to stop: start nothing new."""
        return self._drain.is_set()

    def drain(self, reason: str) -> None:
        """Finish what is in flight, start nothing new. A second call changes nothing."""
        # Impatience must not lengthen the wait: the deadline counts from the first request.
        if self.draining:
            return
        self.reason = reason
        self._deadline = self._clock() + self._drain_seconds
        self._drain.set()

    def abort(self) -> None:
        """Cancel the main task, if `handling_signals` is active. A second call changes nothing."""
        self.drain("aborted")
        if self._main is not None and not self.aborted:
            self.aborted = True
            self._main.cancel()

    def stop_if_aborted(self) -> None:
        """Raise StoppedOnRequest then: for the steps of a thread, which cannot be cancelled."""
        if self.aborted:
            raise StoppedOnRequest("aborted: the next run goes on")

    async def wait_draining(self) -> None:
        """Return once somebody asked to stop."""
        await self._drain.wait()

    async def wait_deadline(self) -> None:
        """Return when draining has gone on for `drain_seconds`."""
        await self.wait_draining()
        await asyncio.sleep(self.seconds_left() or 0)

    def seconds_left(self) -> float | None:
        """Until the deadline, never negative; None while nobody asked to stop."""
        return None if self._deadline is None else max(0.0, self._deadline - self._clock())

    def snapshot(self) -> ShutdownSnapshot:
        """How things stand now."""
        return ShutdownSnapshot(self.draining, self.reason, self.seconds_left())

    @contextmanager
    def handling_signals(self) -> Iterator[Shutdown]:
        """Within, signals stop the run; the current task is the one a second signal cancels.

        SIGINT and SIGTERM drain, then abort. SIGHUP (a closed terminal) only drains, and is left
        alone where it is ignored (`nohup`).
        """
        loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        # `nohup` ignores SIGHUP on purpose; taking it over would end what should live on.
        handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        for number in handled:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield self
        finally:
            for number in handled:
                loop.remove_signal_handler(number)
            self._main = None

    def _on_signal(self, number: signal.Signals) -> None:
        # No work and no logging here: whatever the loop was about to do comes first.
        if not self.draining:
            self.drain(number.name)
        # A terminal that closes may send SIGHUP several times: nobody asked to abort.
        elif number is not signal.SIGHUP:
            self.abort()


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
