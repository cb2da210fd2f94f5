"""Slots: real processes, killed in every way."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ascc_async.concurrency.process_pool import JobFailed, JobTimeout, ProcessPool, SlotDied
from tests.concurrency import slot_jobs

ROOT = Path(__file__).parents[2]


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Poll: what is waited for happens in another process."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def gone(*pids: int) -> bool:
    return not any(_alive(pid) for pid in pids)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until_written(path: Path) -> list[int]:
    assert await asyncio.to_thread(until, path.exists, 10)
    return [int(word) for word in path.read_text().split()]


async def test_results_come_back_from_a_process_in_its_own_session() -> None:
    """Initialised once, started at the first job, gone at the end."""
    async with ProcessPool(2, slot_jobs.remember) as pool:
        assert await pool.run(slot_jobs.double, 21) == 42
        mark, worker = await pool.run(slot_jobs.recall)
        pid, session, parent = await pool.run(slot_jobs.session_and_parent)

    assert mark == "hello"
    assert (worker, session, parent) == (pid, pid, os.getpid())
    assert await asyncio.to_thread(until, lambda: gone(worker), 5)


async def test_a_killed_worker_costs_its_own_job_only() -> None:
    """The neighbour goes on, and the slot is usable again."""
    async with ProcessPool(2) as pool:
        neighbour = asyncio.ensure_future(pool.run(time.sleep, 1.0))
        with pytest.raises(SlotDied):
            await pool.run(slot_jobs.die)
        assert await pool.run(slot_jobs.double, 2) == 4
        await neighbour


async def test_a_hanging_job_is_killed_with_its_children(tmp_path: Path) -> None:
    """The time limit ends the process group; deno would go along."""
    report = tmp_path / "pids"
    async with ProcessPool(1) as pool:
        with pytest.raises(JobTimeout):
            await pool.run(slot_jobs.hang_with_child, str(report), timeout=2.0)
        pids = await until_written(report)
        assert await asyncio.to_thread(until, lambda: gone(*pids), 2)
        assert await pool.run(slot_jobs.double, 3) == 6


async def test_cancelling_kills_the_job(tmp_path: Path) -> None:
    """At once, children too."""
    report = tmp_path / "pids"
    async with ProcessPool(1) as pool:
        job = asyncio.ensure_future(pool.run(slot_jobs.hang_with_child, str(report)))
        pids = await until_written(report)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert await asyncio.to_thread(until, lambda: gone(*pids), 2)
        assert await pool.run(slot_jobs.double, 3) == 6


def test_workers_and_their_children_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    """kill -9 of the parent: all gone within two seconds."""
    report = tmp_path / "pids"
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.concurrency.slot_jobs", str(report)], cwd=ROOT
    )
    try:
        assert until(report.exists, 10)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)

    pids = [int(word) for word in report.read_text().split()]
    assert until(lambda: gone(*pids), 2)


async def test_a_process_is_replaced_after_some_jobs() -> None:
    """What leaks, leaks only so far."""
    async with ProcessPool(1, recycle_after=2) as pool:
        pids = [await pool.run(slot_jobs.pid) for _ in range(4)]

    assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_what_a_job_raises_arrives_as_data() -> None:
    """Also when the exception cannot be pickled; the process lives on."""
    async with ProcessPool(1) as pool:
        pid = await pool.run(slot_jobs.pid)
        with pytest.raises(JobFailed, match=r"^Unpicklable: .*this and that") as caught:
            await pool.run(slot_jobs.fail)
        assert await pool.run(slot_jobs.pid) == pid

    assert "slot_jobs.py" in caught.value.__notes__[0]


async def test_the_loop_stays_responsive_while_slots_start() -> None:
    """Starting two processes never stops the loop for long, and happens at the same time."""
    longest, last = 0.0, time.thread_time()

    async def watch() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0.005)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    async with ProcessPool(2) as pool, asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        one = tasks.create_task(pool.run(slot_jobs.pid))
        two = tasks.create_task(pool.run(slot_jobs.pid))
        await asyncio.wait([one, two])
        watching.cancel()

    assert one.result() != two.result()
    # CPU time of the loop between two wake-ups: a busy machine makes every loop late.
    assert longest < 0.1


async def test_ctrl_c_while_a_process_starts_is_not_for_it() -> None:
    """It would end with a traceback before it ignores Ctrl-C; the parent hears it as before."""
    async with ProcessPool(1) as pool:
        theirs = await pool.run(signal.pthread_sigmask, signal.SIG_BLOCK, [])
    assert signal.SIGINT in theirs
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
