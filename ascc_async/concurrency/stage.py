"""A stage: one feeder, a bounded queue, N workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Generic, TypeVar

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.errors import StopRun

log = logging.getLogger(__name__)
Work = TypeVar("Work")


class Stage(Generic[Work]):
    """Runs `work` on whatever `feed` brings, `workers` at a time.

    Expected failures are outcomes that `work` records itself. An exception that leaves `work` or
    `feed` is a bug or a `StopRun`: it cancels the stage and is raised by `run`.
    """

    def __init__(
        self,
        name: str,
        feed: AsyncGenerator[Work, None],
        work: Callable[[Work], Awaitable[None]],
        *,
        workers: int,
        shutdown: Shutdown,
    ) -> None:
        self._name, self._feed, self._work = name, feed, work
        self._workers, self._shutdown = workers, shutdown
        # Bounded, with a fixed number of workers: one task per row would be two million tasks.
        # None tells one worker that nothing more comes. There is room for one such mark per
        # worker, so that a drain never has to wait to place them.
        self._queue: asyncio.Queue[Work | None] = asyncio.Queue(workers)
        self._in_flight = 0

    async def run(self) -> None:
        """Return when all work is done, or, after a drain, when what was in flight is.

        Raises the first `StopRun` among what workers raised, else their exception group.
        """
        with stop_unwrapped():
            async with asyncio.TaskGroup() as tasks:
                feeder = tasks.create_task(self._feed_queue(), name=f"{self._name} feeder")
                workers = [
                    tasks.create_task(self._consume(), name=f"{self._name} worker {number}")
                    for number in range(self._workers)
                ]
                drain = tasks.create_task(self._drain(feeder, workers), name=f"{self._name} drain")
                await asyncio.wait(workers)
                drain.cancel()

    async def _feed_queue(self) -> None:
        # A cancelled generator that nobody closes runs its `finally` only when it is collected.
        async with aclosing(self._feed) as feed:
            if not self._shutdown.draining:
                async for item in feed:
                    await self._queue.put(item)
            # Each worker takes one end mark and ends, after all items before it.
            for _ in range(self._workers):
                await self._queue.put(None)

    async def _consume(self) -> None:
        while (item := await self._queue.get()) is not None:
            self._in_flight += 1
            try:
                await self._work(item)
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
            self._queue.get_nowait()
        for _ in range(self._workers):
            self._queue.put_nowait(None)
        await self._shutdown.wait_deadline()
        log.warning(
            "%(number)d %(stage)s were not finished in time; the next run does them",
            {"number": self._in_flight, "stage": self._name},
        )
        for worker in workers:
            worker.cancel()


@contextmanager
def stop_unwrapped() -> Iterator[None]:
    """A `StopRun` that leaves in an exception group (the first, if several) is raised itself.

    A bug in the same group becomes its cause, so that the bug is not hidden behind it.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        stop, bugs = group.split(StopRun)
        if stop is None:
            raise
        first: BaseException = stop
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from bugs or first.__cause__  # not the group it came in
