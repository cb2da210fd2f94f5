"""Which license source may be asked now: its rest, and whether it can still be trusted.

A source is tried on the videos whose license is known before its answers count, and again every
few thousand videos. One that misreads them is not asked any more in this run, and what it said
since it last read them right is asked again: never two million quiet «standard»s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ascc_async.errors import (
    NetworkFault,
    Refused,
    ServerFault,
    SetupError,
    SourcesExhausted,
    SourceUnusable,
)
from ascc_async.model import License, LicenseAnswer
from ascc_async.settings import LicenseSettings
from ascc_async.youtube.license_sources import LicenseSource

log = logging.getLogger(__name__)

CHECK_EVERY = 2000  # videos between two looks at the known ones
LAST_LOOK = 50  # answers since the last look that are worth one more at the end
_TRIES = 3  # a single odd page among the known videos is no evidence
_WINDOW = 200  # newest answers in which the share of unknown is watched
_JUMP = 0.3  # more unknown than before by this share is a jump
_REST_AFTER_FAULTS = 300.0
_MOST_FAULTS = 20  # of the network, while it carries others


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """One source for progress: `state` is ready, resting, distrusted or out (for this run).

    `why` tells the reason.
    """

    name: str
    state: str
    why: str
    resting_until: float | None
    answered: int
    unknown: int


class SourceHealth:
    """One source at work: counts, rest, trust."""

    def __init__(self, source: LicenseSource, checked_at: float | None = None) -> None:
        self.source = source
        self.trusted = True
        self.out = False  # cannot be asked in this run; what it said is good all the same
        self.why = ""
        self.resting_until: float | None = None
        self.good_at = checked_at
        self.fresh = False
        self.answered = self.unknown = 0
        self._since_check = 0
        self._recent: deque[bool] = deque(maxlen=_WINDOW)
        self._silent = 0  # how many of them are unknown
        self._doubted = False
        self._usual = 0.0
        self.lock = asyncio.Lock()

    def usable(self, now: float) -> bool:
        """Whether it may be asked now."""
        return self.left and (self.resting_until is None or self.resting_until <= now)

    @property
    def left(self) -> bool:
        """Whether it may be asked at all in this run."""
        return self.trusted and not self.out

    def count(self, answers: Sequence[LicenseAnswer]) -> None:
        """Take note of what it answered."""
        recent = self._recent
        for answer in answers:
            unknown = answer.license is License.UNKNOWN
            if len(recent) == _WINDOW:
                self._silent -= recent[0]
            recent.append(unknown)
            self._silent += unknown
            self.unknown += unknown
        self.answered += len(answers)
        self._since_check += len(answers)

    def suspect(self) -> None:
        """Something odd was seen: let it read the known videos before it is asked again."""
        self._doubted = True

    @property
    def unknown_share(self) -> float:
        """Share of unknown among the newest answers."""
        return self._silent / len(self._recent) if self._recent else 0.0

    @property
    def due(self) -> bool:
        """Whether it must read the known videos again before going on."""
        return not self.fresh or self._doubted or self._since_check >= CHECK_EVERY or self._jumped

    @property
    def _jumped(self) -> bool:
        full = len(self._recent) == _WINDOW
        return full and self.unknown_share > self._usual + _JUMP

    @property
    def unchecked(self) -> int:
        """Answers since it last read the known videos right."""
        return self._since_check

    def passed(self, at: float) -> None:
        """It read the known videos right in a check that began at `at`."""
        self.good_at, self.fresh, self._since_check, self._doubted = at, True, 0, False
        self._usual = max(self._usual, self.unknown_share)

    def snapshot(self, now: float) -> SourceSnapshot:
        """Counts for progress."""
        until = self.resting_until if self.left and not self.usable(now) else None
        why = "" if self.usable(now) else self.why
        return SourceSnapshot(
            self.source.name, self._state(now), why, until, self.answered, self.unknown
        )

    def _state(self, now: float) -> str:
        if not self.trusted:
            return "distrusted"
        if self.out:
            return "out"
        return "ready" if self.usable(now) else "resting"


class SourceRouter:
    """The sources in their order."""

    def __init__(
        self,
        sources: Sequence[LicenseSource],
        settings: LicenseSettings,
        *,
        good_at: dict[str, float],
        hopeless: Callable[[], bool],
        on_good: Callable[[str, float], Awaitable[None]],
        on_distrust: Callable[[str, float], Awaitable[None]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`good_at`: when each source last read the known videos right, from earlier runs.

        `hopeless`: no identity reached anything in this run. Then a network fault is the user's
        to mend; later it is waited for. `on_good` and `on_distrust` are told the source's name
        and the time since which its answers are good, or doubtful.
        """
        self._router = [SourceHealth(source, good_at.get(source.name)) for source in sources]
        self._known = {
            **dict.fromkeys(settings.known_creative_commons, License.CREATIVE_COMMONS),
            **dict.fromkeys(settings.known_standard, License.STANDARD),
        }
        self.checks = 0  # passed so far: each shows that YouTube answers
        self._hopeless = hopeless
        self._on_good, self._on_distrust = on_good, on_distrust
        self._wall = wall

    def usable(self, after: int = 0) -> tuple[int, SourceHealth] | None:
        """The first source from place `after` on that may be asked now."""
        now = self._wall()
        for place in range(after, len(self._router)):
            source_health = self._router[place]
            if source_health.usable(now):
                return place, source_health
        return None

    def wait_seconds(self) -> float:
        """Until the next source is ready; SourcesExhausted when none will be in this run."""
        until = [
            source_health.resting_until or 0.0
            for source_health in self._router
            if source_health.left
        ]
        if not until:
            raise SourcesExhausted(self._exhausted())
        return max(0.0, min(until) - self._wall())

    def rest(self, source_health: SourceHealth, error: SourceUnusable) -> None:
        """The source said when it can be asked again, or that it cannot in this run."""
        if not source_health.usable(self._wall()):
            return  # said before, by another request that was under way
        source_health.why = str(error)
        source_health.resting_until = error.until
        source_health.out = error.until is None
        log.warning(
            "license source set aside",
            extra={
                "source": source_health.source.name,
                "why": source_health.why,
                "until": error.until,
            },
        )

    def named(self, name: str) -> SourceHealth | None:
        """The source of that name if it may be asked now."""
        now = self._wall()
        return next((d for d in self._router if d.source.name == name and d.usable(now)), None)

    async def ready(self, source_health: SourceHealth) -> bool:
        """Let the source read the known videos when that is due, once for all who wait.

        False when it must not be asked (any more). Raises SetupError when nothing can be
        reached at all, SourceUnusable when the source itself says so.
        """
        if not source_health.due:
            return source_health.left
        async with source_health.lock:
            # Whoever waited here may find it checked, or set aside.
            if source_health.due and source_health.usable(self._wall()):
                await self._check(source_health)
            return source_health.usable(self._wall())

    async def final_check(self) -> bool:
        """Let the sources read the known videos once more, now that all is asked.

        A page may have changed since the last look. True when one lost its trust by that. Raises
        like `ready`.
        """
        lost = False
        for source_health in self._router:
            if source_health.usable(self._wall()) and source_health.unchecked >= LAST_LOOK:
                source_health.suspect()
                await self.ready(source_health)
                lost = lost or not source_health.trusted
        return lost

    async def _check(self, source_health: SourceHealth) -> None:
        name, began = source_health.source.name, self._wall()
        wrong = await self._misread(source_health)
        if not wrong:
            source_health.passed(began)
            self.checks += 1
            await self._on_good(name, began)
            return
        source_health.trusted, source_health.why = False, "it reads " + ", ".join(wrong)
        log.error(
            "license source no longer trusted: what it said since it last read the known videos"
            " right is asked again",
            extra={"source": name, "why": source_health.why},
        )
        await self._on_distrust(
            name, began if source_health.good_at is None else source_health.good_at
        )

    async def _misread(self, source_health: SourceHealth) -> list[str]:
        """What it reads wrong, in words; nothing when it can be trusted."""
        wrong = dict(self._known)
        told: dict[str, str] = {}
        right = False
        for _ in range(_TRIES):
            for answer in await self._ask(source_health, list(wrong)):
                told[answer.video_id] = f"{answer.video_id} as {answer.license.value}"
                right = right or answer.license is wrong[answer.video_id]
                # A known video may be gone for good: that says nothing of the source.
                if answer.license in (wrong[answer.video_id], License.UNAVAILABLE):
                    del wrong[answer.video_id]
            if not wrong:
                break
        if right or not self._known:
            return [told[video_id] for video_id in wrong]
        return self._none_right(source_health, wrong, told)

    def _none_right(
        self, source_health: SourceHealth, wrong: dict[str, License], told: dict[str, str]
    ) -> list[str]:
        """All that was not misread is gone: then rather everything looks gone to this source."""
        if not wrong and source_health.good_at is None:
            log.warning(
                "none of the known videos is there any more: nothing shows whether this source"
                " reads licenses right; name others in license.known_creative_commons",
                extra={"source": source_health.source.name},
            )
            return []
        return list(told.values())

    async def _ask(self, source_health: SourceHealth, video_ids: list[str]) -> list[LicenseAnswer]:
        size = source_health.source.batch_size
        answers: list[LicenseAnswer] = []
        for first in range(0, len(video_ids), size):
            answers += await self._insist(source_health, video_ids[first : first + size])
        return answers

    async def _insist(
        self, source_health: SourceHealth, video_ids: list[str]
    ) -> list[LicenseAnswer]:
        faults = lost = 0
        while True:
            try:
                return await source_health.source.ask(video_ids)
            except Refused:
                continue  # the gate makes us wait
            except NetworkFault as error:
                if self._hopeless():
                    raise SetupError(f"YouTube cannot be reached: {error}") from None
                lost += 1
                if lost >= _MOST_FAULTS:
                    raise self._later(error) from None
            except ServerFault as error:
                faults += 1
                if faults >= _TRIES:
                    raise self._later(error) from None

    def _later(self, error: Exception) -> SourceUnusable:
        return SourceUnusable(str(error), until=self._wall() + _REST_AFTER_FAULTS)

    def _exhausted(self) -> str:
        told = "; ".join(
            f"{source_health.source.name}: {source_health.why}" for source_health in self._router
        )
        if not self._router:
            told = "license.sources names none, or only data_api and no key is given"
        return (
            f"No license source is left ({told}). Everything learned so far is kept."
            f" {self._remedy()} Then run the same command again to go on."
        )

    def _remedy(self) -> str:
        remedies = []
        if any(not source_health.trusted for source_health in self._router):
            remedies.append(
                "YouTube may have changed its pages: update with `pip install --upgrade ascc-async"
                " yt-dlp`. If a video's license was changed instead, name others in"
                " license.known_creative_commons or license.known_standard."
            )
        names = {source_health.source.name for source_health in self._router}
        if any(source_health.out for source_health in self._router) or not names:
            remedies.append("Give a Data API key that works (ASCC_LICENSE__API_KEYS).")
        missing = [name for name in ("innertube", "watch_page") if name not in names]
        if missing:
            remedies.append(f"Or add {' or '.join(missing)} to license.sources.")
        return " ".join(remedies)

    def snapshot(self) -> list[SourceSnapshot]:
        """Counts for progress."""
        now = self._wall()
        return [source_health.snapshot(now) for source_health in self._router]
