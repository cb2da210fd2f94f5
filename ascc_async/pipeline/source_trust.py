"""Whether a license source reads licenses right, for each identity: seen by known videos all along.

A page may change, and a block may look like missing videos. A known video that is read as another
license makes the source suspect. Where none is shown at all, the identity is blocked or the source
does not answer: that is waited out, and says nothing of any video.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from ascc_async.errors import NetworkFault, Refused, SourceUnusable
from ascc_async.pipeline.known_videos import KnownVideos, Look
from ascc_async.pipeline.source_health import SourceHealth
from ascc_async.settings import LicenseSettings
from ascc_async.throttle.limiter import RequestKind

log = logging.getLogger(__name__)

SUSPECT_LOOKS = 10
_REST, _LONGEST_REST = 60.0, 3600.0  # seconds a source rests when it shows nothing
_ELSEWHERE = 600.0  # seconds in which other sources take over what a suspect one answered
BLOCKED = (
    "You may be blocked: wait some hours, give cookies (network.cookies_file) or another address"
    " (network.proxy, network.identities). If these videos are gone for everybody, name others in"
    " license.known_creative_commons. Only if nothing else helps: YouTube may have changed its"
    " pages, so update with `pip install --upgrade ascc-async yt-dlp`."
)
CHANGED = (
    "If you are not blocked, YouTube may have changed its pages: update with `pip install --upgrade"
    " ascc-async yt-dlp`. If a video's license was changed instead, name others in"
    " license.known_creative_commons or license.known_standard."
)


class SourceTrust:
    """Lets the sources read known videos, and draws the consequences."""

    def __init__(
        self,
        sources: Sequence[SourceHealth],
        settings: LicenseSettings,
        *,
        unreachable: Callable[[], bool],
        rest_identity: Callable[[RequestKind, str, Refused, float], None],
        on_clean: Callable[[str, float], Awaitable[None]],
        on_doubt: Callable[[str, float], Awaitable[None]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`unreachable`: no identity reached anything in this run. `rest_identity` is
        `RateLimiter.refused_after_all`. `on_clean` gets «source/identity» and up to when its
        answers are believed for good; `on_doubt` a source's name, and since when they are to be
        asked again.
        """
        self.known_videos = KnownVideos(settings, unreachable=unreachable, wall=wall)
        self.looks = 0  # that were right: each shows that YouTube answers
        self._sources, self._rest_identity, self._wall = sources, rest_identity, wall
        self._on_clean, self._on_doubt = on_clean, on_doubt

    async def reads_right(
        self,
        health: SourceHealth,
        identity: str | None,
        *,
        since: float = -math.inf,
        closely: bool = False,
        seen: Look | None = None,
    ) -> bool:
        """Let it read known videos as this identity (None: any) if that is due.

        Due, too, when it did not since `since`, when `closely` (ten times) is wanted, and when
        `seen` shows that it misreads. False when it must not be asked or believed now. Raises
        SetupError when nothing can be reached at all, GaveUp, Closed; Refused and NetworkFault
        when it must look first and the identity cannot ask now.
        """
        async with health.lock:
            if not health.usable(self._wall()):
                return False
            standing = health.standing(identity or "")
            if seen and seen.began <= health.doubted_until:
                return False
            # Whoever waited here may find it done.
            fresh = standing.looked_at >= since and not (closely or seen)
            if fresh and not standing.due and not health.look_first:
                return True
            source, known = health.source, self.known_videos
            all_of_them = health.look_first or not standing.reads_right
            try:
                for _ in range(SUSPECT_LOOKS if closely else 1):
                    videos = known.all if all_of_them else known.one()
                    look = seen or await known.read(source, videos, identity)
                    if not look.passed:
                        break
                if look.silent and not all_of_them:
                    look = await known.read(source, known.all, identity)  # that one may be gone
            except SourceUnusable as error:
                health.pause(error, self._wall())
                return False
            except (Refused, NetworkFault):
                if health.look_first:
                    raise
                return standing.reads_right and standing.looked_at >= since  # put off
            if look.misread:
                await self._suspect(health, look)
            elif look.silent:
                await self._wait_out(health, look)
            else:
                await self.passed(health, identity or "", look)
            return look.passed

    async def look_at_the_end(self) -> bool:
        """Let all look closely once more; True when answers are to be asked again."""
        # In a small run there were few looks: ten find a change of every second answer for sure.
        doubted = [health.doubted_until for health in self._sources]
        for health in self._sources:
            for identity in [name for name, each in health.standings.items() if each.standard]:
                with suppress(Refused, NetworkFault):
                    await self.reads_right(health, identity or None, closely=True)
        return doubted != [health.doubted_until for health in self._sources]

    async def passed(self, health: SourceHealth, identity: str, look: Look) -> None:
        """It read right, asked as this identity (empty: any)."""
        health.look_first = False
        if health.standing(look.identity).silent_since is not None:
            log.info(
                "known videos are shown again: going on",
                extra={"identity": look.identity, "source": health.source.name},
            )
        for name in {identity, look.identity}:
            health.standing(name).passed(look.began)
        self.looks += 1
        clean_until = health.standing(look.identity).clean_until
        assert clean_until is not None
        await self._on_clean(f"{health.source.name}/{look.identity}", clean_until)

    async def _suspect(self, health: SourceHealth, look: Look) -> None:
        """It read a known video as another license: look closer, and ask again what it answered."""
        name, standing = health.source.name, health.standing(look.identity)
        since = look.began if standing.clean_until is None else standing.clean_until
        standing.failed()
        closer = None
        # Where the identity cannot ask now, it has yet to read right before more is believed.
        with suppress(Refused, NetworkFault, SourceUnusable):
            for number in range(SUSPECT_LOOKS):
                one = [look.misread[number % len(look.misread)]]
                closer = await self.known_videos.read(health.source, one, look.identity or None)
                if closer.misread:
                    break
            else:
                standing.reads_right = closer is not None and closer.passed
        why = f"it reads {look.wrong}"
        now = health.doubted_until = self._wall()
        if closer and closer.misread:
            health.trusted, health.why = False, why
            log.error(
                "license source misreads videos whose license is known: it is not asked any more,"
                " and what it answered since it last read them right is asked again",
                extra={"source": name, "why": why},
            )
        else:
            log.warning(
                "license source misread a known video, though not a second time: what it answered"
                " since it last read them right is asked again",
                extra={"source": name, "why": why},
            )
            if any(other.usable(now) for other in self._sources if other is not health):
                health.pause(SourceUnusable(why, until=now + _ELSEWHERE), now)
        await self._on_doubt(name, since)

    async def _wait_out(self, health: SourceHealth, look: Look) -> None:
        """No known video is shown to this identity: is it blocked, or is it the source?"""
        name, identity, now = health.source.name, look.identity, self._wall()
        standing = health.standing(identity)
        never_right = all(each.looked_at == -math.inf for each in health.standings.values())
        standing.failed()
        silent_for = 0.0 if standing.silent_since is None else now - standing.silent_since
        standing.silent_since = standing.silent_since or look.began
        for other in self._sources:
            if other is not health and other.usable(now) and await self._answers(other, identity):
                until = now + min(_LONGEST_REST, max(_REST, silent_for))
                why = "it shows no known video, and another source does"
                health.pause(SourceUnusable(why, until=until), now)
                return
        if look.gone and never_right and standing.clean_until is None:
            health.out, health.why = True, f"it says that all known videos are gone. {BLOCKED}"
            log.error(
                "license source «%(source)s» is not used: it says that all known videos are gone."
                f" {BLOCKED}",
                {"source": name},
            )
            return
        log.warning(
            "«%(identity)s» may be blocked: %(source)s shows it no known video; it pauses, and what"
            f" it was told since does not count. {BLOCKED}",
            {"identity": identity, "source": name},
        )
        refused = Refused("known videos are not shown", kind="other")
        self._rest_identity(health.source.kind, identity, refused, silent_for)

    async def _answers(self, health: SourceHealth, identity: str) -> bool:
        """Whether this source shows a known video to that identity."""
        try:
            one = self.known_videos.one()
            return (await self.known_videos.read(health.source, one, identity)).passed
        except (Refused, NetworkFault, SourceUnusable):
            return False
