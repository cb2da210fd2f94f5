"""What the gate tells progress and `status`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ascc_async.flow.gate_queue import Kind
from ascc_async.flow.identity import Identity


@dataclass(frozen=True, slots=True)
class LaneSnapshot:
    """One identity's requests of one kind. Rates in requests a second; `resting_until` is POSIX
    time. `sent` counts this run's requests, those that yt-dlp made included; `answered`, `refused`
    and `faults` count how they ended: several requests of one extraction end as one.
    """

    identity: str
    kind: Kind
    rate: float
    ceiling: float | None
    tokens: float
    waiting: int
    in_flight: int
    answered: int
    refused: int
    faults: int
    resting_until: float | None
    resting_why: str | None
    away: bool
    sent: int = 0

    @property
    def used(self) -> bool:
        """Whether any request of this kind was made."""
        return self.answered + self.refused + self.faults + self.in_flight > 0

    @classmethod
    def of(
        cls, identity: Identity, kind: Kind, now: float, wall: float, waiting: int
    ) -> LaneSnapshot:
        """`wall` is the POSIX time of `now`."""
        lane = identity.lanes[kind]
        resting = identity.resting_since(kind) is not None
        left = identity.rest_left(kind, now)
        why = "network away" if identity.outage.away else identity.why.get(kind)
        return cls(
            identity=identity.name,
            kind=kind,
            rate=lane.pace.rate(now),
            ceiling=lane.pace.ceiling,
            tokens=lane.bucket.tokens,
            waiting=waiting,
            in_flight=lane.in_flight,
            sent=lane.sent,
            answered=lane.answers,
            refused=lane.refusals,
            faults=lane.faults,
            resting_until=(wall + (left if math.isfinite(left) else 0.0)) if resting else None,
            resting_why=why if resting else None,
            away=identity.outage.away,
        )


@dataclass(frozen=True, slots=True)
class GateSnapshot:
    """All lanes, identity by identity."""

    lanes: tuple[LaneSnapshot, ...]

    def lane(self, identity: str, kind: Kind) -> LaneSnapshot:
        """Raises KeyError when there is no such lane."""
        for lane in self.lanes:
            if (lane.identity, lane.kind) == (identity, kind):
                return lane
        raise KeyError((identity, kind))
