"""One machine of a Dask cluster as a run knows it, and what it must be like to work for the run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ascc_async import __version__
from ascc_async.cluster.engine import is_safe
from ascc_async.cluster.station import StationState
from ascc_async.errors import AsccError
from ascc_async.pipeline.snapshot import MachineSnapshot
from ascc_async.settings import Settings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot

_CLOCKS_APART = 60.0  # seconds: the age of evidence and the order of answers hang on them


@dataclass(eq=False)
class Machine:
    """A worker of the cluster. `status`: opening, working, left out or lost.

    `identities`, with a digest of their accounts; `state` counts on from those that had its name
    before; `shut`: license sources that misread there; `pending`: questions in its hands.
    """

    key: tuple[str, str]  # the worker's address and folder
    name: str = ""
    tools: str = ""
    status: str = "opening"
    why: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)
    state: StationState | None = None
    clock_ahead: float = 0.0
    seen_at: float = 0.0
    in_flight: int = 0
    for_clips: int = 0  # of these, those that wait for the player
    shut: set[str] = field(default_factory=set)
    pending: set[asyncio.Timeout] = field(default_factory=set)

    def __str__(self) -> str:
        """As logs name it."""
        return f"«{self.name or self.address}»"

    @property
    def address(self) -> str:
        """The worker's."""
        return self.key[0]

    def shares_account(self, identities: Mapping[str, str]) -> bool:
        """Whether one of these is signed in as one of its own."""
        return bool(set(self.identities.values()) & set(filter(None, identities.values())))

    def account_elsewhere(self, machines: Iterable[Machine]) -> str:
        """Why it may not ask as who it is: which of these does already; empty when none does."""
        for other in machines:
            fits = other is self or other.status == "left out"
            if not fits and other.shares_account(self.identities):
                return f"{other} has the same account: one account, one machine"
        return ""

    def buckets(self) -> list[BucketSnapshot]:
        """Its identities' buckets, as this run calls them: «machine/identity»."""
        own = self.state.buckets if self.state else ()
        return [replace(each, identity=f"{self.name}/{each.identity}") for each in own]

    def rests_until(self, *kinds: RequestKind) -> float:
        """When the first of its identities may ask for all of these again; 0 where one may."""
        pauses = dict.fromkeys(self.identities, 0.0)
        for each in self.state.buckets if self.state else ():
            if each.kind in kinds and each.identity in pauses:
                pauses[each.identity] = max(pauses[each.identity], each.resting_until or 0.0)
        until = min(pauses.values(), default=0.0)
        return until - self.clock_ahead if until else 0.0

    def snapshot(self) -> MachineSnapshot:
        """For progress and `status`."""
        rests = self.rests_until(RequestKind.PAGES) if self.status == "working" else 0.0
        return MachineSnapshot(self.name, self.status, self.why, self.tools, self.seen_at, rests)


def take_name(
    machine: Machine, host: str, known: dict[str, Machine], memory: Mapping[str, Any]
) -> Any:
    """Give it a name that no other has, by its host where its worker has none, and what was learned
    under it: one that is lost hands name, counts and memory on.
    """
    name = wished = machine.name or host
    number = 1
    while (former := known.get(name)) is not None and former.status != "lost":
        number += 1
        name = f"{wished}-{number}"
    machine.name, known[name] = name, machine
    if former is None or former.state is None:
        return memory.get(name)
    machine.state = former.state
    return former.state.memory


def unfit(facts: Mapping[str, Any], now: float, *, insecure: bool) -> str:
    """Why a machine that greets so cannot work for this run; empty when it can."""
    if facts["version"] != __version__:
        return f"it has ascc_async {facts['version']}, this run {__version__}"
    if not insecure and (ports := [each for each in facts["ports"] if not is_safe(each)]):
        return (
            f"whoever reaches its {ports[0]} can run programs as you: start it with"
            " `--host localhost`, or use tls:// (docs/machines.md)"
        )
    if facts["trouble"]:
        return str(facts["trouble"])
    off = abs(facts["at"] - now)
    return f"its clock is {off:.0f} s off: set it by NTP" if off >= _CLOCKS_APART else ""


def why_it_fails(error: Exception) -> str:
    """What a person is told of it: nobody wrote the message of a bug, so its class is named too."""
    if isinstance(error, AsccError | ImportError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def what_travels(settings: Settings) -> dict[str, Any]:
    """The sections of the settings that a station gets: no key, nothing of this network."""
    throttle = settings.throttle.model_dump(mode="json")
    number = settings.cluster.machines_per_address
    for key in ("requests_per_second", "min_requests_per_second", "max_requests_per_second"):
        throttle[key] /= number
    throttle["burst"] = max(1, throttle["burst"] // number)
    throttle["delay_seconds"] *= number
    return {
        "clips": settings.clips.model_dump(mode="json"),
        "license": settings.license.model_dump(mode="json", exclude={"api_keys", "ask_first"}),
        "throttle": throttle,
    }
