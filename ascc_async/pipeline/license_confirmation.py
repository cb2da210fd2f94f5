"""A second look at the license before a clip is made, in another way than the first.

That decides what may lawfully be shared. Only one video in hundreds becomes a clip, so one more
request for each of those costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from ascc_async.errors import ServerFault, SourceUnusable
from ascc_async.journal.records import AnswerRow
from ascc_async.model import License, LicenseAnswer, Resolved
from ascc_async.pipeline.source_health import SourceRouter

_WATCH_PAGE = "watch_page"


class LicenseConfirmation:
    """Asks yt-dlp's own reading, else the watch page, as the identity that resolved the video."""

    def __init__(
        self, router: SourceRouter, answer_of: Callable[[str], Awaitable[AnswerRow | None]]
    ) -> None:
        """`answer_of` reads the recorded answer of a video from the journal."""
        self._router, self._answer_of = router, answer_of

    async def __call__(self, resolved: Resolved) -> LicenseAnswer | None:
        """What the second look says; None when it cannot be had, or would be the same look.

        Raises Refused and NetworkFault.
        """
        # yt-dlp may have seen the license on the page it read. In other languages than English
        # its words say nothing.
        letters = "".join(filter(str.isalpha, (resolved.license_text or "").lower()))
        for phrase, license_ in (
            ("creativecommons", License.CREATIVE_COMMONS),
            ("standard", License.STANDARD),
        ):
            if phrase in letters:
                text = resolved.license_text or ""
                return LicenseAnswer(resolved.video_id, license_, "yt-dlp", time.time(), text=text)

        health = self._router.named(_WATCH_PAGE)
        if health is None:
            return None
        first = await self._answer_of(resolved.video_id)
        if first is not None and first.source == _WATCH_PAGE:
            return None
        try:
            if not await self._router.ready(health):
                return None
            # As the identity that resolved the video: another one may see another page.
            (answer,) = await health.source.ask([resolved.video_id], identity=resolved.identity)
            health.count([answer])
            if answer.license is License.STANDARD:
                # It contradicts the first answer. Before it costs a clip, it must prove itself.
                health.suspect()
                if not await self._router.ready(health):
                    return None
        except ServerFault:
            return None
        except SourceUnusable as error:
            self._router.rest(health, error)
            return None
        return answer
