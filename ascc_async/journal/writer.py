"""The journal's one writer: a thread that owns the database.

`await record(…)` returns once its records are committed; all who wait meanwhile share one
transaction (SQLite in WAL mode, synchronous=FULL, so that a power cut loses nothing that was
acknowledged).
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Self

from ascc_async.errors import JournalError
from ascc_async.journal import schema
from ascc_async.journal.records import ClipRow, Distrusted, Forgotten, Learned, Moved, Record
from ascc_async.journal.seal import seal, unseal
from ascc_async.model import LicenseAnswer

JOURNAL_NAME = "state.sqlite3"
_MOST_WAITERS_PER_COMMIT = 500
# A thousand records a second, one by one, would cost a thousand commits and as many switches
# between threads: nothing is written sooner than this after the last time, in seconds.
_LINGER = 0.02
_ENOUGH = 50  # records of one call that need not wait for others

# An answer of `unknown` never replaces what is known: it only counts as one more ask.
_PUT_ANSWER = """
INSERT INTO answers (video_id, license, source, checked_at, reason, text, link, title, channel,
                     channel_id, published, detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (video_id) DO UPDATE SET
    asks = asks + 1,
    previous_license = CASE WHEN excluded.license IN ('unknown', license)
                            THEN previous_license ELSE license END,
    license = iif(excluded.license = 'unknown', license, excluded.license),
    source = iif(excluded.license = 'unknown', source, excluded.source),
    checked_at = iif(excluded.license = 'unknown' AND license <> 'unknown',
                     checked_at, excluded.checked_at),
    reason = iif(excluded.license = 'unknown', reason, excluded.reason),
    text = iif(excluded.license = 'unknown', text, excluded.text),
    link = iif(excluded.license = 'unknown', link, excluded.link),
    title = coalesce(nullif(excluded.title, ''), title),
    channel = coalesce(nullif(excluded.channel, ''), channel),
    channel_id = coalesce(nullif(excluded.channel_id, ''), channel_id),
    published = coalesce(nullif(excluded.published, ''), published),
    detail = excluded.detail
"""
_ANSWER_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MOST_ROWS = 32  # in one statement; fewer than SQLite's 999 values in its oldest builds
_PUT_CLIP = """
INSERT INTO clips (segment_id, video_id, form, outcome, at, reason, detail, title, channel,
                   channel_id, path, sha256, bytes, frames, sample_rate, channels, source_format,
                   fetched_at, peak_dbfs, rms_dbfs, silence_share, clipping_share, note)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (segment_id, form) DO UPDATE SET
    outcome = excluded.outcome, at = excluded.at, attempts = attempts + 1,
    reason = excluded.reason, detail = excluded.detail, title = excluded.title,
    channel = excluded.channel, channel_id = excluded.channel_id, path = excluded.path,
    sha256 = excluded.sha256, bytes = excluded.bytes, frames = excluded.frames,
    sample_rate = excluded.sample_rate, channels = excluded.channels,
    source_format = excluded.source_format, fetched_at = excluded.fetched_at,
    peak_dbfs = excluded.peak_dbfs, rms_dbfs = excluded.rms_dbfs,
    silence_share = excluded.silence_share, clipping_share = excluded.clipping_share,
    note = excluded.note
"""
_PUT_LEARNED = (
    "INSERT INTO learned VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_DISTRUST = (
    "UPDATE answers SET license = 'unknown', reason = NULL, asks = 0, detail = 'source distrusted'"
    " WHERE source = ? AND checked_at >= ?"
)
_FORGET = (
    "UPDATE clips SET outcome = 'pending', reason = NULL, detail = ?, path = NULL, sha256 = NULL"
    " WHERE segment_id = ? AND form = ?"
)
_MOVE = "UPDATE clips SET path = ? WHERE segment_id = ? AND form = ?"


@dataclass(frozen=True, slots=True)
class JournalSnapshot:
    """How busy the writer is: records committed so far, commits, callers waiting."""

    records: int
    commits: int
    waiting: int


_Statement = tuple[str, tuple[object, ...]]


@dataclass(slots=True)
class _Job:
    statements: list[_Statement]
    done: asyncio.Future[None]


class Journal:
    """The journal, open for writing. One per output folder and process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gathered: list[_Job] = []
        self._hand_over_at = 0.0
        self._records = self._commits = self._waiting = 0
        self._broken: JournalError | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        connection = await asyncio.to_thread(open_for_writing, self.path)
        self._thread = threading.Thread(
            target=self._write_until_closed, args=(connection,), name="journal"
        )
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._thread is not None
        self._hand_over()
        self._jobs.put(None)
        # Joining is short: at most the commits already queued. It must not be cut by a cancel.
        self._thread.join()

    async def record(self, *records: Record) -> None:
        """Write `records`; return after commit. JournalError when the database refuses."""
        if self._broken:
            raise self._broken
        assert self._loop is not None
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting += 1
        if not self._gathered:
            self._hand_over_at = max(self._loop.time(), self._hand_over_at + _LINGER)
            self._loop.call_at(self._hand_over_at, self._hand_over)
        self._gathered.append(_Job([_statement(record) for record in records], done))
        if len(records) >= _ENOUGH:
            self._hand_over()
        try:
            # The write goes on when the caller is cancelled: it is already on its way.
            await done
        finally:
            self._waiting -= 1

    def _hand_over(self) -> None:
        if self._gathered:
            self._jobs.put(self._gathered)
            self._gathered = []

    def snapshot(self) -> JournalSnapshot:
        """Counts for progress."""
        return JournalSnapshot(self._records, self._commits, self._waiting)

    def _write_until_closed(self, connection: sqlite3.Connection) -> None:
        try:
            open_ = True
            while open_:
                jobs, open_ = self._next_jobs()
                if jobs:
                    self._settle(jobs, self._commit(connection, jobs))
        finally:
            with suppress(sqlite3.Error):  # closing does so only where nobody reads beside it
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
            seal(self.path)

    def _next_jobs(self) -> tuple[list[_Job], bool]:
        handed = self._jobs.get()
        jobs: list[_Job] = []
        while handed is not None:
            jobs += handed
            if len(jobs) >= _MOST_WAITERS_PER_COMMIT:
                return jobs, True
            try:
                handed = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, True
        return jobs, False

    def _commit(self, connection: sqlite3.Connection, jobs: list[_Job]) -> JournalError | None:
        if self._broken:
            return self._broken
        try:
            connection.execute("BEGIN IMMEDIATE")
            for sql, values in _together(one for job in jobs for one in job.statements):
                connection.execute(sql, values)
            connection.execute("COMMIT")
        # Whatever it is: those who wait for the commit must hear of it, or they wait for ever.
        except Exception as error:  # noqa: BLE001
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._broken = journal_error(self.path, error)
            return self._broken
        self._commits += 1
        self._records += sum(len(job.statements) for job in jobs)
        return None

    def _settle(self, jobs: list[_Job], error: JournalError | None) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_wake, jobs, error)


def _together(statements: Iterable[_Statement]) -> Iterator[_Statement]:
    """The same statements, answers by the dozen.

    SQLite lets go of Python's lock at each statement, and gets it back only when the event loop
    lets go of it: one statement for many rows costs half of what many cost.
    """
    for sql, group in groupby(statements, key=itemgetter(0)):
        rows = [values for _, values in group]
        if sql is not _PUT_ANSWER:
            yield from ((sql, values) for values in rows)
            continue
        while rows:
            size = 1 << min(len(rows), _MOST_ROWS).bit_length() - 1
            yield _put_answers(size), tuple(chain.from_iterable(rows[:size]))
            del rows[:size]


@cache
def _put_answers(rows: int) -> str:
    return _PUT_ANSWER.replace(_ANSWER_ROW, ", ".join([_ANSWER_ROW] * rows))


def _wake(jobs: list[_Job], error: JournalError | None) -> None:
    for job in jobs:
        if job.done.cancelled():
            continue
        if error:
            job.done.set_exception(error)
        else:
            job.done.set_result(None)


def _statement(record: Record) -> _Statement:
    match record:
        case LicenseAnswer():
            return _PUT_ANSWER, _answer_values(record)
        case ClipRow():
            return _PUT_CLIP, _clip_values(record)
        case Learned():
            return _PUT_LEARNED, (record.key, json.dumps(record.value))
        case Distrusted():
            return _DISTRUST, (record.source, record.since)
        case Forgotten():
            return _FORGET, (record.why, record.segment_id, record.form)
        case Moved():
            return _MOVE, (record.path, record.segment_id, record.form)


def _answer_values(answer: LicenseAnswer) -> tuple[object, ...]:
    return (
        answer.video_id, answer.license, answer.source, answer.checked_at, answer.reason,
        answer.text, answer.link, answer.title, answer.channel, answer.channel_id,
        answer.published, answer.detail,
    )  # fmt: skip


def _clip_values(row: ClipRow) -> tuple[object, ...]:
    head = (
        row.segment_id, row.video_id, row.form, row.outcome, row.at, row.reason, row.detail,
        row.title, row.channel, row.channel_id,
    )  # fmt: skip
    clip = row.clip
    if clip is None:
        return (*head, *[None] * 13)
    quality = clip.quality
    return (
        *head, clip.path, clip.sha256, clip.bytes, clip.frames, clip.sample_rate, clip.channels,
        clip.source_format, clip.fetched_at, quality.peak_dbfs, quality.rms_dbfs,
        quality.silence_share, quality.clipping_share, clip.note,
    )  # fmt: skip


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or create the journal at `path` with mode 0600; JournalError when that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        unseal(path)
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=30, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -65536")
            schema.prepare(connection, path)
        except BaseException:
            connection.close()  # with it goes what a migration had begun
            raise
    except OSError as error:
        raise JournalError(
            f"{path}: cannot be written: {error.strerror}. Choose another output.dir or give"
            " yourself the right to write there."
        ) from None
    except sqlite3.Error as error:
        raise journal_error(path, error) from None
    return connection


def journal_error(path: Path, error: Exception) -> JournalError:
    """What went wrong (SQLite's complaint, mostly) in our words, with the remedy."""
    name = getattr(error, "sqlite_errorname", "")
    remedies = {
        "SQLITE_FULL": "The disk is full: make room and run the same command again.",
        "SQLITE_NOTADB": "It is not a journal, or it is damaged.",
        "SQLITE_CORRUPT": "It is damaged.",
        "SQLITE_READONLY": "It cannot be written: check its owner and mode.",
        "SQLITE_BUSY": "Another program holds it: close that and run again.",
    }
    remedy = remedies.get(name, "Everything acknowledged so far is kept; run again to go on.")
    return JournalError(f"{path}: {error}. {remedy}")
