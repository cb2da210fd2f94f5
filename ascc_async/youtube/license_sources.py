"""What a license source is: three of them stand behind this one small interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ascc_async.model import LicenseAnswer
from ascc_async.throttle.limiter import RequestKind


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """What a source has done so far. `received` in bytes; `note`: what a user should know."""

    name: str
    asked: int
    requests: int
    received: int
    mask: str = ""
    note: str = ""


class Tally:
    """Counts what a source asks and receives."""

    def __init__(self) -> None:
        self.asked = self.requests = self.received = 0

    def add(self, received: int, requests: int = 1) -> None:
        """Count one answer of so many bytes."""
        self.requests += requests
        self.received += received


class LicenseSource(Protocol):
    """Asks YouTube for licenses in one way."""

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

    def snapshot(self) -> SourceSnapshot: ...
