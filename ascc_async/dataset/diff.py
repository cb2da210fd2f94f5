"""`diff A B`: what changed between two manifests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ascc_async.dataset.manifest import manifest_pages
from ascc_async.dataset.text import counted
from ascc_async.model import Outcome

if TYPE_CHECKING:
    import pandas as pd

# Nothing that changes without a reason for a reader, such as titles, times and attempts.
_COMPARED = ["segment_id", "license", "outcome", "reason", "sha256"]
_SHOWN = 50  # lines of each list in the text; a file or the JSON holds them all

Records = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class ManifestChanges:
    """What changed from A to B, each list in the order of the segment ids.

    `added`: segments that are a clip in B only. `lost`: clips of A that are none in B, with
    `outcome` and `reason` there ("" where B does not know the segment). `licenses`, `bytes`:
    segments of both whose license is not the same ("" where it was not asked), and clips of both
    whose SHA-256 is not, with `before` and `after`. `same`: clips of both, byte for byte.
    `only_a`, `only_b`: segments, clips or not, of one side only.
    """

    added: list[str]
    lost: Records
    licenses: Records
    bytes: Records
    same: int
    only_a: int
    only_b: int

    @property
    def empty(self) -> bool:
        """Whether both hold the same clips, byte for byte, and say the same of every license."""
        return not (self.added or self.lost or self.licenses or self.bytes)


def diff(a: Path, b: Path) -> ManifestChanges:
    """Compare two manifest files. Raises MetadataError for what is not a manifest."""
    import pandas as pd  # a third of a second, and `rebuild` takes its texts from here

    # An outer join sorts by the segment id, and has "" where one side lacks the segment.
    sides = [
        pd.concat(page[_COMPARED] for page in manifest_pages(manifest))
        .set_index("segment_id")
        .add_suffix(suffix)
        for manifest, suffix in ((a, "_a"), (b, "_b"))
    ]
    both = sides[0].join(sides[1], how="outer").fillna("")
    in_both = (both.outcome_a != "") & (both.outcome_b != "")
    clip_a, clip_b = both.outcome_a == Outcome.CLIP, both.outcome_b == Outcome.CLIP
    # By hash, not by settings or source: the same bytes are the same clip, however they were made.
    same_bytes = both.sha256_a == both.sha256_b
    return ManifestChanges(
        added=both.index[clip_b & ~clip_a].tolist(),
        lost=_records(both[clip_a & ~clip_b], outcome="outcome_b", reason="reason_b"),
        licenses=_records(
            both[in_both & (both.license_a != both.license_b)],
            before="license_a", after="license_b",
        ),
        bytes=_records(both[clip_a & clip_b & ~same_bytes], before="sha256_a", after="sha256_b"),
        same=int((clip_a & clip_b & same_bytes).sum()),
        only_a=int((both.outcome_b == "").sum()),
        only_b=int((both.outcome_a == "").sum()),
    )  # fmt: skip


def _records(rows: pd.DataFrame, **columns: str) -> Records:
    """The rows' segment ids and some columns, under new names."""
    values = zip(rows.index, *(rows[column] for column in columns.values()), strict=True)
    return [dict(zip(("segment_id", *columns), each, strict=True)) for each in values]


def as_text(changes: ManifestChanges) -> str:
    """For a reader: counts, and the first lines of each list."""
    if changes.empty:
        lines = [f"The same: {counted(changes.same, 'clip')}, byte for byte."]
    else:
        lines = [f"The same in both: {counted(changes.same, 'clip')}."]
    lists = {
        "added": changes.added,
        "lost": [lost_line(**row) for row in changes.lost],
        "license changed": [
            f"{row['segment_id']}  {row['before'] or 'not asked'} → {row['after'] or 'not asked'}"
            for row in changes.licenses
        ],
        "bytes changed": [
            f"{row['segment_id']}  {row['before'][:12]} → {row['after'][:12]}"
            for row in changes.bytes
        ],
    }
    for title, texts in lists.items():
        if texts:
            lines += [f"{title}: {len(texts):,}", *first_of(texts, "--json lists all")]
    for side, number in (("first", changes.only_a), ("second", changes.only_b)):
        if number:
            lines.append(f"Only in the {side} manifest: {counted(number, 'segment')}.")
    return "\n".join(lines) + "\n"


def lost_line(segment_id: str, outcome: str, reason: str) -> str:
    """A clip that is lost and what became of it: `abcdefghijk_30000  unavailable (removed)`."""
    if not outcome:
        return f"{segment_id}  not in the second manifest"
    return f"{segment_id}  {outcome}" + (f" ({reason})" if reason else "")


def first_of(texts: Sequence[str], where: str) -> list[str]:
    """The first lines of a list, indented, and how many more there are."""
    lines = [f"  {text}" for text in texts[:_SHOWN]]
    if len(texts) > _SHOWN:
        lines.append(f"  … and {len(texts) - _SHOWN:,} more ({where})")
    return lines
