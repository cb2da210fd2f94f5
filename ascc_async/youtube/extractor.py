"""Where a video's media is: the real yt-dlp, in slots that can be killed, through the gate."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ascc_async.concurrency.process_pool import ProcessPool
from ascc_async.errors import AsccError, ItemError
from ascc_async.model import Reason, Resolved
from ascc_async.settings import ClipsSettings, NetworkSettings
from ascc_async.throttle.limiter import Entry, RateLimiter, RequestKind
from ascc_async.youtube.sticky import StickyIdentity
from ascc_async.youtube.ytdlp_extractions import CookieCopy, Extractions
from ascc_async.youtube.ytdlp_judge import another_client_may_help, judge
from ascc_async.youtube.ytdlp_records import Report, Strategy
from ascc_async.youtube.ytdlp_routes import Routes

log = logging.getLogger(__name__)

# YouTube gives media out only after the advertisement it wanted shown; yt-dlp says when.
_LONGEST_WAIT_FOR_MEDIA = 60.0


@dataclass(frozen=True, slots=True)
class ResolverSnapshot:
    """What the resolver did so far. `failures` counts messages that no table knows."""

    resolved: int
    cheap: int
    defaults: int
    requests: int
    cpu_seconds: float
    failures: int


class Extractor:
    """Resolves videos. One per run; an async context manager, for yt-dlp's private folder.

    That lies in `private_dir` (default: the system's temporary folder), where what a crashed run
    left is removed. `extractions`: those of another resolver, already entered, to be shared.
    `askers`: who asked for a video's license; the same identity resolves it, unless it rests.
    """

    def __init__(
        self,
        pool: ProcessPool,
        limiter: RateLimiter,
        network: NetworkSettings,
        clips: ClipsSettings,
        cookies: Mapping[str, CookieCopy] | None = None,
        *,
        private_dir: Path | None = None,
        extractions: Extractions | None = None,
        sticky: StickyIdentity | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._limiter, self._clips = limiter, clips
        self._first_identity = network.all_identities()[0].name
        self._timeout = network.timeout_seconds
        self._stack = AsyncExitStack()
        self._shared = extractions is not None
        self._extractions = extractions or Extractions(pool, network, cookies, private_dir)
        self._sticky = sticky or StickyIdentity(limiter, identities=1)
        self._clock, self._wall = clock, wall
        self._routes = Routes()
        # Whoever has no slot yet must not hold a place in the gate.
        self._turns = asyncio.Semaphore(self._extractions.at_once)
        self._counts: Counter[str] = Counter()
        self._cpu_seconds = 0.0

    async def __aenter__(self) -> Self:
        """Find a JavaScript runtime, lay out the private folder. Raises SetupError."""
        if not self._shared:
            await self._stack.enter_async_context(self._extractions)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def resolve(
        self,
        video_id: str,
        *,
        identity: str | None = None,
        see_license: bool = False,
        other_client: bool = False,
    ) -> Resolved:
        """Where the media is, and for whom: `identity`, or who asked before, or who is ready first.

        `see_license`: ask so that `license_text` is seen (three requests instead of one).
        `other_client`: not the cheapest one, whose links did not work.
        Raises Unavailable, Rejected (no sound), ItemError (`tool_failed`, yt-dlp's own words),
        Refused, NetworkFault, ServerFault.
        """
        wanted = Strategy.DEFAULTS if see_license or other_client else None
        identity = identity or self._sticky.whom(video_id, RequestKind.PAGES, RequestKind.MEDIA)
        first = await self._ask(video_id, identity, wanted, new_video=True)
        if isinstance(first.result, Resolved):
            return await self._when_available(first.result, first.report)
        return await self._detour(first.result, first)

    def snapshot(self) -> ResolverSnapshot:
        """What was done so far."""
        counts = self._counts
        return ResolverSnapshot(
            resolved=counts["resolved"],
            cheap=counts[Strategy.CHEAP],
            defaults=counts[Strategy.DEFAULTS],
            requests=counts["requests"],
            cpu_seconds=self._cpu_seconds,
            failures=counts["failures"],
        )

    async def _detour(self, error: AsccError, first: _Attempt) -> Resolved:
        """The same video by yt-dlp's default clients, as the same identity."""
        identity, video_id = first.identity, first.report.video_id
        try:
            second = await self._ask(video_id, identity, Strategy.DEFAULTS, new_video=False)
        except AsccError as failure:
            self._routes.note_detour(identity, error, failure, self._clock())
            raise _more_telling(error, failure) from None
        assert isinstance(second.result, Resolved)
        self._routes.note_detour(identity, error, None, self._clock())
        return await self._when_available(second.result, second.report)

    async def _ask(
        self, video_id: str, identity: str | None, wanted: Strategy | None, *, new_video: bool
    ) -> _Attempt:
        """One extraction. An error comes back as a result when a detour is worth it."""
        async with self._turns:
            cost = self._routes.cost(wanted or self._first(identity or self._first_identity))
            # The link is of use only to the identity that asked: no link while its media rests.
            entering = self._limiter.entry(
                RequestKind.PAGES,
                identity=identity,
                cost=cost,
                new_video=new_video,
                also=(RequestKind.MEDIA,),
            )
            async with entering as entry:
                strategy = wanted or self._first(entry.identity)
                report = await self._extract(entry, strategy, video_id)
                return self._judge(entry.identity, report)

    def _first(self, identity: str) -> Strategy:
        return self._routes.first(identity, self._clock())

    async def _extract(self, entry: Entry, strategy: Strategy, video_id: str) -> Report:
        # Generous: each request may take `timeout`, and a script may have to be solved.
        limit = 30.0 + self._timeout * (1 + self._routes.cost(strategy))
        report = await self._extractions.run(entry.identity, strategy, video_id, timeout=limit)
        entry.sent(report.requests)
        self._routes.note_cost(strategy, report.requests)
        self._counts[strategy] += 1
        self._counts["requests"] += report.requests
        self._sticky.note(video_id, entry.identity)
        self._cpu_seconds += report.cpu_seconds
        return report

    def _judge(self, identity: str, report: Report) -> _Attempt:
        result = judge(report, self._clips, identity, self._wall())
        cheap = report.strategy is Strategy.CHEAP
        if cheap and any("unsupported client" in warning for warning in report.warnings):
            self._routes.rest_cheap(identity, "this yt-dlp no longer has it", self._clock())
        if isinstance(result, Resolved):
            self._counts["resolved"] += 1
            if cheap:
                self._routes.note_cheap_success(identity)
        elif not (cheap and self._is_worth_a_detour(identity, result)):
            self._count_failure(report, result)
            raise result
        return _Attempt(identity, report, result)

    def _is_worth_a_detour(self, identity: str, error: AsccError) -> bool:
        helps = another_client_may_help(error, self._extractions.is_signed_in(identity))
        return helps and self._routes.may_detour(identity, error, self._clock())

    def _count_failure(self, report: Report, error: AsccError) -> None:
        if isinstance(error, ItemError) and error.reason is Reason.TOOL_FAILED:
            self._counts["failures"] += 1
            log.warning(
                "yt-dlp failed with words that no table knows",
                extra={"video_id": report.video_id, "words": str(error)},
            )

    async def _when_available(self, resolved: Resolved, report: Report) -> Resolved:
        formats = report.video.formats if report.video else ()
        urls = (resolved.audio.url, resolved.video.url if resolved.video else None)
        moments = [one.available_at or 0.0 for one in formats if one.url in urls]
        wait = max(moments, default=0.0) - self._wall()
        if wait > 0:
            await asyncio.sleep(min(wait, _LONGEST_WAIT_FOR_MEDIA))
        return resolved


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One extraction, as whom, and what it means."""

    identity: str
    report: Report
    result: Resolved | AsccError


def _more_telling(cheap: AsccError, defaults: AsccError) -> AsccError:
    """The defaults' verdict, unless it is only that the tool failed where the cheap one knew."""
    unknown = isinstance(defaults, ItemError) and defaults.reason is Reason.TOOL_FAILED
    knew = isinstance(cheap, ItemError) and cheap.reason is not Reason.TOOL_FAILED
    return cheap if unknown and knew else defaults
