"""`manifest.csv`: one row for every selected segment, how it is made and how it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ascc_async.dataset.eligibility import Decision, credits_of
from ascc_async.dataset.text import decimal, field, guarded, iso_time, seconds
from ascc_async.errors import MetadataError
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import License, Outcome, Reason, Segment

if TYPE_CHECKING:
    import pandas as pd

DATASET_FOLDER = "dataset"
MANIFEST = f"{DATASET_FOLDER}/manifest.csv"  # below `output.dir`
WITH_FILE = (Outcome.CLIP, Outcome.SPARE)
_NAME_ONE = "name a manifest.csv, usually that in <output.dir>/dataset"
_PAGE = 50_000  # rows; some 40 MB while they are checked


class ManifestRow(NamedTuple):
    """A row as written in the file: texts, in the order of the columns."""

    # A new column comes last, with a default: the value that rows of older manifests get when
    # they are read, since those do not have the column.

    segment_id: str
    video_id: str
    start_seconds: str
    end_seconds: str
    split: str
    labels: str
    license: str
    license_text: str
    license_source: str
    license_checked_at: str
    outcome: str
    reason: str
    path: str
    sha256: str
    bytes: str
    duration_seconds: str
    sample_rate: str
    channels: str
    source_format: str
    title: str
    channel: str
    channel_id: str
    fetched_at: str
    attempts: str
    evidence: str = ""


COLUMNS = ManifestRow._fields


def manifest_row(
    segment: Segment,
    answer: AnswerRow | None,
    clip: ClipRow | None,
    decision: Decision,
    evidence: str = "",
) -> ManifestRow:
    """The row of one segment. A file is named only where it counts: as a clip or a spare one.

    `attempts` counts the tries to fetch the clip, `evidence` names a record. Titles and channels of
    what the removal list names are left out.
    """
    known, made = ("", "", "", ""), ("",) * 7
    credits_: Iterable[str] = ("", "", "")
    fetched_at = ""
    if answer is not None:
        checked_at = iso_time(answer.checked_at)
        known = (answer.license, field(answer.text), answer.source, checked_at)
    if not decision.removed:
        credits_ = map(guarded, credits_of(answer, clip))
    if clip is not None and clip.clip is not None and decision.outcome in WITH_FILE:
        file = clip.clip
        made = (
            file.path, file.sha256, str(file.bytes), decimal(file.duration_seconds),
            str(file.sample_rate), str(file.channels), field(file.source_format),
        )  # fmt: skip
        fetched_at = iso_time(file.fetched_at)
    return ManifestRow._make(
        (
            segment.segment_id, segment.video_id, seconds(segment.start_ms),
            seconds(segment.end_ms), segment.split, ",".join(segment.labels), *known,
            decision.outcome, decision.reason or "", *made, *credits_, fetched_at,
            str(clip.attempts) if clip is not None else "0", evidence,
        )
    )  # fmt: skip


_NUMBER = r"[0-9]{1,9}(\.[0-9]{1,6})?", "a number of seconds"
_WHOLE = r"[0-9]{1,15}", "a whole number"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "a time such as 2026-01-31T12:00:00Z"


def _one_of(*allowed: str) -> tuple[str, str]:
    names = (value or "(empty)" for value in allowed)
    return "|".join(map(re.escape, allowed)), f"one of: {', '.join(names)}"


# What each column must look like: in every row, and in rows that name a file.
_EVERY_ROW = {
    "segment_id": (r"[A-Za-z0-9_-]{11}_[0-9]{1,9}", "a video id, _ and milliseconds"),
    "start_seconds": _NUMBER,
    "end_seconds": _NUMBER,
    "labels": (r"[^\s,]+(,[^\s,]+)*", "MIDs and commas"),
    "license": _one_of("", *License),
    "outcome": _one_of(*Outcome),
    "reason": _one_of("", *Reason),
    "attempts": _WHOLE,
    "evidence": (r"(urn:uuid:[0-9a-f-]{36})?", "the id of a record, urn:uuid:…"),
}
_WITH_FILE = {
    # A manifest may come from a stranger: its paths must not lead out of `clips/`.
    "path": (
        r"clips/[A-Za-z0-9_-]{1,8}/[A-Za-z0-9_-]+\.[a-z0-9]+",
        "a path such as clips/ab/abcdefghijk_30000.flac",
    ),
    "sha256": (r"[0-9a-f]{64}", "64 hexadecimal digits"),
    "bytes": _WHOLE,
    "duration_seconds": _NUMBER,
    "sample_rate": _WHOLE,
    "channels": _WHOLE,
    "license_checked_at": _TIME,
    "fetched_at": _TIME,
}


def clips_in(path: Path) -> list[ManifestRow]:
    """The rows with outcome `clip`; all rows are checked, as in `manifest_pages`."""
    # Page by page: of two million rows only some thousand are clips.
    pages = (page[page.outcome == Outcome.CLIP] for page in manifest_pages(path))
    return [row for page in pages for row in as_rows(page)]


def as_rows(page: pd.DataFrame) -> Iterator[ManifestRow]:
    """Rows of `manifest_pages` as records."""
    return map(ManifestRow._make, page.itertuples(index=False, name=None))


def manifest_pages(path: Path) -> Iterator[pd.DataFrame]:
    """A manifest in pages of checked rows: all columns, as text, in the order of `COLUMNS`.

    Rows must be in the order of their segment ids; columns may come in another order, and further
    ones are ignored. A column that an older version did not write yet gets its default. Raises
    MetadataError with the line of the first row that is not right.
    """
    # Half a second to import, and `status` beside a run does without it.
    import pandas as pd

    last = ""
    try:
        with pd.read_csv(
            path, dtype=str, na_filter=False, skip_blank_lines=False, chunksize=_PAGE
        ) as pages:
            for page in pages:
                if not isinstance(page.index, pd.RangeIndex):
                    # pandas takes surplus fields in the first rows for row names.
                    raise MetadataError(path, 2, "more fields than the first line has columns")
                defaults = ManifestRow._field_defaults
                missing = [name for name in COLUMNS if name not in page]
                if len(missing) == len(COLUMNS):
                    problem = f"its first line names no column of a manifest; {_NAME_ONE}"
                    raise MetadataError(path, 1, f"not a manifest of ascc_async: {problem}")
                if needed := [name for name in missing if name not in defaults]:
                    names = ", ".join(needed)
                    message = f"not a manifest of ascc_async: columns missing: {names}"
                    raise MetadataError(path, 1, message)
                if missing:
                    page = page.assign(**{name: defaults[name] for name in missing})
                page = page[list(COLUMNS)]
                _check(path, page, last)
                yield page
                last = page.segment_id.iloc[-1] if len(page) else last
    except OSError as error:
        message = f"cannot be read: {error.strerror}; {_NAME_ONE}"
        raise MetadataError(path, None, message) from error
    except UnicodeDecodeError as error:
        raise MetadataError(path, None, "not UTF-8: save the file as UTF-8") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        problem = str(error).rpartition("C error: ")[2].strip()
        raise MetadataError(
            path, None, f"not a manifest of ascc_async, as it is not CSV: {problem}; {_NAME_ONE}"
        ) from error


def _check(path: Path, page: pd.DataFrame, last: str) -> None:
    """Raise MetadataError for the first row that is not right. `last`: the id before the page."""
    rules = []
    files = page[page.outcome.isin(WITH_FILE)]
    for rows, patterns in ((page, _EVERY_ROW), (files, _WITH_FILE)):
        for column, (pattern, expected) in patterns.items():
            # Each value once: most columns hold a few hundred of them in two million rows.
            fullmatch = re.compile(pattern).fullmatch
            wrong = [value for value in rows[column].unique() if not fullmatch(value)]
            rules.append((column, ~rows[column].isin(wrong), expected))
    _refuse_wrong(path, page, *rules)
    # Now that every text has its form: how they go together.
    ids = page.segment_id.str
    start, end = page.start_seconds.astype(float), page.end_seconds.astype(float)
    start_ms = (start * 1000).round().astype(int)
    previous = page.segment_id.shift(fill_value=last)
    _refuse_wrong(
        path, page,
        ("video_id", page.video_id == ids[:11], "that of segment_id"),
        ("start_seconds", start_ms == ids[12:].astype(int), "that of segment_id"),
        ("end_seconds", end > start, "a time after start_seconds"),
        ("video_id", page.video_id != previous.str[:11], "each video only once"),
        ("segment_id", page.segment_id > previous, "rows sorted by segment_id"),
    )  # fmt: skip


def _refuse_wrong(path: Path, page: pd.DataFrame, *rules: tuple[str, pd.Series[bool], str]) -> None:
    """Raise MetadataError for the first row that breaks one of (column, right or not, expected)."""
    wrong = [
        (int(right.index[~right][0]), column, expected)
        for column, right, expected in rules
        if not right.all()
    ]
    if wrong:
        row, column, expected = min(wrong, key=itemgetter(0))
        # No field of ours holds a line break: a row's number tells its line.
        message = f"{column} {page.at[row, column]!r}, expected {expected}; damaged or changed?"
        raise MetadataError(path, row + 2, f"{message} A run in its folder writes the file again")
