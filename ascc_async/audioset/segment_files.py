"""Read a segment file with pandas: every row exactly, or an error that names file and line.

The arrays are kept beside the file (`eval_segments.npz`): later starts take them from there as long
as the file's hash is the same. That copy may be deleted at any time.
"""

from __future__ import annotations

import csv
import logging
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from ascc_async.audioset.metadata_files import REMEDY, InputFile
from ascc_async.audioset.segments import (
    ID_DTYPE,
    ID_LENGTH,
    Bools,
    Codes,
    Counts,
    Ids,
    Rows,
    gather,
    offsets,
)
from ascc_async.errors import MetadataError, SetupError
from ascc_async.files import part_of, seal

if TYPE_CHECKING:
    import pandas

log = logging.getLogger(__name__)

# No start or end later than 100 hours: YouTube's longest uploads are far shorter. No segment longer
# than an hour: AudioSet's are ten seconds. What is beyond was damaged.
_LATEST_MS, _LONGEST_MS = 100 * 3_600_000, 3_600_000
_FORM = 'YTID, 30.000, 40.000, "/m/09x0r,/t/dd00088"'

_CACHE_VERSION = 3  # raise it when what is read from the same file changes
# What numpy and zipfile raise for files that are cut or have flipped bits.
_UNREADABLE_CACHE = (
    OSError, EOFError, KeyError, MemoryError, RuntimeError, ValueError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip

_PROMISED_ROWS = re.compile(r"num_segs\s*=\s*(\d{1,12})")
_SECONDS = re.compile(r"(\d{1,6})(?:\.(\d{1,3})0*)?")
_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_IN_AN_ID = np.zeros(256, bool)
_IN_AN_ID[np.frombuffer(f"{ascii_letters}{digits}-_".encode(), np.uint8)] = True
# One byte more than an id has: so one that is too long shows itself. Times are read as text, since
# a float would round 30.0005 or take "1e1" and "nan" for times.
_COLUMNS: dict[str, Any] = {
    "id": f"S{ID_LENGTH + 1}", "start": object, "end": object, "labels": object,
}  # fmt: skip


@dataclass(frozen=True)
class SplitRows:
    """What a segment file holds, row by row in file order.

    `label_codes` are the labels of all rows, one row after another, `label_counts` of them each.
    `promised`: how many rows the file's header says there are, 0 where it does not.
    """

    ids: Ids
    start_ms: Rows
    end_ms: Rows
    label_counts: Counts
    label_codes: Codes
    promised: int


def read_split(
    file: InputFile, class_list: InputFile, codes: Mapping[str, int], *, save: bool = True
) -> SplitRows:
    """The rows of a segment file, from the copy of an earlier start where there is one.

    `codes` gives each MID its position in the class list. Raises `MetadataError` with the first
    lines that cannot be read safely.
    """
    cache = file.path.with_suffix(".npz")
    # The class list is part of the key because the copy holds labels as positions in it.
    key = f"{_CACHE_VERSION} {file.sha256} {class_list.sha256}"
    rows = _read_cache(cache, key)
    if rows is None:
        rows = _read_csv(file, codes)
        if save:
            _write_cache(cache, key, rows)
    return rows


def _read_csv(file: InputFile, codes: Mapping[str, int]) -> SplitRows:
    import pandas  # takes 0.3 to 0.7 s: only where the copy of an earlier start is missing

    # Bytes that are no UTF-8 become characters that no valid row has: its line is named then.
    with file.path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        promised, first_line = _read_header(file.path, text, codes)
        try:
            frame = pandas.read_csv(
                text, header=None, names=list(_COLUMNS), dtype=_COLUMNS, index_col=False,
                skipinitialspace=True, na_filter=False,
            )  # fmt: skip
        except pandas.errors.ParserError as error:  # too many fields, or a quote without its end
            raise _explain(file.path, codes, first_line) from error

    ids = np.asarray(frame["id"], _COLUMNS["id"])
    characters = ids.view(np.uint8).reshape(-1, ID_LENGTH + 1)
    start, end = _milliseconds(frame["start"]), _milliseconds(frame["end"])
    label_counts, label_codes, known = _split_labels(frame["labels"], codes)
    good = _IN_AN_ID[characters[:, :ID_LENGTH]].all(axis=1) & (characters[:, ID_LENGTH] == 0)
    good &= (start >= 0) & (start < end) & (end <= _LATEST_MS) & (end - start <= _LONGEST_MS)
    good &= known
    if not good.all():
        bad = np.flatnonzero(~good)
        raise _explain(file.path, codes, first_line + int(bad[0]), len(bad))

    return SplitRows(ids.astype(ID_DTYPE), start, end, label_counts, label_codes, promised)


def _read_header(path: Path, text: TextIO, codes: Mapping[str, int]) -> tuple[int, int]:
    """How many rows the `#` lines promise, and the line of the first row, where `text` then is.

    The first row is checked here: pandas takes the number of columns from it.
    """
    promised = number = 0
    while True:
        number, position, line = number + 1, text.tell(), text.readline()
        # Not every `#`: a spreadsheet's `#NAME?` in place of a first id is a lost row, no header.
        if line.startswith(("# ", "YTID,")) or line.isspace():
            if match := _PROMISED_ROWS.search(line):
                promised = int(match[1])
        elif not line:
            raise MetadataError(path, None, f"holds no segment; expected {_FORM}; {REMEDY}")
        elif _problem(line, codes):
            raise _explain(path, codes, number)
        else:
            text.seek(position)
            return promised, number


def _milliseconds(column: pandas.Series[Any]) -> Rows:
    """Times in whole milliseconds, -1 for what is none. The same few thousand occur everywhere."""
    which, texts = column.factorize()
    milliseconds: Rows = np.array([_milliseconds_of(text) for text in texts], np.int32)[which]
    return milliseconds


def _milliseconds_of(text: str) -> int:
    match = _SECONDS.fullmatch(text.strip())
    return int(match[1]) * 1000 + int(f"{match[2] or ''}000"[:3]) if match else -1


def _split_labels(
    column: pandas.Series[Any], codes: Mapping[str, int]
) -> tuple[Counts, Codes, Bools]:
    """Labels per row, each counted once; all their codes; which rows have only known labels."""
    # The same sets of labels come again and again: Python sees some 350,000, not 2 million rows.
    which, fields = column.factorize()
    # -1 stands for a label that is not in the class list.
    unique = [
        tuple(dict.fromkeys([codes.get(mid, -1) for mid in field.replace(" ", "").split(",")]))
        for field in fields
    ]
    known = np.array([-1 not in labels for labels in unique], bool)
    counts = np.array([len(labels) for labels in unique], np.uint16)
    flat = np.fromiter(chain.from_iterable(unique), np.int32).astype(np.uint16)
    return counts[which], flat[gather(offsets(counts), which)], known[which]


def _explain(
    path: Path, codes: Mapping[str, int], first_line: int, bad_rows: int = 1
) -> MetadataError:
    """The error that names the first bad line from `first_line` on; `bad_rows`: their number."""
    # pandas may refuse what the csv module reads.
    bad_line, problem = first_line, "a row from here on is not of the form that is expected"
    with path.open(encoding="utf-8-sig", errors="replace") as text:
        for number, line in enumerate(text, 1):
            if number >= first_line and (what := _problem(line, codes)):
                bad_line, problem = number, what
                break
    more = f"; {bad_rows - 1} more bad rows" if bad_rows > 1 else ""
    problem = f"{problem}{more}; expected {_FORM}; correct the file, or {REMEDY}"
    return MetadataError(path, bad_line, problem)


def _problem(line: str, codes: Mapping[str, int]) -> str:
    """What is wrong with one line; nothing if it is a row, or blank."""
    try:
        fields = next(csv.reader([line.rstrip("\n")], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        return f"a field in quotes does not end as it should ({error})"
    if not line.strip():
        return ""
    if not _ID.fullmatch(fields[0]):
        return f"{fields[0][:40]!r} is not a video id (11 of A-Z a-z 0-9 - _)"
    if len(fields) != 4:
        cause = "cut short" if len(fields) < 4 else "quotes lost in a spreadsheet"
        return f"{len(fields)} fields instead of 4 ({cause}?)"
    for field in fields[1:3]:
        if _milliseconds_of(field) < 0:
            return f"{field[:40]!r} is not a time in seconds such as 30.000"
    start, end = map(_milliseconds_of, fields[1:3])
    if end <= start:
        return f"end {fields[2]} is not after start {fields[1]}"
    if end > _LATEST_MS or end - start > _LONGEST_MS:
        return f"a segment from {fields[1]} to {fields[2]} s is absurd: ten seconds are usual"
    unknown = [mid for mid in fields[3].replace(" ", "").split(",") if mid not in codes]
    return f"label {unknown[0][:40]!r} is not in the class list" if unknown else ""


def _read_cache(path: Path, key: str) -> SplitRows | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            if str(saved["key"]) != key:
                return None
            arrays = {name: saved[name] for name in SplitRows.__annotations__}
            return SplitRows(**arrays | {"promised": int(saved["promised"])})
    except _UNREADABLE_CACHE as error:
        log.debug(
            "no usable copy of the segments beside the metadata: reading the CSV",
            extra={"why": str(error)},
        )
        return None


def _write_cache(path: Path, key: str, rows: SplitRows) -> None:
    try:
        with part_of(path) as part:
            with part.open("wb") as file:
                np.savez(file, allow_pickle=False, key=np.array(key), **vars(rows))
            seal(part, path)
    except (SetupError, OSError) as error:  # a folder that is shared and read-only, a full disk
        log.debug(
            "no copy of the segments could be saved: later starts read the CSV again",
            extra={"why": str(error)},
        )
