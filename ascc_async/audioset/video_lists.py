"""Lists of video ids that a user names in `license.ask_first`: which rows are asked before others.

A list is a table (commas, semicolons or tabs) with a column of ids, such as one of AudioSet's own
files or of our manifests, or plain text with one id a line, where `#` starts a comment. For an id
the address of its page will do. Of a manifest, which names every video, the Creative Commons ones
count.
"""

from __future__ import annotations

import csv
import logging
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ascc_async.audioset.segments import ID_DTYPE, Bools, Ids
from ascc_async.audioset.selection import Selection
from ascc_async.errors import MetadataError
from ascc_async.model import License

log = logging.getLogger(__name__)

_COLUMNS = ("video_id", "ytid", "id", "youtube_id", "segment_id", "url")  # in small letters
# As an id, a segment id (manifest and file names show that), or a watch address.
_VIDEO = re.compile(
    r"(?:(?:https?://)?(?:www\.|m\.|music\.)?(?:youtu\.be/|youtube\.com/(?:watch\?(?:.*&)?v=|shorts/|"
    r"embed/|live/)))?([A-Za-z0-9_-]{11})(?:_[0-9]+|[?&#].*)?"
)
# The name of a column may happen to look like an id, and hardly an id like a name. At worst one
# video comes in its usual turn.
_NAME = re.compile(r"[A-Za-z][a-z_]{10}")
_REMEDY = "correct it, or take the file out of license.ask_first"


def video_id_of(text: str) -> str | None:
    """The id in an id, a segment id or the address of a video's page; None where it is none."""
    match = _VIDEO.fullmatch(text.strip())
    return match[1] if match else None


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
        with path.open("rb") as file:
            wide = file.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE)  # Excel's «Unicode text»
        # Line by line: a manifest has two million. Bytes that are no text do no harm in a title,
        # and elsewhere they are reported with their line.
        encoding = "utf-16" if wide else "utf-8-sig"
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            for line, text in _entries(path, file):
                if (video_id := video_id_of(text)) is None:
                    problem = f"expected a video id (11 of A-Z a-z 0-9 - _), found {text[:60]!r}"
                    raise MetadataError(path, line, f"{problem}: {_REMEDY}")
                ids[video_id] = None
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
    for top, head in numbered:
        separator = max(",;\t", key=head.count)
        fields = partial(csv.reader, delimiter=separator, skipinitialspace=True)
        names = [name.strip().lower() for name in next(fields([head.lstrip("# ")]), [])]
        column = next((names.index(name) for name in _COLUMNS if name in names), None)
        # AudioSet's own files name their columns in a comment; one word in a comment is no header.
        if column is not None and (len(names) > 1 or not head.startswith("#")):
            license_ = names.index("license") if {"segment_id", "license"} <= set(names) else None
            table = fields(line for _, line in numbered)
            for row in table:
                wanted = license_ is None or row[license_:][:1] == [License.CREATIVE_COMMONS]
                if wanted and "".join(row).strip():  # spreadsheets leave empty rows
                    yield top + table.line_num, "".join(row[column:][:1])
        elif entry := _plain_entry(head):
            if not _NAME.fullmatch(entry):
                if video_id_of(entry) is None:
                    problem = (
                        "expected text with a video id in each line, or a header with a column"
                        f" video_id, YTID or id, found {head.strip()[:60]!r}"
                    )
                    raise MetadataError(path, top, f"{problem}: {_REMEDY}")
                yield top, entry
            yield from ((n, text) for n, line in numbered if (text := _plain_entry(line)))


def _plain_entry(line: str) -> str:
    """A line without its comment; of several fields the first, where that alone is a video."""
    text = line.partition("#")[0].strip()
    first, *others = re.split("[,;\t]", text)
    return text if any(map(video_id_of, others)) else first.strip()
