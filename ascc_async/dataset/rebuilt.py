"""What came of a rebuild: the same bytes, other bytes, or lost since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ascc_async.dataset.files import Publication
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.text import counted
from ascc_async.model import Outcome

REBUILT_COLUMNS = ("segment_id", "result", "outcome", "reason", "sha256_then", "sha256_now")
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Different:
    """A clip that is there again, with another hash."""

    segment_id: str
    sha256_then: str
    sha256_now: str


@dataclass(frozen=True, slots=True)
class LostSince:
    """A clip that could not be had again. `outcome` and `reason` as in the manifest of now."""

    segment_id: str
    sha256_then: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The comparison, each list in the order of the manifest. `open`: not finished yet."""

    identical: tuple[str, ...]
    different: tuple[Different, ...]
    lost: tuple[LostSince, ...]
    open: tuple[str, ...]


def compare(hashes: Mapping[str, str], rows: Iterable[ManifestRow]) -> Rebuilt:
    """Compare the clips of then (SHA-256 by segment id) with the manifest of now."""
    now = {row.segment_id: row for row in rows if row.segment_id in hashes}
    identical, different, lost, unfinished = [], [], [], []
    for segment_id, then in sorted(hashes.items()):
        row = now.get(segment_id)
        if row is None or row.outcome == Outcome.PENDING:
            unfinished.append(segment_id)
        elif row.outcome != Outcome.CLIP:
            lost.append(LostSince(segment_id, then, row.outcome, row.reason))
        elif row.sha256 == then:
            identical.append(segment_id)
        else:
            different.append(Different(segment_id, then, row.sha256))
    return Rebuilt(tuple(identical), tuple(different), tuple(lost), tuple(unfinished))


def as_json(rebuilt: Rebuilt) -> str:
    """All of it, one JSON object."""
    return json.dumps(asdict(rebuilt), indent=2) + "\n"


def as_text(rebuilt: Rebuilt, shown: int = _SHOWN) -> str:
    """For a reader: counts, and the first `shown` of what is not as it was."""
    lines = [
        f"{counted(len(rebuilt.identical), 'clip')} rebuilt, byte for byte the same",
        f"{counted(len(rebuilt.different), 'clip')} rebuilt, with other bytes",
        *_shown((one.segment_id for one in rebuilt.different), shown),
        f"{counted(len(rebuilt.lost), 'clip')} lost since",
        *_shown((_lost_line(one) for one in rebuilt.lost), shown),
    ]
    if rebuilt.open:
        lines.append(
            f"{counted(len(rebuilt.open), 'clip')} not finished: run the same command again"
        )
    return "\n".join(lines) + "\n"


def _shown(items: Iterable[str], shown: int) -> Iterator[str]:
    for place, item in enumerate(items):
        if place == shown:
            yield "  … all of them: dataset/rebuilt.csv"
            return
        yield f"  {item}"


def _lost_line(one: LostSince) -> str:
    return f"{one.segment_id}  {one.outcome}" + (f" ({one.reason})" if one.reason else "")


def write_rebuilt(output_dir: Path, rebuilt: Rebuilt) -> None:
    """Write the whole comparison to `output_dir/dataset/rebuilt.csv`. Raises OSError."""
    with Publication(output_dir / "dataset") as publication:
        with publication.table("rebuilt.csv", REBUILT_COLUMNS) as table:
            for row in sorted(_table_rows(rebuilt)):
                table.writerow(row)
        publication.commit()


def _table_rows(rebuilt: Rebuilt) -> Iterator[tuple[str, str, str, str, str, str]]:
    for segment_id in rebuilt.identical:
        yield segment_id, "identical", Outcome.CLIP, "", "", ""
    for other in rebuilt.different:
        yield (
            other.segment_id, "different", Outcome.CLIP, "", other.sha256_then, other.sha256_now,
        )  # fmt: skip
    for gone in rebuilt.lost:
        yield gone.segment_id, "lost", gone.outcome, gone.reason, gone.sha256_then, ""
    for segment_id in rebuilt.open:
        yield segment_id, "open", Outcome.PENDING, "", "", ""
