"""How far what a license source tells one identity is believed: a matter of counts and times."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ascc_async.model import License, LicenseAnswer

LOOK_EVERY = 100  # answers between two looks at a known video: 1 % more requests
# A change that touches one answer in five passes so many looks once in 800 times.
CLEAN_LOOKS = 30
SUSPECT_LOOKS = 10  # at a source that misread one
UNKNOWN_IN_A_ROW = 5  # rare unless nothing is shown any more


@dataclass(slots=True)
class Standing:
    """What a source answers one identity, and how it read known videos for it.

    Answers from before `clean_until` stay, whatever is found out. `silent_since`: no known video
    was shown since then.
    """

    clean_until: float | None
    silent_since: float | None = None
    answers: int = 0  # since the last look
    doubtful: int = 0  # of these: what a missing license row, or a block, makes of any
    unknown: int = 0  # or gone, in a row
    looks: deque[float] = field(default_factory=lambda: deque(maxlen=CLEAN_LOOKS))
    """When those began that were right, since one was not."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # one look at a time

    @property
    def looked_at(self) -> float:
        """When the last look began, if that was right."""
        return self.looks[-1] if self.looks else -math.inf

    @property
    def due(self) -> bool:
        """Whether a known video must be read before more is believed."""
        often = self.answers >= LOOK_EVERY or self.unknown >= UNKNOWN_IN_A_ROW
        return often or not self.looks

    def count(self, answers: Sequence[LicenseAnswer]) -> None:
        """Take note of what was answered."""
        if self.clean_until is None:  # the first it was told
            self.clean_until = answers[0].checked_at
        self.answers += len(answers)
        for answer in answers:
            self.doubtful += answer.license in (License.STANDARD, License.UNAVAILABLE)
            hidden = answer.license in (License.UNKNOWN, License.UNAVAILABLE)
            self.unknown = self.unknown + 1 if hidden else 0

    def passed(self, began: float) -> float:
        """A look that began then was right: the page may change while it goes on.

        Returns up to when answers are now believed for good.
        """
        self.silent_since, self.answers, self.doubtful, self.unknown = None, 0, 0, 0
        self.looks.append(began)
        if self.clean_until is None or len(self.looks) == CLEAN_LOOKS:
            self.clean_until = self.looks[0]
        return self.clean_until
