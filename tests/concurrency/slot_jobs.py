"""What the slots are made to do in tests. Top level, so that it can be pickled by name."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

from ascc_async.concurrency.process_pool import ProcessPool

_MARK: list[str] = []


def remember() -> None:
    _MARK.append("hello")


def recall() -> tuple[str, int]:
    return _MARK[0], os.getpid()


def double(number: int) -> int:
    return 2 * number


def pid() -> int:
    return os.getpid()


def session_and_parent() -> tuple[int, int, int]:
    return os.getpid(), os.getsid(0), os.getppid()


def hang() -> None:
    time.sleep(600)


def hang_with_child(report: str) -> None:
    """Start a child that sleeps, write both pids down, and hang."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(report + ".new", "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename(report + ".new", report)
    time.sleep(600)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Unpicklable(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def fail() -> None:
    raise Unpicklable("this", "that")


def run_parent(report: str) -> None:
    """A parent whose slot hangs; to be killed from outside."""

    async def main() -> None:
        async with ProcessPool(1) as pool:
            await pool.run(hang_with_child, report)

    asyncio.run(main())


if __name__ == "__main__":
    from tests.concurrency import slot_jobs

    slot_jobs.run_parent(sys.argv[1])
