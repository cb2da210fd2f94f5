"""The gate's log lines: one event each, with fields."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import datetime

from ascc_async.errors import NetworkFault, Refused
from ascc_async.throttle.bucket import Cut
from ascc_async.throttle.identity import Identity
from ascc_async.throttle.limiter_queue import RequestKind

log = logging.getLogger("ascc_async.throttle.limiter")

_LONGEST = 1e6  # seconds ahead that are still worth a date; a server may name any number


class Announcer:
    """Says each event once. `wall` is POSIX time."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._all_resting: set[RequestKind] = set()

    def refused(self, identity: Identity, kind: RequestKind, cut: Cut, error: Refused) -> None:
        """A first refusal, or the refusal of the one try that followed."""
        log.warning(
            "still refused, resting" if cut.again else "refused, resting",
            extra=_of(identity.name, kind)
            | {"seconds": round(cut.seconds, 1), "why": error.kind, "rate": round(cut.rate, 3)},
        )

    def resumed(self, identity: Identity, kind: RequestKind, rested: float) -> None:
        """The one try was answered: go on under the ceiling that was found."""
        pace = identity.buckets[kind].pace
        fields: dict[str, object] = {"seconds": round(rested, 1), "rate": round(pace.full_rate, 3)}
        if pace.ceiling is not None:
            fields["ceiling"] = round(pace.ceiling, 3)
        log.info("resumed", extra=_of(identity.name, kind) | fields)

    def ceiling_lifted(self, identity: Identity, kind: RequestKind, rate: float) -> None:
        """More is permitted than was."""
        log.info("ceiling lifted", extra=_of(identity.name, kind) | {"rate": round(rate, 3)})

    def away(self, identity: str, error: NetworkFault) -> None:
        """The network, or the identity's proxy, no longer answers."""
        log.warning("network away, waiting", extra={"identity": identity, "why": error.kind})

    def back(self, identity: str, seconds: float) -> None:
        """The network answers again."""
        log.info("network back", extra={"identity": identity, "seconds": round(seconds, 1)})

    def all_resting(self, kind: RequestKind, seconds: float) -> None:
        """Nobody may go; `seconds` until the first may. Said once until somebody may.

        Infinite while the one try is out: its answer decides, and is said.
        """
        if kind in self._all_resting or math.isinf(seconds):
            return
        self._all_resting.add(kind)
        until = datetime.fromtimestamp(self._wall() + min(seconds, _LONGEST)).astimezone()
        log.warning(
            "every identity rests",
            extra={
                "kind": kind.value,
                "seconds": round(seconds, 1),
                "until": until.isoformat(timespec="seconds"),
            },
        )

    def not_all_resting(self, kind: RequestKind) -> None:
        """Somebody may go again."""
        self._all_resting.discard(kind)


def _of(identity: str, kind: RequestKind) -> dict[str, object]:
    return {"identity": identity, "kind": kind.value}
