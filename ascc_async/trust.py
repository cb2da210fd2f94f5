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
from ascc_async.youtube.sources import LicenseSource

log = logging.getLogger(__name__)

CHECK_EVERY = 2000  # videos between two looks at the known ones
_TRIES = 3  # a single odd page among the known videos is no evidence
_WINDOW = 200  # newest answers in which the share of unknown is watched
_JUMP = 0.3  # more unknown than before by this share is a jump
_REST_AFTER_FAULTS = 300.0


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """One source for progress: `state` is ready, resting or distrusted, `why` its reason."""

    name: str
    state: str
    why: str
    resting_until: float | None
    answered: int
    unknown: int


class Desk:
    """One source at work: counts, rest, trust."""

    def __init__(self, source: LicenseSource, checked_at: float | None = None) -> None:
        self.source = source
        self.trusted = True
        self.why = ""
        self.resting_until: float | None = None
        self.good_at = checked_at
        self.fresh = False
        self.answered = self.unknown = 0
        self._since_check = 0
        self._recent: deque[bool] = deque(maxlen=_WINDOW)
        self._usual = 0.0
        self.lock = asyncio.Lock()

    def usable(self, now: float) -> bool:
        """Whether it may be asked now."""
        return self.trusted and (self.resting_until is None or self.resting_until <= now)

    def count(self, answers: Sequence[LicenseAnswer]) -> None:
        """Take note of what it answered."""
        for answer in answers:
            unknown = answer.license is License.UNKNOWN
            self.answered += 1
            self.unknown += unknown
            self._recent.append(unknown)
        self._since_check += len(answers)

    @property
    def unknown_share(self) -> float:
        """Share of unknown among the newest answers."""
        return sum(self._recent) / len(self._recent) if self._recent else 0.0

    @property
    def due(self) -> bool:
        """Whether it must read the known videos again before going on."""
        return not self.fresh or self._since_check >= CHECK_EVERY or self._jumped

    @property
    def _jumped(self) -> bool:
        full = len(self._recent) == self._recent.maxlen
        return full and self.unknown_share > self._usual + _JUMP

    def passed(self, at: float) -> None:
        """It read the known videos right in a check that began at `at`."""
        self.good_at, self.fresh, self._since_check = at, True, 0
        self._usual = max(self._usual, self.unknown_share)

    def snapshot(self) -> SourceSnapshot:
        """Counts for progress."""
        state = "ready" if self.trusted else "distrusted"
        if self.trusted and self.resting_until:
            state = "resting"
        return SourceSnapshot(
            self.source.name, state, self.why, self.resting_until, self.answered, self.unknown
        )


class Desks:
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
        self._desks = [Desk(source, good_at.get(source.name)) for source in sources]
        self._known = {
            **dict.fromkeys(settings.known_creative_commons, License.CREATIVE_COMMONS),
            **dict.fromkeys(settings.known_standard, License.STANDARD),
        }
        self._hopeless = hopeless
        self._on_good, self._on_distrust = on_good, on_distrust
        self._wall = wall

    def usable(self, after: int = 0) -> tuple[int, Desk] | None:
        """The first source from place `after` on that may be asked now."""
        now = self._wall()
        return next(
            ((n, desk) for n, desk in enumerate(self._desks) if n >= after and desk.usable(now)),
            None,
        )

    def wait_seconds(self) -> float:
        """Until the next source is ready; SourcesExhausted when none will be in this run."""
        until = [desk.resting_until or 0.0 for desk in self._desks if desk.trusted]
        if not until:
            raise SourcesExhausted(self._exhausted())
        return max(0.0, min(until) - self._wall())

    def rest(self, desk: Desk, error: SourceUnusable) -> None:
        """The source said when it can be asked again, or that it cannot in this run."""
        desk.why = str(error)
        desk.resting_until = error.until
        if error.until is None:
            desk.trusted = False
        log.warning(
            "license source set aside",
            extra={"source": desk.source.name, "why": desk.why, "until": error.until},
        )

    def named(self, name: str) -> Desk | None:
        """The source of that name if it may be asked now."""
        now = self._wall()
        return next((d for d in self._desks if d.source.name == name and d.usable(now)), None)

    async def ready(self, desk: Desk) -> bool:
        """Let the source read the known videos when that is due, once for all who wait.

        False when it must not be asked (any more). Raises SetupError when nothing can be
        reached at all, SourceUnusable when the source itself says so.
        """
        if not desk.due:
            return desk.trusted
        async with desk.lock:
            if desk.due and desk.trusted:
                await self._check(desk)
            return desk.trusted

    async def _check(self, desk: Desk) -> None:
        name, began = desk.source.name, self._wall()
        wrong = await self._misread(desk)
        if not wrong:
            desk.passed(began)
            await self._on_good(name, began)
            return
        desk.trusted, desk.why = False, "it reads " + ", ".join(wrong)
        log.error(
            "license source no longer trusted: what it said since it last read the known videos"
            " right is asked again",
            extra={"source": name, "why": desk.why},
        )
        await self._on_distrust(name, began if desk.good_at is None else desk.good_at)

    async def _misread(self, desk: Desk) -> list[str]:
        wrong = dict(self._known)
        told: dict[str, str] = {}
        for _ in range(_TRIES):
            for answer in await self._ask(desk, list(wrong)):
                expected = wrong[answer.video_id]
                # A known video may be gone for good: that says nothing of the source.
                if answer.license in (expected, License.UNAVAILABLE):
                    del wrong[answer.video_id]
                else:
                    told[answer.video_id] = f"{answer.video_id} as {answer.license.value}"
            if not wrong:
                return []
        return [told[video_id] for video_id in wrong]

    async def _ask(self, desk: Desk, video_ids: list[str]) -> list[LicenseAnswer]:
        size = desk.source.batch_size
        answers: list[LicenseAnswer] = []
        for first in range(0, len(video_ids), size):
            answers += await self._insist(desk, video_ids[first : first + size])
        return answers

    async def _insist(self, desk: Desk, video_ids: list[str]) -> list[LicenseAnswer]:
        faults = 0
        while True:
            try:
                return await desk.source.ask(video_ids)
            except Refused:
                continue  # the gate makes us wait
            except NetworkFault as error:
                if self._hopeless():
                    raise SetupError(f"YouTube cannot be reached: {error}") from None
            except ServerFault as error:
                faults += 1
                if faults >= _TRIES:
                    until = self._wall() + _REST_AFTER_FAULTS
                    raise SourceUnusable(str(error), until=until) from None

    def _exhausted(self) -> str:
        told = "; ".join(f"{desk.source.name}: {desk.why}" for desk in self._desks)
        return (
            f"No license source is left ({told or 'license.sources needs a key'}). Everything"
            " learned so far is kept. Update with `pip install --upgrade ascc-async yt-dlp`, or"
            " add a Data API key (ASCC_LICENSE__API_KEYS), then run the same command again."
        )

    def snapshot(self) -> list[SourceSnapshot]:
        """Counts for progress."""
        return [desk.snapshot() for desk in self._desks]
