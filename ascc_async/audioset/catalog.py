"""Read AudioSet's files: all of it, exactly, in seconds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ascc_async.audioset.arrays import ID_DTYPE, Bools, Ids, Rows, offsets
from ascc_async.audioset.class_list import (
    SoundClass,
    join_classes,
    read_class_names,
    read_quality_counts,
)
from ascc_async.audioset.duplicates import repeated_rows
from ascc_async.audioset.inputs import (
    CLASS_LIST,
    ONTOLOGY,
    QUALITY_COUNTS,
    RERATED,
    InputFile,
    find,
    find_needed,
    identify,
    needed,
    split_file,
)
from ascc_async.audioset.label_codes import LabelCodes
from ascc_async.audioset.ontology import Ontology, read_ontology
from ascc_async.audioset.opening import AGAIN, blocks
from ascc_async.audioset.segments import SplitRows, read_segment_file
from ascc_async.audioset.table import SegmentTable
from ascc_async.errors import MetadataError
from ascc_async.settings import AudiosetSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Catalog:
    """All that AudioSet's files say.

    `classes` are in class list order: a class's place is its code in `segments`.
    `rerated` are the rows whose labels Google's raters checked a second time.
    `warnings` say what was read although it is not as it should be, with file and line.
    """

    segments: SegmentTable
    classes: tuple[SoundClass, ...]
    ontology: Ontology
    inputs: tuple[InputFile, ...]
    rerated: Rows
    warnings: tuple[str, ...]


def read_catalog(settings: AudiosetSettings) -> Catalog:
    """Read the chosen splits, the class list, the raters' counts and the ontology.

    Raises `MetadataError`, with file and line, for what is missing or cannot be read safely.
    """
    folder = settings.metadata_dir
    paths = {name: find_needed(folder, name) for name in needed(settings.splits)}
    optional = find(folder, RERATED)
    if optional is not None:
        paths[RERATED] = optional
    with ThreadPoolExecutor(1, thread_name_prefix="hashes") as pool:
        identities = {name: pool.submit(identify, name, path) for name, path in paths.items()}
        catalog = _read(settings, paths, identities)
    _log(catalog)
    return catalog


def _read(
    settings: AudiosetSettings, paths: dict[str, Path], identities: dict[str, Future[InputFile]]
) -> Catalog:
    warnings: list[str] = []
    names = read_class_names(paths[CLASS_LIST], warnings)
    counts = read_quality_counts(paths[QUALITY_COUNTS], names, warnings)
    ontology = read_ontology(paths[ONTOLOGY], warnings)
    classes = join_classes(names, counts, ontology, warnings)
    labels = LabelCodes(tuple(names))
    splits = [read_segment_file(paths[split_file(split)], labels) for split in settings.splits]
    inputs = tuple(identity.result() for identity in identities.values())
    official = {file.name for file in inputs if file.official}
    for split, rows in zip(settings.splits, splits, strict=True):
        warnings += rows.warnings
        _check_counts(rows, split_file(split) in official, warnings)
    table = _table(settings.splits, splits, tuple(names), warnings)
    rerated = _rerated(paths.get(RERATED), table, warnings)
    return Catalog(table, classes, ontology, inputs, rerated, tuple(warnings))


def _check_counts(rows: SplitRows, official: bool, warnings: list[str]) -> None:
    """Compare with what the header promises.

    Fewer rows are there for a reason, or a copy was cut short: what is there can be read safely,
    and it is said. (A download that falls short is refused before it gets here.) Fewer labels in
    all the rows were lost by some other program: that cannot be read safely.
    """
    read = {"segs": len(rows), "positive_labels": int(rows.counts.sum()) + rows.repeated}
    for name, count in read.items():
        stated = rows.stated.get(name, count)
        if count == stated or official:
            continue
        words = f"the header promises num_{name}={stated}, the file holds {count}"
        if name == "positive_labels" and count < stated:
            raise MetadataError(rows.path, None, f"{words}: labels were lost; {AGAIN}")
        short = f" (cut short? if not on purpose, {AGAIN})" if count < stated else ""
        warnings.append(f"{rows.path}: {words}{short}: read all the same")
        return


def _table(
    names: Sequence[str], splits: list[SplitRows], mids: tuple[str, ...], warnings: list[str]
) -> SegmentTable:
    paths = [rows.path for rows in splits]
    table = SegmentTable(
        ids=np.concatenate([rows.ids for rows in splits]),
        start_ms=np.concatenate([rows.start_ms for rows in splits]),
        end_ms=np.concatenate([rows.end_ms for rows in splits]),
        split=np.repeat(np.arange(len(splits), dtype=np.uint8), [len(rows) for rows in splits]),
        splits=tuple(names),
        label_offsets=offsets(np.concatenate([rows.counts for rows in splits])),
        label_codes=np.concatenate([rows.codes for rows in splits]),
        mids=mids,
    )
    splits.clear()
    again = repeated_rows(table, paths, warnings)
    return table if again is None else _without(table, again)


def _without(table: SegmentTable, again: Bools) -> SegmentTable:
    keep = ~again
    counts = table.label_counts()
    return replace(
        table,
        ids=table.ids[keep],
        start_ms=table.start_ms[keep],
        end_ms=table.end_ms[keep],
        split=table.split[keep],
        label_offsets=offsets(counts[keep]),
        label_codes=table.label_codes[np.repeat(keep, counts)],
    )


def _rerated(path: Path | None, table: SegmentTable, warnings: list[str]) -> Rows:
    if path is None:
        warnings.append(f"{RERATED} is not there: no segment counts as rated twice")
        return np.empty(0, np.int32)
    notes: list[str] = []
    ids = _ids(b"".join(blocks(path, notes)).split())
    warnings += [f"{path}: {note}: read all the same" for note in notes]
    rows = table.rows_of(ids)
    return np.unique(rows[rows >= 0])


def _ids(words: list[bytes]) -> Ids:
    return np.array([word for word in words if len(word) == ID_DTYPE.itemsize], ID_DTYPE)


def _log(catalog: Catalog) -> None:
    for warning in catalog.warnings:
        log.warning("metadata is not as it should be", extra={"what": warning})
    other = [file for file in catalog.inputs if not file.official and file.name != RERATED]
    if other:
        log.info(
            "metadata is not the official version: used all the same, its hashes are in run.json",
            extra={
                "files": ", ".join(file.name for file in other),
                "folder": str(other[0].path.parent),
            },
        )
