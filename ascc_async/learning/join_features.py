"""Google's features beside the clips: `exports/vggish/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.published_clips import EXPORTS_FOLDER, write_credits_of
from ascc_async.dataset.tables import read_rows, write_table
from ascc_async.files import held, remove_files, remove_leftovers, replacing
from ascc_async.learning.feature_files import put_array
from ascc_async.learning.google_features import read_features
from ascc_async.learning.sequence_example import SegmentFeatures

FOLDER = "vggish"
INDEX, DIFFERING = "index.csv", "differing.csv"
JOIN_ALL = "delete its folder, and join all of Google's files again"
_CHANGES = "described by 128 numbers a second, Google's VGGish features of AudioSet (CC BY 4.0)"


class JoinedRow(NamedTuple):
    """A row of `index.csv`."""

    segment_id: str
    path: str
    sha256: str
    seconds: str


class Differing(NamedTuple):
    """A row of `differing.csv`: the record's labels are not those of the CSV, or it ends early."""

    segment_id: str
    seconds: str
    labels_csv: str
    labels_record: str


@dataclass(frozen=True, slots=True)
class FeaturesSummary:
    """Of this call: records read, clips found in them, records of their videos with another start.

    Of the folder: clips in it, and those that differ.
    """

    folder: Path
    records: int
    found: int
    other_start: int
    joined: int
    differing: int


def join_features(
    output_dir: Path,
    rows: Sequence[ManifestRow],
    paths: Sequence[Path],
    mids: Sequence[str],
    on_records: Callable[[int], object] = lambda records: None,
) -> FeaturesSummary:
    """Write the features of these clips, beside those that earlier calls found in other files.

    `mids`: the class list, which the records' labels count in. Nothing is written before all was
    read. Raises MetadataError for a damaged record.
    """
    folder = output_dir / EXPORTS_FOLDER / FOLDER
    clips = {row.segment_id: row for row in rows}
    wanted = {row.video_id.encode() for row in rows}
    found: dict[str, SegmentFeatures] = {}
    records = other_start = 0

    def count(number: int) -> None:
        nonlocal records
        records += number
        on_records(records)

    for path in paths:
        for features in read_features(path, wanted, count):
            segment_id = f"{features.video_id}_{features.start_ms}"
            if segment_id in clips:
                found[segment_id] = features
            else:
                other_start += 1

    with held(folder):
        index, differing = _earlier(folder, clips.keys() - found.keys())
        for segment_id, features in found.items():
            name = f"{segment_id[:2]}/{segment_id}.npy"
            sha256 = put_array(folder / name, features.embeddings)
            seconds = str(len(features.embeddings))
            index[segment_id] = JoinedRow(segment_id, name, sha256, seconds)
            labels = tuple(
                mids[code] if code < len(mids) else str(code) for code in features.labels
            )
            if row := _difference(clips[segment_id], features, labels):
                differing[segment_id] = row
        with replacing(folder / DIFFERING) as part:
            write_table(part, Differing._fields, (differing[key] for key in sorted(differing)))
        joined = [row for row in rows if row.segment_id in index]
        write_credits_of(folder, output_dir, joined, _CHANGES)
        with replacing(folder / INDEX) as part:
            write_table(part, JoinedRow._fields, (index[row.segment_id] for row in joined))
        named = {folder / row.path for row in index.values()}
        remove_files(path for path in folder.glob("??/*") if path not in named)
        remove_leftovers(folder)
    return FeaturesSummary(folder, records, len(found), other_start, len(index), len(differing))


def _earlier(folder: Path, segments: Set[str]) -> tuple[dict[str, JoinedRow], dict[str, Differing]]:
    """What earlier calls wrote of these segments. Raises SetupError where that is damaged."""
    if not (folder / INDEX).exists():  # it is written last
        return {}, {}
    index = {
        row.segment_id: row
        for row in read_rows(folder / INDEX, JoinedRow, JOIN_ALL)
        if row.segment_id in segments and (folder / row.path).is_file()
    }
    differing = read_rows(folder / DIFFERING, Differing, JOIN_ALL)
    return index, {row.segment_id: row for row in differing if row.segment_id in index}


def _difference(
    row: ManifestRow, features: SegmentFeatures, labels: Sequence[str]
) -> Differing | None:
    seconds = len(features.embeddings)
    ends_early = seconds < int(float(row.end_seconds) - float(row.start_seconds))
    if not ends_early and set(labels) == set(row.labels.split(",")):
        return None
    return Differing(row.segment_id, str(seconds), row.labels, ",".join(labels))
