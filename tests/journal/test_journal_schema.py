"""The journal's versions: an old one is brought up to date, a newer one is left alone."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from journal_samples import ANSWER, write

from ascc_async.errors import JournalError
from ascc_async.journal import schema
from ascc_async.journal.reader import Reader
from ascc_async.journal.schema import VERSION
from ascc_async.model import License, Outcome, Reason

VERSION_1 = Path(__file__).parents[1] / "fixtures/version_0_1_half_way"
ENCODING = "audio/flac/source/source"


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


async def test_what_version_1_took_for_removed_is_asked_again(path: Path) -> None:
    """Read as it is while no run has brought it up to date; then bare words are no end any more."""
    shutil.copytree(VERSION_1, path.parent)
    bare = "-YEHoZtK9Ws"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE answers SET detail = 'Video unavailable · This video is not available'"
            " WHERE video_id = ?",
            [bare],
        )
        connection.execute(
            "UPDATE clips SET outcome = 'unavailable', reason = 'sign_in_required',"
            " detail = 'Please sign in.' WHERE segment_id = 'fkzeFku_lMo_3000'"
        )
    assert version_of(path) == 1
    with closing(Reader(path)) as before:
        answers = {row.video_id: row for page in before.answers() for row in page}
    assert answers[bare].reason is Reason.REMOVED
    with closing(await write(path)) as after:
        assert version_of(path) == VERSION
        changed = {row.video_id: row for page in after.answers() for row in page}
        clips = {row.segment_id: row for page in after.clips(ENCODING) for row in page}
    assert clips["fkzeFku_lMo_3000"].outcome is Outcome.PENDING
    assert clips["fkzeFku_lMo_3000"].reason is None
    assert {one for one in answers if changed[one] != answers[one]} == {bare}
    assert (changed[bare].license, changed[bare].asks) == (License.UNKNOWN, 0)


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_journal_of_every_version_can_be_read(path: Path, version: int) -> None:
    """What later versions brought is empty in it, and nothing is written."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        for script in schema.MIGRATIONS[:version]:
            connection.executescript(script)
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with closing(Reader(path)) as reader:
        reader.touch()
        pages = (reader.answers(), reader.answered(), reader.explained(0), reader.evidence())
        assert [list(each) for each in pages] == [[], [], [], []]
        assert (reader.newest_minute(), reader.evidence_of("-aaaaaaaaaa")) == (None, None)
    assert path.read_bytes() == before


async def test_a_migration_that_breaks_off_leaves_the_old_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Script and version number are one transaction: all of it or nothing."""
    await write(path, ANSWER)
    with monkeypatch.context() as broken:
        script = "ALTER TABLE answers ADD COLUMN mood TEXT; SELECT no_such_function();"
        broken.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, script))
        broken.setattr(schema, "VERSION", VERSION + 1)
        with pytest.raises(sqlite3.OperationalError, match="no_such_function"):
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
