"""What the manifest adds up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.model import License, Outcome


class RowKind(NamedTuple):
    """What rows are counted by. `tried`: somebody tried to make the clip."""

    split: str
    license: str
    outcome: str
    reason: str
    tried: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over the rows of a manifest. Mappings hold only what occurs, in a stable order.

    `licenses` has the key "" for segments that nobody was asked about yet. `reasons` counts rows
    by (outcome, reason), `splits` by (split, outcome). `classes` counts clips by MID,
    `sample_rates` clips by Hz. `seconds` and `bytes` are those of the clips, `channels` the
    channels to credit, `first_checked` and `last_checked` when their licenses were seen.
    `untried` counts the pending rows whose clip nobody tried to make yet.
    """

    segments: int
    outcomes: Mapping[str, int]
    licenses: Mapping[str, int]
    reasons: Mapping[tuple[str, str], int]
    splits: Mapping[tuple[str, str], int]
    classes: Mapping[str, int]
    sample_rates: Mapping[int, int]
    seconds: float
    bytes: int
    channels: int
    first_checked: str
    last_checked: str
    untried: int

    def outcome(self, outcome: Outcome) -> int:
        """Rows with this outcome."""
        return self.outcomes.get(outcome, 0)

    def license(self, license: License) -> int:
        """Rows whose newest answer said so."""
        return self.licenses.get(license, 0)

    @property
    def asked(self) -> int:
        """Segments whose license was asked for."""
        return self.segments - self.licenses.get("", 0)

    @property
    def clips(self) -> int:
        """Clips in the dataset."""
        return self.outcome(Outcome.CLIP)

    @property
    def pending(self) -> int:
        """Segments that are not finished."""
        return self.outcome(Outcome.PENDING)

    @property
    def left(self) -> int:
        """Segments that a further run goes on with: those of unknown license are asked again."""
        return self.pending + self.license(License.UNKNOWN)


def counts_of(kinds: Mapping[RowKind, int], clips: Sequence[ManifestRow]) -> Counts:
    """The sums, from how many rows there are of each kind and from the rows of the clips."""
    outcomes, licenses = Counter[str](), Counter[str]()
    reasons, splits = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    untried = 0
    for (split, license, outcome, reason, tried), number in kinds.items():
        outcomes[outcome] += number
        licenses[license] += number
        reasons[outcome, reason] += number
        splits[split, outcome] += number
        untried += number * (outcome == Outcome.PENDING and not tried)
    # Whole microseconds: a sum of floats would depend on the order of its parts.
    micros = sum(round(float(row.duration_seconds) * 1_000_000) for row in clips)
    return Counts(
        segments=outcomes.total(),
        outcomes=dict(sorted(outcomes.items())),
        # Sorted, so that the card does not change with the order of the rows.
        licenses=dict(sorted(licenses.items())),
        reasons=dict(sorted(reasons.items())),
        splits=dict(sorted(splits.items())),
        classes=dict(sorted(Counter(m for row in clips for m in row.labels.split(",")).items())),
        sample_rates=dict(sorted(Counter(int(row.sample_rate) for row in clips).items())),
        seconds=micros / 1_000_000,
        bytes=sum(int(row.bytes) for row in clips),
        channels=len({row.channel_id for row in clips}),
        first_checked=min((row.license_checked_at for row in clips), default=""),
        last_checked=max((row.license_checked_at for row in clips), default=""),
        untried=untried,
    )
