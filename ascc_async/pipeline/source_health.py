"""One license source at work: its counts, its pause, and how far its answers are believed."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ascc_async.errors import SourceUnusable
from ascc_async.model import License, LicenseAnswer
from ascc_async.youtube.license_sources import LicenseSource

log = logging.getLogger(__name__)

LOOK_EVERY = 100  # answers between two looks at a known video: 1 % more requests
# A change that touches one answer in five passes so many looks once in 800 times.
CLEAN_LOOKS = 30
UNKNOWN_IN_A_ROW = 5  # rare unless nothing is shown any more


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """One source for progress. `state`: ready, resting (`until` a POSIX time), distrusted or out
    (for this run).
    """

    name: str
    state: str
    why: str
    answered: int
    until: float | None = None


@dataclass(slots=True)
class Standing:
    """How far what a source tells one identity is believed.

    Answers from before `clean_until` stay, whatever is found out. `silent_since`: no known video
    was shown since then.
    """

    clean_until: float | None
    reads_right: bool = False
    looked_at: float = -math.inf
    silent_since: float | None = None
    answers: int = 0  # since the last look
    standard: int = 0  # of these: what a license row that is missing makes of any
    unknown: int = 0  # in a row
    _looks: deque[float] = field(default_factory=lambda: deque(maxlen=CLEAN_LOOKS))

    def count(self, answers: Sequence[LicenseAnswer]) -> None:
        """Take note of what it answered."""
        if self.clean_until is None:  # the first it was told
            self.clean_until = answers[0].checked_at
        self.answers += len(answers)
        for answer in answers:
            self.standard += answer.license is License.STANDARD
            self.unknown = self.unknown + 1 if answer.license is License.UNKNOWN else 0

    @property
    def due(self) -> bool:
        """Whether a known video must be read before more is believed."""
        often = self.answers >= LOOK_EVERY or self.unknown >= UNKNOWN_IN_A_ROW
        return often or not self.reads_right

    def passed(self, began: float) -> None:
        """It read right in a look that began then: the page may change while it goes on."""
        self.reads_right, self.looked_at, self.silent_since = True, began, None
        self.answers = self.standard = self.unknown = 0
        self._looks.append(began)
        if self.clean_until is None or len(self._looks) == CLEAN_LOOKS:
            self.clean_until = self._looks[0]

    def failed(self) -> None:
        """It did not: no stretch before this is clean."""
        self.reads_right = False
        self._looks.clear()


class SourceHealth:
    """One license source at work: its counts, its pause, and whether it is trusted."""

    def __init__(self, source: LicenseSource, clean_until: Mapping[str, float]) -> None:
        """`clean_until`: by «source/identity», from earlier runs; older ones knew the source."""
        self.source = source
        self.trusted = True
        self.out = False  # cannot be asked in this run; what it answered stays good
        self.why = ""
        self.paused_until: float | None = None
        self.look_first = True  # before it is asked for anything else
        self.doubted_until = -math.inf  # what it answered up to then is asked again
        self.answered = 0
        self.lock = asyncio.Lock()
        self.standings: dict[str, Standing] = {}
        self._clean_until = clean_until

    @property
    def at_once(self) -> int:
        """So many videos are asked at once: with many in a call, one of them is a known one."""
        return max(1, self.source.batch_size - 1)

    @property
    def usable_in_run(self) -> bool:
        """Whether it may be asked at all in this run."""
        return self.trusted and not self.out

    def usable(self, now: float) -> bool:
        """Whether it may be asked now."""
        return self.usable_in_run and (self.paused_until is None or self.paused_until <= now)

    def pause(self, error: SourceUnusable, now: float) -> None:
        """It said, or showed, until when it cannot be asked (None: in this run)."""
        if not self.usable(now):
            return  # said before, by another request that was under way
        self.why, self.paused_until = str(error), error.until
        self.out, self.look_first = error.until is None, True
        log.warning(
            "license source cannot be asked for now; the next one answers instead",
            extra={"source": self.source.name, "why": self.why, "until": error.until},
        )

    def believes(self, answer: LicenseAnswer) -> bool:
        """Whether nothing speaks against an answer of its own, now that it is to be recorded."""
        return self.trusted and answer.checked_at > self.doubted_until

    def standing(self, identity: str) -> Standing:
        """With this identity."""
        if identity not in self.standings:
            name, known = self.source.name, self._clean_until
            clean = known.get(f"{name}/{identity}", known.get(name))
            self.standings[identity] = Standing(clean)
        return self.standings[identity]

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
            until=self.paused_until if state == "resting" else None,
        )
