"""Tables of the journal and their versions: the only place that creates or alters them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ascc_async.errors import JournalError

APPLICATION_ID = 0x61736363  # "ascc"

# A row that is replaced leaves a line in `history`: nothing that was once said is lost.
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


# The n-th script brings a journal from version n to n + 1.
MIGRATIONS: tuple[str, ...] = (_TABLES,)
VERSION = len(MIGRATIONS)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create or bring up to date; JournalError when newer than this program or not ours."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if version and application != APPLICATION_ID:
        raise JournalError(f"{path}: not a journal of ascc_async. Choose another output.dir.")
    refuse_newer(version, path)
    for number in range(version, VERSION):
        # One transaction with its version number: a crash leaves the old journal or the new one.
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[number]}"
            f" PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number + 1};"
            " COMMIT;"
        )


def refuse_newer(version: int, path: Path) -> None:
    """JournalError when `version` is beyond what this program knows."""
    if version > VERSION:
        raise JournalError(
            f"{path}: written by a newer ascc_async (journal version {version}, this program"
            f" knows {VERSION}). Update with `pip install --upgrade ascc-async`."
        )
