"""Read AudioSet's files: all of them, exactly, in seconds; at once when they were read before."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ascc_async.audioset.classes import SoundClass, read_class_names, read_classes
from ascc_async.audioset.metadata_files import (
    CLASS_LIST,
    ONTOLOGY,
    QUALITY_COUNTS,
    InputFile,
    files_of,
    identify,
)
from ascc_async.audioset.ontology import Ontology, read_ontology
from ascc_async.audioset.segment_files import read_split
from ascc_async.audioset.segments import SegmentTable, offsets
from ascc_async.errors import MetadataError
from ascc_async.settings import AudiosetSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Catalog:
    """All that AudioSet's files say.

    `classes` are in class list order: a class's position is its code in `segments`.
    `warnings` say what is odd about a file that could be read, with file and line.
    """

    segments: SegmentTable
    classes: tuple[SoundClass, ...]
    ontology: Ontology
    inputs: tuple[InputFile, ...]
    warnings: tuple[str, ...]


def read_catalog(settings: AudiosetSettings, *, save: bool = True) -> Catalog:
    """Read the chosen splits, the class list, the raters' counts and the ontology.

    `save` leaves what was read beside the files, for later starts. Raises `MetadataError`, with
    file and line, for what is missing or cannot be read safely.
    """
    folder = settings.metadata_dir
    found = {file: file.path_in(folder) for file in files_of(settings.splits)}
    # First of all: the hashes tell which segments are known from an earlier start, and that every
    # file is text. Hashing lets go of Python's lock, so the files are read side by side.
    with ThreadPoolExecutor(thread_name_prefix="hashes") as pool:
        inputs = dict(zip(found, pool.map(identify, found, found.values()), strict=True))

    warnings: list[str] = []
    names = read_class_names(found[CLASS_LIST])
    ontology = read_ontology(found[ONTOLOGY])
    classes = read_classes(names, found[QUALITY_COUNTS], ontology, warnings)
    codes = {mid: code for code, mid in enumerate(names)}
    segment_files = [inputs[file] for file in found if file.split]
    splits = [read_split(file, inputs[CLASS_LIST], codes, save=save) for file in segment_files]
    for file, rows in zip(segment_files, splits, strict=True):
        # Rows may be left out on purpose. The counts in Google's own files are off.
        if len(rows.ids) < rows.promised and not file.official:
            warnings.append(
                f"{file.path}: the header promises num_segs={rows.promised}, the file holds"
                f" {len(rows.ids)}: using what is there; was the file cut short?"
            )
    table = SegmentTable(
        ids=np.concatenate([rows.ids for rows in splits]),
        start_ms=np.concatenate([rows.start_ms for rows in splits]),
        end_ms=np.concatenate([rows.end_ms for rows in splits]),
        split=np.repeat(np.arange(len(splits), dtype=np.uint8), [len(rows.ids) for rows in splits]),
        splits=tuple(settings.splits),
        label_offsets=offsets(np.concatenate([rows.label_counts for rows in splits])),
        label_codes=np.concatenate([rows.label_codes for rows in splits]),
        mids=tuple(names),
    )
    _refuse_repeats(table, [file.path for file in segment_files])

    for warning in warnings:
        log.warning(warning)
    other = [file.name for file in inputs.values() if not file.official]
    # Who uses a set of his own knows it; one among Google's may be there by mistake.
    if 0 < len(other) < len(inputs):
        log.info(
            "some metadata files are not Google's originals; run.json has their hashes",
            extra={"files": ", ".join(other), "folder": str(folder)},
        )
    return Catalog(table, classes, ontology, tuple(inputs.values()), tuple(warnings))


def _refuse_repeats(table: SegmentTable, paths: list[Path]) -> None:
    """Raise `MetadataError` when a video occurs twice: nobody can say which row is right."""
    ids = table.ids[table.by_id]
    repeats = np.flatnonzero(ids[1:] == ids[:-1])
    if not len(repeats):
        return
    video_id = str(ids[repeats[0]], "ascii")
    # The table keeps no line numbers.
    places = []
    for path in paths:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            lines = enumerate(file, 1)
            places += [(path, n) for n, line in lines if line.lstrip(' "').startswith(video_id)]
    (first_path, first_line), (path, line) = places[:2]
    more = f" ({len(repeats) - 1} more rows repeat a video)" if len(repeats) > 1 else ""
    raise MetadataError(
        path,
        line,
        f"{video_id} occurs already in {first_path.name}:{first_line}{more}; a video may occur only"
        " once: keep the row that is right and delete the other",
    )
