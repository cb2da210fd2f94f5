"""The journal: what was acknowledged is kept, and comes back as it went in."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ascc_async.errors import JournalError
from ascc_async.journal import schema
from ascc_async.journal.reader import LICENSES, REASONS, Reader, open_reader
from ascc_async.journal.records import AnswerRow, ClipRow, Distrusted, Forgotten, Learned, Moved
from ascc_async.journal.schema import VERSION
from ascc_async.journal.writer import Journal
from ascc_async.model import ClipFile, License, LicenseAnswer, Outcome, Quality, Reason

ANSWER = LicenseAnswer(
    "-aaaaaaaaaa", License.CREATIVE_COMMONS, "innertube", 100.5, text="Creative Commons…",
    link="https://www.youtube.com/t/creative_commons", title='a "b", \n=c', channel="ch",
    channel_id="UC1", published="2015",
)  # fmt: skip
CLIP = ClipRow(
    "-aaaaaaaaaa_30500", "-aaaaaaaaaa", "audio-flac", Outcome.CLIP, 200.0, 1, title="t",
    channel="c",
    clip=ClipFile(
        "-aaaaaaaaaa_30500", "clips/-a/-aaaaaaaaaa_30500.flac", "00ff", 123, 441000, 44100, 2,
        "audio-flac", "140 mp4a.40.2", 200.0, Quality(-1.0, float("-inf"), 0.25, 0.0), "note",
    ),
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "state.sqlite3"


async def write(path: Path, *records: object) -> Reader:
    async with Journal(path) as journal:
        for record in records:
            await journal.record(record)  # type: ignore[arg-type]
    return open_reader(path)


async def test_answers_come_back_as_they_went_in(path: Path) -> None:
    """Every field of an answer survives the journal."""
    reader = await write(path, ANSWER)
    row = reader.answer(ANSWER.video_id)
    assert row == AnswerRow(**{n: getattr(ANSWER, n) for n in ANSWER.__dataclass_fields__}, asks=1)
    assert list(reader.answers()) == [[row]] == list(reader.shareable())


async def test_clips_come_back_as_they_went_in(path: Path) -> None:
    """Every field of a clip row survives, minus infinity included."""
    reader = await write(path, CLIP)
    assert list(reader.clips("audio-flac")) == [[CLIP]]
    assert reader.clips_of("-aaaaaaaaaa") == [CLIP]


async def test_record_is_visible_to_others_when_it_returns(path: Path) -> None:
    """`record` returns after commit: a reader beside the running writer sees the row."""
    async with Journal(path) as journal:
        await journal.record(ANSWER)
        assert Reader(path).answer(ANSWER.video_id) is not None


async def test_unknown_never_replaces_what_is_known(path: Path) -> None:
    """An ask that was not answered counts, but leaves license and evidence as they were."""
    unknown = replace(ANSWER, license=License.UNKNOWN, checked_at=300.0, text="", link="", title="")
    row = (await write(path, ANSWER, unknown)).answer(ANSWER.video_id)
    assert row is not None
    assert (row.license, row.checked_at, row.text, row.asks) == (
        License.CREATIVE_COMMONS, 100.5, ANSWER.text, 2,
    )  # fmt: skip


async def test_a_changed_license_keeps_what_was_before(path: Path) -> None:
    """The previous license stands in the row, the earlier answer in the history."""
    changed = replace(ANSWER, license=License.STANDARD, checked_at=300.0)
    reader = await write(path, ANSWER, changed)
    row = reader.answer(ANSWER.video_id)
    assert row is not None
    assert (row.license, row.previous_license) == (License.STANDARD, License.CREATIVE_COMMONS)
    assert [(e.at, e.what) for e in reader.history(ANSWER.video_id)] == [
        (100.5, "creative_commons")
    ]


async def test_distrusted_answers_are_unknown_and_unasked(path: Path) -> None:
    """What a broken source answered since the last good check must be asked again."""
    early = replace(ANSWER, video_id="b" * 11, checked_at=50.0)
    other = replace(ANSWER, video_id="c" * 11, source="data_api")
    reader = await write(path, ANSWER, early, other, Distrusted("innertube", 100.0))
    found = {row.video_id: (row.license, row.asks) for page in reader.answers() for row in page}
    assert found == {
        ANSWER.video_id: (License.UNKNOWN, 0),
        "b" * 11: (License.CREATIVE_COMMONS, 1),
        "c" * 11: (License.CREATIVE_COMMONS, 1),
    }


async def test_a_forgotten_clip_is_pending_again(path: Path) -> None:
    """A clip that is lost on disk loses its file in the journal, and is to be fetched again."""
    reader = await write(path, CLIP, Forgotten(CLIP.segment_id, CLIP.form, "missing"))
    (row,) = reader.clips_of("-aaaaaaaaaa")
    assert (row.outcome, row.clip, row.detail) == (Outcome.PENDING, None, "missing")


async def test_attempts_are_counted(path: Path) -> None:
    """Every recorded try of one segment counts."""
    failed = replace(CLIP, outcome=Outcome.PENDING, reason=Reason.NETWORK, clip=None)
    (row,) = (await write(path, failed, failed, CLIP)).clips_of("-aaaaaaaaaa")
    assert (row.attempts, row.outcome, row.reason) == (3, Outcome.CLIP, None)


async def test_bulk_reading_gives_codes(path: Path) -> None:
    """The start reads ids, license and reason codes, times and asks as arrays."""
    await write(path, ANSWER)
    gone = replace(ANSWER, video_id="g" * 11, license=License.UNAVAILABLE, reason=Reason.PRIVATE)
    (page,) = list((await write(path, gone)).answered())
    assert page.ids.tolist() == [b"-aaaaaaaaaa", b"g" * 11]
    assert [LICENSES[code] for code in page.licenses] == [
        License.CREATIVE_COMMONS, License.UNAVAILABLE,
    ]  # fmt: skip
    assert page.reasons[0] == 0
    assert REASONS[page.reasons[1] - 1] is Reason.PRIVATE
    assert (page.times.tolist(), page.asks.tolist()) == ([100.5, 100.5], [1, 1])


async def test_pages_cover_every_row_once(path: Path) -> None:
    """Paging by key neither skips nor repeats, over several pages."""
    answers = [replace(ANSWER, video_id=f"{n:011d}") for n in range(12_345)]
    async with Journal(path) as journal:
        await journal.record(*answers)
    ids = [row.video_id for page in open_reader(path).answers() for row in page]
    assert ids == [a.video_id for a in answers]


async def test_waiters_share_a_commit(path: Path) -> None:
    """Sixty-four who wait together need far fewer than sixty-four commits."""
    async with Journal(path) as journal, asyncio.TaskGroup() as group:
        for n in range(640):
            group.create_task(journal.record(replace(ANSWER, video_id=f"{n:011d}")))
    assert journal.snapshot().records == 640
    assert journal.snapshot().commits < 100


async def test_learned_values_are_found_by_prefix(path: Path) -> None:
    """Rates and quotas come back as the data they were."""
    reader = await write(path, Learned("gate/a", {"rate": 1.5}), Learned("gate/a", [1]),
                         Learned("quota/x", 3))  # fmt: skip
    assert reader.learned("gate/") == {"a": [1]}


async def test_the_journal_is_private(path: Path) -> None:
    """Nobody else on the machine may read it."""
    await write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


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


async def test_no_journal_yet(path: Path) -> None:
    """Reading before the first run says so."""
    with pytest.raises(JournalError, match="no journal yet"):
        open_reader(path)


async def test_a_refused_write_is_told_to_its_caller_and_all_later_ones(path: Path) -> None:
    """When the database refuses a write, nobody is told that their record was kept."""
    async with Journal(path) as journal:
        await journal.record(ANSWER)
        with pytest.raises(JournalError):
            # SQLite refuses the type, as it refuses any write on a full disk.
            await journal.record(replace(ANSWER, video_id="d" * 11, title=object()))  # type: ignore[arg-type]
        with pytest.raises(JournalError):
            await journal.record(replace(ANSWER, video_id="e" * 11))
    assert open_reader(path).answer("d" * 11) is None


async def test_forms_are_kept_apart(path: Path) -> None:
    """A segment fetched as FLAC and as WAV has a row for each, and each can be moved."""
    wav = replace(CLIP, form="audio-wav")
    reader = await write(path, CLIP, wav, Moved(CLIP.segment_id, "audio-flac", "elsewhere"))
    assert reader.forms() == ["audio-flac", "audio-wav"]
    ((flac_row,),) = list(reader.clips("audio-flac"))
    assert flac_row.clip is not None
    assert flac_row.clip.path == "elsewhere"
    assert len(reader.clips_of(CLIP.video_id)) == 2


async def test_what_cannot_be_written_is_an_error_and_never_waited_for(path: Path) -> None:
    """Half of a character gets into no database: whoever waits hears of it, the next one too."""
    async with Journal(path) as journal:
        async with asyncio.timeout(5):
            with pytest.raises(JournalError, match="surrogates"):
                await journal.record(replace(ANSWER, title="\ud83d"))
            with pytest.raises(JournalError):
                await journal.record(ANSWER)
