"""One line of a segment file, read with care: the slow path, which can say what is wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass

LATEST_MS = 100 * 3_600_000
"""No start or end later than this: YouTube's longest uploads are far shorter than 100 hours."""

LONGEST_MS = 3_600_000
"""No segment longer than this. AudioSet's are ten seconds."""

FORM = 'YTID, 30.000, 40.000, "/m/09x0r,/t/dd00088"'

_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_TIME = re.compile(r"(\d{1,12})(?:\.(\d*))?")


class Malformed(Exception):
    """What is wrong with a line; the caller adds file and line."""


@dataclass(frozen=True, slots=True)
class ExactRow:
    """A line that could be read. `notes` say where it differs from the official form.

    `repeated`: labels left out because they stand twice in the row.
    """

    video_id: bytes
    start_ms: int
    end_ms: int
    codes: tuple[int, ...]
    repeated: int
    notes: tuple[str, ...]


def read_row(line: bytes, codes: Mapping[str, int]) -> ExactRow:
    """Read one line, tolerant of what spreadsheets do. Raises `Malformed`."""
    fields, notes = _fields(line.decode("utf-8", "backslashreplace"))
    if fields and not _ID.fullmatch(fields[0]):
        raise Malformed(f"{_short(fields[0])} is not a video id (11 of A-Z a-z 0-9 - _)")
    if len(fields) < 4:
        raise Malformed(f"only {len(fields)} of 4 fields, as in a file cut short")
    start, end = _milliseconds(fields[1], notes), _milliseconds(fields[2], notes)
    _check_times(start, end)
    labels = _labels(fields[3:], notes)
    unique = _codes(labels, codes)
    if len(unique) < len(labels):
        notes.append("a label twice in one row")
    said = tuple(dict.fromkeys(notes))
    return ExactRow(fields[0].encode(), start, end, unique, len(labels) - len(unique), said)


def _fields(text: str) -> tuple[list[str], list[str]]:
    notes: list[str] = []
    fields = _split(text)
    if len(fields) == 1 and "," in fields[0]:
        notes.append("the whole row in quotes")
        fields = _split(fields[0])
    while fields and not fields[-1]:
        fields.pop()
    if len(fields) == 1 and (";" in text or "\t" in text):
        raise Malformed("fields are not separated by commas")
    return fields, notes


def _split(text: str) -> list[str]:
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise Malformed(f"a field in quotes does not end as it should ({error})") from None
    return [field.strip() for field in rows[0]] if rows else []


def _milliseconds(text: str, notes: list[str]) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        what = "is negative" if text.startswith("-") else "is not a time in seconds such as 30.000"
        raise Malformed(f"{_short(text)} {what}")
    decimals = match[2] or ""
    if len(decimals) != 3:
        notes.append("times without three decimals")
    if decimals[3:].strip("0"):
        raise Malformed(f"{_short(text)} is finer than a millisecond")
    return int(match[1]) * 1000 + int((decimals + "000")[:3])


def _check_times(start: int, end: int) -> None:
    if end <= start:
        raise Malformed(f"end {end / 1000:.3f} is not after start {start / 1000:.3f}")
    if end > LATEST_MS:
        raise Malformed(f"end {end / 1000:.3f} is absurd: no video is 100 hours long")
    if end - start > LONGEST_MS:
        raise Malformed(f"a segment of {(end - start) / 1000:.3f} s is absurd: 10 s are usual")


def _labels(fields: list[str], notes: list[str]) -> list[str]:
    if len(fields) > 1:
        notes.append("labels spread over columns")
    labels = [label.strip() for field in fields for label in field.split(",")]
    labels = [label for label in labels if label]
    if not labels:
        raise Malformed("no label")
    return labels


def _codes(labels: list[str], codes: Mapping[str, int]) -> tuple[int, ...]:
    for label in labels:
        if label not in codes:
            raise Malformed(f"label {_short(label)} is not in the class list")
    return tuple(dict.fromkeys(codes[label] for label in labels))


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "…")
