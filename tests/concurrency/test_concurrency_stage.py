"""A stage feeds, works, drains and fails as it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import Stage, stop_unwrapped
from ascc_async.errors import JournalError
from tests import fakeclock
from tests.fakeclock import now


async def numbers(count: int) -> AsyncGenerator[int, None]:
    for number in range(count):
        yield number


def shutdown(seconds: float = 30.0) -> Shutdown:
    return Shutdown(seconds, clock=asyncio.get_running_loop().time)


def test_everything_is_worked_on_once_and_never_more_at_once_than_workers() -> None:
    """200 items, 8 workers, each item exactly once."""
    begun, seen, at_once = list[int](), list[int](), list[int]()

    async def scene() -> None:
        async def work(item: int) -> None:
            begun.append(item)
            at_once.append(len(begun) - len(seen))
            await asyncio.sleep(1)
            seen.append(item)

        stage = Stage("test", numbers(200), work, workers=8, shutdown=shutdown())
        await stage.run()
        assert now() - 1000 == pytest.approx(25)

    fakeclock.run(scene())
    assert sorted(seen) == list(range(200))
    assert max(at_once) == 8


def test_the_feeder_is_never_far_ahead() -> None:
    """A million pending rows are not read into memory: the queue is bounded."""
    fed = 0

    async def feed() -> AsyncGenerator[int, None]:
        nonlocal fed
        for fed in range(1_000_000):
            yield fed

    async def scene() -> None:
        stop = shutdown()
        stage = Stage("test", feed(), lambda _: asyncio.sleep(1), workers=4, shutdown=stop)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.run())
            await asyncio.sleep(10.5)
            stop.drain("test")

    fakeclock.run(scene())
    assert fed < 60


def test_a_drain_finishes_what_is_in_flight_and_starts_nothing() -> None:
    """8 in flight end as usual; what was queued is dropped; the feeder is closed."""
    finished, closed = list[int](), list[bool]()

    async def feed() -> AsyncGenerator[int, None]:
        try:
            for number in range(1000):
                yield number
        finally:
            closed.append(True)

    async def scene() -> None:
        async def work(item: int) -> None:
            await asyncio.sleep(5)
            finished.append(item)

        stop = shutdown()
        stage = Stage("test", feed(), work, workers=8, shutdown=stop)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.run())
            await asyncio.sleep(7)
            stop.drain("test")
        assert now() - 1000 == pytest.approx(10)

    fakeclock.run(scene())
    assert sorted(finished) == list(range(16))
    assert closed == [True]


def test_a_feeder_that_waits_for_work_does_not_hold_up_a_drain() -> None:
    """It may wait for answers that will never come."""

    async def feed() -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.Event().wait()

    async def scene() -> None:
        stop = shutdown()
        stage = Stage("test", feed(), lambda _: asyncio.sleep(1), workers=2, shutdown=stop)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.run())
            await asyncio.sleep(100)
            stop.drain("test")
        assert now() - 1000 == pytest.approx(100)

    fakeclock.run(scene())


def test_at_the_deadline_work_is_cancelled() -> None:
    """A worker that waits for an hour is not waited for; `run` returns as from any drain."""

    async def scene() -> None:
        stop = shutdown(30)
        stage = Stage("test", numbers(50), lambda _: asyncio.sleep(3600), workers=3, shutdown=stop)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stage.run())
            await asyncio.sleep(10)
            stop.drain("test")
        assert now() - 1000 == pytest.approx(40)

    fakeclock.run(scene())


def test_a_stage_started_while_draining_does_nothing() -> None:
    """Nothing new is started."""

    async def scene() -> None:
        async def work(item: int) -> None:
            raise AssertionError(item)

        stop = shutdown()
        stop.drain("test")
        await Stage("test", numbers(5), work, workers=2, shutdown=stop).run()

    fakeclock.run(scene())


def test_a_bug_in_a_worker_cancels_the_stage() -> None:
    """The others are cancelled, and the error is not swallowed."""
    cancelled = 0

    async def scene() -> None:
        async def work(item: int) -> None:
            nonlocal cancelled
            if item == 5:
                raise ValueError("a bug")
            try:
                await asyncio.sleep(1000 if item < 5 else 0)
            except asyncio.CancelledError:
                cancelled += 1
                raise

        await Stage("test", numbers(50), work, workers=6, shutdown=shutdown()).run()

    with pytest.raises(ExceptionGroup) as caught:
        fakeclock.run(scene())
    assert isinstance(caught.value.exceptions[0], ValueError)
    assert cancelled == 5


@pytest.mark.parametrize("where", ["feeder", "worker"])
def test_a_reason_to_stop_the_run_arrives_as_itself(where: str) -> None:
    """`StopRun` leaves the exception group, so that its message and exit code count."""

    async def feed() -> AsyncGenerator[int, None]:
        yield 1
        if where == "feeder":
            raise JournalError("disk full")

    async def scene() -> None:
        async def work(_: int) -> None:
            if where == "worker":
                raise JournalError("disk full")

        await Stage("test", feed(), work, workers=2, shutdown=shutdown()).run()

    with pytest.raises(JournalError, match="disk full"):
        fakeclock.run(scene())


def test_cancelling_the_stage_cancels_its_workers() -> None:
    """An abort does not wait."""

    cancelled = list[int]()

    async def work(item: int) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.append(item)

    async def scene() -> None:
        stage = Stage("test", numbers(9), work, workers=3, shutdown=shutdown())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await stage.run()
        assert now() - 1000 == pytest.approx(1)
        assert sorted(cancelled) == [0, 1, 2]

    fakeclock.run(scene())


def test_a_stop_keeps_its_own_cause() -> None:
    """`--debug` shows what broke, not only the task group that the stop came out of."""

    async def work(item: int) -> None:
        try:
            raise OSError("disk I/O error")
        except OSError as error:
            raise JournalError("the journal cannot be used") from error

    async def scene() -> None:
        await Stage("test", numbers(3), work, workers=2, shutdown=shutdown()).run()

    with pytest.raises(JournalError) as caught:
        fakeclock.run(scene())
    assert isinstance(caught.value.__cause__, OSError)


def test_a_bug_beside_a_reason_to_stop_is_not_hidden() -> None:
    """Of two errors at once the reason to stop is raised, and its cause shows the bug."""
    bug = ZeroDivisionError("a bug")
    with pytest.raises(JournalError, match="disk full") as caught, stop_unwrapped():
        raise ExceptionGroup("both", [bug, JournalError("disk full")])
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.exceptions == (bug,)
