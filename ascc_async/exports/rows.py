"""One row per published clip, with all that is known of it: what every export writes out."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import CLASS_LIST, PACKAGED_CLASS_LIST
from ascc_async.dataset.published_clips import attributions, checked_bytes, published_clips
from ascc_async.dataset.text import restored
from ascc_async.errors import MetadataError


class Row(NamedTuple):
    """A clip. Texts are as YouTube has them, without the apostrophe that protects the CSV files.

    `labels` are MIDs in AudioSet's order, `human_labels` their display names and `label_indices`
    their places in AudioSet's class list of 527, in the same order. Times are in seconds.
    """

    segment_id: str
    video_id: str
    split: str
    start_seconds: float
    end_seconds: float
    labels: tuple[str, ...]
    human_labels: tuple[str, ...]
    label_indices: tuple[int, ...]
    path: str
    sha256: str
    bytes: int
    duration_seconds: float
    sample_rate: int
    channels: int
    peak_dbfs: float
    rms_dbfs: float
    silence_share: float
    clipping_share: float
    title: str
    author: str
    channel_id: str
    channel_link: str
    source_link: str
    license: str
    license_link: str
    license_seen_at: str
    changes: str
    evidence: str


def read_clip(output_dir: Path, row: Row) -> bytes:
    """The clip's file. Raises SetupError unless it is the one the manifest names."""
    return checked_bytes(output_dir, row.path, row.sha256)


def pieces(
    rows: Iterable[Row], most_bytes: int, most_rows: int = sys.maxsize
) -> Iterator[list[Row]]:
    """The rows in pieces of at most so many bytes of sound, or one clip, and so many rows."""
    piece: list[Row] = []
    size = 0
    for row in rows:
        if piece and (len(piece) == most_rows or size + row.bytes > most_bytes):
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += row.bytes
    if piece:
        yield piece


@dataclass(frozen=True)
class Published:
    """Rows sorted by segment id; `names`: display names by MID of all classes, in their order."""

    rows: Sequence[Row]
    names: Mapping[str, str]


def read_published(output_dir: Path, metadata_dir: Path) -> Published:
    """Every clip that may be published now. Raises SetupError, MetadataError."""
    clips = published_clips(output_dir)
    # What `rebuild` made, or somebody copied, may have no metadata beside it.
    class_list = CLASS_LIST.find(metadata_dir) or PACKAGED_CLASS_LIST
    names = read_class_names(class_list)
    indices = {mid: index for index, mid in enumerate(names)}
    credited = attributions(output_dir)
    quality = _quality(output_dir / "dataset" / "quality.csv")
    rows = []
    for row in clips:
        mids = tuple(row.labels.split(","))
        if unknown := [mid for mid in mids if mid not in indices]:
            problem = f"lacks {', '.join(unknown)}, a label of {row.segment_id}"
            problem += ": it is not the class list that the clips were chosen with"
            raise MetadataError(class_list, None, problem)
        try:
            credit, levels = credited[row.segment_id], quality[row.segment_id]
        except KeyError as error:
            raise MetadataError(
                output_dir / "dataset",
                None,
                f"ATTRIBUTION.csv or quality.csv lacks {row.segment_id}, which the manifest names:"
                " `python -m ascc_async run` writes all of them again",
            ) from error
        rows.append(
            Row(
                row.segment_id, row.video_id, row.split, float(row.start_seconds),
                float(row.end_seconds), mids, tuple(names[mid] for mid in mids),
                tuple(indices[mid] for mid in mids), row.path, row.sha256, int(row.bytes),
                float(row.duration_seconds), int(row.sample_rate), int(row.channels), *levels,
                restored(credit.title), restored(credit.author), restored(row.channel_id),
                credit.channel_link, credit.source_link, credit.license, credit.license_link,
                credit.license_seen_at, restored(credit.changes),
                row.evidence,
            )
        )  # fmt: skip
    return Published(rows, names)


def _quality(path: Path) -> dict[str, tuple[float, float, float, float]]:
    """Peak, RMS, silence and clipping by segment id. Raises MetadataError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {
                line["segment_id"]: (
                    float(line["peak_dbfs"]), float(line["rms_dbfs"]),
                    float(line["silence_share"]), float(line["clipping_share"]),
                )
                for line in csv.DictReader(file, strict=True)
            }  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        message = "cannot be read: `python -m ascc_async run` writes it again"
        raise MetadataError(path, None, message) from error
