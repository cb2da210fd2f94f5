"""First signal drains, second aborts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ascc_async.concurrency.shutdown import Shutdown


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_the_first_signal_drains(number: signal.Signals) -> None:
    """The event is set, nothing is cancelled, the reason is the signal's name."""
    shutdown = Shutdown(30)
    with shutdown.handling_signals():
        send(number)
        async with asyncio.timeout(5):
            await shutdown.wait_draining()
        await asyncio.sleep(0)

    assert (shutdown.draining, shutdown.aborted, shutdown.reason) == (True, False, number.name)


async def test_the_second_signal_cancels_the_main_task() -> None:
    """At once, whatever it waits for."""
    shutdown = Shutdown(30)

    async def main() -> None:
        with shutdown.handling_signals():
            send(signal.SIGTERM)
            await shutdown.wait_draining()
            send(signal.SIGINT)
            await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await asyncio.ensure_future(main())
    assert shutdown.aborted


async def test_a_closed_terminal_never_aborts() -> None:
    """SIGHUP twice is still a drain."""
    shutdown = Shutdown(30)
    with shutdown.handling_signals():
        send(signal.SIGHUP)
        await shutdown.wait_draining()
        send(signal.SIGHUP)
        for _ in range(5):
            await asyncio.sleep(0)

    assert not shutdown.aborted


async def test_signals_are_left_as_they_were_found() -> None:
    """After the block, the handlers are gone; an ignored SIGHUP (nohup) stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Shutdown().handling_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_the_deadline_is_counted_from_the_first_request_to_stop() -> None:
    """A second one does not move it, and what is left is never negative."""
    times = iter([100.0, 110.0, 125.0, 160.0, 170.0])
    shutdown = Shutdown(30, clock=lambda: next(times))
    assert shutdown.seconds_left() is None

    shutdown.drain("disk full")
    shutdown.drain("again")

    assert [shutdown.seconds_left() for _ in range(3)] == [20.0, 5.0, 0.0]
    assert shutdown.reason == "disk full"


SCRIPT = """
import asyncio, sys
from ascc_async.concurrency.shutdown import Shutdown

async def main():
    shutdown = Shutdown(30)
    with shutdown.handling_signals():
        print("ready", flush=True)
        await shutdown.wait_draining()
        print("draining", flush=True)
        await asyncio.sleep(60)

try:
    asyncio.run(main())
except (asyncio.CancelledError, KeyboardInterrupt):
    sys.exit(130)
"""


def test_a_real_process_drains_then_aborts() -> None:
    """Two Ctrl-C, and the process ends within seconds."""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=root, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for word in ("ready\n", "draining\n"):
            assert process.stdout.readline() == word
            process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
