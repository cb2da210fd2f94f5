"""Before a clip is made, its license is seen a second time, in another way than the sweep's.

A sweep decides what may lawfully be shared; only one video in hundreds becomes a clip, so one
more request for each of those costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ascc_async.errors import ServerFault, SourceUnusable
from ascc_async.journal.records import AnswerRow
from ascc_async.model import License, LicenseAnswer, Resolved
from ascc_async.pipeline.source_health import SourceHealth, SourceRouter

_SOURCE = "watch_page"


class LicenseConfirmation:
    """Asks the watch page, as the identity that resolved the video."""

    def __init__(
        self,
        router: SourceRouter,
        answer_of: Callable[[str], AnswerRow | None],
        wall: Callable[[], float],
    ) -> None:
        self._router, self._answer_of, self._wall = router, answer_of, wall

    async def __call__(self, resolved: Resolved) -> LicenseAnswer | None:
        """What it says; None when it cannot be asked, or was the one asked already.

        Raises Refused and NetworkFault.
        """
        seen = self._seen_by_yt_dlp(resolved)
        if seen is not None:
            return seen
        first = self._answer_of(resolved.video_id)
        source_health = self._router.named(_SOURCE)
        if source_health is None or (first is not None and first.source == _SOURCE):
            return None
        try:
            return await self._ask(source_health, resolved)
        except ServerFault:
            return None
        except SourceUnusable as error:
            self._router.rest(source_health, error)
            return None

    async def _ask(self, source_health: SourceHealth, resolved: Resolved) -> LicenseAnswer | None:
        if not await self._router.ready(source_health):
            return None
        (answer,) = await source_health.source.ask([resolved.video_id], identity=resolved.identity)
        source_health.count([answer])
        if answer.license is License.STANDARD:
            # It contradicts the sweep. Before it costs a clip, this page must prove itself.
            source_health.suspect()
            if not await self._router.ready(source_health):
                return None
        return answer

    def _seen_by_yt_dlp(self, resolved: Resolved) -> LicenseAnswer | None:
        """What the words say that yt-dlp saw; None when there are none, or in other languages."""
        text = resolved.license_text or ""
        letters = "".join(filter(str.isalpha, text.lower()))
        if "creativecommons" in letters:
            license_ = License.CREATIVE_COMMONS
        elif "standard" in letters:
            license_ = License.STANDARD
        else:
            return None
        return LicenseAnswer(resolved.video_id, license_, "yt-dlp", self._wall(), text=text)
