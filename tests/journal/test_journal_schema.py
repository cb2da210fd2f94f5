"""The journal's versions: an old one is brought up to date, a newer one is left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from journal_samples import ANSWER, write

from ascc_async.errors import JournalError
from ascc_async.journal import schema
from ascc_async.journal.reader import Reader
from ascc_async.journal.schema import VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "state.sqlite3"


async def test_a_newer_journal_is_refused(path: Path) -> None:
    """A journal of a later program is refused by writer and reader, with the remedy."""
    await write(path)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(JournalError, match="newer"):
        await write(path)
    with pytest.raises(JournalError, match="newer"):
        Reader(path)


async def test_an_older_journal_is_brought_up_to_date(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next version's script runs once, on what is there; the rows stay."""
    await write(path, ANSWER)
    later = (*schema.MIGRATIONS, "ALTER TABLE answers ADD COLUMN mood TEXT;")
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    monkeypatch.setattr(schema, "VERSION", VERSION + 1)
    for _ in range(2):
        reader = await write(path)
        assert reader.answer(ANSWER.video_id) is not None
        assert version_of(path) == VERSION + 1


async def test_a_migration_that_breaks_off_leaves_the_old_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Script and version number are one transaction: all of it or nothing."""
    await write(path, ANSWER)
    with monkeypatch.context() as broken:
        script = "ALTER TABLE answers ADD COLUMN mood TEXT; SELECT no_such_function();"
        broken.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, script))
        broken.setattr(schema, "VERSION", VERSION + 1)
        with pytest.raises(JournalError):
            await write(path)
    assert version_of(path) == VERSION
    reader = await write(path)
    assert reader.answer(ANSWER.video_id) is not None


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


async def test_what_is_not_a_journal_is_refused(path: Path) -> None:
    """A text file in the journal's place is a clear error and is not touched."""
    path.parent.mkdir()
    path.write_text("hello " * 1000)
    with pytest.raises(JournalError, match="damaged"):
        await write(path)
    assert path.read_text() == "hello " * 1000
