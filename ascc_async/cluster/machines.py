"""The machines of a Dask cluster: who is there, who is asked next, and what a loss means.

A question is one Dask task, bound to one machine; this run alone knows which question is where.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

from distributed import Client, KilledWorker
from distributed.client import ClosedClientError

from ascc_async import __version__
from ascc_async.cluster.engine import connect, scheduler_address
from ascc_async.cluster.station import Reply, StationState, greet, reply
from ascc_async.concurrency.process_pool import JobFailed
from ascc_async.errors import (
    AsccError,
    Closed,
    GaveUp,
    NetworkFault,
    Refused,
    SettingsError,
    SetupError,
    StationLost,
    StopRun,
)
from ascc_async.settings import Settings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot

log = logging.getLogger(__name__)

_LOOK_EVERY = 1.0  # seconds
_NO_ANSWER = 20.0  # seconds without a word from the scheduler: it is gone
_CONNECT_EVERY = 10.0  # seconds
_SAY_AGAIN_EVERY = 600.0  # seconds
_GOODBYE = 5.0  # seconds for stations to end in
_MOST_LOSSES = 3  # machines that a question may cost: it may be what kills them
_CLOCKS_APART = 60.0  # seconds: the age of evidence and the order of answers hang on them
_NOBODY = (
    "no machine works for this run: start some with `dask worker` (docs/machines.md); it waits"
)


@dataclass(eq=False)
class Machine:
    """A worker of the cluster as this run knows it. `status`: opening, working, left out or lost.

    `identities`, with a digest of their accounts; `before`: requests that its predecessors of the
    same name sent; `shut`: license sources that misread there.
    """

    key: tuple[str, str]  # the worker's address and folder
    slots: int
    name: str = ""
    tools: str = ""
    status: str = "opening"
    why: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)
    state: StationState | None = None
    clock_ahead: float = 0.0
    seen_at: float = 0.0
    in_flight: int = 0
    before: Counter[tuple[str, RequestKind]] = field(default_factory=Counter)
    shut: set[str] = field(default_factory=set)
    pending: set[asyncio.Timeout] = field(default_factory=set)

    @property
    def address(self) -> str:
        """The worker's."""
        return self.key[0]

    def buckets(self) -> list[BucketSnapshot]:
        """Its identities' buckets, as this run calls them: «machine/identity»."""
        return [
            replace(
                each,
                identity=f"{self.name}/{each.identity}",
                sent=each.sent + self.before[each.identity, each.kind],
            )
            for each in (self.state.buckets if self.state else ())
        ]

    def rests_until(self) -> float:
        """When the first of its identities may ask for pages again; 0 where one may."""
        pauses = {
            each.identity: each.resting_until or 0.0
            for each in (self.state.buckets if self.state else ())
            if each.kind is RequestKind.PAGES
        }
        until = min((pauses.get(name, 0.0) for name in self.identities), default=0.0)
        return until - self.clock_ahead if until else 0.0


_TOTALS = ("extractions", "clip_pages", "received")


@dataclass(eq=False)
class _WaitingJob:
    source: str
    granted: asyncio.Future[Machine]


def what_travels(settings: Settings) -> dict[str, Any]:
    """The sections of the settings that a station gets: no key, nothing of this network."""
    throttle = settings.throttle.model_dump(mode="json")
    for key in ("requests_per_second", "min_requests_per_second", "max_requests_per_second"):
        throttle[key] /= settings.cluster.machines_per_address
    return {
        "clips": settings.clips.model_dump(mode="json"),
        "license": settings.license.model_dump(mode="json", exclude={"api_keys", "ask_first"}),
        "throttle": throttle,
    }


async def _ignore(identities: list[str]) -> None:
    """Nobody wants to know."""


def unfit(facts: Mapping[str, Any], now: float) -> str:
    """Why a machine that greets so cannot work for this run; empty when it can."""
    if facts["version"] != __version__:
        return f"it has ascc_async {facts['version']}, this run {__version__}"
    off = abs(facts["at"] - now)
    return f"its clock is {off:.0f} s off: set it by NTP" if off >= _CLOCKS_APART else ""


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
        self._settings, self._address, self.memory = settings, address, dict(memory)
        self._wall = wall
        self._run, self._salt = secrets.token_hex(8), secrets.token_bytes(16)
        self._number = 0
        self._there: dict[tuple[str, str], Machine] = {}  # by address and folder of the worker
        self.known: dict[str, Machine] = {}  # by name, lost ones too
        self._past = Counter[str]()  # what those did that others took the place of
        self._waiting: deque[_WaitingJob] = deque()
        self._closed = False
        self._client: Client | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self.on_join: Callable[[list[str]], Awaitable[None]] = _ignore

    async def __aenter__(self) -> Self:
        try:
            self._client = await connect(self._address)
        except (OSError, TimeoutError) as error:
            raise SetupError(
                f"no Dask scheduler answers at {self._address} ({error}): start one with"
                " `dask scheduler`, or correct cluster.scheduler"
            ) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE), asyncio.TaskGroup() as tasks:
                for machine in self.working:
                    tasks.create_task(self._quietly(machine, "end"))
        await self._disconnect()

    @property
    def working(self) -> list[Machine]:
        """Those that can be asked, resting ones too."""
        return [each for each in self._there.values() if each.status == "working"]

    def total(self, what: str) -> int:
        """`extractions`, `clip_pages` or bytes `received`, of all machines there ever were."""
        states = (each.state for each in self.known.values() if each.state)
        number: int = self._past[what] + sum(getattr(state, what) for state in states)
        return number

    def stop(self) -> None:
        """The run drains: whoever waits is turned away, here and at the machines."""
        self._closed = True
        for waiter in self._waiting:
            if not waiter.granted.done():
                waiter.granted.set_exception(Closed("the run is stopping"))
        self._waiting.clear()
        for machine in self.working:
            self.tell(machine, "stop")

    def tell(self, machine: Machine, what: str, *args: Any) -> None:
        """Ask for something that nobody waits for."""
        if self._tasks is not None:
            self._tasks.create_task(self._quietly(machine, what, *args))

    async def _quietly(self, machine: Machine, what: str, *args: Any) -> None:
        with suppress(AsccError):
            await self._call(machine, what, *args)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    await client.close()

    # Asking

    async def ask(
        self, what: str, *args: Any, on: str | None = None, source: str = "", first: bool = False
    ) -> tuple[Machine, Any]:
        """Who did it, and what came of it. `what`: a method of `Station`.

        `on`: that machine; else whichever has room, and another one when that is lost. `source`:
        the license source it is about. `first`: before all others that wait.

        Raises what the method raises, `StationLost` when the machine named is lost, Closed, GaveUp.
        """
        losses = 0
        while losses < _MOST_LOSSES:
            async with self._room(on, source, first) as machine:
                try:
                    return machine, await self._call(machine, what, *args)
                except Closed:  # unasked: its turn did not come in time
                    if on is not None or self._closed:
                        raise
                except StationLost:
                    if on is not None:
                        raise
                    losses += 1
                except StopRun as error:  # the machine's own trouble: a full disk, no memory
                    self._leave_out(machine, str(error))
                    if isinstance(error, GaveUp) and not self.working:
                        raise
                    if on is not None:
                        raise StationLost(str(error)) from error
        raise NetworkFault(f"{losses} machines were lost while they were asked this")

    async def _call(self, machine: Machine, what: str, *args: Any) -> Any:
        """What the machine's station makes of it. Raises StationLost when nobody will answer."""
        answer: Reply = await self._submit(machine, reply, self._run, what, *args)
        if answer.state is not None:
            machine.state = answer.state
        for record in answer.records:
            record.machine = machine.name
            logging.getLogger(record.name).handle(record)
        if isinstance(answer.error, JobFailed):
            raise RuntimeError(f"a bug at «{machine.name}»: {answer.error}") from answer.error
        if answer.error is not None:
            raise answer.error
        return answer.value

    async def _submit(self, machine: Machine, task: Callable[..., Any], *args: Any) -> Any:
        if self._client is None:
            raise StationLost("the Dask scheduler does not answer")
        self._number += 1
        how = {"workers": [machine.address], "allow_other_workers": False, "retries": 0}
        key = f"{task.__name__}-{self._run}-{self._number}"
        # Of a worker that died the engine says nothing: `_lose` ends the waiting.
        patience = asyncio.timeout(None)
        try:
            async with patience:
                future = self._client.submit(task, *args, key=key, pure=False, **how)
                machine.pending.add(patience)
                try:
                    answer = await future
                finally:
                    machine.pending.discard(patience)
                    future.release()
        except (TimeoutError, OSError, CancelledError, ClosedClientError, KilledWorker) as error:
            self._lose(machine)  # if it is there all the same, it is found again
            raise StationLost(f"«{machine.name}» is lost") from error
        machine.seen_at = self._wall()
        return answer

    # Who is next

    @asynccontextmanager
    async def _room(self, on: str | None, source: str, first: bool) -> AsyncIterator[Machine]:
        """A machine, with room for a question unless it was named."""
        if on is not None:
            machine = self.known.get(on)
            if machine is None or machine.status in ("left out", "lost") or source in machine.shut:
                raise StationLost(f"«{on}» is lost or left out")
            yield machine  # it goes on with something begun
            return
        if self._closed:
            raise Closed("the run is stopping")
        waiter = _WaitingJob(source, asyncio.get_running_loop().create_future())
        if first:
            self._waiting.appendleft(waiter)
        else:
            self._waiting.append(waiter)
        self._hand_out()
        try:
            machine = await waiter.granted
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif not waiter.granted.cancelled() and waiter.granted.exception() is None:
                waiter.granted.result().in_flight -= 1
            raise
        try:
            yield machine
        finally:
            machine.in_flight -= 1
            self._hand_out()

    def _hand_out(self) -> None:
        """Let go who may go."""
        if not self._waiting:
            return
        now, working = self._wall(), self.working
        ready = [each for each in working if each.rests_until() <= now]
        while self._waiting:
            waiter = self._waiting[0]
            if waiter.granted.done():  # cancelled
                self._waiting.popleft()
                continue
            may = [each for each in working if waiter.source not in each.shut]
            free = [each for each in ready if each in may and each.in_flight < each.slots]
            if free:
                machine = min(free, key=lambda each: each.in_flight)
                machine.in_flight += 1
                waiter.granted.set_result(machine)
            elif working and not may:
                waiter.granted.set_exception(Refused(f"no machine reads {waiter.source} right"))
            else:
                return
            self._waiting.popleft()

    def leave_out_source(self, source: str, name: str) -> bool:
        """Do not ask a source of a machine that misreads it; False when it is the last one."""
        machine = self.known.get(name)
        others = [
            each
            for each in self._there.values()
            if each is not machine and each.status != "left out" and source not in each.shut
        ]
        if machine is None or not others:
            return False
        machine.shut.add(source)
        machine.why = f"{source} is misread there and not asked any more"
        return True

    # Who is there

    async def watch(self) -> None:
        """Beside the run: take in machines that come, and let go of those that are lost.

        Raises GaveUp when questions have waited for a machine for too long.
        """
        clock = asyncio.get_running_loop().time
        alone_since = clock()
        said_at = alone_since - _SAY_AGAIN_EVERY + _NO_ANSWER  # workers may be starting just now
        async with asyncio.TaskGroup() as self._tasks:
            try:
                while True:
                    try:
                        await self._look()
                    except (OSError, TimeoutError) as error:
                        await self._find_scheduler(error)
                    now = clock()
                    if self.working or not self._waiting:
                        alone_since = now
                    elif now - alone_since > self._settings.throttle.give_up_after_hours * 3600:
                        raise GaveUp(
                            "no machine worked for this run for throttle.give_up_after_hours. Start"
                            " some (docs/machines.md), then run the same command again to go on"
                        )
                    elif now - said_at > _SAY_AGAIN_EVERY:
                        said_at = now
                        log.warning(_NOBODY)
                    self._hand_out()  # pauses may be over
                    await asyncio.sleep(_LOOK_EVERY)
            finally:
                self._tasks = None

    async def _look(self) -> None:
        if self._client is None:
            raise ConnectionError("no scheduler was found yet")
        assert self._tasks is not None
        async with asyncio.timeout(_NO_ANSWER):
            # What the client itself knows of is old, and of five workers at most.
            seen = (await self._client.scheduler.identity(n_workers=-1))["workers"]
        workers = {(address, each["local_directory"]): each for address, each in seen.items()}
        for key in self._there.keys() - workers.keys():
            self._lose(self._there[key])
        for key in [key for key in workers if key not in self._there]:
            # Half of its threads are for what goes on with something begun.
            slots = max(1, min(self._settings.cluster.in_flight, workers[key]["nthreads"] // 2))
            name = str(workers[key]["name"])
            self._there[key] = machine = Machine(key, slots, name if "://" not in name else "")
            self._tasks.create_task(self._open(machine))

    async def _open(self, machine: Machine) -> None:
        """Look at a new machine, and let it work or leave it out."""
        try:
            facts = await self._submit(machine, greet)
            self._name(machine, machine.name or facts["host"])
            machine.tools, machine.clock_ahead = facts["tools"], facts["at"] - self._wall()
            if why := unfit(facts, self._wall()):
                raise SetupError(why)
            memory = self.memory.get(machine.name)
            accounts = await self._call(
                machine, "open", what_travels(self._settings), memory, self._salt
            )
            for other in self._there.values():
                if set(filter(None, accounts.values())) & set(other.identities.values()):
                    raise SetupError(
                        f"«{other.name}» works with the same account: one account, one machine"
                    )
            machine.identities = accounts
            with suppress(Closed):
                await self.on_join([f"{machine.name}/{who}" for who in accounts])
        except StationLost:
            return
        except Exception as error:  # noqa: BLE001 - above all a worker without this package
            if machine not in self.known.values():
                self._name(machine, machine.name or machine.address)
            self._leave_out(machine, str(error))
            return
        if machine.status == "opening":  # and not lost meanwhile
            machine.status = "working"
            log.info("«%(machine)s» works for this run", {"machine": machine.name})
            self._hand_out()

    def _name(self, machine: Machine, wished: str) -> None:
        """Give it a name that no other has; one that is lost hands its name and memory on."""
        name, number = wished, 1
        while (former := self.known.get(name)) is not None and former.status != "lost":
            number += 1
            name = f"{wished}-{number}"
        machine.name, self.known[name] = name, machine
        if former is not None and former.state is not None:
            state = former.state
            self.memory[name] = state.memory
            machine.before = former.before + Counter(
                {(each.identity, each.kind): each.sent for each in state.buckets}
            )
            self._past.update({name: getattr(state, name) for name in _TOTALS})

    def _leave_out(self, machine: Machine, why: str) -> None:
        if machine.status in ("opening", "working"):
            machine.status, machine.why = "left out", why
            log.warning(
                "«%(machine)s» is left out: %(why)s",
                {"machine": machine.name or machine.address, "why": why},
            )
            self.tell(machine, "end")

    def _lose(self, machine: Machine) -> None:
        if self._there.pop(machine.key, None) is None:
            return
        if machine.status != "left out":
            machine.why = "its worker is gone"
            log.warning(
                "«%(machine)s» is lost: what it was asked, others are asked",
                {"machine": machine.name or machine.address},
            )
        machine.status = "lost"
        for patience in machine.pending:
            patience.reschedule(asyncio.get_running_loop().time())

    async def _find_scheduler(self, error: Exception) -> None:
        """Try once more, after a while."""
        if self._client is not None:
            log.warning(
                "the Dask scheduler does not answer: trying again until it does",
                extra={"why": str(error) or type(error).__name__},
            )
            for machine in tuple(self._there.values()):
                self._lose(machine)
            await self._disconnect()
        await asyncio.sleep(_CONNECT_EVERY)
        with suppress(OSError, TimeoutError, SettingsError):
            # Its file names another address after it was started again.
            address = scheduler_address(self._settings.cluster) or self._address
            self._client = await connect(address)
