"""What the manifest adds up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.model import License, Outcome


class RowKind(NamedTuple):
    """What rows are counted by. `license` is "" where nobody was asked yet; `tried`: somebody
    tried to make the clip.
    """

    split: str
    license: str
    outcome: str
    reason: str
    tried: bool


Kinds = Mapping[RowKind, int]
"""How many rows there are of each kind."""


def total(kinds: Kinds, wanted: Callable[[RowKind], bool] = lambda kind: True) -> int:
    """The rows of all these kinds."""
    return sum(number for kind, number in kinds.items() if wanted(kind))


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over the rows of a manifest: `kinds` over all, the others over the clips.

    `classes` counts clips by MID, `sample_rates` by Hz, in a stable order. `channels` are those to
    credit, `first_checked` and `last_checked` tell when the licenses were seen.
    """

    kinds: Kinds
    classes: Mapping[str, int]
    sample_rates: Mapping[int, int]
    seconds: float
    bytes: int
    channels: int
    first_checked: str
    last_checked: str

    def outcome(self, outcome: Outcome) -> int:
        """Rows with this outcome."""
        return total(self.kinds, lambda kind: kind.outcome == outcome)

    def license(self, license: License) -> int:
        """Rows whose newest answer said so."""
        return total(self.kinds, lambda kind: kind.license == license)

    @property
    def reasons(self) -> Mapping[tuple[str, str], int]:
        """Rows by outcome and reason."""
        reasons = Counter[tuple[str, str]]()
        for kind, number in self.kinds.items():
            reasons[kind.outcome, kind.reason] += number
        # Sorted, so that the card does not change with the order of the rows.
        return dict(sorted(reasons.items()))

    @property
    def segments(self) -> int:
        """All rows."""
        return total(self.kinds)

    @property
    def asked(self) -> int:
        """Segments whose license was asked for."""
        return total(self.kinds, lambda kind: kind.license != "")

    @property
    def clips(self) -> int:
        """Clips in the dataset."""
        return self.outcome(Outcome.CLIP)

    @property
    def left(self) -> int:
        """Segments that a further run goes on with: those of unknown license are asked again."""
        return self.outcome(Outcome.PENDING) + self.license(License.UNKNOWN)

    @property
    def untried(self) -> int:
        """The pending ones whose clip nobody tried to make yet."""
        return total(self.kinds, lambda kind: kind.outcome == Outcome.PENDING and not kind.tried)


def counts_of(kinds: Kinds, clips: Sequence[ManifestRow]) -> Counts:
    """The sums, from how many rows there are of each kind and from the rows of the clips."""
    # Whole microseconds: a sum of floats would depend on the order of its parts.
    micros = sum(round(float(row.duration_seconds) * 1_000_000) for row in clips)
    return Counts(
        kinds,
        classes=dict(sorted(Counter(m for row in clips for m in row.labels.split(",")).items())),
        sample_rates=dict(sorted(Counter(int(row.sample_rate) for row in clips).items())),
        seconds=micros / 1_000_000,
        bytes=sum(int(row.bytes) for row in clips),
        channels=len({row.channel_id for row in clips}),
        first_checked=min((row.license_checked_at for row in clips), default=""),
        last_checked=max((row.license_checked_at for row in clips), default=""),
    )
