"""Makes the same dataset from a manifest alone: what to fetch again, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from ascc_async.audioset.selection import ChosenClass, Selection
from ascc_async.dataset.check import sha256_of
from ascc_async.dataset.labels import read_suitable_classes
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.reading import numbered_rows
from ascc_async.dataset.roster import DatasetClass, segment_table
from ascc_async.errors import MetadataError
from ascc_async.model import Outcome, Segment
from ascc_async.settings import ClipsSettings

_FORMATS = ("flac", "wav", "opus", "m4a", "mp3")


@dataclass(frozen=True)
class Recipe:
    """What a manifest says of its clips.

    `hashes` are their SHA-256 by segment id, `classes` the chosen ones of that time, `clips` the
    settings the files were made with, `sha256` that of the manifest.
    """

    path: Path
    sha256: str
    segments: tuple[Segment, ...]
    hashes: Mapping[str, str]
    classes: tuple[DatasetClass, ...]
    clips: ClipsSettings

    def selection(self) -> Selection:
        """All its clips, to be asked and fetched again: no class choice, no limit, no other row."""
        return _selection(self.segments, self.classes)


def read_recipe(manifest: Path, names: Mapping[str, str] | None = None) -> Recipe:
    """Read the rows with outcome `clip`; all rows are checked.

    `suitable_classes.csv` and `run.json` beside the manifest tell the classes and the form of the
    clips. Without them, the classes are those the clips hold (called by `names`, MID -> display
    name, else by their MID), and the form is what all clips have in common. Raises MetadataError.
    """
    rows: list[ManifestRow] = []
    for line, row in numbered_rows(manifest):
        if row.outcome == Outcome.CLIP:
            if rows and rows[-1].video_id == row.video_id:
                raise MetadataError(manifest, line, f"a second segment of video {row.video_id}")
            rows.append(row)
    if not rows:
        raise MetadataError(manifest, None, "no clip in it: nothing to rebuild")
    return Recipe(
        manifest,
        sha256_of(manifest),
        tuple(map(_segment, rows)),
        {row.segment_id: row.sha256 for row in rows},
        _classes(manifest.parent / "suitable_classes.csv", rows, names or {}),
        _clips_settings(manifest, rows),
    )


def _segment(row: ManifestRow) -> Segment:
    return Segment(row.video_id, row.start_ms, row.end_ms, row.split, row.mids)


def _classes(
    beside: Path, rows: Iterable[ManifestRow], names: Mapping[str, str]
) -> tuple[DatasetClass, ...]:
    if beside.is_file():
        return read_suitable_classes(beside)
    held = {mid for row in rows for mid in row.mids}
    known = [mid for mid in names if mid in held] + sorted(held - set(names))
    return tuple(
        DatasetClass(index, mid, names.get(mid, mid), None) for index, mid in enumerate(known)
    )


def _clips_settings(manifest: Path, rows: list[ManifestRow]) -> ClipsSettings:
    suffixes = sorted({row.path.rpartition(".")[2] for row in rows})
    if len(suffixes) > 1 or suffixes[0] not in (*_FORMATS, "mp4"):
        raise MetadataError(manifest, None, f"clips in {', '.join(suffixes)}: expected one format")
    told = _told_settings(manifest.parent / "run.json")
    if told is not None and _suffix(told) == suffixes[0]:
        return told
    rates, channels = {row.sample_rate for row in rows}, {row.channels for row in rows}
    form = {"media": "video"} if suffixes[0] == "mp4" else {"format": suffixes[0]}
    # Where all agree, asking for just that changes nothing if it was so from the start.
    alike = {
        "sample_rate": int(rates.pop()) if len(rates) == 1 else None,
        "channels": int(channels.pop()) if len(channels) == 1 else None,
    }
    try:
        return ClipsSettings.model_validate(form | alike)
    except ValidationError:
        return ClipsSettings.model_validate(form)


def _suffix(clips: ClipsSettings) -> str:
    return "mp4" if clips.media == "video" else clips.format


def _told_settings(path: Path) -> ClipsSettings | None:
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        return ClipsSettings.model_validate(record["settings"]["clips"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise MetadataError(
            path, None, f"not a run.json of ours ({type(error).__name__}): mend it or take it away"
        ) from None


def _selection(segments: tuple[Segment, ...], classes: tuple[DatasetClass, ...]) -> Selection:
    table = segment_table(segments, [item.mid for item in classes])
    counts = table.class_counts()
    chosen = tuple(
        ChosenClass(code, code, item.index, item.mid, item.name, item.quality, int(counts[code]))
        for code, item in enumerate(classes)
    )
    rows = np.arange(len(segments), dtype=np.int32)
    return Selection(table, (), chosen, rows, 0, None)
