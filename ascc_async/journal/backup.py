"""A copy of the journal beside it, and what a start does when the journal is damaged.

`integrity_check` finds what a failing disk or a cut-off file does to the database as a whole. A
bit that flips inside a title it cannot see: the reader copes with that.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ascc_async.errors import JournalError, SetupError
from ascc_async.files import part_of, remove_leftovers, seal
from ascc_async.journal.schema import explained_errors

log = logging.getLogger(__name__)

_EVERY = 3600.0
_NOT_BEFORE = 600.0  # seconds into a run: its start, and a disk that is full, are left alone
_STEP = 1000  # pages, mostly of 4 kB


def backup_of(path: Path) -> Path:
    """Where the copy of the journal at `path` lies."""
    return path.with_name(f"{path.name}.backup")


def seconds_until_backup(path: Path) -> float:
    """How long to wait before the next `back_up`, so that the copy is never much over an hour old.

    Also counted from the copy that an earlier run made: many short runs are one long one.
    """
    copy = backup_of(path)
    age = time.time() - copy.stat().st_mtime if copy.exists() else _EVERY
    # A copy dated in the future, by a clock that was wrong, puts nothing off.
    return max(_NOT_BEFORE, min(_EVERY, _EVERY - age))


def back_up(path: Path, between_steps: Callable[[], None]) -> None:
    """Replace the copy by one of now, whole or not at all; for a thread, also beside the writer.

    `between_steps` may raise, which ends it. Where no new copy can be made, without room say, the
    old one stays and a warning tells why.
    """
    try:
        _copy(path, backup_of(path), between_steps)
    except (JournalError, SetupError) as error:
        log.warning(
            "no backup copy of the journal could be made: the last one is kept",
            extra={"why": str(error), "kept_from": _time_of(backup_of(path))},
        )


def damage(path: Path) -> str:
    """What is wrong with the journal at `path`, "" when nothing is. Raises JournalError.

    Reads all of it: two million answers take a second.
    """
    if not path.exists():
        return "it is missing"
    if path.is_file() and path.stat().st_size == 0:
        return "it is empty"
    with explained_errors(path):
        try:
            with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
                # quick_check takes three quarters of the time, but does not look at the order of
                # keys: a page that the disk wrote into another's place would be believed.
                (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                return str(error)
            raise
    return "" if verdict == "ok" else str(verdict).splitlines()[-1]


def restore_if_damaged(path: Path, *, may_start_empty: bool) -> None:
    """See that the journal at `path` can be trusted; for a thread, while nobody else has it open.

    A damaged one is set aside as `<name>.damaged-<time>` and replaced by its backup copy, as is
    one that is missing. Without a usable copy the run starts from nothing where that loses
    nothing (`may_start_empty`); else JournalError says what can be done.
    """
    remove_leftovers(path.parent)  # of a copying that was killed
    problem = damage(path)
    if not problem:
        return
    copy, was_there = backup_of(path), path.exists() and path.stat().st_size > 0
    copy_problem = damage(copy)
    if not copy_problem:
        kept_as = _set_aside(path)
        _copy(copy, path, between_steps=lambda: None)
        log.warning(
            "the journal was damaged: its backup copy is used instead",
            extra={
                "damage": problem,
                "copy_from": _time_of(copy),
                "lost": "videos answered since then are asked again; clips made since then move"
                " to clips/unclaimed and are fetched again",
                "kept_as": kept_as,
            },
        )
    elif not may_start_empty:
        dataset = path.parent / "dataset"
        raise JournalError(
            f"{path}: the journal cannot be used ({problem}), nor its backup copy"
            f" {copy.name} ({copy_problem}). Nothing was changed. If you have a copy of"
            f" {path.name}, put it here and run again. To make the same dataset again from its"
            f" manifest: `python -m ascc_async rebuild {dataset / 'manifest.csv'} --set"
            f" output.dir=NEW_FOLDER`. To start from nothing: move {path.name} and {dataset} away"
            " and run again; every video is then asked again."
        )
    elif was_there:
        log.warning(
            "the journal was damaged and had no backup copy yet: starting from nothing",
            extra={"damage": problem, "kept_as": _set_aside(path)},
        )


def _copy(source: Path, target: Path, between_steps: Callable[[], None]) -> None:
    began = time.time()
    with explained_errors(source), part_of(target) as part:
        # A disk filled to its last byte, even for a moment, would fail the run's own commits.
        if shutil.disk_usage(source.parent).free < 2 * source.stat().st_size:
            raise JournalError(f"{target}: there is no room for it on this disk")
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with (
            os.fdopen(descriptor, "rb") as file,
            closing(sqlite3.connect(source, isolation_level=None, timeout=30)) as reading,
            closing(sqlite3.connect(part, isolation_level=None)) as writing,
        ):

            def step_done(status: int, remaining: int, total: int) -> None:
                # Hundreds of megabytes synced at once would hold up the run's own commits.
                os.fsync(file.fileno())
                between_steps()

            # Held from step to step: SQLite would else begin again after each commit of the run.
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
            writing.execute("PRAGMA synchronous = OFF")
            reading.backup(writing, pages=_STEP, progress=step_done)
            writing.execute("PRAGMA journal_mode = DELETE")  # one file, which can be moved alone
        if problem := damage(part):
            raise JournalError(f"{source}: the new backup copy is damaged: {problem}")
        os.utime(part, (began, began))
        seal(part, target)


def _set_aside(path: Path) -> str:
    """Rename the journal and its logs; the new name, "" where there was no journal."""
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    was_there = path.exists()
    # First the logs, also those of a lost journal: SQLite would apply them to the next one.
    for ending in ("-wal", "-shm", ""):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.replace(aside.with_name(aside.name + ending))
    return str(aside) if was_there else ""


def _time_of(copy: Path) -> str:
    if not copy.exists():
        return "never"
    return datetime.fromtimestamp(copy.stat().st_mtime, UTC).isoformat(timespec="seconds")
