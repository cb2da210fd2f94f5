"""Before a clip is made, its license is seen a second time, in another way than the sweep's.

A sweep decides what may lawfully be shared; only one video in hundreds becomes a clip, so one
more request for each of those costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ascc_async.errors import ServerFault, SourceUnusable
from ascc_async.model import License, LicenseAnswer, Resolved
from ascc_async.state.rows import AnswerRow
from ascc_async.trust import Desk, Desks

_SOURCE = "watch_page"


class SecondLook:
    """Asks the watch page, as the identity that resolved the video."""

    def __init__(
        self,
        desks: Desks,
        answer_of: Callable[[str], AnswerRow | None],
        wall: Callable[[], float],
    ) -> None:
        self._desks, self._answer_of, self._wall = desks, answer_of, wall

    async def __call__(self, resolved: Resolved) -> LicenseAnswer | None:
        """What it says; None when it cannot be asked, or was the one asked already.

        Raises Refused and NetworkFault.
        """
        seen = self._seen_by_yt_dlp(resolved)
        if seen is not None:
            return seen
        first = self._answer_of(resolved.video_id)
        desk = self._desks.named(_SOURCE)
        if desk is None or (first is not None and first.source == _SOURCE):
            return None
        try:
            return await self._ask(desk, resolved)
        except ServerFault:
            return None
        except SourceUnusable as error:
            self._desks.rest(desk, error)
            return None

    async def _ask(self, desk: Desk, resolved: Resolved) -> LicenseAnswer | None:
        if not await self._desks.ready(desk):
            return None
        (answer,) = await desk.source.ask([resolved.video_id], identity=resolved.identity)
        desk.count([answer])
        if answer.license is License.STANDARD:
            # It contradicts the sweep. Before it costs a clip, this page must prove itself.
            desk.doubt()
            if not await self._desks.ready(desk):
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
