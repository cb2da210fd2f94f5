"""Tables of the journal and their versions, and what SQLite's errors mean for the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ascc_async import UPGRADE
from ascc_async.errors import JournalError

APPLICATION_ID = 0x61736363  # "ascc"

# Triggers keep each row that is replaced as a line of `history`: no answer is ever lost.
# Video and segment ids are the tables' own keys (WITHOUT ROWID): an index beside two million rows
# would double the file. Answers come in no order, so pages are only some two thirds full.
_TABLES = """
CREATE TABLE answers (
    video_id TEXT PRIMARY KEY, license TEXT NOT NULL, source TEXT NOT NULL,
    checked_at REAL NOT NULL, reason TEXT, text TEXT NOT NULL, link TEXT NOT NULL,
    title TEXT NOT NULL, channel TEXT NOT NULL, channel_id TEXT NOT NULL,
    published TEXT NOT NULL, detail TEXT NOT NULL,
    asks INTEGER NOT NULL DEFAULT 1, previous_license TEXT
) WITHOUT ROWID;
CREATE INDEX answers_shareable ON answers (video_id) WHERE license = 'creative_commons';
CREATE TABLE clips (
    segment_id TEXT NOT NULL, video_id TEXT NOT NULL, form TEXT NOT NULL, outcome TEXT NOT NULL,
    at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 1, reason TEXT, detail TEXT NOT NULL,
    title TEXT NOT NULL, channel TEXT NOT NULL, channel_id TEXT NOT NULL,
    path TEXT, sha256 TEXT, bytes INTEGER, frames INTEGER, sample_rate INTEGER,
    channels INTEGER, source_format TEXT, fetched_at REAL,
    peak_dbfs REAL, rms_dbfs REAL, silence_share REAL, clipping_share REAL, note TEXT,
    PRIMARY KEY (segment_id, form)
) WITHOUT ROWID;
CREATE TABLE history (
    id INTEGER PRIMARY KEY, video_id TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
    what TEXT NOT NULL, reason TEXT, source TEXT, detail TEXT
);
CREATE INDEX history_video ON history (video_id);
CREATE TABLE learned (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TRIGGER answers_history BEFORE UPDATE OF license ON answers BEGIN
    INSERT INTO history (video_id, at, kind, what, reason, source, detail)
    VALUES (old.video_id, old.checked_at, 'license', old.license, old.reason, old.source,
            old.detail);
END;
CREATE TRIGGER clips_history BEFORE UPDATE OF outcome ON clips BEGIN
    INSERT INTO history (video_id, at, kind, what, reason, source, detail)
    VALUES (old.video_id, old.at, 'clip', old.outcome, old.reason, old.source_format,
            old.detail);
END;
"""

# Version 1 took «Video unavailable» for «removed», although blocked addresses are told the same:
# what it recorded so, in words that say no more, is open again.
_BARE_WORDS = """
ALTER TABLE answers ADD COLUMN bare_by TEXT NOT NULL DEFAULT '';
UPDATE answers SET license = 'unknown', reason = NULL, asks = 0
WHERE license = 'unavailable' AND (
    (reason = 'removed' AND detail IN ('Video unavailable', 'This video is unavailable',
        'This video is not available', 'Video unavailable · This video is not available'))
    OR (reason = 'sign_in_required' AND detail = 'Please sign in'));
UPDATE clips SET outcome = 'pending', reason = NULL
WHERE outcome = 'unavailable' AND (
    (reason = 'removed' AND rtrim(detail, '.') IN ('Video unavailable', 'This video is unavailable',
        'This video is not available', 'Video unavailable. This video is not available'))
    OR (reason = 'sign_in_required' AND rtrim(detail, '. ') = 'Please sign in'));
"""

# Of each video the newest answer that said Creative Commons: address, body and answer, packed.
_EVIDENCE = """
CREATE TABLE evidence (
    video_id TEXT PRIMARY KEY, source TEXT NOT NULL, seen_at REAL NOT NULL, exchange BLOB NOT NULL
);
"""

# One row a minute in which a run was going on, the newest for 120 days of them: by number, not by
# time, so that a clock that leaps deletes nothing. Before a row that begins a run a number is
# left out. `limits` is packed, or four months of them would be over 30 MB; whose they are stands
# once for all rows in `limits_of`.
_MINUTES = """
CREATE TABLE minutes (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, answers INTEGER NOT NULL, clips INTEGER NOT NULL,
    fetched_bytes INTEGER NOT NULL, requests INTEGER NOT NULL, refusals INTEGER NOT NULL,
    limits_of INTEGER NOT NULL, limits BLOB NOT NULL
);
CREATE INDEX minutes_at ON minutes (at);
CREATE TABLE limits_of (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE TRIGGER minutes_kept AFTER INSERT ON minutes BEGIN
    DELETE FROM minutes WHERE id <= new.id - 120 * 1440;
END;
"""

# The n-th script brings a journal from version n to n + 1. Published ones are never changed:
# a user may come from any of them.
MIGRATIONS: tuple[str, ...] = (_TABLES, _BARE_WORDS, _EVIDENCE, _MINUTES)
VERSION = len(MIGRATIONS)

# By the version that a reader finds: what the next one brought, as if it were there and empty. Only
# a run brings a journal up to date.
_AS_IF = {
    1: "CREATE TEMP VIEW answers AS SELECT *, '' AS bare_by FROM main.answers;",
    2: "CREATE TEMP TABLE evidence (video_id, source, seen_at, exchange);",
    3: "CREATE TEMP TABLE limits_of (id, names); CREATE TEMP TABLE minutes (id, at, answers, clips,"
    " fetched_bytes, requests, refusals, limits_of, limits);",
}

_DAMAGED = "It is damaged, or not a journal: a run sets it aside and uses its backup copy."
_REMEDIES = {
    "SQLITE_FULL": "The disk is full: make room and run the same command again.",
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_READONLY": "It cannot be written: check its owner and permissions.",
    "SQLITE_CANTOPEN": "Check its owner and permissions: it belongs to whoever started the run."
    " After a run was killed its folder must be writable, also for a look: else look at a copy.",
    "SQLITE_BUSY": "Another program has it open: close that program and run again.",
}
_OUR_BUGS = (sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.InterfaceError)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create or bring up to date; JournalError when newer than this program or not ours."""
    version = refuse_foreign(connection, path)
    for number in range(version, VERSION):
        # One transaction with its version number: a crash leaves the old journal or the new one.
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[number]}"
            f" PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number + 1};"
            " COMMIT;"
        )


def prepare_for_reading(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether there is anything in it; if so, it reads like one that is up to date."""
    version = refuse_foreign(connection, path)
    for older in range(version, VERSION) if version else ():
        connection.executescript(_AS_IF[older])
    return version > 0


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> int:
    """The journal's version; JournalError when it is not ours, or beyond what we know."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if version and application != APPLICATION_ID:
        raise JournalError(f"{path}: not a journal of ascc_async. Choose another output.dir.")
    if version > VERSION:
        raise JournalError(
            f"{path}: written by a newer ascc_async (journal version {version}, this program"
            f" knows {VERSION}). Update with `{UPGRADE}`."
        )
    return version


@contextmanager
def explained_errors(path: Path) -> Iterator[None]:
    """What SQLite complains of becomes a JournalError with its remedy; bugs stay what they are."""
    try:
        yield
    except _OUR_BUGS:
        raise
    except sqlite3.Error as error:
        # Extended codes (SQLITE_CORRUPT_INDEX) mean the same to a user.
        name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
        if name == "SQLITE_ERROR":  # SQL that is wrong
            raise
        remedy = _REMEDIES.get(name, "Everything recorded so far is kept; run again to go on.")
        raise JournalError(f"{path}: {error}. {remedy}") from error
