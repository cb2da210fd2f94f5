"""The clips by class: `labels.csv`, `classes/<display name>.csv`, `suitable_classes.csv`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from ascc_async.dataset.files import Publication, Table
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.roster import DatasetClass
from ascc_async.dataset.text import decimal, field, restored
from ascc_async.errors import MetadataError

CLASS_COLUMNS = ("YTID", "MID", "class_name", "file_name", "sample_rate")
SUITABLE_COLUMNS = ("index", "mid", "display_name", "quality")
CLASSES_FOLDER = "classes"

_REFUSED = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def label_columns(classes: Sequence[DatasetClass]) -> tuple[str, ...]:
    """A column name per class: its display name, with the MID where two share a name."""
    names = [field(item.name) for item in classes]
    return tuple(
        name if names.count(name) == 1 else f"{name} ({item.mid})"
        for name, item in zip(names, classes, strict=True)
    )


class LabelTable:
    """Writes `labels.csv`: 1 where AudioSet gives a clip the class, else 0."""

    def __init__(self, writer: Table, classes: Sequence[DatasetClass]) -> None:
        self._writer = writer
        self._places = {item.mid: place for place, item in enumerate(classes)}

    def add(self, row: ManifestRow) -> None:
        """One clip."""
        marks = ["0"] * len(self._places)
        for mid in row.mids:
            if (place := self._places.get(mid)) is not None:
                marks[place] = "1"
        self._writer.writerow((row.segment_id, *marks))


class ClassLists:
    """Gathers the clips of every chosen class; `write` makes a file of each, also of an empty."""

    def __init__(self, classes: Sequence[DatasetClass]) -> None:
        self._classes = classes
        self._clips: dict[str, list[tuple[str, str, str]]] = {item.mid: [] for item in classes}

    def add(self, row: ManifestRow) -> None:
        """One clip."""
        clip = (row.video_id, PurePosixPath(row.path).name, row.sample_rate)
        for mid in row.mids:
            if mid in self._clips:
                self._clips[mid].append(clip)

    def write(self, publication: Publication) -> None:
        """A file per class, in the order of the manifest."""
        names = file_names(item.name for item in self._classes)
        for item, name in zip(self._classes, names, strict=True):
            with publication.table(f"{CLASSES_FOLDER}/{name}", CLASS_COLUMNS) as writer:
                for video_id, file, rate in self._clips[item.mid]:
                    writer.writerow((video_id, item.mid, field(item.name), file, rate))


def file_names(display_names: Iterable[str]) -> list[str]:
    """`<display name>.csv` for each, safe on every file system and no two alike.

    AudioSet's own names come through unchanged; others lose what a file system refuses.
    """
    taken: set[str] = set()
    names = []
    for display_name in display_names:
        stem = _stem(display_name)
        name, again = stem, 1
        while name.casefold() in taken:
            again += 1
            name = f"{stem} ({again})"
        taken.add(name.casefold())
        names.append(f"{name}.csv")
    return names


def _stem(display_name: str) -> str:
    stem = _REFUSED.sub("_", display_name).strip().rstrip(".")
    stem = stem.encode("utf-8", "replace")[:200].decode("utf-8", "ignore")
    if stem.startswith((".", "-")) or _RESERVED.fullmatch(stem) or not stem:
        stem = f"_{stem}"
    return stem


def write_suitable_classes(publication: Publication, classes: Iterable[DatasetClass]) -> None:
    """The chosen classes; `quality` is the share of labels raters confirmed, empty if unrated."""
    with publication.table("suitable_classes.csv", SUITABLE_COLUMNS) as writer:
        for item in classes:
            quality = "" if item.quality is None else decimal(item.quality)
            writer.writerow((str(item.index), item.mid, field(item.name), quality))


def read_suitable_classes(path: Path) -> tuple[DatasetClass, ...]:
    """The classes `write_suitable_classes` wrote. Raises MetadataError with the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = list(enumerate(csv.reader(file, strict=True), 1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MetadataError(path, None, f"cannot be read: {error}") from None
    if not records or tuple(records[0][1]) != SUITABLE_COLUMNS:
        raise MetadataError(path, 1, f"expected the columns {', '.join(SUITABLE_COLUMNS)}")
    return tuple(_suitable_class(path, line, record) for line, record in records[1:])


def _suitable_class(path: Path, line: int, record: list[str]) -> DatasetClass:
    try:
        index, mid, name, quality = record
        if not mid or not name:
            raise ValueError
        return DatasetClass(int(index), mid, restored(name), float(quality) if quality else None)
    except ValueError:
        raise MetadataError(
            path, line, f"expected index, MID, name and quality, not {record!r}"
        ) from None
