"""Asks YouTube's player why videos are missing that the Data API does not list."""

from __future__ import annotations

import time
from collections.abc import Callable

from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.youtube.data_api import DataApiSource
from ascc_async.youtube.innertube import InnertubeSource, PlayerEndpoint


class MissingVideos:
    """One small request a video. The player says why it plays nothing, but reads no license."""

    def __init__(self, player: PlayerEndpoint, *, wall: Callable[[], float] = time.time) -> None:
        self._player, self._wall = player, wall

    async def ask(self, video_id: str) -> LicenseAnswer:
        """Unavailable: for a certain reason, or `not_listed` as before, with `bare_by` for what
        was said. Unknown: it can be played after all, so that another source may know its license.

        Raises Refused, NetworkFault, ServerFault.
        """
        verdict, identity = await self._player.verdict(video_id)
        now = self._wall()
        if verdict.playable:
            detail = "the Data API does not list it, but it can be played"
            return LicenseAnswer(video_id, License.UNKNOWN, DataApiSource.name, now, detail=detail)
        gone, words = License.UNAVAILABLE, verdict.words
        if verdict.reason is not None:
            source, reason = InnertubeSource.name, verdict.reason
            return LicenseAnswer(video_id, gone, source, now, reason, detail=words)
        source, reason = DataApiSource.name, Reason.NOT_LISTED
        return LicenseAnswer(video_id, gone, source, now, reason, detail=words, bare_by=identity)
