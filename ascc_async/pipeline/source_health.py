"""Which license source may be asked now: whether it is paused, and whether it can be trusted.

A source reads the videos whose license is known before its answers count, and again every few
thousand videos. One that misreads them is not asked any more in this run, and what it answered
since it last read them right is asked again: a changed page never becomes two million «standard».
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ascc_async.errors import ServerFault, SourcesExhausted, SourceUnusable
from ascc_async.model import License, LicenseAnswer
from ascc_async.pipeline.known_videos import KnownVideos
from ascc_async.settings import LicenseSettings
from ascc_async.youtube.license_sources import LicenseSource

log = logging.getLogger(__name__)

CHECK_EVERY = 2000  # answers between two checks: what a check costs stays under 0.2 %
FINAL_CHECK_AFTER = 50  # answers since the last check that are worth one more at the end
_WINDOW = 200  # newest answers in which the share of unknown is watched
_JUMP = 0.3  # so much more unknown than before means that a page may have changed


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """One source for progress. `state`: ready, paused, distrusted or out (for this run)."""

    name: str
    state: str
    why: str
    answered: int


class SourceHealth:
    """One license source at work: its counts, its pause, and whether it is trusted."""

    def __init__(self, source: LicenseSource, verified_at: float | None = None) -> None:
        """`verified_at`: when it last read the known videos right, in this run or an earlier."""
        self.source = source
        self.trusted = True
        self.out = False  # cannot be asked in this run; what it answered stays good
        self.why = ""
        self.paused_until: float | None = None
        self.verified_at = verified_at
        self.answered = 0
        self.unverified = 0  # answers since the last check
        self.lock = asyncio.Lock()
        self._suspected = True  # until it read the known videos right in this run
        self._recent_unknown: deque[bool] = deque(maxlen=_WINDOW)
        self._usual_unknown_share = 0.0

    @property
    def usable_in_run(self) -> bool:
        """Whether it may be asked at all in this run."""
        return self.trusted and not self.out

    def usable(self, now: float) -> bool:
        """Whether it may be asked now."""
        return self.usable_in_run and (self.paused_until is None or self.paused_until <= now)

    def count(self, answers: Sequence[LicenseAnswer]) -> None:
        """Take note of what it answered."""
        self._recent_unknown.extend(answer.license is License.UNKNOWN for answer in answers)
        self.answered += len(answers)
        self.unverified += len(answers)

    def suspect(self) -> None:
        """Something odd was seen: let it read the known videos before it is asked again."""
        self._suspected = True

    @property
    def unknown_share(self) -> float:
        """Share of unknown among the newest answers."""
        return sum(self._recent_unknown) / max(1, len(self._recent_unknown))

    @property
    def check_due(self) -> bool:
        """Whether it must read the known videos before it goes on."""
        if self._suspected or self.unverified >= CHECK_EVERY:
            return True
        jumped = self.unknown_share > self._usual_unknown_share + _JUMP
        return jumped and len(self._recent_unknown) == _WINDOW

    def passed(self, at: float) -> None:
        """It read the known videos right in a check that began at `at`."""
        self.verified_at, self.unverified = at, 0
        self._suspected = False
        self._usual_unknown_share = max(self._usual_unknown_share, self.unknown_share)

    def snapshot(self, now: float) -> SourceSnapshot:
        """Counts for progress."""
        usable = self.usable(now)
        if not self.trusted:
            state = "distrusted"
        elif self.out:
            state = "out"
        else:
            state = "ready" if usable else "resting"
        return SourceSnapshot(
            self.source.name,
            state,
            "" if usable else self.why,
            self.answered,
        )


class SourceRouter:
    """The license sources in the order of the settings."""

    def __init__(
        self,
        sources: Sequence[LicenseSource],
        settings: LicenseSettings,
        *,
        verified_at: dict[str, float],
        unreachable: Callable[[], bool],
        on_verified: Callable[[str, float], Awaitable[None]],
        on_distrust: Callable[[str, float], Awaitable[None]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`verified_at`: when each source last read the known videos right, from earlier runs.

        `unreachable`: no identity reached anything in this run. `on_verified` and `on_distrust`
        get the source's name and the time since which its answers are good, or doubtful.
        """
        self._sources = [SourceHealth(source, verified_at.get(source.name)) for source in sources]
        self._known_videos = KnownVideos(settings, unreachable=unreachable, wall=wall)
        self.checks = 0  # passed so far: each shows that YouTube answers
        self._on_verified, self._on_distrust = on_verified, on_distrust
        self._wall = wall

    def usable(self, after: int = 0) -> tuple[int, SourceHealth] | None:
        """The first source, from index `after` on, that may be asked now; with its index."""
        now = self._wall()
        for index in range(after, len(self._sources)):
            if self._sources[index].usable(now):
                return index, self._sources[index]
        return None

    def after(self, name: str) -> int:
        """The index of the source that comes after this one; 0 when it is not among them."""
        names = [health.source.name for health in self._sources]
        return names.index(name) + 1 if name in names else 0

    def named(self, name: str) -> SourceHealth | None:
        """The source of that name if it may be asked now."""
        now = self._wall()
        usable = (health for health in self._sources if health.usable(now))
        return next((health for health in usable if health.source.name == name), None)

    def wait_seconds(self) -> float:
        """Until the next source is ready. Raises SourcesExhausted when none will be."""
        until = [health.paused_until or 0.0 for health in self._sources if health.usable_in_run]
        if not until:
            raise SourcesExhausted(self._explain_exhausted())
        return max(0.0, min(until) - self._wall())

    def pause(self, health: SourceHealth, error: SourceUnusable) -> None:
        """The source said when it can be asked again, or that it cannot in this run."""
        if not health.usable(self._wall()):
            return  # said before, by another request that was under way
        health.why, health.paused_until = str(error), error.until
        health.out = error.until is None
        log.warning(
            "license source cannot be asked for now; the next one answers instead",
            extra={"source": health.source.name, "why": health.why, "until": error.until},
        )

    async def ask(
        self, health: SourceHealth, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer] | None:
        """An answer for every id, `License.UNKNOWN` where the server failed.

        None when this source cannot be asked (any more): ask another. Raises Refused,
        NetworkFault, Closed, and SetupError when nothing can be reached at all.
        """
        source = health.source
        try:
            if not await self.ensure_checked(health):
                return None
            answers = await source.ask(video_ids, identity=identity)
        except SourceUnusable as error:
            self.pause(health, error)
            return None
        except ServerFault as error:
            now, detail = self._wall(), str(error)
            answers = [
                LicenseAnswer(video_id, License.UNKNOWN, source.name, now, detail=detail)
                for video_id in video_ids
            ]
        if not health.trusted:  # it misread the known videos while this answer was on its way
            return None
        health.count(answers)
        return answers

    async def ensure_checked(self, health: SourceHealth) -> bool:
        """Let the source read the known videos when that is due, once for all who wait.

        False when it must not be asked (any more). Raises SetupError when nothing can be
        reached at all, and Closed.
        """
        if not health.check_due:
            return health.usable_in_run
        async with health.lock:
            # Whoever waited here may find it checked, or set aside.
            if health.check_due and health.usable(self._wall()):
                name, began = health.source.name, self._wall()
                try:
                    misread = await self._known_videos.misread_by(
                        health.source, read_right_before=health.verified_at is not None
                    )
                except SourceUnusable as error:
                    self.pause(health, error)
                    return False
                if misread:
                    health.trusted, health.why = False, "it reads " + ", ".join(misread)
                    log.error(
                        "license source misreads videos whose license is known: it is not asked"
                        " any more, and what it answered since it last read them right is asked"
                        " again",
                        extra={"source": name, "why": health.why},
                    )
                    since = began if health.verified_at is None else health.verified_at
                    await self._on_distrust(name, since)
                else:
                    # From its beginning on: the page may change while the check goes on.
                    health.passed(began)
                    self.checks += 1
                    await self._on_verified(name, began)
            return health.usable(self._wall())

    async def final_check(self) -> bool:
        """Let the sources read the known videos once more, now that all is asked.

        A page may have changed since the last check. True when a source lost its trust by that:
        then rows are to be asked again. Raises like `ensure_checked`.
        """
        lost = False
        for health in self._sources:
            if health.usable(self._wall()) and health.unverified >= FINAL_CHECK_AFTER:
                health.suspect()
                await self.ensure_checked(health)
                lost = lost or not health.trusted
        return lost

    def snapshot(self) -> list[SourceSnapshot]:
        """Counts for progress."""
        now = self._wall()
        return [health.snapshot(now) for health in self._sources]

    def _explain_exhausted(self) -> str:
        names = {health.source.name for health in self._sources}
        why = "; ".join(f"{health.source.name}: {health.why}" for health in self._sources)
        remedies = []
        if any(not health.trusted for health in self._sources):
            remedies.append(
                "YouTube may have changed its pages: update with `pip install --upgrade ascc-async"
                " yt-dlp`. If a video's license was changed instead, name others in"
                " license.known_creative_commons or license.known_standard."
            )
        if any(health.out for health in self._sources) or not names:
            remedies.append("Give a Data API key that works (ASCC_LICENSE__API_KEYS).")
        if missing := [name for name in ("innertube", "watch_page") if name not in names]:
            remedies.append(f"Or add {' or '.join(missing)} to license.sources.")
        return (
            "No license source is left"
            f" ({why or 'license.sources names none, or only data_api and no key is given'})."
            f" Everything learned so far is kept. {' '.join(remedies)}"
            " Then run the same command again to go on."
        )
