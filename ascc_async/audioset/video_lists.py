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

# As `_bare` leaves them: «Video ID», `videoId` and `video_id` are one. The surest come first: an
# `id` may be a running number.
_COLUMNS = ("videoid", "ytid", "youtubeid", "segmentid", "id", "url")
# An id, the address of its page, or what clips are called: the segment's times behind the id, `Y`
# before it (so it is with many who downloaded AudioSet), and the extension.
_VIDEO = re.compile(
    r"(?:(?:https?://)?(?:www\.|m\.|music\.)?(?:youtu\.be/|youtube(?:-nocookie)?\.com/"
    r"(?:watch\?(?:.*&)?v=|(?:shorts|embed|live|v)/))|Y)?([A-Za-z0-9_-]{11})"
    r"(?:(?:_[0-9.]+){0,2}(?:\.[A-Za-z0-9]{3,4})?|[?&#].*)"
)
# Above the ids: a spreadsheet's `sep=;`, or the name of a column, which may happen to look like an
# id, and hardly an id like a name. At worst one video comes in its usual turn.
_NAME = re.compile(r"sep=|[A-Za-z][a-z_]{10}")
_REMEDY = "correct it, or take the file out of license.ask_first"


def video_id_of(text: str) -> str | None:
    """The id in an id, in the address of a video's page or in a clip's name; None: in none."""
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
            for number, (line, cells) in enumerate(_entries(file)):
                video_id = next(filter(None, map(video_id_of, cells)), None)
                if video_id is not None:
                    ids[video_id] = None
                elif cells:
                    found = ", ".join(filter(None, cells))[:60]
                    expected = (
                        "a video id (11 of A-Z a-z 0-9 - _)" if number else
                        "text with a video id in each line, or a header with a column video_id,"
                        " YTID or id"
                    )  # fmt: skip
                    problem = f"expected {expected}, found {found!r}: {_REMEDY}"
                    raise MetadataError(path, line, problem)
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise MetadataError(path, None, f"{problem}: correct license.ask_first") from error
    except csv.Error as error:
        problem = f"a quote in this row is not closed, or not where it should be ({error})"
        raise MetadataError(path, line + 1, f"{problem}: {_REMEDY}") from error
    if not ids:
        problem = (
            "names no video (of a table with segment_id and license only the rows with"
            f" {License.CREATIVE_COMMONS} as license count)"
        )
        raise MetadataError(path, None, f"{problem}: {_REMEDY}")
    return np.array(list(ids), ID_DTYPE)


def _entries(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The last line of each row, and what in it may be an id; nothing: none is expected there."""
    numbered = enumerate(lines, 1)
    for top, head in numbered:
        for separator in ",;\t":
            fields = partial(csv.reader, delimiter=separator, skipinitialspace=True)
            names = list(map(_bare, next(fields([head.lstrip("# ")]), [])))
            columns = [names.index(name) for name in _COLUMNS if name in names]
            # AudioSet's own files name columns in a comment; one word in a comment is no header.
            if columns and (len(names) > 1 or not head.startswith("#")):
                yield top, []
                manifest = {"segmentid", "license"} <= set(names)
                license_ = names.index("license") if manifest else None
                table = fields((line for _, line in numbered), strict=True)
                for row in table:
                    yield top + table.line_num, _cells(row, columns, license_)
                return
        if (entry := _plain_entry(head)) and not _NAME.fullmatch(entry):
            yield top, [entry]
            yield from ((n, [text]) for n, line in numbered if (text := _plain_entry(line)))


def _bare(name: str) -> str:
    return re.sub("[ _-]", "", name.strip().lower())


def _cells(row: list[str], columns: list[int], license_: int | None) -> list[str]:
    """What stands in these columns; nothing of a row that is empty, a comment or not wanted."""
    if not "".join(row).strip():  # spreadsheets leave empty rows
        return []
    if license_ is not None:
        value = _bare("".join(row[license_ : license_ + 1]))
        if not value.startswith("creativecommon"):  # `creativeCommon` it is in the Data API
            return []
    cells = ["".join(row[column : column + 1]) for column in columns]
    # A title may begin so, too, and `#NAME?` stands where a spreadsheet spoilt an id.
    comment = row[0].split(" ")[0] == "#" and not any(map(video_id_of, cells))
    return [] if comment else cells


def _plain_entry(line: str) -> str:
    """A line without its comment; of several fields the first, where that alone is a video."""
    text = line.partition("#")[0].strip()
    first, *others = re.split("[,;\t]", text)
    return text if any(map(video_id_of, others)) else first.strip()
