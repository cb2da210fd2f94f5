"""The tables beside the manifest: classes, labels, quality, and what could not be had."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

from ascc_async.audioset.selection import ChosenClass
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.text import decimal, field, iso_time
from ascc_async.errors import SetupError
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import (
    CLIPPED_SHARE,
    MOSTLY_SILENT_SHARE,
    QUIET_RMS_DBFS,
    License,
    Quality,
)

UNAVAILABLE_COLUMNS = (
    "segment_id", "video_id", "split", "license", "outcome", "reason", "detail", "seen_at",
)  # fmt: skip
QUALITY_COLUMNS = (
    "segment_id", "path", "peak_dbfs", "rms_dbfs", "silence_share", "clipping_share", "flags",
)  # fmt: skip
CLASS_COLUMNS = (
    "YTID", "MID", "class_name", "file_name", "sample_rate", "segment_id", "path",
)  # fmt: skip
SUITABLE_COLUMNS = ("index", "mid", "display_name", "quality")

Row = TypeVar("Row", bound=NamedTuple)
_SHORT_BY_SECONDS = 0.001  # less is rounding
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


@contextmanager
def open_table(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Sequence[str]], object]]:
    """Write a CSV file as in RFC 4180 (CRLF, quotes where needed); gives what adds a row to it."""
    # A large buffer: two million rows are written, in three tables at once.
    with path.open("w", encoding="utf-8", newline="", buffering=1 << 20) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        yield writer.writerow


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A whole table at once."""
    with open_table(path, columns) as add_row:
        for row in rows:
            add_row(row)


def read_rows(path: Path, kind: type[Row], remedy: str) -> list[Row]:
    """The rows of a table whose columns are the fields of `kind`.

    Raises SetupError, with the remedy, for one that is missing or not as it was written.
    """
    wrong = "damaged"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            heading, *lines = csv.reader(file, strict=True)
        if tuple(heading) == kind._fields:
            return [kind._make(line) for line in lines]
    except FileNotFoundError:
        wrong = "missing"
    except (OSError, ValueError, TypeError, csv.Error):
        pass  # no text, no heading, or lines of another length
    raise SetupError(f"{path} is {wrong}: {remedy}")


def unavailable_row(
    row: ManifestRow, answer: AnswerRow | None, clip: ClipRow | None
) -> tuple[str, ...]:
    """The line in `unavailable.csv`: the words and the time of what gave the row its reason."""
    # The license was settled first: after Creative Commons only the clip can have failed.
    detail, seen_at = "", 0.0
    if clip is not None and row.license == License.CREATIVE_COMMONS:
        detail, seen_at = clip.detail, clip.at
    elif answer is not None:
        detail, seen_at = answer.detail, answer.checked_at
    return (
        row.segment_id, row.video_id, row.split, row.license, row.outcome, row.reason,
        field(detail), iso_time(seen_at),
    )  # fmt: skip


def quality_row(row: ManifestRow, quality: Quality) -> tuple[str, ...]:
    """The line in `quality.csv`: levels in dBFS, shares from 0 to 1, flags joined by spaces."""
    length = float(row.end_seconds) - float(row.start_seconds)
    flags = {
        "short": length - float(row.duration_seconds) > _SHORT_BY_SECONDS,
        "quiet": quality.rms_dbfs < QUIET_RMS_DBFS,
        "mostly_silent": quality.silence_share > MOSTLY_SILENT_SHARE,
        "clipped": quality.clipping_share > CLIPPED_SHARE,
    }
    return (
        row.segment_id, row.path, decimal(quality.peak_dbfs, 2), decimal(quality.rms_dbfs, 2),
        decimal(quality.silence_share, 4), decimal(quality.clipping_share, 6),
        " ".join(name for name, noticed in flags.items() if noticed),
    )  # fmt: skip


def write_class_tables(
    folder: Path, clips: Iterable[ManifestRow], classes: Sequence[ChosenClass]
) -> None:
    """`labels.csv`, `classes/<display name>.csv` and `suitable_classes.csv`.

    A class without clips has its file too.
    """
    columns = {item.mid: column for column, item in enumerate(classes)}
    lists: list[list[tuple[str, ...]]] = [[] for _ in classes]
    names = [field(item.name) for item in classes]
    # Two classes of one name are told apart by their MIDs.
    titles = [
        name if names.count(name) == 1 else f"{name} ({item.mid})"
        for name, item in zip(names, classes, strict=True)
    ]
    with open_table(folder / "labels.csv", ("segment_id", *titles)) as add_row:
        for row in clips:
            marks = ["0"] * len(classes)
            file, where = PurePosixPath(row.path).name, (row.segment_id, row.path)
            for mid in row.labels.split(","):
                if (column := columns.get(mid)) is not None:  # others were not chosen
                    marks[column] = "1"
                    lists[column].append(
                        (row.video_id, mid, names[column], file, row.sample_rate, *where)
                    )
            add_row((row.segment_id, *marks))

    (folder / "classes").mkdir()
    for file, rows in zip(_class_files(classes), lists, strict=True):
        write_table(folder / "classes" / file, CLASS_COLUMNS, rows)

    suitable = [
        (str(item.index), item.mid, name, "" if item.quality is None else decimal(item.quality))
        for item, name in zip(classes, names, strict=True)
    ]
    write_table(folder / "suitable_classes.csv", SUITABLE_COLUMNS, suitable)


def _class_files(classes: Sequence[ChosenClass]) -> list[str]:
    """`<display name>.csv` for each, safe on every file system and no two alike.

    AudioSet's own names come through unchanged; others lose what a file system refuses.
    """
    stems = []
    for item in classes:
        stem = _NOT_IN_FILE_NAMES.sub("_", item.name).strip().rstrip(".")
        stem = stem.encode("utf-8", "replace")[:200].decode("utf-8", "ignore")
        stems.append(f"_{stem}" if not stem or stem.startswith((".", "-")) else stem)
    # macOS and Windows take `Dog` and `dog` for one file.
    uses = Counter(stem.casefold() for stem in stems)
    return [
        f"{stem}.csv" if uses[stem.casefold()] == 1 else f"{stem} ({item.index}).csv"
        for stem, item in zip(stems, classes, strict=True)
    ]
