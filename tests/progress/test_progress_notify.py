"""Notifications: which events, how often, and that none of them can hurt a run or give away where
it goes."""

from __future__ import annotations

import asyncio
import http.server
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import fakeclock
import pytest
from snapshots import bucket, snapshot

from ascc_async.errors import GaveUp, JournalError, SettingsError
from ascc_async.files import DiskFull
from ascc_async.journal.lock import AlreadyRunning
from ascc_async.pipeline.snapshot import DiskSnapshot, MachineSnapshot, RunSnapshot
from ascc_async.progress import notify, notify_sender
from ascc_async.progress.notify import Notifier, troubles
from ascc_async.progress.notify_sender import TOO_LATE, UNKNOWN, Message, send
from ascc_async.settings import NotifySettings
from ascc_async.throttle.limiter import RateLimiterSnapshot

HOUR = 3600.0
ADDRESS = "json://user:S3CRET@nowhere.invalid/S3CRET"
CALM = snapshot()
FULL = snapshot(disk=DiskSnapshot(5, waiting=True))
AT = CALM.at


class Services:
    """Takes all messages, unless `broken` says why not."""

    def __init__(self, folder: Path, urls: int = 1, **settings: Any) -> None:
        self.told: list[tuple[float, Message]] = []
        self.broken = ""
        self._folder = folder
        self._settings = NotifySettings(urls=(ADDRESS,) * urls, **settings)

    def notifier(self) -> Notifier:
        return Notifier(self._settings, self._folder, send=self._send, wall=fakeclock.now)

    async def _send(self, address: str, message: Message | None) -> str:
        assert address == ADDRESS
        assert message is not None
        if not self.broken:
            self.told.append((fakeclock.now() - 1000, message))
        return self.broken

    def events(self) -> list[str]:
        return [message.title.split(" (")[0] for _, message in self.told]


def refused(**changes: Any) -> RunSnapshot:
    """For an hour and a bit."""
    why = "rate: YouTube answers 429"
    since = replace(
        bucket(resting_since=AT - HOUR - 5, resting_until=AT + 60, resting_why=why), **changes
    )
    return snapshot(limiter=RateLimiterSnapshot((bucket(identity="well"), since)))


def test_trouble_is_told_when_it_begins_and_not_again_while_it_lasts(tmp_path: Path) -> None:
    """Once it was over it may be told again, an hour after the last time."""
    services = Services(tmp_path)

    async def main() -> None:
        notifier = services.notifier()
        for state in (CALM, *[FULL] * 300, CALM, FULL, CALM, *[FULL] * 300):
            await notifier.look(state)
            await asyncio.sleep(20)

    fakeclock.run(main())
    assert [at for at, _ in services.told] == [20, 6040, 6040 + HOUR]
    assert set(services.events()) == {"ascc_async disk full"}


def test_another_identity_is_told_too_at_most_once_an_hour(tmp_path: Path) -> None:
    """The second waits until the hour is over, and then is not forgotten."""
    services = Services(tmp_path)

    async def main() -> None:
        notifier = services.notifier()
        for names in [("a",), *[("a", "b")] * 200]:
            await notifier.look(snapshot(signed_out=names))
            await asyncio.sleep(30)

    fakeclock.run(main())
    assert [(at, "«b»" in message.text) for at, message in services.told] == [
        (0, False), (HOUR, True),
    ]  # fmt: skip


def test_the_hour_holds_over_restarts(tmp_path: Path) -> None:
    """Somebody starts it again and again: one message an hour of each event."""
    services = Services(tmp_path, events=("stopped", "disk_full"))

    async def main() -> None:
        for _ in range(10):
            notifier = services.notifier()
            await notifier.look(FULL)
            await notifier.ended("stopped", "Stopped.")
            await notifier.ended("finished", "not asked for")
            await asyncio.sleep(600)
        (tmp_path / "logs/notified.json").write_text("[damaged")
        await services.notifier().ended("stopped", "Stopped.")

    fakeclock.run(main())
    expected = [(at, event) for at in (0, 3600) for event in ("disk full", "stopped")]
    assert [
        (at, message.title.split(" (")[0].removeprefix("ascc_async "))
        for at, message in services.told
    ] == [*expected, (6000, "stopped")]


def at_machine(status: str) -> RunSnapshot:
    """The same at a machine of a cluster, which is handed nothing meanwhile."""
    machine = MachineSnapshot("m1", status, "", "", AT, AT + 60)
    return replace(refused(identity="m1/main", waiting=0), machines=(machine,))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (refused(), True),
        (refused(resting_since=AT - HOUR + 5), False),
        (refused(away=True), False),
        (refused(waiting=0), False),
        (at_machine("working"), True),
        (at_machine("lost"), False),
        (CALM, False),
    ],
    ids=["an hour", "not yet", "no network", "nobody waits", "machine", "lost", "all is well"],
)
def test_refused_for_an_hour(state: RunSnapshot, told: bool) -> None:
    """By YouTube, of something that is waited for."""
    assert [event for event, _, _ in troubles(state)] == ["refused_for_an_hour"] * told
    assert all("main»" in text and "429" in text for _, _, text in troubles(state))


def test_hours_in_which_nothing_may_be_sent_are_no_refusal() -> None:
    """Of ten hours of a pause only those within throttle.hours count."""
    clock = time.strftime
    begin, end = (clock("%H:%M", time.localtime(AT + shift)) for shift in (-1800, 1800))
    state = refused(resting_since=AT - 10 * HOUR)
    assert list(troubles(replace(state, hours=f"{begin}-{end}"))) == []
    assert list(troubles(state)) != []


def test_what_cannot_be_sent_is_one_line_without_the_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again an hour later, where the trouble lasts."""
    services = Services(tmp_path, urls=2)
    services.broken = "the service answered 500"

    async def main() -> None:
        notifier = services.notifier()
        for _ in range(10):
            await notifier.look(FULL)
            await asyncio.sleep(10)
        services.broken = ""
        await asyncio.sleep(HOUR)
        await notifier.look(FULL)

    with caplog.at_level(logging.INFO):
        fakeclock.run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "a notification could not be sent: address 1 of 2: the service answered 500;"
        " address 2 of 2: the service answered 500"
    ]
    assert len(services.told) == 2


async def _broken_send(address: str, message: Message | None) -> str:
    raise RuntimeError(address)


def test_a_bug_in_sending_does_not_reach_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is the same line, says that it is a bug, and `--debug` logs where, without the address."""
    settings = NotifySettings(urls=(ADDRESS,))
    notifier = Notifier(settings, tmp_path, send=_broken_send, wall=fakeclock.now)
    with caplog.at_level(logging.DEBUG):
        fakeclock.run(notifier.look(FULL))
    where, line = (each for each in caplog.records if each.name.startswith("ascc_async"))
    assert "(RuntimeError), which is a bug" in line.getMessage()
    assert "in _broken_send" in vars(where)["traceback"]
    assert "S3CRET" not in vars(where)["traceback"]
    assert "S3CRET" not in caplog.text


FULL_JOURNAL = JournalError("database or disk is full")
FULL_JOURNAL.__cause__ = OSError()
FULL_JOURNAL.__cause__.sqlite_errorname = "SQLITE_FULL"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (GaveUp("all refused"), ["Stopped after 2 min: all refused"]),
        (
            DiskFull("no space"),
            ["The disk is full: no space", "Stopped after 2 min: no space"],
        ),
        (
            FULL_JOURNAL,
            ["The disk is full: database or disk is full",
             "Stopped after 2 min: database or disk is full"],
        ),
        (
            ZeroDivisionError("secret"),
            ["Stopped after 2 min: an unexpected error (ZeroDivisionError), which is a bug: see"
             " logs/ascc_async.log, and run the same command again to go on"],
        ),
        (AlreadyRunning("process 7"), []),
        (asyncio.CancelledError(), []),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_an_error_that_ends_the_run_is_told(
    tmp_path: Path, error: BaseException, told: list[str]
) -> None:
    """With its reason, and it stays what it is; a run beside another's, or an abort, is no news."""
    services = Services(tmp_path)

    async def main() -> None:
        async with services.notifier().watching(lambda: CALM):
            await asyncio.sleep(60)
            raise error

    with pytest.raises(type(error)):
        fakeclock.run(main())
    assert [message.text for _, message in services.told] == told


def test_a_service_that_hangs_holds_up_neither_the_run_nor_its_error(tmp_path: Path) -> None:
    """What the run does goes on meanwhile; whoever presses Ctrl-C need not wait for the service."""

    async def hanging(address: str, message: Message | None) -> str:
        await asyncio.sleep(10)
        return "no answer"

    settings = NotifySettings(urls=(ADDRESS,))
    notifier = Notifier(settings, tmp_path, send=hanging, wall=fakeclock.now)

    async def run() -> float:
        async with notifier.watching(lambda: FULL):
            await asyncio.sleep(1)
            done_at = fakeclock.now()
            raise GaveUp(str(done_at))

    async def main() -> float:
        task = asyncio.ensure_future(run())
        await asyncio.sleep(15)
        task.cancel()
        with pytest.raises(GaveUp, match=r"1001\.0"):
            await task
        return fakeclock.now()

    assert fakeclock.run(main()) == 1015


# The process that sends


@contextmanager
def service(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """An address whose service answers so."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, format: str, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"json://127.0.0.1:{server.server_port}/S3CRET"
        server.shutdown()


async def test_what_services_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken, refused, nobody there, never an end: in words, in time, without the address."""
    gone = threading.Event()

    def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not gone.wait(0.2):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    def refusing(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_error(500)

    def taking(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(204)
        handler.end_headers()

    message = Message("title", "text", "info")
    with service(taking) as first, service(refusing) as second, service(endless) as third:
        others = ("json://127.0.0.1:1/S3CRET", "nonsense://S3CRET")
        async with asyncio.TaskGroup() as tasks:
            sent = [tasks.create_task(send(url, message)) for url in (first, second, *others)]
        monkeypatch.setattr(notify_sender, "LONGEST", 0.5)
        said = await send(third, message)
        gone.set()
    assert [task.result() for task in sent] == [
        "",
        "the service answered 500",
        "the service could not be reached, or did not take it",
        UNKNOWN,
    ]
    assert said == TOO_LATE


async def test_without_apprise_a_run_with_addresses_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line that installs it is said; a run without addresses needs none."""
    monkeypatch.setattr(notify, "find_spec", lambda name: None)
    await Notifier(NotifySettings(), tmp_path).check()
    with pytest.raises(SettingsError, match=r"pip install 'ascc-async\[notify\]'"):
        await Notifier(NotifySettings(urls=(ADDRESS,)), tmp_path).check()
