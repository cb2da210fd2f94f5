"""What the manifest adds up to: the only place where its rows are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.reading import read_manifest
from ascc_async.model import License, Outcome

_Kind = tuple[str, str, str, str]  # split, license, outcome, reason
_Key = TypeVar("_Key", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over the rows of a manifest. Mappings hold only what occurs, in a stable order.

    `licenses` has the key "" for segments that nobody was asked about yet. `reasons` counts rows
    by (outcome, reason), `splits` by (split, outcome). `classes` counts clips by MID,
    `sample_rates` clips by Hz. `seconds` and `bytes` are those of the clips, `channels` the
    channels to credit, `first_checked` and `last_checked` when their licenses were seen.
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
        """Segments that a further run would go on with."""
        return self.outcome(Outcome.PENDING)


class Tally:
    """Adds up rows one by one; `counts()` at any time."""

    def __init__(self) -> None:
        self._kinds: dict[_Kind, int] = {}
        self._classes: Counter[str] = Counter()
        self._rates: Counter[int] = Counter()
        self._people: set[str] = set()
        self._micros = 0
        self._bytes = 0
        self._checked = ("", "")

    def add(self, row: ManifestRow) -> None:
        """Count one row."""
        kind = (row.split, row.license, row.outcome, row.reason)
        self._kinds[kind] = self._kinds.get(kind, 0) + 1  # twice as fast as a Counter
        if row.outcome == Outcome.CLIP:
            self._add_clip(row)

    def _add_clip(self, row: ManifestRow) -> None:
        self._classes.update(row.mids)
        self._rates[int(row.sample_rate)] += 1
        self._people.add(row.channel_id)
        # Whole microseconds: the sum does not depend on the order of its parts.
        self._micros += round(float(row.duration_seconds) * 1_000_000)
        self._bytes += int(row.bytes)
        first, last = self._checked
        at = row.license_checked_at
        self._checked = (min(first or at, at), max(last, at))

    def counts(self) -> Counts:
        """What was added so far."""
        kinds = self._kinds
        first, last = self._checked
        return Counts(
            segments=sum(kinds.values()),
            outcomes=_by(kinds, lambda split, license, outcome, reason: outcome),
            licenses=_by(kinds, lambda split, license, outcome, reason: license),
            reasons=_by(kinds, lambda split, license, outcome, reason: (outcome, reason)),
            splits=_by(kinds, lambda split, license, outcome, reason: (split, outcome)),
            classes=dict(sorted(self._classes.items())),
            sample_rates=dict(sorted(self._rates.items())),
            seconds=self._micros / 1_000_000,
            bytes=self._bytes,
            channels=len(self._people),
            first_checked=first,
            last_checked=last,
        )


def _by(kinds: dict[_Kind, int], key: Callable[[str, str, str, str], _Key]) -> dict[_Key, int]:
    sums: Counter[_Key] = Counter()
    for kind, number in kinds.items():
        sums[key(*kind)] += number
    return {name: sums[name] for name in sorted(sums)}


def tally(rows: Iterable[ManifestRow]) -> Counts:
    """The sums over some rows."""
    running = Tally()
    for row in rows:
        running.add(row)
    return running.counts()


def summary(manifest: Path) -> Counts:
    """The sums over a manifest file. Raises MetadataError with the line that is not right."""
    return tally(read_manifest(manifest))
