"""`diff A B`: what changed between two manifests, read side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.reading import read_manifest
from ascc_async.dataset.text import counted
from ascc_async.model import Outcome

_SHOWN = 50  # lines of each list in the text; the JSON holds them all


@dataclass(frozen=True, slots=True)
class Lost:
    """A clip of A that is no clip in B. `outcome` is "" where B does not know the segment."""

    segment_id: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class LicenseChange:
    """A segment of both whose license is not the same. "" where it was not asked."""

    segment_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class BytesChange:
    """A clip of both whose file is not the same."""

    segment_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed from A to B. `only_a`, `only_b`: segments, clips or not, of one side only."""

    added: tuple[str, ...]
    lost: tuple[Lost, ...]
    licenses: tuple[LicenseChange, ...]
    bytes: tuple[BytesChange, ...]
    same: int
    only_a: int
    only_b: int

    @property
    def empty(self) -> bool:
        """Whether both hold the same clips, byte for byte, and say the same of every license."""
        return not (self.added or self.lost or self.licenses or self.bytes)


def diff(a: Path, b: Path) -> Changes:
    """Compare two manifest files. Raises MetadataError for what is not a manifest."""
    found = _Found()
    for old, new in _side_by_side(read_manifest(a), read_manifest(b)):
        if old is not None and new is not None:
            found.in_both(old, new)
        elif old is not None:
            found.only_in_a(old)
        elif new is not None:
            found.only_in_b(new)
    return found.changes()


class _Found:
    def __init__(self) -> None:
        self._added: list[str] = []
        self._lost: list[Lost] = []
        self._licenses: list[LicenseChange] = []
        self._bytes: list[BytesChange] = []
        self._same = self._only_a = self._only_b = 0

    def only_in_a(self, row: ManifestRow) -> None:
        self._only_a += 1
        if row.outcome == Outcome.CLIP:
            self._lost.append(Lost(row.segment_id, "", ""))

    def only_in_b(self, row: ManifestRow) -> None:
        self._only_b += 1
        if row.outcome == Outcome.CLIP:
            self._added.append(row.segment_id)

    def in_both(self, old: ManifestRow, new: ManifestRow) -> None:
        if old.license != new.license:
            self._licenses.append(LicenseChange(old.segment_id, old.license, new.license))
        was, now = old.outcome == Outcome.CLIP, new.outcome == Outcome.CLIP
        if was and now:
            self._both_clips(old, new)
        elif was:
            self._lost.append(Lost(old.segment_id, new.outcome, new.reason))
        elif now:
            self._added.append(new.segment_id)

    def _both_clips(self, old: ManifestRow, new: ManifestRow) -> None:
        if old.sha256 == new.sha256:
            self._same += 1
        else:
            self._bytes.append(BytesChange(old.segment_id, old.sha256, new.sha256))

    def changes(self) -> Changes:
        return Changes(
            tuple(self._added), tuple(self._lost), tuple(self._licenses), tuple(self._bytes),
            self._same, self._only_a, self._only_b,
        )  # fmt: skip


def _side_by_side(
    a: Iterator[ManifestRow], b: Iterator[ManifestRow]
) -> Iterator[tuple[ManifestRow | None, ManifestRow | None]]:
    """Rows of two sorted manifests with the same segment, None where one has it not."""
    left, right = next(a, None), next(b, None)
    while left is not None and right is not None:
        if left.segment_id < right.segment_id:
            yield left, None
            left = next(a, None)
        elif right.segment_id < left.segment_id:
            yield None, right
            right = next(b, None)
        else:
            yield left, right
            left, right = next(a, None), next(b, None)
    if left is not None:
        yield from ((row, None) for row in chain((left,), a))
    if right is not None:
        yield from ((None, row) for row in chain((right,), b))


def as_json(changes: Changes) -> str:
    """All of it, one JSON object."""
    return json.dumps({"empty": changes.empty, **asdict(changes)}, indent=2) + "\n"


def as_text(changes: Changes, shown: int = _SHOWN) -> str:
    """For a reader: counts, and the first `shown` of each list."""
    if changes.empty:
        lines = [f"The same: {counted(changes.same, 'clip')}, byte for byte."]
    else:
        lines = [f"The same in both: {counted(changes.same, 'clip')}."]
        lines += _list("added", changes.added, shown)
        lines += _list("lost", map(_lost_line, changes.lost), shown)
        lines += _list("license changed", map(_license_line, changes.licenses), shown)
        lines += _list("bytes changed", map(_bytes_line, changes.bytes), shown)
    for side, number in (("first", changes.only_a), ("second", changes.only_b)):
        if number:
            lines.append(f"Only in the {side} manifest: {counted(number, 'segment')}.")
    return "\n".join(lines) + "\n"


def _list(title: str, items: Iterable[str], shown: int) -> Iterator[str]:
    texts = list(items)
    if texts:
        yield f"{title}: {len(texts):,}"
        yield from (f"  {text}" for text in texts[:shown])
    if len(texts) > shown:
        yield f"  … and {len(texts) - shown:,} more (--json lists all)"


def _lost_line(item: Lost) -> str:
    if not item.outcome:
        return f"{item.segment_id}  not in the second manifest"
    return f"{item.segment_id}  {item.outcome}" + (f" ({item.reason})" if item.reason else "")


def _license_line(item: LicenseChange) -> str:
    return f"{item.segment_id}  {item.before or 'not asked'} → {item.after or 'not asked'}"


def _bytes_line(item: BytesChange) -> str:
    return f"{item.segment_id}  {item.before[:12]} → {item.after[:12]}"
