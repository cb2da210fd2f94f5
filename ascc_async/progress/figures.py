"""What a picture of a run says, worked out once for the terminal, plain lines and JSON."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async.flow.gate import Kind, LaneSnapshot
from ascc_async.model import License
from ascc_async.progress.snapshot import RunSnapshot

_BATCH = {Kind.PAGES: 1, Kind.DATA_API: 50}


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums and rates. `seconds_left` goes by the permitted rate, not by the last second's luck;
    None while nothing is permitted or nothing is left.
    """

    selected: int
    asked: int
    creative_commons: int
    answered_share_base: int
    unavailable: dict[str, int]
    unknown: int
    clips: int
    clips_open: int
    videos_per_second: float
    seconds_left: float | None
    lanes: tuple[LaneSnapshot, ...]


def figures(picture: RunSnapshot) -> Figures | None:
    """None until the journal was read."""
    ledger = picture.ledger
    if ledger is None:
        return None
    licenses = ledger.licenses
    asked = ledger.asked
    elapsed = max(1.0, picture.at - picture.started_at)
    return Figures(
        selected=ledger.selected,
        asked=asked,
        creative_commons=licenses[License.CREATIVE_COMMONS],
        answered_share_base=asked - licenses[License.UNKNOWN],
        unavailable={reason.value: number for reason, number in ledger.reasons.items()},
        unknown=licenses[License.UNKNOWN],
        clips=ledger.clips,
        clips_open=ledger.clips_open,
        videos_per_second=picture.answered / elapsed,
        seconds_left=_seconds_left(picture, ledger.selected - asked),
        lanes=tuple(lane for lane in picture.gate.lanes if lane.used) if picture.gate else (),
    )


def _seconds_left(picture: RunSnapshot, videos: int) -> float | None:
    if picture.gate is None or videos <= 0:
        return None
    kind = _asking(picture)
    permitted = sum(lane.rate for lane in picture.gate.lanes if lane.kind is kind) * _BATCH[kind]
    resting = [
        (lane.resting_until or 0.0) - picture.at for lane in picture.gate.lanes if lane.kind is kind
    ]
    return videos / permitted + max(0.0, min(resting)) if permitted else None


def _asking(picture: RunSnapshot) -> Kind:
    """The kind of request that the source in use makes."""
    ready = next((one.name for one in picture.sources if one.state == "ready"), "")
    return Kind.DATA_API if ready == "data_api" else Kind.PAGES
