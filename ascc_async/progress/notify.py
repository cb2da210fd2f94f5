"""A word to people who are not looking: which events of a run, when, and in what words."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from ascc_async.errors import SettingsError, StopRun
from ascc_async.files import DiskFull, size
from ascc_async.journal.lock import AlreadyRunning
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.formatting import duration, safe
from ascc_async.progress.logs import LOG_FILE, LOGS
from ascc_async.progress.notify_sender import TOO_LATE, Kind, Message, send
from ascc_async.settings import EventName, NotifySettings
from ascc_async.throttle.identity import BucketSnapshot
from ascc_async.throttle.open_hours import OpenHours

log = logging.getLogger(__name__)

_LOOK_EVERY = 5.0  # seconds
_HOUR = 3600.0
_LONGEST = 1000  # characters: some services cut or refuse long ones
_MOST_NAMED = 8  # identities
_KINDS: dict[str, Kind] = {"finished": "success", "stopped": "failure"}
_TIMES = "notified.json"  # beside the log: when each event was last told


class Notifier:
    """Tells the addresses of `notify.urls` what happens: each event at most once an hour, also
    over several runs, and trouble that lasts only when it begins.

    A message that cannot be sent is a line in the log, and nothing else.
    """

    def __init__(
        self,
        settings: NotifySettings,
        output_dir: Path,
        *,
        send: Callable[[str, Message | None], Coroutine[None, None, str]] = send,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._urls = [url.get_secret_value() for url in settings.urls]
        self._events, self._output = settings.events, output_dir
        self._send, self._wall = send, wall
        self._told: dict[EventName, frozenset[str]] = {}
        self._told_at: dict[str, float] = {}
        with suppress(OSError, ValueError, TypeError):  # none yet, or damaged
            times = json.loads((output_dir / LOGS / _TIMES).read_text(encoding="utf-8"))
            self._told_at = {event: float(at) for event, at in dict(times).items()}

    async def check(self) -> None:
        """Raise SettingsError when apprise is missing, or knows no such address."""
        if not self._urls:
            return
        if find_spec("apprise") is None:
            raise SettingsError("notify.urls needs apprise: pip install 'ascc-async[notify]'")
        mistakes = [
            f"{which}: {why}"
            for which, why in await self.send_all(None)
            if why != TOO_LATE  # a machine that is busy says nothing of an address
        ]
        if mistakes:
            # The addresses themselves are secrets.
            raise SettingsError(
                f"notify.urls: {'; '.join(mistakes)}. An address begins with the service's name,"
                " such as ntfys://ntfy.sh/TOPIC or mailtos://USER:PASSWORD@HOST (docs/running.md)"
            )

    async def send_all(self, message: Message | None) -> list[tuple[str, str]]:
        """Send to all at once (None: see `send`); which did not take it, by place, and why."""
        async with asyncio.TaskGroup() as tasks:
            sent = [tasks.create_task(self._send(url, message)) for url in self._urls]
        return [
            (f"address {number} of {len(sent)}", task.result())
            for number, task in enumerate(sent, 1)
            if task.result()
        ]

    @asynccontextmanager
    async def watching(self, snapshot: Callable[[], RunSnapshot]) -> AsyncIterator[None]:
        """Within, trouble is told, and an error that ends the run; an abort leaves at once."""
        if not self._urls:
            yield
            return
        over = asyncio.Event()
        left: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_looking(snapshot, over))
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised again, outside
                    left = error
                    await self._stopped_by(error, snapshot())
                over.set()
        finally:  # also where Ctrl-C ends the wait for a service: the run had ended before
            if left is not None:
                raise left

    async def _keep_looking(self, snapshot: Callable[[], RunSnapshot], over: asyncio.Event) -> None:
        while not over.is_set():
            await self.look(snapshot())
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await over.wait()

    async def look(self, snapshot: RunSnapshot) -> None:
        """Tell of trouble that is new."""
        told, self._told = self._told, {}
        for event, whose, text in troubles(snapshot):
            before = told.get(event, frozenset()) & whose
            is_new = whose > before and self._is_due(event)
            self._told[event] = whose if is_new and await self._tell(event, text) else before

    async def ended(self, event: EventName, text: str) -> None:
        """Tell how the run ended."""
        if self._is_due(event):
            await self._tell(event, text)

    async def _stopped_by(self, error: Exception, snapshot: RunSnapshot) -> None:
        if isinstance(error, AlreadyRunning):  # that one goes on, and tells its own end
            return
        why = str(error)
        if not isinstance(error, StopRun):
            why = (
                f"an unexpected error ({type(error).__name__}), which is a bug: see"
                f" {LOGS}/{LOG_FILE}, and run the same command again to go on"
            )
        took = duration(snapshot.at - snapshot.started_at)
        async with asyncio.TaskGroup() as tasks:
            # The journal's own complaint of a full disk is SQLite's.
            cause = getattr(error.__cause__, "sqlite_errorname", "")
            if isinstance(error, DiskFull) or cause.startswith("SQLITE_FULL"):
                tasks.create_task(self.ended("disk_full", f"The disk is full: {why}"))
            tasks.create_task(self.ended("stopped", f"Stopped after {took}: {why}"))

    def _is_due(self, event: EventName) -> bool:
        # A time ahead of the clock: the clock was wrong then or is now.
        lately = 0 <= self._wall() - self._told_at.get(event, -_HOUR) < _HOUR
        return bool(self._urls) and event in self._events and not lately

    async def _tell(self, event: EventName, text: str) -> bool:
        """Whether all took it."""
        self._told_at[event] = self._wall()
        with suppress(OSError):  # a full disk: then only this run knows
            folder = self._output / LOGS
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (folder / _TIMES).write_text(json.dumps(self._told_at), encoding="utf-8")
        where = f"{socket.gethostname()}:{self._output}"
        title = f"ascc_async {event.replace('_', ' ')} ({where})"
        text = safe(" ".join(text.split()))[:_LONGEST]
        try:
            failures = await self.send_all(Message(title, text, _KINDS.get(event, "warning")))
        except Exception as error:  # noqa: BLE001 - no message is worth a run
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            failures = [("all", f"an unexpected error ({type(error).__name__}), which is a bug")]
            # For the log file under --debug; without its message, which may hold an address.
            lines = traceback.format_tb(error.__traceback__)
            log.debug("where the bug is", extra={"traceback": "".join(lines)})
        if failures:
            log.warning(
                "a notification could not be sent: %(why)s",
                {"why": "; ".join(f"{which}: {why}" for which, why in failures)},
                extra={"kind": event},
            )
        return not failures


def troubles(snapshot: RunSnapshot) -> Iterator[tuple[EventName, frozenset[str], str]]:
    """What may need somebody now: whom or what it concerns; what it is, means and asks for."""
    hours, refused = OpenHours(snapshot.hours), dict[str, BucketSnapshot]()
    working = {machine.name for machine in snapshot.machines if machine.status == "working"}
    for bucket in snapshot.limiter.buckets if snapshot.limiter else ():
        machine, of_cluster, _ = bucket.identity.partition("/")
        # What nobody waits for is not missed; a machine that rests is handed nothing to wait for.
        missed = machine in working if of_cluster else bucket.waiting
        if (
            bucket.resting_since is not None
            and missed
            and not bucket.away  # no network refuses nothing
            and hours.seconds_within(bucket.resting_since, snapshot.at) >= _HOUR
        ):
            refused.setdefault(bucket.identity, bucket)
    if refused:
        _, _, why = (next(iter(refused.values())).resting_why or "").partition(": ")
        yield (
            "refused_for_an_hour",
            frozenset(refused),
            f"YouTube has refused {_names(refused)} for an hour or more ({why}): this"
            " address or account is probably blocked for some hours. The run waits and tries again"
            " by itself; cookies, another identity or a Data API key get it going sooner"
            " (docs/running.md).",
        )
    if snapshot.signed_out:
        yield (
            "cookies_dead",
            frozenset(snapshot.signed_out),
            f"The cookies of {_names(snapshot.signed_out)} are no longer signed in: YouTube answers"
            " as it does a guest, and permits about a quarter. Export them again from the browser"
            " (docs/cookies.md); the run takes the new file at once.",
        )
    if snapshot.disk and snapshot.disk.waiting:
        yield (
            "disk_full",
            frozenset(["disk"]),
            f"No room for new clips ({size(snapshot.disk.free)} of disk are free): make room, or"
            " lower output.min_free_gb and start the run again; until then only licenses are"
            " asked.",
        )


def _names(identities: Iterable[str]) -> str:
    names = [f"«{name}»" for name in sorted(identities)]
    return ", ".join(names[:_MOST_NAMED]) + (
        f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    )
