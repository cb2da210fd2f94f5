"""AudioSet's strong labels beside the clips: `exports/strong/`, for sed_eval and DCASE's code."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ascc_async.audioset.metadata_files import read_text
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.published_clips import EXPORTS_FOLDER, write_credits_of
from ascc_async.dataset.text import decimal
from ascc_async.errors import MetadataError, SetupError
from ascc_async.files import held, put, remove_leftovers
from ascc_async.learning.join_features import JOIN_ALL

FOLDER = "strong"
NAMES_FILE = "mid_to_display_name.tsv"
_FILE = re.compile(r"audioset_(train|eval)_strong\.tsv")
_HEADING = "segment_id\tstart_time_seconds\tend_time_seconds\tlabel"
_REMEDY = "is it Google's own file? docs/learning.md says where that is"
_CHANGES = "described by the times at which sounds occur, AudioSet's strong labels (CC BY 4.0)"


class StrongEvent(NamedTuple):
    """A line of `strong/<part>.tsv`: the columns that sed_eval and DCASE read, and the MID."""

    filename: str
    onset: str
    offset: str
    event_label: str
    mid: str


@dataclass(frozen=True, slots=True)
class StrongSummary:
    """What is in `path` now. `beyond`: events after the end of a clip that the video cut short.

    `unnamed`: MIDs without a display name.
    """

    path: Path
    clips: int
    events: int
    beyond: int
    unnamed: int


def is_strong(path: Path) -> bool:
    """Whether this is a file of strong labels, by its name."""
    return _FILE.fullmatch(path.name) is not None


def read_names(path: Path) -> dict[str, str]:
    """Display names by MID, of `mid_to_display_name.tsv`. Raises MetadataError."""
    names = {}
    for number, line in enumerate(read_text(path, _REMEDY).splitlines(), 1):
        mid, _, name = line.partition("\t")
        if not name:
            raise MetadataError(path, number, f"expected a MID, a tab and a name; {_REMEDY}")
        names[mid] = name
    return names


def join_strong(
    output_dir: Path, rows: Sequence[ManifestRow], paths: Sequence[Path], names: Mapping[str, str]
) -> list[StrongSummary]:
    """Write the events of these clips. `names`: display names by MID. Raises MetadataError."""
    folder = output_dir / EXPORTS_FOLDER / FOLDER
    clips = {row.path: row for row in rows}
    tables = {}
    summaries = []
    for path in paths:
        name = path.name.split("_")[1] + ".tsv"
        events, beyond = _events(path, rows, names)
        tables[name] = events
        summary = StrongSummary(
            folder / name, len({event.filename for event in events}), len(events), beyond,
            len({event.mid for event in events if event.event_label == event.mid}),
        )  # fmt: skip
        summaries.append(summary)
    with held(folder):
        others = (path for path in folder.glob("*.tsv") if path.name not in tables)
        tables |= {path.name: _earlier(path, clips) for path in others}
        remove_leftovers(folder)
        for name, events in tables.items():
            lines = ("\t".join(line) + "\n" for line in (StrongEvent._fields, *events))
            put(folder / name, "".join(lines).encode())
        named = {event.filename for events in tables.values() for event in events}
        write_credits_of(folder, output_dir, (row for row in rows if row.path in named), _CHANGES)
    return summaries


def _events(
    path: Path, rows: Sequence[ManifestRow], names: Mapping[str, str]
) -> tuple[list[StrongEvent], int]:
    """The events in a file of Google's that these clips hold, and how many lie beyond their end."""
    clips = {row.segment_id: row for row in rows}
    found: list[tuple[str, float, float, str]] = []
    beyond = 0
    heading, *lines = read_text(path, _REMEDY).splitlines() or [""]
    if heading != _HEADING:
        columns = _HEADING.replace("\t", ", ")
        raise MetadataError(path, 1, f"expected the columns {columns}; {_REMEDY}")
    for number, line in enumerate(lines, 2):
        try:
            segment_id, onset, offset, mid = line.split("\t")
            start, end = float(onset), float(offset)
            if not 0 <= start <= end < math.inf:
                raise ValueError(line)
        except ValueError as error:
            problem = f"expected a segment, onset, offset (not before it) and MID; {_REMEDY}"
            raise MetadataError(path, number, problem) from error
        if (row := clips.get(segment_id)) is not None:
            # Where the video ends inside the segment the clip is shorter.
            end = min(end, float(row.duration_seconds))
            if start < end:
                found.append((segment_id, start, end, mid))
            else:
                beyond += 1
    found.sort()
    events = [
        StrongEvent(
            clips[segment_id].path, decimal(start, 3), decimal(end, 3), names.get(mid, mid), mid
        )
        for segment_id, start, end, mid in found
    ]
    return events, beyond


def _earlier(path: Path, clips: Mapping[str, ManifestRow]) -> list[StrongEvent]:
    """What an earlier call wrote of the clips that are still there. Raises SetupError."""
    try:
        _, *lines = path.read_text("utf-8").splitlines()
        events = [StrongEvent._make(line.split("\t")) for line in lines]
    except (ValueError, TypeError) as error:
        raise SetupError(f"{path} is damaged: {JOIN_ALL}") from error
    return [event for event in events if event.filename in clips]
