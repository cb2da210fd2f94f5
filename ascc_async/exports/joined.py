"""What `join` put beside the clips, for the rows of an export: strong labels, VGGish features."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ascc_async.dataset.published_clips import EXPORTS_FOLDER
from ascc_async.errors import MetadataError
from ascc_async.exports.rows import Row
from ascc_async.learning import join_features, join_strong

STRONG, VGGISH = "strong_labels", "vggish"


class Joined:
    """`columns`: which of the two there is. A clip that was not joined has None."""

    def __init__(self, output_dir: Path) -> None:
        exports = output_dir / EXPORTS_FOLDER
        self._vggish = exports / join_features.FOLDER
        self._index = {
            line["segment_id"]: (line["path"], line["sha256"])
            for line in lines_of(self._vggish / join_features.INDEX)
        }
        self._events = strong_events(strong_files(output_dir))
        there = {STRONG: self._events, VGGISH: self._index}
        self.columns = [name for name, found in there.items() if found]

    def of(self, row: Row) -> object:
        """What decides the values of a row, without reading its features."""
        return self._events.get(row.path), self._index.get(row.segment_id)

    def values(self, row: Row) -> dict[str, Any]:
        """The values of a row, by column."""
        values: dict[str, Any] = {}
        if STRONG in self.columns:
            values[STRONG] = self._events.get(row.path)
        if VGGISH in self.columns:
            name, _ = self._index.get(row.segment_id, ("", ""))
            try:
                values[VGGISH] = np.load(self._vggish / name).tolist() if name else None
            except (OSError, ValueError, EOFError) as error:
                message = "cannot be read: run the same `join` again, which writes it anew"
                raise MetadataError(self._vggish / name, None, message) from error
        return values


def strong_files(output_dir: Path) -> list[Path]:
    """Where the strong labels are; none where nobody joined them."""
    return sorted((output_dir / EXPORTS_FOLDER / join_strong.FOLDER).glob("*.tsv"))


def strong_events(paths: Iterable[Path]) -> dict[str, list[dict[str, Any]]]:
    """The sounds of each clip and when they are heard, by the clip's path."""
    events: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in paths:
        for line in lines_of(path, "excel-tab"):
            times = {"onset": float(line["onset"]), "offset": float(line["offset"])}
            names = {"event_label": line["event_label"], "mid": line["mid"]}
            events[line["filename"]].append(times | names)
    return dict(events)


def lines_of(path: Path, dialect: str = "excel") -> Iterator[Mapping[str, str]]:
    """The lines of a table of ours; none where it is not there."""
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, dialect=dialect)
