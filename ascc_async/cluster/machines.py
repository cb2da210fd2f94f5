"""The machines of a Dask cluster: who is there, what they are asked, and what a loss means."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from ascc_async.cluster.engine import Connection
from ascc_async.cluster.machine import Machine, take_name, unfit, what_travels, why_it_fails
from ascc_async.cluster.station import Reply, greet, reply
from ascc_async.cluster.turns import Turns
from ascc_async.concurrency.process_pool import JobFailed
from ascc_async.errors import (
    AsccError,
    Closed,
    GaveUp,
    NetworkFault,
    SetupError,
    StationLost,
    StopRun,
)
from ascc_async.settings import Settings

log = logging.getLogger(__name__)

_LOOK_EVERY = 1.0  # seconds
_CONNECT_EVERY, _SAY_AGAIN_EVERY = 10.0, 600.0  # seconds
_GOODBYE = 5.0  # seconds for stations to end in
_MOST_LOSSES = 3  # machines that a question may cost: it may be what kills them


class Machines:
    """Asks questions of whichever machine has room; an async context manager.

    `memory`: by machine, what its rate limiter learned in earlier runs. `on_join` is
    awaited with each machine's identities before it works.
    """

    def __init__(
        self,
        settings: Settings,
        address: str,
        memory: Mapping[str, Any],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._memory = settings, memory
        self._connection = Connection(settings.cluster, address)
        self._wall = wall
        # The same for the same folder: after kill -9 the machines know their run again.
        place = f"{socket.gethostname()}:{settings.output.dir.resolve()}"
        self._run = hashlib.sha256(place.encode()).hexdigest()
        self._salt = secrets.token_bytes(16)
        self._there: dict[tuple[str, str], Machine] = {}  # by address and folder of the worker
        self.known: dict[str, Machine] = {}  # by name, lost ones too
        self._turns = Turns(settings.cluster.in_flight, lambda: self.working, wall)
        self._tasks: asyncio.TaskGroup | None = None
        self._unread_since: dict[str, float] = {}  # by license source
        self.on_join: Callable[[list[str]], Awaitable[None]] = lambda _: asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self._connection.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE), asyncio.TaskGroup() as tasks:
                for machine in self.working:
                    tasks.create_task(self._quietly(machine, "end"))
        await self._connection.close()

    @property
    def working(self) -> list[Machine]:
        """Those that can be asked, resting ones too."""
        return [each for each in self._there.values() if each.status == "working"]

    def stop(self) -> None:
        """The run drains: whoever waits is turned away, here and at the machines."""
        self._turns.close()
        for machine in self.working:
            self.tell(machine, "stop")

    def tell(self, machine: Machine, what: str, *args: Any) -> None:
        """Ask for something that nobody waits for."""
        if self._tasks is not None:
            self._tasks.create_task(self._quietly(machine, what, *args))

    async def _quietly(self, machine: Machine, what: str, *args: Any) -> None:
        with suppress(AsccError):
            await self._call(machine, what, *args)

    # Asking

    async def ask(
        self, what: str, *args: Any, on: str | None = None, source: str = "", for_clip: bool = False
    ) -> tuple[Machine, Any]:
        """Who did it, and what came of it. `what`: a method of `Station`.

        `on`: that machine, at once, as it goes on with something begun; else whichever has room
        (see `Turns.take`), and another one when that is lost.

        Raises what the method raises, `StationLost` when the machine named is lost, Closed, GaveUp.
        """
        for _ in range(_MOST_LOSSES):
            while True:
                if on:
                    machine = self._named(on, source)
                else:
                    machine = await self._turns.take(source, for_clip)
                machine.in_flight += on is not None
                try:
                    return machine, await self._call(machine, what, *args)
                except Closed:  # unasked: its turn did not come in time
                    if on is not None or self._turns.closed:
                        raise
                except StationLost:
                    if on is not None:
                        raise
                    break
                except (StopRun, JobFailed) as error:  # the machine's own trouble: a full disk
                    bug = "a bug there: " if isinstance(error, JobFailed) else ""
                    log.debug("what it met", exc_info=True, extra={"machine": machine.name})
                    self._leave_out(machine, f"{bug}{error}")
                    if isinstance(error, (GaveUp, JobFailed)) and not self.working:
                        raise
                    if on is not None:
                        raise StationLost(str(error)) from error
                finally:
                    self._turns.give_back(machine, for_clip)
        raise NetworkFault(f"{_MOST_LOSSES} machines were lost while they were asked this")

    async def _call(self, machine: Machine, what: str, *args: Any) -> Any:
        """What the machine's station makes of it. Raises StationLost when nobody will answer."""
        answer: Reply = await self._submit(machine, reply, self._run, what, *args)
        if answer.state is not None:
            machine.state = answer.state
            if machine.status == "working" and answer.state.accounts != machine.identities:
                machine.identities = answer.state.accounts  # a cookie file changed there
                if why := machine.account_elsewhere(self._there.values()):
                    self._leave_out(machine, why)
        for record in answer.records:
            record.machine = machine.name
            logging.getLogger(record.name).handle(record)
        if answer.error is not None:
            raise answer.error
        return answer.value

    async def _submit(self, machine: Machine, function: Callable[..., Any], *args: Any) -> Any:
        patience = asyncio.timeout(None)  # of a host that is cut off nobody says so: `_lose` does
        try:
            async with patience:
                machine.pending.add(patience)
                try:
                    answer = await self._connection.call(machine.address, function, *args)
                finally:
                    machine.pending.discard(patience)
        except (TimeoutError, OSError) as error:
            self._lose(machine)  # if it is there all the same, it is found again
            raise StationLost(f"{machine} is lost") from error
        machine.seen_at = self._wall()
        return answer

    def _named(self, name: str, source: str) -> Machine:
        machine = self.known.get(name)
        if machine is None or machine.status in ("left out", "lost") or source in machine.shut:
            raise StationLost(f"«{name}» is lost or left out")
        return machine

    def leave_out_source(self, source: str, name: str) -> bool:
        """Do not ask a source of a machine that misreads it; False when it is the last one and no
        other can come.
        """
        machine = self.known.get(name)
        others = self._settings.cluster.scheduler is not None or any(
            each is not machine and each.status != "left out" and source not in each.shut
            for each in self._there.values()
        )
        if machine is None or not others:
            return False
        machine.shut.add(source)
        machine.why = f"not read right there, nor asked any more: {', '.join(sorted(machine.shut))}"
        return True

    def unread_for(self, source: str) -> float | None:
        """For how many seconds all that are there have misread it; None where one may not."""
        now = asyncio.get_running_loop().time()
        there = [each for each in self._there.values() if each.status != "left out"]
        if there and all(source in each.shut for each in there):
            return now - self._unread_since.setdefault(source, now)
        self._unread_since.pop(source, None)
        return None

    # Who is there

    async def watch(self) -> None:
        """Beside the run: take in machines that come, and let go of those that are lost.

        Raises GaveUp when questions have waited for a machine for too long.
        """
        clock = asyncio.get_running_loop().time
        alone_since = clock()
        said_at = alone_since - _SAY_AGAIN_EVERY + 20  # workers may be starting just now
        async with asyncio.TaskGroup() as self._tasks:
            try:
                while True:
                    try:
                        await self._look()
                    except (OSError, TimeoutError) as error:
                        await self._find_scheduler(error)
                    now = clock()
                    if self.working or not self._turns:
                        alone_since = now
                    elif now - alone_since > self._settings.throttle.give_up_after_hours * 3600:
                        raise GaveUp(
                            "no machine worked for this run for throttle.give_up_after_hours: start"
                            " some (docs/machines.md), then run the same command again to go on"
                        )
                    elif self._connection.is_there and now - said_at > _SAY_AGAIN_EVERY:
                        said_at = now
                        what = "no machine works for this run, which waits: start"
                        log.warning(f"{what} `dask worker --no-nanny` (docs/machines.md)")
                    self._turns.hand_out()  # pauses may be over
                    await asyncio.sleep(_LOOK_EVERY)
            finally:
                self._tasks = None

    async def _look(self) -> None:
        assert self._tasks is not None
        workers = await self._connection.workers()
        for key in self._there.keys() - workers.keys():
            self._lose(self._there[key])
        for key in [key for key in workers if key not in self._there]:
            self._there[key] = machine = Machine(key, workers[key])
            self._tasks.create_task(self._open(machine))

    async def _open(self, machine: Machine) -> None:
        """Let a new machine work, or leave it out. Raises what is a bug, and not that machine's."""
        is_open = False
        try:
            facts = await self._submit(machine, greet)
            memory = take_name(machine, facts["host"], self.known, self._memory)
            machine.tools, machine.clock_ahead = facts["tools"], facts["at"] - self._wall()
            if why := unfit(facts, self._wall(), insecure=self._settings.cluster.insecure):
                raise SetupError(why)
            wanted = what_travels(self._settings)
            accounts = await self._opened(machine, wanted, memory, machine.state)
            machine.identities = accounts
            if why := machine.account_elsewhere(self._there.values()):
                raise SetupError(why)
            is_open = True
            with suppress(Closed):
                await self.on_join([f"{machine.name}/{who}" for who in accounts])
        except StationLost:
            return
        except Exception as error:  # above all a worker without this package
            if not machine.seen_at:
                take_name(machine, machine.address, self.known, self._memory)
            log.debug("what it met", exc_info=True, extra={"machine": machine.name})
            self._leave_out(machine, why_it_fails(error))
            if isinstance(error, JobFailed):  # a bug there: where nobody else can work, ours
                is_ours = all(each.status == "left out" for each in self._there.values())
            else:
                is_ours = is_open and not isinstance(error, AsccError)
            if is_ours:
                raise
            return
        if machine.status == "opening":  # and not lost meanwhile
            machine.status = "working"
            log.info(f"{machine} works for this run", extra={"machine": machine.name})
            self._turns.hand_out()

    async def _opened(self, machine: Machine, *wanted: Any) -> Mapping[str, str]:
        """Its accounts, as soon as no other run uses it."""
        while machine.status == "opening":
            try:
                accounts: Mapping[str, str] = await self._call(machine, "open", *wanted, self._salt)
            except Closed as error:
                if not machine.why:
                    log.warning(f"{machine} waits: {error}", extra={"machine": machine.name})
                machine.why = str(error)
                await asyncio.sleep(_CONNECT_EVERY)
            else:
                machine.why = ""
                return accounts
        raise StationLost(f"{machine} is lost")

    def _leave_out(self, machine: Machine, why: str) -> None:
        if machine.status in ("opening", "working"):
            machine.status, machine.why = "left out", why
            # Each is a line of its own on the screen: equal events would be one and a count.
            log.warning(f"{machine} is left out: {why}", extra={"machine": machine.name})
            self.tell(machine, "end")

    def _lose(self, machine: Machine) -> None:
        if self._there.pop(machine.key, None) is None:
            return
        if machine.status != "left out":
            machine.why = "its worker is gone"
            what = "%(machine)s is lost: other machines are asked what it did not answer"
            log.warning(what, {"machine": str(machine)})
        machine.status = "lost"
        for patience in machine.pending:
            patience.reschedule(asyncio.get_running_loop().time())
        for other in tuple(self._there.values()):
            if other.status == "left out" and other.shares_account(machine.identities):
                self._lose(other)  # its turn has come: it is found anew

    async def _find_scheduler(self, error: Exception) -> None:
        """Try once more, after a while."""
        if self._connection.is_there:
            log.warning(
                "the Dask scheduler does not answer: trying again until it does",
                extra={"why": str(error) or type(error).__name__},
            )
            while self._there:
                self._lose(next(iter(self._there.values())))
            await self._connection.close()
        await asyncio.sleep(_CONNECT_EVERY)
        await self._connection.find_again()
