"""What a license source is: three of them stand behind this one small interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ascc_async.model import LicenseAnswer
from ascc_async.throttle.limiter import RequestKind


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
