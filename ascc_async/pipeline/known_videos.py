"""Videos whose license is known: by them it is seen whether a source reads licenses right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ascc_async.errors import NetworkFault, Refused, ServerFault, SetupError, SourceUnusable
from ascc_async.model import License, LicenseAnswer
from ascc_async.settings import LicenseSettings
from ascc_async.youtube.license_sources import LicenseSource

_PAUSE_AFTER_FAULTS = 300.0  # seconds: YouTube's own errors mostly last for minutes
_MOST_SERVER_FAULTS = 3
_MOST_NETWORK_FAULTS = 20  # while the network carries other requests


@dataclass(frozen=True, slots=True)
class Look:
    """What a source made of some known videos, asked as `identity` from `began` on.

    `misread`: the videos of which it named another license. `silent`: it named no license at all;
    `gone`: because none of the videos is there, it says. `wrong` is what was not right, in words.
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
        wall: Callable[[], float],
    ) -> None:
        """`unreachable`: no identity reached anything in this run. Then a network fault is the
        user's to mend; later it is waited for.
        """
        self._known = {
            **dict.fromkeys(settings.known_creative_commons, License.CREATIVE_COMMONS),
            **dict.fromkeys(settings.known_standard, License.STANDARD),
        }
        self._unreachable, self._wall = unreachable, wall
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

    async def read(
        self, source: LicenseSource, video_ids: Sequence[str], identity: str | None
    ) -> Look:
        """Let it read these.

        Raises SetupError when nothing can be reached at all, SourceUnusable, Closed; Refused and
        NetworkFault when an `identity` is named that cannot ask now.
        """
        began = self._wall()
        return self.look_at(await self._ask(source, video_ids, identity), began)

    def look_at(self, answers: Sequence[LicenseAnswer], began: float) -> Look:
        """What these answers about known videos show."""
        told = {License.CREATIVE_COMMONS, License.STANDARD}
        right = [each for each in answers if each.license is self._known[each.video_id]]
        wrong = [each for each in answers if each not in right]
        self._read_right.update(each.video_id for each in right)
        return Look(
            began,
            identity=answers[0].asked_by if answers else "",
            misread=tuple(each.video_id for each in wrong if each.license in told),
            silent=bool(answers) and not any(each.license in told for each in answers),
            gone=all(each.license is License.UNAVAILABLE for each in answers),
            wrong=", ".join(f"{each.video_id} as {each.license}" for each in wrong),
        )

    async def _ask(
        self, source: LicenseSource, video_ids: Sequence[str], identity: str | None
    ) -> list[LicenseAnswer]:
        """Ask until it answers, within bounds: without a look nothing can go on."""
        answers, who = list[LicenseAnswer](), identity
        server_faults = network_faults = 0
        while len(answers) < len(video_ids):
            batch = video_ids[len(answers) : len(answers) + source.batch_size]
            try:
                answers += await source.ask(batch, identity=who)
                who = answers[0].asked_by or None  # a look is about one identity
                server_faults = network_faults = 0
            except Refused:
                if identity is not None:
                    raise
                answers, who = [], None  # from the beginning, as whichever may ask
            except (NetworkFault, ServerFault) as error:
                if isinstance(error, ServerFault):
                    server_faults += 1
                elif self._unreachable():
                    raise SetupError(f"YouTube cannot be reached: {error}") from error
                elif identity is not None:
                    raise
                else:
                    network_faults += 1
                    answers, who = [], None
                if server_faults >= _MOST_SERVER_FAULTS or network_faults >= _MOST_NETWORK_FAULTS:
                    until = self._wall() + _PAUSE_AFTER_FAULTS
                    raise SourceUnusable(str(error), until=until) from error
        return answers
