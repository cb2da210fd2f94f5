"""Is the journal sound? Looked at before a run trusts it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from ascc_async.journal import seal
from ascc_async.journal.schema import APPLICATION_ID, VERSION
from ascc_async.model import License, Outcome, Reason

BESIDE = ("-wal", "-shm", seal.ENDING)  # what lies beside the journal goes where it goes


def _in(names: Iterable[str]) -> str:
    return "(" + ", ".join(f"'{name}'" for name in names) + ")"


# A flipped bit inside a value leaves every page in order, but hardly ever a word of a closed list.
_IMPOSSIBLE = (
    f"SELECT 'answers', video_id FROM answers WHERE license NOT IN {_in(License)}"
    f" OR reason NOT IN {_in(Reason)} OR length(video_id) <> 11 LIMIT 1",
    f"SELECT 'clips', segment_id FROM clips WHERE outcome NOT IN {_in(Outcome)}"
    f" OR reason NOT IN {_in(Reason)} OR substr(segment_id, 1, 12) <> video_id || '_' LIMIT 1",
    "SELECT 'learned', key FROM learned WHERE NOT json_valid(value) LIMIT 1",
)


def damage(path: Path) -> str:
    """What is wrong with the journal at `path`, "" when nothing is; a missing one is fine.

    Reads all of it once: two million answers take 4 s. Call it while nobody writes.
    """
    if not path.exists():
        return ""
    if path.stat().st_size == 0:
        return "it is empty"
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("PRAGMA cache_size = -65536")
            return _damage(connection, path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if getattr(error, "sqlite_errorname", "") in _NOT_DAMAGE:
            return ""  # whoever opens it for writing says what is wrong
        return str(error)


_NOT_DAMAGE = ("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_PERM")


def _damage(connection: sqlite3.Connection, path: Path) -> str:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if not version or application != APPLICATION_ID or version > VERSION:
        return ""  # new, another program's, or a newer one's: `schema.prepare` says which
    if seal.is_broken(path):
        return "its bytes changed while no run went on"
    # quick_check is a third faster, but does not see a page that belongs into another place.
    (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if told != "ok":
        return str(told).splitlines()[-1]
    for sql in _IMPOSSIBLE:
        if (row := connection.execute(sql).fetchone()) is not None:
            return f"impossible values in {row[0]}, at {row[1]!a}"
    return ""


def set_aside(path: Path, target: Path) -> None:
    """Move the journal, and what SQLite keeps beside it, to `target`. Raises OSError."""
    for ending in BESIDE:
        beside = _beside(path, ending)
        if beside.exists():
            beside.replace(_beside(target, ending))
    path.replace(target)


def discard(path: Path) -> None:
    """Remove a journal that was not finished, with what is beside it."""
    for ending in ("", *BESIDE):
        _beside(path, ending).unlink(missing_ok=True)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)
