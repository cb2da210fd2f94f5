"""Lists of video ids that a user names in `license.ask_first`: which rows are asked before others.

A list is a CSV with a column `video_id`, `YTID` or `id`, or plain text with one id a line, where
`#` starts a comment. Of one of our manifests, which names every video, the Creative Commons ones
count.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from ascc_async.audioset.segments import ID_DTYPE, Bools, Ids
from ascc_async.audioset.selection import Selection
from ascc_async.errors import MetadataError
from ascc_async.model import License

log = logging.getLogger(__name__)

_COLUMNS = ("video_id", "ytid", "id")  # in small letters
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
# The name of a column may happen to look like an id, and hardly an id like a name. At worst one
# video comes in its usual turn.
_NAME = re.compile(r"[A-Za-z][a-z_]{10}")
_REMEDY = "correct it, or take the file out of license.ask_first"


def read_video_lists(paths: Sequence[Path]) -> dict[Path, Ids]:
    """The ids that each file holds. Raises MetadataError with file, line and remedy."""
    return {path: _ids_in(path) for path in paths}


def rows_in_lists(lists: Mapping[Path, Ids], selection: Selection) -> Bools:
    """For every row of the table, whether it is selected and in a list.

    Ids that are not selected are counted in the log. Raises MetadataError for a file in which no
    id is a video of the splits chosen: another file must have been meant.
    """
    table = selection.segments
    listed = np.zeros(len(table), bool)
    for path, ids in lists.items():
        rows = table.rows_of(ids)
        rows = rows[rows >= 0]
        if not len(rows):
            splits = ", ".join(table.splits)
            raise MetadataError(
                path,
                None,
                f"none of its {len(ids)} ids is a video of AudioSet's {splits} (audioset.splits):"
                f" {_REMEDY}",
            )
        listed[rows] = True
        asked = int(selection.selected[rows].sum())
        log.info(
            "the videos of this list are asked before all others (license.ask_first)",
            extra={"list": str(path), "videos": asked, "not_selected": len(ids) - asked},
        )
    return listed & selection.selected


def _ids_in(path: Path) -> Ids:
    ids = dict[str, None]()
    line = 0
    try:
        # Line by line: a manifest has two million. Bytes that are no UTF-8 do no harm in a title,
        # and elsewhere they are reported with their line.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            for line, text in _entries(path, file):
                if not _VIDEO_ID.fullmatch(text):
                    problem = f"expected a video id (11 of A-Z a-z 0-9 - _), found {text[:60]!r}"
                    raise MetadataError(path, line, f"{problem}: {_REMEDY}")
                ids[text] = None
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise MetadataError(path, None, f"{problem}: correct license.ask_first") from error
    except csv.Error as error:
        raise MetadataError(
            path, line + 1, f"cannot be read as CSV ({error}): {_REMEDY}"
        ) from error
    if not ids:
        problem = "names no video, or of a manifest no Creative Commons one"
        raise MetadataError(path, None, f"{problem}: {_REMEDY}")
    return np.array(list(ids), ID_DTYPE)


def _entries(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """What stands where an id is expected, with its line."""
    numbered = enumerate(lines, 1)
    top, head = next(((n, line) for n, line in numbered if _without_comment(line)), (0, ""))
    if not head or _VIDEO_ID.fullmatch(_without_comment(head)):
        first = [] if _NAME.fullmatch(_without_comment(head)) else [(top, head)]
        for number, line in chain(first, numbered):
            if text := _without_comment(line):
                yield number, text
        return
    table = csv.reader(chain([head], (line for _, line in numbered)), skipinitialspace=True)
    names = [name.strip().lower() for name in next(table)]
    column = next((names.index(name) for name in _COLUMNS if name in names), None)
    if column is None:
        problem = (
            "expected UTF-8 text with a video id, or a header with a column video_id, YTID or id,"
            f" found {head.strip()[:60]!r}"
        )
        raise MetadataError(path, top, f"{problem}: {_REMEDY}")
    license_ = names.index("license") if {"segment_id", "license"} <= set(names) else None
    for row in table:
        if row and (license_ is None or row[license_:][:1] == [License.CREATIVE_COMMONS]):
            yield top - 1 + table.line_num, "".join(row[column:][:1]).strip()


def _without_comment(line: str) -> str:
    return line.partition("#")[0].strip()
