"""Videos whose license is known: by them it is seen whether a source reads licenses right."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ascc_async.errors import NetworkFault, Refused, ServerFault, SetupError, SourceUnusable
from ascc_async.model import License, LicenseAnswer
from ascc_async.settings import LicenseSettings
from ascc_async.youtube.license_sources import LicenseSource

_PAUSE_AFTER_FAULTS = 300.0  # seconds: YouTube's own errors mostly last for minutes
# In a row: three of YouTube's own errors, or twenty broken lines while others carry requests.
_MOST_FAULTS, _SERVER_FAULT = 20, 7


@dataclass(frozen=True, slots=True)
class Look:
    """What a source made of some known videos, asked as `identity` from `began` on.

    `misread`: the videos of which it named another license. `silent`: it read none of those as
    Creative Commons that are (of any license, where the settings name no such video): standard
    ones read right do not show that a license row is missing. `gone`: because these are not there,
    it says. `wrong` is what was not right, in words.
    """

    began: float
    identity: str
    misread: tuple[str, ...]
    silent: bool
    gone: bool
    wrong: str

    @property
    def passed(self) -> bool:
        """Whether it read them right; one that is gone says nothing of the source."""
        return not self.misread and not self.silent


class KnownVideos:
    """Lets sources read the known videos."""

    def __init__(
        self,
        settings: LicenseSettings,
        *,
        unreachable: Callable[[], bool],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`unreachable`: no identity reached anything in this run. Then a network fault is the
        user's to mend; later it is waited for.
        """
        self._known = {
            **dict.fromkeys(settings.known_creative_commons, License.CREATIVE_COMMONS),
            **dict.fromkeys(settings.known_standard, License.STANDARD),
        }
        self._unreachable, self.wall = unreachable, wall
        self.all = list(self._known)
        # A license row that is missing shows in Creative Commons videos alone.
        self._telling = list(settings.known_creative_commons) or self.all
        self._read_right: set[str] = set()
        self._turn = 0

    def one(self) -> list[str]:
        """The one whose turn it is, of those known to be there; none if the settings name none."""
        candidates = [each for each in self._telling if each in self._read_right] or self._telling
        self._turn += 1
        return candidates[self._turn % len(candidates) :][:1] if candidates else []

    async def look(self, source: LicenseSource, identity: str | None, *, at_all: bool) -> Look:
        """Let it read one, or all; all, too, where it does not show that one, which may be gone.

        Raises what `read` raises.
        """
        look = await self.read(source, self.all if at_all else self.one(), identity)
        return await self.read(source, self.all, identity) if look.silent and not at_all else look

    async def read(
        self, source: LicenseSource, video_ids: Sequence[str], identity: str | None
    ) -> Look:
        """Let it read these.

        Asks until it answers, within bounds: without a look nothing can go on. Raises SetupError
        when nothing can be reached at all, SourceUnusable, Closed; Refused and NetworkFault when an
        `identity` is named that cannot ask now.
        """
        began, answers, who, faults = self.wall(), list[LicenseAnswer](), identity, 0
        while len(answers) < len(video_ids):
            batch = video_ids[len(answers) : len(answers) + source.batch_size]
            try:
                answers += await source.ask(batch, identity=who)
                who, faults = answers[0].asked_by or None, 0  # a look is about one identity
            except (Refused, NetworkFault, ServerFault) as error:
                if isinstance(error, NetworkFault) and self._unreachable():
                    raise SetupError(f"YouTube cannot be reached: {error}") from error
                if isinstance(error, ServerFault):
                    faults += _SERVER_FAULT
                elif identity is not None:
                    raise
                else:
                    faults += isinstance(error, NetworkFault)
                    answers, who = [], None  # from the beginning, as whichever may ask
                if faults >= _MOST_FAULTS:
                    until = self.wall() + _PAUSE_AFTER_FAULTS
                    raise SourceUnusable(str(error), until=until) from error
        return self.look_at(answers, began)

    def look_at(self, answers: Sequence[LicenseAnswer], began: float) -> Look:
        """What these answers about known videos show."""
        told = {License.CREATIVE_COMMONS, License.STANDARD}
        telling = [each for each in answers if each.video_id in self._telling]
        right = [each for each in answers if each.license is self._known[each.video_id]]
        wrong = [each for each in answers if each not in right]
        self._read_right.update(each.video_id for each in right)
        return Look(
            began,
            identity=answers[0].asked_by if answers else "",
            misread=tuple(each.video_id for each in wrong if each.license in told),
            silent=bool(answers) and not any(each.license in told for each in telling),
            gone=all(each.license is License.UNAVAILABLE for each in telling),
            wrong=", ".join(f"{each.video_id} as {each.license}" for each in wrong),
        )
