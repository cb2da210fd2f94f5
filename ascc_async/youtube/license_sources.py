"""The license sources: what one is, and the table that makes those of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ascc_async.model import LicenseAnswer
from ascc_async.settings import LicenseSettings, SourceName
from ascc_async.throttle.bucket import RequestKind
from ascc_async.youtube.data_api import DataApiSource
from ascc_async.youtube.innertube import InnertubeSource
from ascc_async.youtube.session import Sessions
from ascc_async.youtube.watch_page import WatchPageSource


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


def license_sources(
    settings: LicenseSettings, sessions: Sessions, quotas: Mapping[str, Any] | None = None
) -> list[LicenseSource]:
    """The sources of `license.sources` that can be used, in that order.

    `quotas`: what `DataApiSource.memory` gave in an earlier run.
    """
    keys = [key.get_secret_value() for key in settings.api_keys]
    by_name: dict[SourceName, LicenseSource] = {
        "data_api": DataApiSource(sessions, keys, memory=quotas),
        "innertube": InnertubeSource(sessions),
        "watch_page": WatchPageSource(sessions),
    }
    # The Data API is named by default, though hardly anybody has a key.
    return [by_name[name] for name in settings.sources if name != "data_api" or keys]
