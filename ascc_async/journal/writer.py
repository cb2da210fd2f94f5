"""The journal's one writer: a single thread owns the database.

`await record(…)` returns once its records are committed (SQLite in WAL mode, synchronous=FULL),
so a power cut loses nothing that was acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ascc_async.errors import JournalError
from ascc_async.journal import schema
from ascc_async.journal.records import (
    ClipRow,
    Distrusted,
    Forgotten,
    Learned,
    Minute,
    Moved,
    Record,
)
from ascc_async.journal.rows import (
    ANSWER_COLUMNS,
    CLIP_COLUMNS,
    answer_values,
    clip_values,
    evidence_values,
    minute_values,
    packed_limits,
)
from ascc_async.journal.schema import explained_errors
from ascc_async.model import Evidence, LicenseAnswer

JOURNAL_NAME = "state.sqlite3"
# A thousand answers a second, committed one by one, would keep disk and loop busy with nothing
# else: all that comes within this many seconds after the last commit shares the next one.
_GATHER_SECONDS = 0.02
_ENOUGH = 50  # records of one call that need not wait for others


def _marks(columns: Sequence[str]) -> str:
    return f"({', '.join('?' * len(columns))})"


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {_marks(columns)}"


_ANSWER_MARKS = _marks(ANSWER_COLUMNS)
# An answer of `unknown` never replaces what is known: it only counts as one more ask.
_PUT_ANSWER = f"""
{_insert("answers", ANSWER_COLUMNS)} ON CONFLICT (video_id) DO UPDATE SET
    asks = asks + 1,
    previous_license = CASE WHEN excluded.license IN ('unknown', license)
                            THEN previous_license ELSE license END,
    checked_at = iif(excluded.license = 'unknown' AND license <> 'unknown',
                     checked_at, excluded.checked_at),
    license = iif(excluded.license = 'unknown', license, excluded.license),
    source = iif(excluded.license = 'unknown', source, excluded.source),
    reason = iif(excluded.license = 'unknown', reason, excluded.reason),
    text = iif(excluded.license = 'unknown', text, excluded.text),
    link = iif(excluded.license = 'unknown', link, excluded.link),
    title = coalesce(nullif(excluded.title, ''), title),
    channel = coalesce(nullif(excluded.channel, ''), channel),
    channel_id = coalesce(nullif(excluded.channel_id, ''), channel_id),
    published = coalesce(nullif(excluded.published, ''), published),
    detail = excluded.detail,
    bare_by = iif(excluded.license = 'unknown' AND license <> 'unknown',
                  bare_by, excluded.bare_by)
"""
_PUT_ANSWER_NOT_SHOWN = _PUT_ANSWER.replace("asks = asks + 1", "asks = max(asks, 1)")
_PUT_EVIDENCE = (
    "INSERT INTO evidence VALUES (?, ?, ?, ?) ON CONFLICT (video_id) DO UPDATE SET"
    " source = excluded.source, seen_at = excluded.seen_at, exchange = excluded.exchange"
)
_PUT_CLIP = (
    f"{_insert('clips', CLIP_COLUMNS)} ON CONFLICT (segment_id, form) DO UPDATE SET"
    " attempts = attempts + 1, "
    + ", ".join(f"{column} = excluded.{column}" for column in CLIP_COLUMNS[3:])
)
_PUT_LEARNED = (
    "INSERT INTO learned VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_DISTRUST = (
    "UPDATE answers SET license = 'unknown', reason = NULL, asks = 0, bare_by = '',"
    " detail = 'source distrusted'"
    " WHERE source = ? AND checked_at >= ?"
)
_FORGET = (
    "UPDATE clips SET outcome = 'pending', reason = NULL, detail = ?, path = NULL, sha256 = NULL"
    " WHERE segment_id = ? AND form = ?"
)
_MOVE = "UPDATE clips SET path = ? WHERE segment_id = ? AND form = ?"
_PUT_LIMITS_OF = "INSERT OR IGNORE INTO limits_of (names) VALUES (?)"
# Over the newest row while that is of the same minute and does not begin a run.
_PUT_MINUTE = """
INSERT OR REPLACE INTO minutes VALUES (
    coalesce((SELECT max(id) + CASE
        WHEN ? THEN 2
        WHEN max(id) - 1 IN (SELECT id FROM minutes) THEN CAST(at / 60 AS INTEGER) <> ?
        ELSE 1 END FROM minutes), 1),
    ?, ?, ?, ?, ?, ?, (SELECT id FROM limits_of WHERE names = ?), ?
)
"""

_Statement = tuple[str, tuple[object, ...]]


class _QueuedCall(NamedTuple):
    """The records of one call, and what its caller waits for."""

    statements: list[_Statement]
    done: asyncio.Future[None]


class Journal:
    """The journal, open for writing. One per output folder and process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._waiting: list[_QueuedCall] = []
        self._gather_until = 0.0
        self._committing = self._due = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._connection = await self._loop.run_in_executor(
            self._thread, open_for_writing, self.path
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._hand_over()
        self._thread.submit(self._connection.close)
        try:
            # Off the loop: closing takes the write-ahead log into the file, which may be long.
            await asyncio.to_thread(self._thread.shutdown)
        finally:
            self._thread.shutdown()  # an abort may cancel the wait, but not the last commit

    async def record(self, *records: Record) -> None:
        """Write `records`; return after commit. JournalError when the database refuses."""
        done: asyncio.Future[None] = self._loop.create_future()
        if not self._waiting:
            self._gather_until = max(self._loop.time(), self._gather_until + _GATHER_SECONDS)
            self._loop.call_at(self._gather_until, self._hand_over_when_free)
        statements = [each for record in records for each in _statements(record)]
        # Behind the answers, which are written many at a time.
        statements += [
            each
            for record in records
            if isinstance(record, LicenseAnswer) and record.evidence is not None
            for each in _statements(record.evidence)
        ]
        self._waiting.append(_QueuedCall(statements, done))
        if len(records) >= _ENOUGH:
            self._hand_over_when_free()
        # The write goes on when the caller is cancelled: it is already on its way.
        await done

    def _hand_over_when_free(self) -> None:
        # Behind a slow disk, all that comes during one commit shares the next.
        self._due = self._committing
        if not self._committing:
            self._hand_over()

    def _hand_over(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._committing = True
        statements = [statement for call in waiting for statement in call.statements]
        commit = self._loop.run_in_executor(self._thread, self._commit, statements)
        commit.add_done_callback(partial(self._wake, waiting))

    def _wake(self, waiting: list[_QueuedCall], commit: asyncio.Future[None]) -> None:
        self._committing = False
        for call in waiting:
            if call.done.cancelled():
                continue
            if (error := commit.exception()) is not None:
                call.done.set_exception(error)
            else:
                call.done.set_result(None)
        if self._due:
            self._hand_over_when_free()

    def _commit(self, statements: list[_Statement]) -> None:
        connection = self._connection
        with explained_errors(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                for sql, group in groupby(statements, key=itemgetter(0)):
                    rows = [values for _, values in group]
                    if sql not in (_PUT_ANSWER, _PUT_ANSWER_NOT_SHOWN):
                        connection.executemany(sql, rows)
                        continue
                    # Many rows in one statement: between two statements this thread and the event
                    # loop hand Python's lock to each other, which costs more than the writing.
                    for start in range(0, len(rows), _ENOUGH):
                        some = rows[start : start + _ENOUGH]
                        many = sql.replace(_ANSWER_MARKS, ", ".join([_ANSWER_MARKS] * len(some)))
                        connection.execute(many, [value for values in some for value in values])
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite itself gives up a commit on a full disk
                    connection.execute("ROLLBACK")
                raise
        self.commits += 1


def _statements(record: Record) -> Iterator[_Statement]:
    match record:
        case LicenseAnswer():
            put = _PUT_ANSWER if record.shown else _PUT_ANSWER_NOT_SHOWN
            yield put, answer_values(record)
        case Evidence():
            yield _PUT_EVIDENCE, evidence_values(record)
        case ClipRow():
            yield _PUT_CLIP, clip_values(record)
        case Learned():
            yield _PUT_LEARNED, (record.key, json.dumps(record.value))
        case Distrusted():
            yield _DISTRUST, (record.source, record.since)
        case Forgotten():
            yield _FORGET, (record.why, record.segment_id, record.encoding)
        case Moved():
            yield _MOVE, (record.path, record.segment_id, record.encoding)
        case Minute():
            names, limits = packed_limits(record)
            values = (record.begins, int(record.at // 60), *minute_values(record), names, limits)
            yield _PUT_LIMITS_OF, (names,)
            yield _PUT_MINUTE, values


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or create the journal at `path` with mode 0600; JournalError when that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite would create it readable for everybody, and its logs like it.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # Version 0.1 kept the journal's hash here, which would be wrong from now on.
        path.with_name(f"{path.name}-seal").unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(
            f"{path}: cannot be written: {error.strerror}. Choose another output.dir or give"
            " yourself the right to write there."
        ) from error
    with explained_errors(path):
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=30, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # Ids come in no order: a commit touches pages all over the file (64 MB of them kept).
            connection.execute("PRAGMA cache_size = -65536")
            schema.prepare(connection, path)
        except BaseException:
            connection.close()  # with it goes what a migration had begun
            raise
    return connection
