"""The license sources: what one is, those of the settings, and why a video is missing from one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, get_args

from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.settings import LicenseSettings, SourceName
from ascc_async.throttle.bucket import RequestKind
from ascc_async.youtube.data_api import DataApiSource
from ascc_async.youtube.innertube import InnertubeSource, PlayerEndpoint
from ascc_async.youtube.session import Sessions
from ascc_async.youtube.watch_page import WatchPageSource

# Those that need no key.
PAGES: tuple[SourceName, ...] = tuple(name for name in get_args(SourceName) if name != "data_api")


class LicenseSource(Protocol):
    """Asks YouTube for licenses in one way, at most `batch_size` videos at a time."""

    name: str
    batch_size: int
    kind: RequestKind

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """An answer for every id, in order; `License.UNKNOWN` where YouTube did not tell.

        Raises Refused, NetworkFault, ServerFault, SourceUnusable.
        """
        ...


def usable_sources(settings: LicenseSettings) -> tuple[SourceName, ...]:
    """Those of `license.sources` that can be asked, in that order."""
    # The Data API is named by default, though hardly anybody has a key.
    return tuple(name for name in settings.sources if name != "data_api" or settings.api_keys)


def license_sources(
    settings: LicenseSettings, sessions: Sessions, quotas: Mapping[str, Any] | None = None
) -> list[LicenseSource]:
    """The usable ones, in the order of the settings.

    `quotas`: what `DataApiSource.memory` gave in an earlier run.
    """
    keys = [key.get_secret_value() for key in settings.api_keys]
    by_name: dict[SourceName, LicenseSource] = {
        "data_api": DataApiSource(sessions, keys, memory=quotas),
        "innertube": InnertubeSource(sessions),
        "watch_page": WatchPageSource(sessions),
    }
    return [by_name[name] for name in usable_sources(settings)]


async def why_missing(player: PlayerEndpoint, video_id: str) -> LicenseAnswer:
    """Why the Data API does not list a video: one small request, which reads no license.

    Unavailable: for a certain reason, or `not_listed` as before, with `bare_by` for what was said.
    Unknown: it can be played after all, so that another source may know its license. Raises
    Refused, NetworkFault, ServerFault.
    """
    verdict, identity = await player.verdict(video_id)
    now, words = time.time(), verdict.words
    source, gone = DataApiSource.name, License.UNAVAILABLE
    if verdict.playable:
        words = "the Data API does not list it, but it can be played"
        return LicenseAnswer(video_id, License.UNKNOWN, source, now, detail=words)
    if verdict.reason is not None:
        source = InnertubeSource.name
        return LicenseAnswer(video_id, gone, source, now, verdict.reason, detail=words)
    reason = Reason.NOT_LISTED
    return LicenseAnswer(video_id, gone, source, now, reason, detail=words, bare_by=identity)
