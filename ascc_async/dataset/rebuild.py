"""Makes the same dataset from a manifest alone: what to fetch again, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from ascc_async.audioset.segments import ID_DTYPE, SegmentTable, offsets
from ascc_async.audioset.selection import ChosenClass, Selection
from ascc_async.dataset.diff import first_of, lost_line
from ascc_async.dataset.eligibility import Credits
from ascc_async.dataset.manifest import manifest_pages, read_manifest
from ascc_async.dataset.tables import SUITABLE_COLUMNS
from ascc_async.dataset.text import counted, restored
from ascc_async.errors import MetadataError
from ascc_async.files import part_of, seal, sha256_of
from ascc_async.media.encoding import CLIP_FORMATS
from ascc_async.model import Outcome, Reason
from ascc_async.settings import ClipsSettings

_RESULTS = ("identical", "different", "lost", "open")
_SUFFIXES = (*CLIP_FORMATS, "mp4")


@dataclass(frozen=True)
class Recipe:
    """What a manifest says of its clips.

    `sha256` is that of the manifest, `rows` its rows of clips, `classes` the chosen ones of that
    time (columns as in `suitable_classes.csv`), `clips` the settings the files were made with.
    """

    sha256: str
    rows: pd.DataFrame
    classes: pd.DataFrame
    clips: ClipsSettings

    def credits(self) -> dict[str, Credits]:
        """Title, channel and its id of every clip, as they were then."""
        columns = (self.rows[name].map(restored) for name in ("title", "channel", "channel_id"))
        return dict(zip(self.rows.segment_id, map(Credits, *columns), strict=True))

    def selection(self) -> Selection:
        """All its clips, to be asked and fetched again: no class choice, no limit, no other row."""
        rows, classes = self.rows, self.classes
        # The chosen classes come first, so that their codes are their positions; a clip's other
        # labels follow, as no label of a segment is ever cut.
        labels = rows.labels.str.split(",")
        names = labels.explode()
        mids = pd.Index(classes.mid).append(pd.Index(names)).unique()
        milliseconds = [
            (seconds.to_numpy(np.float64) * 1000).round().astype(np.int32)
            for seconds in (rows.start_seconds, rows.end_seconds)
        ]
        splits, split_names = pd.factorize(rows.split, sort=True)
        table = SegmentTable(
            ids=rows.video_id.to_numpy().astype(ID_DTYPE),
            start_ms=milliseconds[0],
            end_ms=milliseconds[1],
            split=splits.astype(np.uint8),
            splits=tuple(split_names),
            label_offsets=offsets(np.array([len(each) for each in labels], np.int64)),
            label_codes=mids.get_indexer(pd.Index(names)).astype(np.uint16),
            mids=tuple(mids),
        )
        counts = table.class_counts()
        columns = zip(*(classes[name] for name in SUITABLE_COLUMNS), strict=True)
        chosen = tuple(
            ChosenClass(
                code, index, mid, name, None if isnan(quality) else quality, int(counts[code])
            )
            for code, (index, mid, name, quality) in enumerate(columns)
        )
        return Selection(table, chosen, np.arange(len(rows), dtype=np.int32), 0, None)


def read_recipe(manifest: Path) -> Recipe:
    """Read the rows with outcome `clip`; all rows are checked.

    `suitable_classes.csv` and `run.json` beside the manifest tell the classes and the encoding of
    the clips. Without them, the classes are those the clips hold, named by their MIDs, and the
    encoding is what all clips have in common. Raises MetadataError.
    """
    rows = pd.concat(page[page.outcome == Outcome.CLIP] for page in manifest_pages(manifest))
    if rows.empty:
        raise MetadataError(manifest, None, "holds no clip: nothing to rebuild")
    # AudioSet has one segment a video, and the selection relies on it.
    repeated = rows.video_id[rows.video_id.duplicated()]
    if len(repeated):
        line = int(repeated.index[0]) + 2
        message = f"video {repeated.iloc[0]} again: expected one clip a video"
        raise MetadataError(manifest, line, message)
    rows = rows.reset_index(drop=True)
    mids = sorted(set(rows.labels.str.split(",").explode()))
    classes = chosen_classes(manifest.parent / "suitable_classes.csv", mids)
    return Recipe(sha256_of(manifest), rows, classes, _clips_settings(manifest, rows))


def chosen_classes(path: Path, mids: Sequence[str]) -> pd.DataFrame:
    """`suitable_classes.csv`; without the file these classes, named by their MIDs. Raises
    MetadataError.
    """
    if not path.is_file():
        table = pd.DataFrame({"mid": mids, "display_name": mids, "quality": np.nan})
        return table.rename_axis("index").reset_index()
    kinds = {"index": "int64", "mid": "str", "display_name": "str", "quality": "float64"}
    try:
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values={"quality": [""]})
        if tuple(table) != SUITABLE_COLUMNS:
            raise ValueError(f"expected the columns {', '.join(SUITABLE_COLUMNS)}")
    except (OSError, ValueError) as error:
        message = f"not as ascc_async writes it ({error}): restore it or delete it"
        raise MetadataError(path, None, message) from error
    return table.assign(display_name=table.display_name.map(restored))


def _clips_settings(manifest: Path, rows: pd.DataFrame) -> ClipsSettings:
    """The settings that `run.json` records if the clips agree, else what the clips show."""
    suffixes = sorted(set(rows.path.str.rpartition(".")[2]))
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
    rates, channels = rows.sample_rate.unique(), rows.channels.unique()
    form = {"media": "video"} if suffixes[0] == "mp4" else {"format": suffixes[0]}
    # Where all agree, asking for just that changes nothing if it was so from the start.
    alike = {
        "min_seconds": 0,  # whatever was asked for, these are clips
        "sample_rate": int(rates[0]) if len(rates) == 1 else None,
        "channels": int(channels[0]) if len(channels) == 1 else None,
    }
    try:
        return ClipsSettings.model_validate(form | alike)
    except ValidationError:  # a rate that came with the source and cannot be asked for
        return ClipsSettings.model_validate({**form, "min_seconds": 0})


def compare(recipe: Recipe, manifest: Path) -> pd.DataFrame:
    """The clips of then beside the manifest of now: the rows of `rebuilt.csv`.

    `result` is `identical`, `different` (other bytes), `lost` (with `outcome` and `reason` of
    now) or `open` (not finished yet).
    """
    then = recipe.rows[["segment_id", "sha256"]].rename(columns={"sha256": "sha256_then"})
    columns = ["segment_id", "outcome", "reason", "sha256"]
    now = read_manifest(manifest, columns)
    table = then.merge(now, how="left", on="segment_id").rename(columns={"sha256": "sha256_now"})
    # Where YouTube did not tell the license, later runs ask again.
    untold = table.reason == Reason.LICENSE_UNKNOWN
    is_open = table.outcome.isna() | (table.outcome == Outcome.PENDING) | untold
    is_lost = ~is_open & (table.outcome != Outcome.CLIP)
    is_same = ~is_open & ~is_lost & (table.sha256_now == table.sha256_then)
    results = ["identical", "lost", "open"]
    table["result"] = np.select([is_same, is_lost, is_open], results, "different")
    # Hashes only where they tell something; a clip the run did not come to has no row yet.
    table.loc[is_open, ["outcome", "reason"]] = [Outcome.PENDING, ""]
    table.loc[is_open | is_same, "sha256_then"] = ""
    table.loc[is_open | is_same | is_lost, "sha256_now"] = ""
    return table[["segment_id", "result", "outcome", "reason", "sha256_then", "sha256_now"]]


def as_text(rebuilt: pd.DataFrame) -> str:
    """For a reader: counts, and the first few of what is not as it was."""
    where = "all of them: dataset/rebuilt.csv"
    rows = {result: rebuilt[rebuilt.result == result] for result in _RESULTS}
    counts = {result: counted(len(each), "clip") for result, each in rows.items()}
    lost = rows["lost"][["segment_id", "outcome", "reason"]]
    lines = [
        f"{counts['identical']} rebuilt, byte for byte the same",
        f"{counts['different']} rebuilt, with other bytes",
        *first_of(rows["different"].segment_id.tolist(), where),
        f"{counts['lost']} lost since",
        *first_of([lost_line(*row) for row in lost.to_numpy().tolist()], where),
    ]
    if len(rows["open"]):
        lines.append(f"{counts['open']} not finished: run the same command again")
    return "\n".join(lines) + "\n"


def write_rebuilt(output_dir: Path, rebuilt: pd.DataFrame) -> None:
    """Write the comparison to `output_dir/dataset/rebuilt.csv`. Raises SetupError."""
    path = output_dir / "dataset" / "rebuilt.csv"
    with part_of(path) as part:
        rebuilt.to_csv(part, index=False, encoding="utf-8", lineterminator="\r\n")
        seal(part, path)
