"""Reads a manifest row by row, and says file and line of anything that is not right."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import TextIO

from ascc_async.dataset.manifest import COLUMNS, ManifestRow
from ascc_async.errors import MetadataError
from ascc_async.model import License, Outcome, Reason

_SEGMENT_ID = re.compile(r"[A-Za-z0-9_-]{11}_[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_WHOLE = re.compile(r"[0-9]{1,15}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MIDS = re.compile(r"[^\s,]+(,[^\s,]+)*")
_PATH = re.compile(r"clips/[A-Za-z0-9_-]{1,8}/[A-Za-z0-9_-]+\.[a-z0-9]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

_KINDS = frozenset(
    (license, outcome, reason)
    for license in ("", *License)
    for outcome in Outcome
    for reason in ("", *Reason)
)
_OF_CLIPS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("path", _PATH, "a path such as clips/ab/abcdefghijk_30000.flac"),
    ("sha256", _SHA256, "64 hexadecimal digits"),
    ("bytes", _WHOLE, "a whole number"),
    ("duration_seconds", _NUMBER, "a number of seconds"),
    ("sample_rate", _WHOLE, "a whole number"),
    ("channels", _WHOLE, "a whole number"),
    ("license_checked_at", _TIME, "a time such as 2026-01-31T12:00:00Z"),
    ("fetched_at", _TIME, "a time such as 2026-01-31T12:00:00Z"),
)


def read_manifest(path: Path) -> Iterator[ManifestRow]:
    """Every row, checked, in the order of the file, which must be that of the segment ids.

    Columns may stand in another order, and further ones are passed over. Raises MetadataError.
    """
    for _, row in numbered_rows(path):
        yield row


def numbered_rows(path: Path) -> Iterator[tuple[int, ManifestRow]]:
    """The same, with the line in which each row ends."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _rows(path, file)
    except OSError as error:
        raise MetadataError(path, None, f"cannot be read: {error.strerror}") from None


def _rows(path: Path, file: TextIO) -> Iterator[tuple[int, ManifestRow]]:
    reader = csv.reader(file, strict=True)
    at = 0
    try:
        pick, width = _columns(path, next(reader, []))
        previous = ""
        for fields in reader:
            at = reader.line_num
            if len(fields) != width:
                raise MetadataError(path, at, f"{len(fields)} fields, expected {width}")
            row = ManifestRow._make(pick(fields))
            _check(path, at, row, previous)
            previous = row.segment_id
            yield at, row
    except csv.Error as error:
        raise MetadataError(path, reader.line_num, f"not CSV as in RFC 4180: {error}") from None
    except UnicodeDecodeError:
        raise MetadataError(path, at + 1, "not UTF-8 from here on") from None


def _columns(path: Path, header: list[str]) -> tuple[Callable[[list[str]], tuple[str, ...]], int]:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise MetadataError(
            path, 1, f"not a manifest of ascc_async: columns missing: {', '.join(missing)}"
        )
    return itemgetter(*map(header.index, COLUMNS)), len(header)


def _check(path: Path, at: int, row: ManifestRow, previous: str) -> None:
    problem = _problem(row)
    if not problem and row.segment_id <= previous:
        problem = f"segment_id {row.segment_id!r} comes after {previous!r}: rows must be sorted"
        if row.segment_id == previous:
            problem = f"segment_id {row.segment_id!r} stands twice"
    if problem:
        raise MetadataError(path, at, problem)


def _problem(row: ManifestRow) -> str:
    """What is wrong with a row, "" if nothing."""
    if not _SEGMENT_ID.fullmatch(row.segment_id):
        return f"segment_id {row.segment_id!r}, expected a video id, _ and milliseconds"
    if row.video_id != row.segment_id[:11]:
        return f"video_id {row.video_id!r} is not that of segment_id {row.segment_id!r}"
    if (row.license, row.outcome, row.reason) not in _KINDS:
        return _unknown_kind(row)
    return _problem_of_times(row) or (_problem_of_clip(row) if row.has_file else "")


def _unknown_kind(row: ManifestRow) -> str:
    lists = {"license": ("", *License), "outcome": tuple(Outcome), "reason": ("", *Reason)}
    name = next(name for name, allowed in lists.items() if getattr(row, name) not in allowed)
    allowed = ", ".join(value or "(empty)" for value in lists[name])
    return f"{name} {getattr(row, name)!r}, expected one of: {allowed}"


def _problem_of_times(row: ManifestRow) -> str:
    for name in ("start_seconds", "end_seconds"):
        if not _NUMBER.fullmatch(getattr(row, name)):
            return f"{name} {getattr(row, name)!r}, expected a number of seconds"
    start = row.start_ms
    if str(start) != row.segment_id[12:]:
        return f"start_seconds {row.start_seconds!r} is not that of segment_id {row.segment_id!r}"
    if row.end_ms <= start:
        return f"end_seconds {row.end_seconds!r} is not after start_seconds"
    return "" if _MIDS.fullmatch(row.labels) else f"labels {row.labels!r}, expected MIDs and commas"


def _problem_of_clip(row: ManifestRow) -> str:
    for name, pattern, expected in _OF_CLIPS:
        if not pattern.fullmatch(getattr(row, name)):
            return f"{name} {getattr(row, name)!r}, expected {expected}"
    return ""
