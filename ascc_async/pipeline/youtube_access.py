"""Everything that talks to YouTube, built and joined: for a run, and for `doctor --online`."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ascc_async.concurrency.process_pool import ProcessPool
from ascc_async.errors import Refused
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import Tags
from ascc_async.media.ranges import Ranges
from ascc_async.model import ClipFile, LicenseAnswer, Resolved, Segment
from ascc_async.network.cookies import CookieStore
from ascc_async.pipeline.snapshot import MachineSnapshot
from ascc_async.settings import ConcurrencySettings, Settings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter, RateLimiterSnapshot
from ascc_async.youtube.data_api import DataApiSource
from ascc_async.youtube.extraction import warm_up
from ascc_async.youtube.extractor import Extractor
from ascc_async.youtube.innertube import PlayerEndpoint, current_web_client
from ascc_async.youtube.license_sources import LicenseSource, license_sources, why_missing
from ascc_async.youtube.media_links import MediaLinks
from ascc_async.youtube.session import Sessions

# Keys under which a run leaves what it learned in the journal; version 0.1 wrote the same.
LIMITER_MEMORY, QUOTA_MEMORY = "gate", "data_api"
_LOOK_AT_COOKIES_EVERY = 3.0  # soon enough for whoever exports them again and waits for it


@dataclass
class YouTubeAccess:
    """The rate limiter and all that passes it. `sources` are those named and usable, in order.

    `concurrency`: how much of it at once.
    """

    limiter: RateLimiter
    sessions: Sessions
    extractor: Extractor
    media_links: MediaLinks
    sources: list[LicenseSource]
    player: PlayerEndpoint
    identities: tuple[str, ...]
    concurrency: ConcurrencySettings
    _received: int = field(default=0, init=False)

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        settings: Settings,
        cookies: CookieStore,
        private_dir: Path,
        memory: Mapping[str, Any],
        *,
        limiter_type: type[RateLimiter] = RateLimiter,
    ) -> AsyncIterator[Self]:
        """Connections, yt-dlp's processes and license sources, closed at the end.

        `private_dir` is where yt-dlp keeps its files; `memory` is what `memory()`
        gave in an earlier run. Raises SetupError.
        """
        network = settings.network
        names = tuple(identity.name for identity in network.all_identities())
        limiter = limiter_type(settings.throttle, list(names), memory=memory.get(LIMITER_MEMORY))
        async with AsyncExitStack() as stack:
            sessions = await stack.enter_async_context(Sessions(network, limiter, cookies.jars))
            # The order of closing is the reverse: first yt-dlp's processes, then the connections.
            pool = ProcessPool(settings.concurrency.extractions, warm_up)
            extractor = Extractor(
                await stack.enter_async_context(pool),
                limiter,
                network,
                settings.clips,
                private_dir,
                cookies.jars,
                sessions.sticky,
                (*settings.license.known_creative_commons, *settings.license.known_standard),
            )
            await stack.enter_async_context(extractor)
            sources = license_sources(settings.license, sessions, memory.get(QUOTA_MEMORY))
            player = PlayerEndpoint(sessions, current_web_client())
            links = MediaLinks(sessions)
            wide = settings.concurrency
            yield cls(limiter, sessions, extractor, links, sources, player, names, wide)

    async def why_missing(self, video_id: str) -> LicenseAnswer:
        """Why the Data API does not list a video."""
        return await why_missing(self.player, video_id)

    async def resolve(self, video_id: str, *, other_client: bool = False) -> Resolved:
        """Where a video's media is: see `Extractor.resolve`."""
        return await self.extractor.resolve(video_id, other_client=other_client)

    async def cut(
        self,
        cutter: Cutter,
        resolved: Resolved,
        segment: Segment,
        tags: Tags | None,
        *,
        again: bool,
    ) -> ClipFile:
        """A clip, in place. `again`: the video's last link was `LinkExpired`.

        Raises what `Cutter.make` and `MediaLink.read` raise.
        """
        ranges = Ranges(self.media_links.source(resolved, again=again))
        try:
            return await cutter.make(ranges, resolved, segment, tags)
        finally:
            self._received += ranges.received

    async def keep_up(self, cookies: CookieStore) -> None:
        """Beside a run: use cookies that are exported again."""
        while True:
            await asyncio.sleep(_LOOK_AT_COOKIES_EVERY)
            for identity, jar in (await asyncio.to_thread(cookies.refresh)).items():
                self.sessions.renew_cookies(identity, jar)

    def close(self) -> None:
        """Begin nothing new: see `RateLimiter.close`."""
        self.limiter.close()

    def rest_identity(
        self, kind: RequestKind, identity: str, error: Refused, seconds: float
    ) -> None:
        """It was refused without being told: see `RateLimiter.were_refusals`."""
        self.limiter.were_refusals(kind, identity, error, seconds)

    def leave_out(self, source: str, identity: str) -> bool:
        """Whether a source that misreads need not be asked as this identity any more, since others
        can ask it elsewhere.
        """
        return False

    def when_new(self, look: Callable[[list[str]], Awaitable[None]]) -> None:
        """Await `look` with identities that come while the run goes on, before they are asked."""

    def machine_snapshots(self) -> tuple[MachineSnapshot, ...]:
        """Other machines that work for this run."""
        return ()

    @property
    def signed_out(self) -> frozenset[str]:
        """Identities whose cookies YouTube no longer takes as signed in."""
        return self.sessions.signed_out

    def snapshot(self) -> RateLimiterSnapshot:
        """How all identities stand."""
        return self.limiter.snapshot()

    def totals(self) -> Counter[str]:
        """So far: bytes of media, videos that yt-dlp answered about and pages it asked for."""
        sent, answered = self.extractor.sent, self.extractor.extractions
        return Counter(received=self._received, extractions=answered, clip_pages=sent)

    def memory(self) -> dict[str, Any]:
        """What the next run begins with: permitted rates, pauses, used quota."""
        memory: dict[str, Any] = {LIMITER_MEMORY: self.limiter.memory()}
        for source in self.sources:
            if isinstance(source, DataApiSource):
                memory[QUOTA_MEMORY] = source.memory()
        return memory

    def other_identity(self, identity: str) -> str | None:
        """One beside this that may ask for pages now."""
        others = [
            name
            for name in self.identities
            if name != identity and not self.limiter.is_paused(RequestKind.PAGES, name)
        ]
        return random.choice(others) if others else None

    def any_network_away(self) -> bool:
        """Whether some identity's network is away, so that faults blame no video."""
        return any(self.limiter.is_away(name) for name in self.identities)

    def unreachable(self) -> bool:
        """Whether no identity has reached anything since the start."""
        # A refusal too shows that YouTube was reached.
        buckets = self.limiter.snapshot().buckets
        reached = any(bucket.answered + bucket.refused for bucket in buckets)
        return not reached and all(self.limiter.is_away(name) for name in self.identities)
