"""What a run needs of YouTube, done by many machines; the Data API stays with the run."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from ascc_async import UPGRADE
from ascc_async.cluster.engine import scheduler_address
from ascc_async.cluster.local import local_cluster
from ascc_async.cluster.machine import Machine
from ascc_async.cluster.machines import Machines
from ascc_async.errors import LinkExpired, Refused, SourceUnusable, StationLost
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import Tags
from ascc_async.model import ClipFile, LicenseAnswer, Resolved, Segment
from ascc_async.network.cookies import CookieStore
from ascc_async.pipeline.snapshot import MachineSnapshot
from ascc_async.pipeline.youtube_access import LIMITER_MEMORY, YouTubeAccess
from ascc_async.settings import Settings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiterSnapshot
from ascc_async.youtube.data_api import DataApiSource

# How wide the stages are, as more machines come at any time: four questions for each of 64. Each
# holds a connection to the scheduler, of which the engine has 512.
_LICENSES, _CLIPS = 256, 64
# Where all that are there misread a source, one that does not may come: the next task of a SLURM
# array, or one that was preempted.
_ANOTHER_MAY_COME, _LOOK_AGAIN = 600.0, 10.0  # seconds


@dataclass
class ManyMachines(YouTubeAccess):
    """Identities are called «machine/identity» here."""

    machines: Machines = field(init=False)

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        settings: Settings,
        cookies: CookieStore,
        private_dir: Path,
        memory: Mapping[str, Any],
        **more: Any,
    ) -> AsyncIterator[Self]:
        """As `YouTubeAccess.opened`. Raises SettingsError for a scheduler that is not safe."""
        wide = {"licenses": _LICENSES, "downloads": _CLIPS}
        concurrency = settings.concurrency.model_copy(update=wide)
        own = settings.model_copy(update={"concurrency": concurrency})
        learned = {name.removeprefix(f"{LIMITER_MEMORY}/"): of for name, of in memory.items()}
        async with AsyncExitStack() as stack:
            opening = super().opened(own, cookies, private_dir, memory, **more)
            access = await stack.enter_async_context(opening)
            if (address := scheduler_address(settings.cluster)) is None:
                starting = local_cluster(settings, private_dir / "workers")
                address = await stack.enter_async_context(starting)
            machines = await stack.enter_async_context(Machines(settings, address, learned))
            access.machines = machines
            access.sources = [
                each if isinstance(each, DataApiSource) else RemoteSource(each.name, machines)
                for each in access.sources
            ]
            yield access

    async def why_missing(self, video_id: str) -> LicenseAnswer:
        """By any machine."""
        machine, answer = await self.machines.ask("why_missing", video_id)
        return _as_here(answer, machine)

    async def resolve(self, video_id: str, *, other_client: bool = False) -> Resolved:
        """By any machine, which keeps the links."""
        # Where the page is misread, the license could not be confirmed. In the end it goes without,
        # as on one machine whose page is misread.
        unread = self.machines.unread_for("watch_page") or 0.0
        source = "watch_page" if unread <= _ANOTHER_MAY_COME else ""
        # Before licenses, which are many more: so it is where one rate limiter is for both.
        machine, found = await self.machines.ask(
            "resolve", video_id, other_client, source=source, for_clip=True
        )
        resolved: Resolved = found
        return replace(resolved, identity=f"{machine.name}/{resolved.identity}")

    async def cut(
        self,
        cutter: Cutter,
        resolved: Resolved,
        segment: Segment,
        tags: Tags | None,
        *,
        again: bool,
    ) -> ClipFile:
        """By the machine that resolved it; put in place here."""
        on, _ = _place(resolved.identity)
        wanted = (resolved.video_id, resolved.audio.format_id, segment, tags, again)
        try:
            _, (clip, body) = await self.machines.ask("cut", *wanted, on=on)
        except StationLost as error:
            raise LinkExpired(str(error)) from error
        return await cutter.put_in_place(segment, clip, body)

    async def keep_up(self, cookies: CookieStore) -> None:
        """Machines come and go; their cookies are their own."""
        await self.machines.watch()

    def close(self) -> None:
        """Here and at the machines."""
        super().close()
        self.machines.stop()

    def rest_identity(
        self, kind: RequestKind, identity: str, error: Refused, seconds: float
    ) -> None:
        """There."""
        on, who = _place(identity)
        if on is None:
            super().rest_identity(kind, identity, error, seconds)
        elif (machine := self.machines.known.get(on)) is not None:
            self.machines.tell(machine, "rest", kind, who, error, seconds)

    def leave_out(self, source: str, identity: str) -> bool:
        """Not asked at that machine any more, while there are others."""
        on, _ = _place(identity)
        return on is not None and self.machines.leave_out_source(source, on)

    def when_new(self, look: Callable[[list[str]], Awaitable[None]]) -> None:
        """A machine's identities, when it comes."""
        self.machines.on_join = look

    def snapshot(self) -> RateLimiterSnapshot:
        """The Data API's, then those of all machines."""
        own = [each for each in super().snapshot().buckets if each.kind is RequestKind.DATA_API]
        known = self.machines.known.values()
        return RateLimiterSnapshot((*own, *(each for one in known for each in one.buckets())))

    @property
    def signed_out(self) -> frozenset[str]:
        """At the machines that work."""
        return frozenset(
            f"{machine.name}/{who}"
            for machine in self.machines.working
            for who in (machine.state.signed_out if machine.state else ())
        )

    def machine_snapshots(self) -> tuple[MachineSnapshot, ...]:
        """All that were there."""
        return tuple(each.snapshot() for each in self.machines.known.values())

    def memory(self) -> dict[str, Any]:
        """Of each machine, too."""
        learned = {
            f"{LIMITER_MEMORY}/{name}": machine.state.memory
            for name, machine in self.machines.known.items()
            if machine.state is not None
        }
        return super().memory() | learned

    def other_identity(self, identity: str) -> str | None:
        """Of any machine."""
        now = time.time()
        others = [
            f"{machine.name}/{who}"
            for machine in self.machines.working
            if machine.rests_until(RequestKind.PAGES) <= now and not machine.shut
            for who in machine.identities
            if f"{machine.name}/{who}" != identity
        ]
        return random.choice(others) if others else None

    def any_network_away(self) -> bool:
        """At some machine."""
        return any(each.away for machine in self.machines.working for each in machine.buckets())

    def unreachable(self) -> bool:
        """Another machine may come: it is waited for."""
        return False

    def totals(self) -> Counter[str]:
        """Of all machines there ever were."""
        known = self.machines.known.values()
        return sum((each.state.totals for each in known if each.state), Counter[str]())


class RemoteSource:
    """A `LicenseSource` that any machine asks, or the one that an identity names."""

    batch_size = 1
    kind = RequestKind.PAGES

    def __init__(self, name: str, machines: Machines) -> None:
        self.name, self._machines = name, machines

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """Also raises StationLost, which is a Refused, when the machine of `identity` is gone."""
        on, who = _place(identity)
        unread = self._machines.unread_for(self.name)
        if unread is not None and (on is None or unread > _ANOTHER_MAY_COME):
            why, until = "no machine that is there reads it right", None
            if unread <= _ANOTHER_MAY_COME:
                why, until = f"{why}: another one is waited for", time.time() + _LOOK_AGAIN
            else:
                why += f": all are blocked, or YouTube changed its pages (update: `{UPGRADE}`)"
            raise SourceUnusable(why, until=until)
        question = (self.name, list(video_ids), who)
        machine, answers = await self._machines.ask("license", *question, on=on, source=self.name)
        return [_as_here(answer, machine) for answer in answers]


def _place(identity: str | None) -> tuple[str | None, str | None]:
    """The machine and its identity in «machine/identity»; None for those that are not named."""
    on, _, who = (identity or "").rpartition("/")
    return on or None, who or None


def _as_here(answer: LicenseAnswer, machine: Machine) -> LicenseAnswer:
    """By this run's clock and names of identities."""
    at = answer.checked_at - machine.clock_ahead
    evidence = replace(answer.evidence, seen_at=at) if answer.evidence else None
    return replace(
        answer,
        checked_at=at,
        evidence=evidence,
        asked_by=f"{machine.name}/{answer.asked_by}",
        bare_by=answer.bare_by and f"{machine.name}/{answer.bare_by}",
    )
