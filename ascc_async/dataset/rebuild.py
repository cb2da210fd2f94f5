"""Makes the same dataset from a manifest alone: what to fetch again, and what came of it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from ascc_async.audioset.segments import ID_DTYPE, SegmentTable, offsets
from ascc_async.audioset.selection import ChosenClass, Selection
from ascc_async.dataset.diff import first_of, lost_line
from ascc_async.dataset.eligibility import Credits
from ascc_async.dataset.manifest import ManifestRow, as_rows, clips_in, manifest_pages
from ascc_async.dataset.tables import SUITABLE_COLUMNS, write_table
from ascc_async.dataset.text import counted, restored
from ascc_async.errors import MetadataError
from ascc_async.files import replacing, sha256_of
from ascc_async.media.encoding import CLIP_FORMATS
from ascc_async.model import Outcome, Reason
from ascc_async.settings import ClipsSettings

_SUFFIXES = (*CLIP_FORMATS, "mp4")


@dataclass(frozen=True)
class Recipe:
    """What a manifest says of its clips.

    `sha256` is that of the manifest, `rows` its rows of clips, `classes` the chosen ones of that
    time, `clips` the settings the files were made with.
    """

    sha256: str
    rows: Sequence[ManifestRow]
    classes: tuple[ChosenClass, ...]
    clips: ClipsSettings

    def credits(self) -> dict[str, Credits]:
        """Title, channel and its id of every clip, as they were then."""
        return {
            row.segment_id: Credits(*map(restored, (row.title, row.channel, row.channel_id)))
            for row in self.rows
        }

    def selection(self) -> Selection:
        """All its clips, to be asked and fetched again: no class choice, no limit, no other row."""
        rows = self.rows
        labels = [row.labels.split(",") for row in rows]
        # The chosen classes come first; a clip's other labels follow, as no label of a segment is
        # ever cut.
        mids = dict.fromkeys([*(item.mid for item in self.classes), *chain.from_iterable(labels)])
        codes = {mid: code for code, mid in enumerate(mids)}
        splits = sorted({row.split for row in rows})
        table = SegmentTable(
            ids=np.array([row.video_id for row in rows], ID_DTYPE),
            start_ms=np.array([round(float(row.start_seconds) * 1000) for row in rows], np.int32),
            end_ms=np.array([round(float(row.end_seconds) * 1000) for row in rows], np.int32),
            split=np.array([splits.index(row.split) for row in rows], np.uint8),
            splits=tuple(splits),
            label_offsets=offsets(np.array([len(each) for each in labels], np.int64)),
            label_codes=np.array([codes[mid] for each in labels for mid in each], np.uint16),
            mids=tuple(mids),
        )
        return Selection(table, self.classes, np.arange(len(rows), dtype=np.int32), 0, None)


def read_recipe(manifest: Path) -> Recipe:
    """Read the rows with outcome `clip`; all rows are checked.

    `suitable_classes.csv` and `run.json` beside the manifest tell the classes and the encoding of
    the clips. Without them, the classes are those the clips hold, named by their MIDs, and the
    encoding is what all clips have in common. Raises MetadataError.
    """
    rows = clips_in(manifest)
    if not rows:
        raise MetadataError(manifest, None, "holds no clip: nothing to rebuild")
    mids = sorted({mid for row in rows for mid in row.labels.split(",")})
    classes = chosen_classes(manifest.parent / "suitable_classes.csv", mids)
    return Recipe(sha256_of(manifest), rows, tuple(classes), _clips_settings(manifest, rows))


def chosen_classes(path: Path, mids: Sequence[str]) -> list[ChosenClass]:
    """`suitable_classes.csv`; without the file these classes, named by their MIDs. Raises
    MetadataError.
    """
    if not path.is_file():
        return [ChosenClass(index, mid, mid, None) for index, mid in enumerate(mids)]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            heading, *rows = filter(None, csv.reader(file, strict=True))
        if tuple(heading) != SUITABLE_COLUMNS:
            raise ValueError(f"expected the columns {', '.join(SUITABLE_COLUMNS)}")
        return [
            ChosenClass(int(index), mid, restored(name), float(quality) if quality else None)
            for index, mid, name, quality in rows
        ]
    except (OSError, ValueError, csv.Error) as error:
        message = f"not as ascc_async writes it ({error}): restore it or delete it"
        raise MetadataError(path, None, message) from error


def _clips_settings(manifest: Path, rows: Sequence[ManifestRow]) -> ClipsSettings:
    """The settings that `run.json` records if the clips agree, else what the clips show."""
    suffixes = sorted({row.path.rpartition(".")[2] for row in rows})
    if len(suffixes) > 1 or suffixes[0] not in _SUFFIXES:
        message = f"its clips are {', '.join(suffixes)}: expected one of {', '.join(_SUFFIXES)}"
        raise MetadataError(manifest, None, message)
    path = manifest.parent / "run.json"
    if path.is_file():
        try:
            record = json.loads(path.read_text("utf-8"))
            # Before there were a least length and tags, any piece was a clip, and no clip had tags.
            clips = {"min_seconds": 0, "tags": False, **record["settings"]["clips"]}
            recorded = ClipsSettings.model_validate(clips)
        except (OSError, ValueError, TypeError, KeyError) as error:
            kind = type(error).__name__
            message = f"not as ascc_async writes it ({kind}): restore it or delete it"
            raise MetadataError(path, None, message) from error
        if ("mp4" if recorded.media == "video" else recorded.format) == suffixes[0]:
            return recorded
    rates, channels = {row.sample_rate for row in rows}, {row.channels for row in rows}
    form = {"media": "video"} if suffixes[0] == "mp4" else {"format": suffixes[0]}
    # Where all agree, asking for just that changes nothing if it was so from the start.
    alike = {
        "min_seconds": 0,  # whatever was asked for, these are clips
        "sample_rate": int(*rates) if len(rates) == 1 else None,
        "channels": int(*channels) if len(channels) == 1 else None,
    }
    try:
        return ClipsSettings.model_validate(form | alike)
    except ValidationError:  # a rate that came with the source and cannot be asked for
        return ClipsSettings.model_validate({**form, "min_seconds": 0})


class Rebuilt(NamedTuple):
    """A clip of then beside the manifest of now: a row of `rebuilt.csv`.

    `result` is `identical`, `different` (other bytes), `lost` (with `outcome` and `reason` of
    now) or `open` (not finished yet). Hashes stand only where they tell something.
    """

    segment_id: str
    result: str
    outcome: str
    reason: str
    sha256_then: str = ""
    sha256_now: str = ""


def compare(recipe: Recipe, manifest: Path) -> list[Rebuilt]:
    """What became of each clip."""
    now = {row.segment_id: row for page in manifest_pages(manifest) for row in as_rows(page)}
    rebuilt = []
    for then in recipe.rows:
        row, name = now.get(then.segment_id), then.segment_id
        # A clip the run did not come to has no row yet; where YouTube did not tell the license,
        # later runs ask again.
        if not row or row.outcome == Outcome.PENDING or row.reason == Reason.LICENSE_UNKNOWN:
            result = Rebuilt(name, "open", Outcome.PENDING, "")
        elif row.outcome != Outcome.CLIP:
            result = Rebuilt(name, "lost", row.outcome, row.reason, then.sha256)
        elif row.sha256 != then.sha256:
            result = Rebuilt(name, "different", row.outcome, "", then.sha256, row.sha256)
        else:
            result = Rebuilt(name, "identical", row.outcome, "")
        rebuilt.append(result)
    return rebuilt


def as_text(rebuilt: Sequence[Rebuilt]) -> str:
    """For a reader: counts, and the first few of what is not as it was."""
    where = "all of them: dataset/rebuilt.csv"
    counts = Counter(row.result for row in rebuilt)
    different = [row.segment_id for row in rebuilt if row.result == "different"]
    lost = [
        lost_line(row.segment_id, row.outcome, row.reason)
        for row in rebuilt
        if row.result == "lost"
    ]
    lines = [
        f"{counted(counts['identical'], 'clip')} rebuilt, byte for byte the same",
        f"{counted(len(different), 'clip')} rebuilt, with other bytes",
        *first_of(different, where),
        f"{counted(len(lost), 'clip')} lost since",
        *first_of(lost, where),
    ]
    if counts["open"]:
        lines.append(f"{counted(counts['open'], 'clip')} not finished: run the same command again")
    return "\n".join(lines) + "\n"


def write_rebuilt(output_dir: Path, rebuilt: Sequence[Rebuilt]) -> None:
    """Write the comparison to `output_dir/dataset/rebuilt.csv`. Raises SetupError."""
    path = output_dir / "dataset" / "rebuilt.csv"
    with replacing(path) as part:
        write_table(part, Rebuilt._fields, rebuilt)
