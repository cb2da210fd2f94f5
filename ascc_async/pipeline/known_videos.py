"""Videos whose license is known: by them it is seen whether a source reads licenses right."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ascc_async.errors import NetworkFault, Refused, ServerFault, SetupError, SourceUnusable
from ascc_async.model import License, LicenseAnswer
from ascc_async.settings import LicenseSettings
from ascc_async.youtube.license_sources import LicenseSource

log = logging.getLogger(__name__)

_TRIES = 3  # a single odd page, or server error, is no evidence
_PAUSE_AFTER_FAULTS = 300.0  # seconds: YouTube's own errors mostly last for minutes
_MOST_NETWORK_FAULTS = 20  # while the network carries other requests


def known_licenses(settings: LicenseSettings) -> dict[str, License]:
    """The videos that the settings name, each with its license."""
    return {
        **dict.fromkeys(settings.known_creative_commons, License.CREATIVE_COMMONS),
        **dict.fromkeys(settings.known_standard, License.STANDARD),
    }


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
        self._known, self._unreachable, self._wall = known_licenses(settings), unreachable, wall

    async def misread_by(self, source: LicenseSource, *, read_right_before: bool) -> list[str]:
        """What it reads wrong, as «video as license»; nothing when it can be trusted.

        Raises SetupError when nothing can be reached at all, SourceUnusable, Closed.
        """
        unconfirmed, answers = dict(self._known), dict[str, str]()
        any_right = False
        for _ in range(_TRIES):
            for answer in await self._ask(source, list(unconfirmed)):
                expected = unconfirmed[answer.video_id]
                answers[answer.video_id] = f"{answer.video_id} as {answer.license.value}"
                any_right = any_right or answer.license is expected
                # A known video may be gone for good: that says nothing of the source.
                if answer.license in (expected, License.UNAVAILABLE):
                    del unconfirmed[answer.video_id]
            if not unconfirmed:
                break
        if any_right or not self._known:
            return [answers[video_id] for video_id in unconfirmed]
        if not unconfirmed and not read_right_before:
            log.warning(
                "none of the known videos is there any more: nothing shows whether this source"
                " reads licenses right; name others in license.known_creative_commons",
                extra={"source": source.name},
            )
            return []
        # It read them right before: then rather everything looks gone to this source now.
        return list(answers.values())

    async def _ask(self, source: LicenseSource, video_ids: list[str]) -> list[LicenseAnswer]:
        """Ask until it answers, within bounds: without a check nothing can go on."""
        answers = list[LicenseAnswer]()
        server_faults = network_faults = 0
        while len(answers) < len(video_ids):
            batch = video_ids[len(answers) : len(answers) + source.batch_size]
            try:
                answers += await source.ask(batch)
                server_faults = network_faults = 0
            except Refused:
                continue  # the rate limiter makes us wait
            except (NetworkFault, ServerFault) as error:
                if isinstance(error, ServerFault):
                    server_faults += 1
                elif self._unreachable():
                    raise SetupError(f"YouTube cannot be reached: {error}") from error
                else:
                    network_faults += 1
                if server_faults >= _TRIES or network_faults >= _MOST_NETWORK_FAULTS:
                    until = self._wall() + _PAUSE_AFTER_FAULTS
                    raise SourceUnusable(str(error), until=until) from error
        return answers
