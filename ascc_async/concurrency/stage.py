"""A stage: one feeder, a bounded queue, N workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.errors import StopRun

log = logging.getLogger(__name__)
Work = TypeVar("Work")


@dataclass(frozen=True, slots=True)
class StageSnapshot:
    """`abandoned`: cancelled at the drain's deadline, or dropped from the queue by a drain."""

    name: str
    workers: int
    done: int
    in_flight: int
    queued: int
    abandoned: int
    feeding: bool


@dataclass(frozen=True, slots=True)
class _End:
    """Tells one worker that nothing more comes."""


class Stage(Generic[Work]):
    """Runs `work` on whatever `feed` brings, `workers` at a time.

    Expected failures are outcomes that `work` records itself. An exception that leaves `work` or
    `feed` is a bug or a `StopRun`: it cancels the stage and is raised by `run`.
    """

    def __init__(
        self,
        name: str,
        feed: AsyncIterator[Work],
        work: Callable[[Work], Awaitable[None]],
        *,
        workers: int,
        shutdown: Shutdown,
    ) -> None:
        self._name, self._feed, self._work = name, feed, work
        self._workers, self._shutdown = workers, shutdown
        # Bounded, with a fixed number of workers: one task per row would be two million tasks.
        # Room for one end mark per worker, so that a drain never has to wait to place them.
        self._queue: asyncio.Queue[Work | _End] = asyncio.Queue(workers)
        self._done = self._in_flight = self._queued = self._abandoned = 0
        self._feeding = False

    def snapshot(self) -> StageSnapshot:
        """How full the stage is now."""
        return StageSnapshot(
            self._name,
            self._workers,
            self._done,
            self._in_flight,
            self._queued,
            self._abandoned,
            self._feeding,
        )

    async def run(self) -> None:
        """Return when all work is done, or, after a drain, when what was in flight is.

        Raises the first `StopRun` among what workers raised, else their exception group.
        """
        self._feeding = True
        try:
            async with asyncio.TaskGroup() as tasks:
                feeder = tasks.create_task(self._feed_queue(), name=f"{self._name} feeder")
                workers = [
                    tasks.create_task(self._consume(), name=f"{self._name} worker {number}")
                    for number in range(self._workers)
                ]
                drain = tasks.create_task(self._drain(feeder, workers), name=f"{self._name} drain")
                await asyncio.wait(workers)
                drain.cancel()
        except BaseExceptionGroup as group:
            stop = first_stop(group) or group
            raise stop from stop.__cause__  # its own cause, not the group it came in

    async def _feed_queue(self) -> None:
        try:
            if not self._shutdown.draining:
                async for item in self._feed:
                    await self._queue.put(item)
                    self._queued += 1
            # Each worker takes one end mark and ends, after all items before it.
            for _ in range(self._workers):
                await self._queue.put(_End())
        finally:
            self._feeding = False
            # A cancelled generator that nobody closes runs its `finally` only when it is collected.
            if (close := getattr(self._feed, "aclose", None)) is not None:
                await close()

    async def _consume(self) -> None:
        while not isinstance(item := await self._queue.get(), _End):
            self._queued -= 1
            self._in_flight += 1
            try:
                await self._work(item)
                self._done += 1
            finally:
                self._in_flight -= 1

    async def _drain(self, feeder: asyncio.Task[None], workers: list[asyncio.Task[None]]) -> None:
        """Once somebody asks to stop: no more work, and at the deadline no more waiting either."""
        await self._shutdown.wait_draining()
        # The feeder may be waiting for answers that will never come.
        feeder.cancel()
        await asyncio.wait([feeder])
        # Nothing is lost: what is queued is still pending in the journal.
        while not self._queue.empty():
            if not isinstance(self._queue.get_nowait(), _End):
                self._abandoned += 1
        self._queued = 0
        for _ in range(self._workers):
            self._queue.put_nowait(_End())
        await self._shutdown.wait_deadline()
        self._abandoned += self._in_flight
        log.warning(
            "%(number)d %(stage)s were not finished in time; the next run does them",
            {"number": self._in_flight, "stage": self._name},
        )
        for worker in workers:
            worker.cancel()


def first_stop(group: BaseExceptionGroup[BaseException]) -> StopRun | None:
    """The first `StopRun` in a tree of exception groups, None when there is none."""
    for error in group.exceptions:
        if isinstance(error, StopRun):
            return error
        if isinstance(error, BaseExceptionGroup) and (stop := first_stop(error)) is not None:
            return stop
    return None
