"""Read AudioSet's files: all of them, exactly, in seconds; in a moment when they were read before.

A video occurs once in AudioSet. Where a file says otherwise, equal rows count once, and rows that
differ stop the run: nobody can say which is right.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ascc_async.audioset.classes import SoundClass, read_class_names, read_classes
from ascc_async.audioset.metadata_files import (
    CLASS_LIST,
    ONTOLOGY,
    QUALITY_COUNTS,
    RERATED,
    InputFile,
    files_of,
    identify,
    read_text,
)
from ascc_async.audioset.ontology import Ontology, read_ontology
from ascc_async.audioset.segment_files import SplitRows, read_split
from ascc_async.audioset.segments import ID_DTYPE, ID_LENGTH, Rows, SegmentTable, offsets
from ascc_async.errors import MetadataError
from ascc_async.settings import AudiosetSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Catalog:
    """All that AudioSet's files say.

    `classes` are in class list order: a class's position is its code in `segments`.
    `rerated` are the rows whose labels Google's raters checked a second time.
    `warnings` say what is odd about a file that could be read, with file and line.
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
    wanted = files_of(settings.splits)
    paths = {file: path for file in wanted if (path := file.find(folder))}
    missing = [file for file in wanted if file not in paths]
    for file in missing:
        if not file.optional:
            remedy = "let a run download it, or put it there (audioset.metadata_dir)"
            raise MetadataError(folder / file.name, None, f"is missing: {remedy}")
    # First of all: the hashes tell which segments are known from an earlier start, and that every
    # file is text. Hashing lets go of Python's lock, so the files are read side by side.
    with ThreadPoolExecutor(thread_name_prefix="hashes") as pool:
        inputs = dict(zip(paths, pool.map(identify, paths, paths.values()), strict=True))

    warnings: list[str] = []
    names = read_class_names(paths[CLASS_LIST])
    ontology = read_ontology(paths[ONTOLOGY])
    classes = read_classes(names, paths[QUALITY_COUNTS], ontology, warnings)
    codes = {mid: code for code, mid in enumerate(names)}
    segment_files = [inputs[file] for file in paths if file.split]
    splits = [read_split(file, inputs[CLASS_LIST], codes) for file in segment_files]
    for read, split in zip(segment_files, splits, strict=True):
        warnings += [f"{read.path}: {warning}" for warning in split.warnings]
    table = _join(settings.splits, splits, tuple(names))
    table = _without_repeats(table, [read.path for read in segment_files], warnings)
    rerated = np.empty(0, np.int32)
    if RERATED in paths:
        ids = [text.encode() for text in read_text(paths[RERATED]).split()]
        rows = table.rows_of(np.array([i for i in ids if len(i) == ID_LENGTH], ID_DTYPE))
        rerated = np.unique(rows[rows >= 0])
    warnings += [f"optional {file.name} not found; continuing without it" for file in missing]

    for warning in warnings:
        log.warning(warning)
    if other := [read.name for read in inputs.values() if read.altered]:
        log.info(
            "these metadata files are not Google's official version; using them, with their hashes"
            " in run.json",
            extra={"files": ", ".join(other), "folder": str(folder)},
        )
    return Catalog(table, classes, ontology, tuple(inputs.values()), rerated, tuple(warnings))


def _join(names: Sequence[str], splits: list[SplitRows], mids: tuple[str, ...]) -> SegmentTable:
    return SegmentTable(
        ids=np.concatenate([rows.ids for rows in splits]),
        start_ms=np.concatenate([rows.start_ms for rows in splits]),
        end_ms=np.concatenate([rows.end_ms for rows in splits]),
        split=np.repeat(np.arange(len(splits), dtype=np.uint8), [len(rows.ids) for rows in splits]),
        splits=tuple(names),
        label_offsets=offsets(np.concatenate([rows.label_counts for rows in splits])),
        label_codes=np.concatenate([rows.label_codes for rows in splits]),
        mids=mids,
    )


def _without_repeats(
    table: SegmentTable, paths: Sequence[Path], warnings: list[str]
) -> SegmentTable:
    """The table with every video once. Raises `MetadataError` when two rows of one video differ."""
    order, ids = table.by_id, table.ids[table.by_id]  # equal ids lie side by side, earlier first
    repeats = np.flatnonzero(ids[1:] == ids[:-1]) + 1
    if not len(repeats):
        return table
    firsts = np.searchsorted(ids, ids[repeats])
    pairs = sorted(zip(order[repeats].tolist(), order[firsts].tolist(), strict=True))
    for later, earlier in pairs:
        first, second = table.segment(earlier), table.segment(later)
        same_times = (first.start_ms, first.end_ms) == (second.start_ms, second.end_ms)
        if not same_times or set(first.labels) != set(second.labels):
            path, line = _place_of(table, paths, earlier)
            raise MetadataError(
                *_place_of(table, paths, later),
                f"{second.video_id} occurs already in {path.name}:{line} with other"
                f" {'labels' if same_times else 'times'}; a video may occur only once:"
                " delete the wrong row",
            )
    (path, line), (first_path, first_line) = (_place_of(table, paths, row) for row in pairs[0])
    warnings.append(
        f"{path}:{line}: {table.video_id(pairs[0][0])} occurs already in"
        f" {first_path.name}:{first_line}; rows that repeat an earlier one: {len(pairs)}, left out"
    )
    keep = np.ones(len(table), bool)
    keep[order[repeats]] = False
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


def _place_of(table: SegmentTable, paths: Sequence[Path], row: int) -> tuple[Path, int]:
    """File and line of a row: looked up in the file, as the table keeps no line numbers."""
    path, video_id = paths[table.split[row]], table.video_id(row)
    same = np.flatnonzero((table.ids == table.ids[row]) & (table.split == table.split[row]))
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = [n for n, line in enumerate(file, 1) if line.lstrip(' "').startswith(video_id)]
    return path, lines[same.tolist().index(row)]
