"""Reads the journal over read-only connections, also beside a running writer."""

from __future__ import annotations

import json
import logging
import math
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ascc_async.errors import NoJournal
from ascc_async.journal.records import AnswerRow, ClipRow, Event, Minute
from ascc_async.journal.rows import (
    MINUTE_COLUMNS,
    READ_ANSWER_COLUMNS,
    READ_CLIP_COLUMNS,
    answer_row,
    clip_row,
    evidence_row,
    unpacked_limits,
)
from ascc_async.journal.schema import explained_errors, prepare_for_reading
from ascc_async.model import Evidence, License, Reason

log = logging.getLogger(__name__)

_PAGE = 5000  # rows: some megabytes as Python objects
_BULK_PAGE = 50_000  # of rows that become arrays
_EVIDENCE_PAGE = 500  # rows, of a kilobyte or two
_ANSWER = ", ".join(READ_ANSWER_COLUMNS)
_CLIP = ", ".join(READ_CLIP_COLUMNS)

LICENSES: tuple[License, ...] = tuple(License)
REASONS: tuple[Reason, ...] = tuple(Reason)

_UNKNOWN = LICENSES.index(License.UNKNOWN)
_replacing = partial(str, encoding="utf-8", errors="replace")


class BulkAnswers(NamedTuple):
    """A page of answers as arrays: ids (S11), POSIX times, asks up to 255.

    `licenses` are indices into `LICENSES`; `reasons` are indices into `REASONS` plus one, 0 for
    none. `bare`: YouTube said that the video is not there, and no more.
    """

    ids: npt.NDArray[np.bytes_]
    licenses: npt.NDArray[np.uint8]
    reasons: npt.NDArray[np.uint8]
    times: npt.NDArray[np.float64]
    asks: npt.NDArray[np.uint8]
    bare: npt.NDArray[np.bool_]

    def where(self, mask: npt.NDArray[np.bool_]) -> BulkAnswers:
        """The answers for which `mask` holds."""
        return BulkAnswers._make(column[mask] for column in self)


_DTYPES = ("u1", "u1", "f8", "u1", "?")  # of all but the ids


class Reader:
    """Everything the journal knows. Each call may run in any thread, and none waits for another.

    JournalError when there is no journal, or one that cannot be read.

    Only single look-ups share a connection, for microseconds each. What reads a whole table has a
    connection of its own, and reads page by page: one long statement would keep SQLite from taking
    its log into the file, which would grow by hundreds of megabytes while the dataset is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with explained_errors(path):
            self._connection = self._connect()

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:  # a thread that an abort left behind may still be reading
            self._connection.close()

    def answers(self) -> Iterator[list[AnswerRow]]:
        """The newest answer of every video asked, in pages sorted by video id."""
        return self._answer_pages("")

    def shareable(self) -> Iterator[list[AnswerRow]]:
        """The Creative Commons answers, in pages sorted by video id."""
        return self._answer_pages("AND license = 'creative_commons'")

    def _answer_pages(self, condition: str) -> Iterator[list[AnswerRow]]:
        sql = f"SELECT {_ANSWER} FROM answers WHERE video_id > ? {condition}"
        for rows in self._pages(f"{sql} ORDER BY video_id LIMIT {_PAGE}"):
            yield [answer_row(row) for row in rows]

    def answer(self, video_id: str) -> AnswerRow | None:
        """The newest answer about one video."""
        return self.answers_of([video_id]).get(video_id)

    def answers_of(self, video_ids: Sequence[str]) -> dict[str, AnswerRow]:
        """The newest answers about these videos, by video id."""
        rows = self.look_up(
            f"SELECT {_ANSWER} FROM answers WHERE video_id IN (SELECT value FROM json_each(?))",
            json.dumps(video_ids),
        )
        return {row[0]: answer_row(row) for row in rows}

    def evidence(self) -> Iterator[list[Evidence]]:
        """The newest evidence of every video that has some, in pages sorted by video id."""
        sql = "SELECT * FROM evidence WHERE video_id > ? ORDER BY video_id LIMIT"
        for rows in self._pages(f"{sql} {_EVIDENCE_PAGE}"):
            yield [evidence for row in rows if (evidence := evidence_row(row))]

    def evidence_of(self, video_id: str) -> Evidence | None:
        """The newest evidence of one video."""
        rows = self.look_up("SELECT * FROM evidence WHERE video_id = ?", video_id)
        return evidence_row(rows[0]) if rows else None

    def clips(self, encoding: str) -> Iterator[list[ClipRow]]:
        """What became of every segment tried in this encoding, in pages sorted by segment id."""
        # By the last key, not OFFSET: that would read all earlier rows again for each page.
        sql = (
            f"SELECT {_CLIP} FROM clips WHERE segment_id > ? AND form = ?"
            f" ORDER BY segment_id LIMIT {_PAGE}"
        )
        for rows in self._pages(sql, encoding):
            yield [clip_row(row) for row in rows]

    def encodings(self) -> list[str]:
        """The encodings in which segments were tried so far."""
        return [row[0] for row in self.look_up("SELECT DISTINCT form FROM clips ORDER BY form")]

    def clips_of(self, video_id: str) -> list[ClipRow]:
        """What became of one video's segments, in every encoding."""
        rows = self.look_up(
            f"SELECT {_CLIP} FROM clips WHERE segment_id >= ? AND segment_id < ?",
            f"{video_id}_",
            f"{video_id}`",  # "`" follows "_"
        )
        return [clip_row(row) for row in rows]

    def history(self, video_id: str) -> list[Event]:
        """What was said of a video before its newest answer and clip row, oldest first."""
        rows = self.look_up(
            "SELECT at, kind, what, coalesce(reason, ''), coalesce(source, ''),"
            " coalesce(detail, '') FROM history WHERE video_id = ? ORDER BY id",
            video_id,
        )
        return [Event(*row) for row in rows]

    def minutes(self, since: float, until: float = math.inf, *, every: int = 1) -> list[Minute]:
        """The history from `since` to `until` (POSIX seconds), oldest first; of `every` so many
        minutes one, and always the newest: four months of single ones are two million objects.
        """
        rows = self.look_up(
            f"SELECT names, limits, minutes.id - 1 NOT IN (SELECT id FROM minutes),"
            f" {', '.join(MINUTE_COLUMNS)}"
            " FROM minutes JOIN limits_of ON limits_of.id = limits_of WHERE at >= ? AND at <= ?"
            " AND (minutes.id % ? = 0 OR minutes.id = (SELECT max(id) FROM minutes))"
            " ORDER BY minutes.id",
            since,
            until,
            every,
        )
        return [
            Minute(
                **dict(zip(MINUTE_COLUMNS, totals, strict=True)),
                identities=unpacked_limits(names, packed),
                begins=bool(begins),
            )
            for names, packed, begins, *totals in rows
        ]

    def newest_minute(self) -> Minute | None:
        """How the history ends."""
        return next(iter(self.minutes(0, every=1 << 62)), None)

    def learned(self, prefix: str = "") -> dict[str, Any]:
        """What was remembered under keys that start with `prefix`, without the prefix."""
        values: dict[str, Any] = {}
        rows = self.look_up("SELECT key, value FROM learned WHERE key >= ?", prefix)
        for key, value in rows:
            if key.startswith(prefix):
                try:
                    values[key.removeprefix(prefix)] = json.loads(value)
                except ValueError:
                    log.warning(
                        "a value that an earlier run saved is damaged; going on without it",
                        extra={"key": key},
                    )
        return values

    def touch(self) -> None:
        """Raises JournalError where the first or the last of its records cannot be read."""
        for table in ("answers", "clips", "minutes"):
            for order in ("ASC", "DESC"):
                self.look_up(f"SELECT * FROM {table} ORDER BY 1 {order} LIMIT 1")

    def answered(self) -> Iterator[BulkAnswers]:
        """All answers in bulk, for the start.

        The standard ones, nearly all, come by their ids alone (times 0, asks 1): nothing depends
        on more.
        """
        # One long value instead of a Python string for each of two million: half the time.
        standard_ids = (
            "SELECT max(video_id), CAST(group_concat(video_id, '') AS BLOB) FROM (SELECT video_id"
            " FROM answers WHERE video_id > ? AND license = 'standard'"
            f" AND length(CAST(video_id AS BLOB)) = 11 ORDER BY video_id LIMIT {_BULK_PAGE})"
        )
        for ((_, ids),) in self._pages(standard_ids):
            page, same = np.frombuffer(ids, "S11"), (LICENSES.index(License.STANDARD), 0, 0, 1, 0)
            yield BulkAnswers(page, *map(np.full, repeat(len(page)), same, _DTYPES))
        rest = (
            f"SELECT video_id, CAST(video_id AS BLOB), {_code('license', LICENSES, _UNKNOWN)},"
            f" {_code('reason', REASONS, -1)} + 1, checked_at, min(asks, 255), bare_by <> ''"
            " FROM answers WHERE video_id > ? AND license <> 'standard'"
            f" ORDER BY video_id LIMIT {_BULK_PAGE}"
        )
        for rows in self._pages(rest):
            _, *columns = zip(*rows, strict=True)
            yield BulkAnswers(*map(np.array, columns, ("S11", *_DTYPES)))

    def explained(self, since: float) -> Iterator[list[str]]:
        """The videos of which the player said since then (POSIX seconds) that it plays nothing, but
        not why; in pages. The Data API does not list them.
        """
        sql = (
            "SELECT video_id FROM answers WHERE video_id > ? AND reason = 'not_listed'"
            f" AND bare_by <> '' AND checked_at >= {since} ORDER BY video_id LIMIT {_BULK_PAGE}"
        )
        for rows in self._pages(sql):
            yield [row[0] for row in rows]

    def look_up(self, sql: str, *values: object) -> list[Any]:
        """The rows of one statement; for this package."""
        with explained_errors(self.path), self._lock:
            return _fetch(self._connection, sql, values)

    def _pages(self, sql: str, *values: str) -> Iterator[list[Any]]:
        """Ask again and again for what follows the last key, the first column and first `?`."""
        last = ""
        with explained_errors(self.path), closing(self._connect()) as connection:
            while (rows := _fetch(connection, sql, (last, *values))) and rows[0][0] is not None:
                yield rows
                last = rows[-1][0]

    def _connect(self) -> sqlite3.Connection:
        # Who writes keeps these two files beside the journal; a kill leaves them, with the newest
        # records in the first; the second SQLite makes anew where the folder was copied without it.
        # Without them nobody writes, and it must be said that it stays so: else SQLite makes both,
        # which in a folder that cannot be written fails, and takes none away.
        wal, shm = (self.path.with_name(f"{self.path.name}-{name}") for name in ("wal", "shm"))
        how = "immutable=1"
        with suppress(FileNotFoundError):
            if wal.stat().st_size or shm.exists():
                how = "mode=ro"
        if self.path.exists():
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?{how}",
                uri=True,
                check_same_thread=False,
                isolation_level=None,
                timeout=30,
            )
            if prepare_for_reading(connection, self.path):
                return connection
            connection.close()  # a run that begins makes the file before what is in it
        raise NoJournal(
            f"{self.path}: no journal yet: no run has worked in this output.dir, or it was copied"
            " without its journal. Start one with `python -m ascc_async run`; for an earlier"
            " run in another folder, name its settings file (--config PATH) or the folder"
            " (--set output.dir=FOLDER)."
        )


def _fetch(connection: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> list[Any]:
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if "Could not decode" not in str(error):
            raise
        # A flipped bit in a title: that letter is lost. Slow, so only once it is needed.
        connection.text_factory = _replacing
        return connection.execute(sql, values).fetchall()


def _code(column: str, names: Sequence[str], otherwise: int) -> str:
    whens = " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(names))
    return f"CASE {column} {whens} ELSE {otherwise} END"
