"""Blocking work in processes that can be killed one by one.

A shared `ProcessPoolExecutor` fails all its jobs when one worker dies, and cannot end a job that
hangs. So each slot of this pool is an executor of its own, with a single process.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, Self, TypeVar

from ascc_async.errors import AsccError

Result = TypeVar("Result")


class SlotError(AsccError):
    """A job gave no result. The slot is usable again."""


class JobTimeout(SlotError):
    """The job took longer than its time limit and was killed, with all its children."""


class SlotDied(SlotError):
    """The job's process ended under it: out of memory, a crash, a kill."""


class JobFailed(SlotError):
    """The job raised. The message names the original and its message, a note its traceback."""

    def __init__(self, message: str, trace: str) -> None:
        super().__init__(message)
        self.add_note(f"In the worker process:\n{trace}")  # shown wherever this is (`--debug`)


@dataclass(frozen=True, slots=True)
class _Raised:
    """What a job raised, as plain data: many exceptions do not survive pickling."""

    message: str
    trace: str


def _call(fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """In the worker: run the job; hand whatever it raises back as data."""
    try:
        return fn(*args)
    except Exception as error:  # noqa: BLE001 - every error of a job is data to the parent
        return _Raised(f"{type(error).__qualname__}: {error}", traceback.format_exc())


def _begin(initializer: Callable[[], object] | None) -> None:
    """In the worker, before its first job."""
    # A session of its own: Ctrl-C at the terminal does not reach it, and killing the process group
    # takes along what the job started (yt-dlp starts deno).
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    if initializer is not None:
        initializer()


def _end_with_parent() -> None:
    """A parent that was killed closes nothing: without this its workers would stay for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "slots run in child processes"
    connection.wait([parent.sentinel])
    os.killpg(os.getpgrp(), signal.SIGKILL)


class _Slot:
    """One process, started when needed."""

    def __init__(self, initializer: Callable[[], object] | None) -> None:
        self._initializer = initializer
        self._executor: ProcessPoolExecutor | None = None
        self._pid: int | None = None
        self.jobs = 0

    async def run(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """The job's result or a `_Raised`; raises `BrokenProcessPool` when the process died."""
        if self._executor is None:
            # Not fork: a copy of a process with an event loop and threads may hang at once.
            spawn = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(1, spawn, _begin, (self._initializer,))
        executor = self._executor
        if self._pid is None:
            # The process starts here: Ctrl-C is not to end it, with a traceback, before `_begin`.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                started = executor.submit(os.getpid)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            self._pid = await asyncio.wrap_future(started)
        self.jobs += 1
        return await asyncio.wrap_future(executor.submit(_call, fn, args))

    def kill(self) -> None:
        """End the process and its children now. The next job gets a new one."""
        if self._pid is not None:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(self._pid, signal.SIGKILL)
        self.retire()

    def retire(self) -> None:
        """Let the process end when idle. The next job gets a new one."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._pid = None
        self.jobs = 0


class ProcessPool:
    """`count` processes for `run`; use as an async context manager.

    `initializer` and `fn` are top-level functions (pickled by name). A process is started at its
    first job, replaced after `recycle_after` jobs, and ends when this process does.
    """

    def __init__(
        self,
        count: int,
        initializer: Callable[[], object] | None = None,
        *,
        recycle_after: int = 300,
    ) -> None:
        self._pool = [_Slot(initializer) for _ in range(count)]
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        for slot in reversed(self._pool):
            self._free.put_nowait(slot)
        self.count, self._recycle_after = count, recycle_after

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for slot in self._pool:  # idle or not
            slot.kill()

    async def run(
        self, fn: Callable[..., Result], *args: Any, timeout: float | None = None
    ) -> Result:
        """`fn(*args)` in a free slot. `timeout` in seconds, counted from when a slot was free.

        Raises `JobTimeout`, `SlotDied` or `JobFailed`. Cancelling kills this job's process only.
        """
        slot = await self._free.get()
        ended = False
        try:
            async with asyncio.timeout(timeout):
                result = await slot.run(fn, args)
            ended = True
        except TimeoutError as error:
            raise JobTimeout(f"no result within {timeout:g} s") from error
        except BrokenProcessPool as error:
            raise SlotDied("the worker process ended before its job was done") from error
        finally:
            if not ended:  # cancelled ones too
                slot.kill()
            elif slot.jobs >= self._recycle_after:
                slot.retire()
            self._free.put_nowait(slot)
        if isinstance(result, _Raised):
            raise JobFailed(result.message, result.trace)
        return result  # type: ignore[no-any-return]
