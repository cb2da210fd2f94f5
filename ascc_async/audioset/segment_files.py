"""Read a segment file with pandas: every row exactly, or an error that names file and line.

The arrays are kept beside the file (`eval_segments.npz`): later starts take them from there as long
as the file's hash is the same. That copy may be deleted at any time.
"""

from __future__ import annotations

import csv
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from ascc_async.audioset.inputs import REMEDY, InputFile
from ascc_async.audioset.segments import (
    ID_DTYPE,
    ID_LENGTH,
    Bools,
    Codes,
    Ids,
    Int64s,
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
LATEST_MS, LONGEST_MS = 100 * 3_600_000, 3_600_000
FORM = 'YTID, 30.000, 40.000, "/m/09x0r,/t/dd00088"'

_CACHE_VERSION = 1  # raise it when what is read from the same file changes
# What numpy and zipfile raise for files that are cut or have flipped bits.
_UNREADABLE_CACHE = (
    OSError, EOFError, KeyError, MemoryError, RuntimeError, ValueError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
_NAMED_PROBLEMS = 3
_HEADER_COUNT = re.compile(r"num_(segs|positive_labels)\s*=\s*(\d{1,12})")
_SECONDS = re.compile(r"(\d{1,6})(?:\.(\d{1,3})0*)?")
_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_IN_AN_ID = np.zeros(256, bool)
_IN_AN_ID[np.frombuffer(f"{ascii_letters}{digits}-_".encode(), np.uint8)] = True
# One byte more than an id has, and one field more than a row has: so what is too long shows itself.
_COLUMNS: dict[str, Any] = {
    "id": f"S{ID_LENGTH + 1}", "start": object, "end": object, "labels": object, "extra": "S1",
}  # fmt: skip


@dataclass(frozen=True)
class SplitRows:
    """What a segment file holds, row by row in file order.

    `codes` are the labels of all rows, one row after another, `counts` of them each. `warnings`
    say what was read although it is not as it should be.
    """

    ids: Ids
    start_ms: Rows
    end_ms: Rows
    counts: Int64s
    codes: Codes
    warnings: tuple[str, ...]


def read_split(file: InputFile, class_list: InputFile, codes: Mapping[str, int]) -> SplitRows:
    """The rows of a segment file, from the copy of an earlier start where there is one.

    `codes` gives each MID its position in the class list. Raises `MetadataError`.
    """
    cache = file.path.with_suffix(".npz")
    key = f"{_CACHE_VERSION} {file.sha256} {class_list.sha256}"
    rows = _read_cache(cache, key)
    if rows is None:
        rows = read_segment_file(file.path, codes, official=file.official)
        _write_cache(cache, key, rows)
    return rows


def read_segment_file(path: Path, codes: Mapping[str, int], *, official: bool = False) -> SplitRows:
    """Read a segment file. Raises `MetadataError` with the first lines that cannot be read safely.

    `official`: its header's counts are not compared, since those of Google's own files are off.
    """
    import pandas  # takes 0.3 to 0.7 s: only where the copy of an earlier start is missing

    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        promised, first_line = _read_header(path, file, codes)
        try:
            frame = pandas.read_csv(
                file, header=None, names=list(_COLUMNS), dtype=_COLUMNS, index_col=False,
                skipinitialspace=True, na_filter=False, skip_blank_lines=False,
            )  # fmt: skip
        except pandas.errors.ParserError as error:  # too many fields, or a quote without its end
            raise _bad_lines(path, codes, first_line, None) from error
    frame.index += first_line
    ids = np.asarray(frame["id"], _COLUMNS["id"])
    blank = ids == b""
    if blank.any():
        blank &= np.asarray((frame[["start", "end", "labels"]] == "").all(axis=1))
        frame, ids = frame[~blank], ids[~blank]

    start, end = _milliseconds(frame["start"]), _milliseconds(frame["end"])
    labels = _Labels(frame["labels"], codes)
    characters = ids.view(np.uint8).reshape(-1, ID_LENGTH + 1)
    good = _IN_AN_ID[characters[:, :ID_LENGTH]].all(axis=1) & (characters[:, ID_LENGTH] == 0)
    good &= (np.asarray(frame["extra"], "S1") == b"") & labels.known
    good &= (start >= 0) & (start < end) & (end <= LATEST_MS) & (end - start <= LONGEST_MS)
    if not good.all():
        raise _bad_lines(path, codes, first_line, frame.index[~good].tolist())

    warnings = []
    if labels.repeated:
        warnings.append(f"{labels.repeated} labels occur twice in one row: counted once")
    if not official:
        read = {"segs": len(ids), "positive_labels": len(labels.codes) + labels.repeated}
        warnings += _compare_with_header(path, promised, read)
    return SplitRows(ids.astype(ID_DTYPE), start, end, labels.counts, labels.codes, tuple(warnings))


def lines_of(path: Path, video_id: str) -> list[int]:
    """The lines whose first field is this id, for messages."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return [n for n, line in enumerate(file, 1) if line.lstrip(' "').startswith(video_id)]


def _read_header(path: Path, file: TextIO, codes: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """What the `#` lines promise, and the line of the first row, where `file` then stands.

    The first row is checked here: pandas takes the number of columns from it.
    """
    promised: dict[str, int] = {}
    for number in range(1, 1 << 31):
        position = file.tell()
        line = file.readline()
        # Not every `#`: a spreadsheet's `#NAME?` in place of a first id is a lost row, no header.
        if line.startswith(("# ", "YTID,")) or (line and not line.strip()):
            promised |= {name: int(count) for name, count in _HEADER_COUNT.findall(line)}
            continue
        if not line:
            raise MetadataError(path, None, f"holds no segment; expected {FORM}; {REMEDY}")
        if _problem(line, codes):
            raise _bad_lines(path, codes, number, None)
        file.seek(position)
        return promised, number
    raise AssertionError("no file has so many lines")


def _milliseconds(column: pandas.Series[Any]) -> Rows:
    """Times in whole milliseconds, -1 for what is none. The same few thousand occur everywhere."""
    which, texts = column.factorize()
    milliseconds: Rows = np.array([_milliseconds_of(text) for text in texts], np.int32)[which]
    return milliseconds


def _milliseconds_of(text: str) -> int:
    match = _SECONDS.fullmatch(text.strip())
    return int(match[1]) * 1000 + int(f"{match[2] or ''}000"[:3]) if match else -1


class _Labels:
    """The labels of all rows. The same sets occur again and again: only the unique are split.

    `known`: the rows whose labels all are in the class list. `repeated`: labels left out because
    they occur twice in one row.
    """

    def __init__(self, column: pandas.Series[Any], codes: Mapping[str, int]) -> None:
        which, fields = column.factorize()
        # -1 stands for a label that is not in the class list.
        unique = [
            tuple(dict.fromkeys([codes.get(mid, -1) for mid in field.replace(" ", "").split(",")]))
            for field in fields
        ]
        known = np.array([-1 not in found for found in unique], bool)
        lengths = np.array([len(found) for found in unique], np.int64)
        # All rows take their codes from here: Python itself sees some 350,000 sets, not 2 M rows.
        flat = np.fromiter(chain.from_iterable(unique), np.int32).astype(np.uint16)
        more = np.array([field.count(",") + 1 for field in fields], np.int64) - lengths
        self.known: Bools = known[which]
        self.counts: Int64s = lengths[which]
        self.codes: Codes = flat[gather(offsets(lengths), which)]
        self.repeated = int(more[which].sum())


def _compare_with_header(
    path: Path, promised: Mapping[str, int], read: Mapping[str, int]
) -> Iterator[str]:
    """Fewer rows than the header promises may have been left out on purpose: that is a warning.

    (A download that falls short is refused before it gets here.) But fewer labels in all the rows
    were lost by some other program.
    """
    for name, count in read.items():
        if count == promised.get(name, count):
            continue
        words = f"the header promises num_{name}={promised[name]}, the file holds {count}"
        if name == "positive_labels" and count < promised[name]:
            raise MetadataError(path, None, f"{words}: labels were lost; {REMEDY}")
        yield f"{words}: read all the same" + ("" if count > promised[name] else "; cut short?")
        return  # the labels of rows that are not there are missing as well


def _bad_lines(
    path: Path, codes: Mapping[str, int], first_line: int, numbers: Collection[int] | None
) -> MetadataError:
    """The error that names the first few bad lines; `numbers`: where to look, if that is known."""

    def problems() -> Iterator[tuple[int, str]]:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if number >= first_line and (numbers is None or number in wanted):
                    problem = _problem(line, codes)
                    if problem:
                        yield number, problem

    wanted = frozenset(numbers or ())
    found = list(islice(problems(), _NAMED_PROBLEMS))
    if not found:
        found = [(min(wanted, default=first_line), "is not a row of this form")]
    others = "".join(f"; line {number}: {problem}" for number, problem in found[1:])
    more = " (and perhaps more)" if len(found) == _NAMED_PROBLEMS else ""
    line, problem = found[0]
    return MetadataError(
        path, line, f"{problem}{others}{more}; expected {FORM}; correct it, or {REMEDY}"
    )


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
        lost = "cut short" if len(fields) < 4 else "quotes lost in a spreadsheet"
        return f"{len(fields)} fields instead of 4 ({lost}?)"
    for text in fields[1:3]:
        if _milliseconds_of(text) < 0:
            return f"{text[:40]!r} is not a time in seconds such as 30.000"
    start, end = map(_milliseconds_of, fields[1:3])
    if end <= start:
        return f"end {fields[2]} is not after start {fields[1]}"
    if end > LATEST_MS or end - start > LONGEST_MS:
        return f"a segment from {fields[1]} to {fields[2]} s is absurd: ten seconds are usual"
    unknown = [mid for mid in fields[3].replace(" ", "").split(",") if mid not in codes]
    return f"label {unknown[0][:40]!r} is not in the class list" if unknown else ""


def _read_cache(path: Path, key: str) -> SplitRows | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            if str(saved["key"]) != key:
                return None
            return SplitRows(
                saved["ids"], saved["start_ms"], saved["end_ms"], saved["counts"].astype(np.int64),
                saved["codes"], tuple(json.loads(str(saved["warnings"]))),
            )  # fmt: skip
    except FileNotFoundError:
        return None
    except _UNREADABLE_CACHE as error:
        log.debug("copy of the segments not usable, reading the CSV", extra={"why": str(error)})
        return None


def _write_cache(path: Path, key: str, rows: SplitRows) -> None:
    try:
        with part_of(path) as part:
            with part.open("wb") as file:
                np.savez(
                    file, key=key, ids=rows.ids, start_ms=rows.start_ms, end_ms=rows.end_ms,
                    counts=rows.counts.astype(np.uint16), codes=rows.codes,
                    warnings=json.dumps(rows.warnings),
                )  # fmt: skip
            seal(part, path)
    except SetupError as error:  # a folder that is shared and read-only, or a full disk
        log.debug("no copy of the segments for later starts", extra={"why": str(error)})
