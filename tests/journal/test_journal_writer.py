"""The writer: what was acknowledged is kept, and nothing else is acknowledged."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from journal_samples import ANSWER, CLIP, write

from ascc_async.errors import JournalError
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Distrusted, Forgotten, Moved
from ascc_async.journal.writer import Journal
from ascc_async.model import Evidence, License, Outcome, Reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "state.sqlite3"


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
    """The previous license is in the row, the earlier answer in the history."""
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
    reader = await write(path, CLIP, Forgotten(CLIP.segment_id, CLIP.encoding, "missing"))
    (row,) = reader.clips_of("-aaaaaaaaaa")
    assert (row.outcome, row.clip, row.detail) == (Outcome.PENDING, None, "missing")


async def test_attempts_are_counted(path: Path) -> None:
    """Every recorded try of one segment counts."""
    failed = replace(CLIP, outcome=Outcome.PENDING, reason=Reason.NETWORK, clip=None)
    (row,) = (await write(path, failed, failed, CLIP)).clips_of("-aaaaaaaaaa")
    assert (row.attempts, row.outcome, row.reason) == (3, Outcome.CLIP, None)


async def test_forms_are_kept_apart(path: Path) -> None:
    """A segment fetched as FLAC and as WAV has a row for each, and each can be moved."""
    wav = replace(CLIP, encoding="audio-wav")
    reader = await write(path, CLIP, wav, Moved(CLIP.segment_id, "audio-flac", "elsewhere"))
    assert reader.encodings() == ["audio-flac", "audio-wav"]
    ((flac_row,),) = list(reader.clips("audio-flac"))
    assert flac_row.clip is not None
    assert flac_row.clip.path == "elsewhere"
    assert len(reader.clips_of(CLIP.video_id)) == 2


async def test_waiters_share_a_commit(path: Path) -> None:
    """Six hundred who wait together need far fewer than six hundred commits."""
    async with Journal(path) as journal, asyncio.TaskGroup() as group:
        for n in range(640):
            group.create_task(journal.record(replace(ANSWER, video_id=f"{n:011d}")))
    assert journal.commits < 100
    assert len(next(Reader(path).answers())) == 640


async def test_closing_keeps_what_was_still_on_its_way(path: Path) -> None:
    """Also when its caller was cancelled meanwhile."""
    async with Journal(path) as journal:
        recording = asyncio.ensure_future(journal.record(ANSWER))
        await asyncio.sleep(0)
        recording.cancel()
    assert Reader(path).answer(ANSWER.video_id) is not None


async def test_the_journal_is_private_and_needs_no_seal(path: Path) -> None:
    """Nobody else may read it; the hash that version 0.1 left beside it is removed."""
    await write(path)
    path.with_name("state.sqlite3-seal").write_text("an old hash")
    await write(path, ANSWER)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_name("state.sqlite3-seal").exists()


async def test_a_refused_write_reaches_its_caller_with_its_cause(path: Path) -> None:
    """Where SQLite cannot write, every waiting caller gets the error, and nothing is kept."""
    async with Journal(path) as journal:
        await journal.record(ANSWER)
        with closing(sqlite3.connect(path)) as other:
            # As SQLite says it when its file cannot grow: SQLITE_TOOBIG, no fault of our SQL.
            too_big = "SELECT length(hex(zeroblob(900000000)))"
            other.execute(f"CREATE TRIGGER full BEFORE INSERT ON clips BEGIN {too_big}; END")
        lost = replace(ANSWER, video_id="d" * 11)
        with pytest.raises(JournalError, match="too big") as refused:
            await journal.record(lost, CLIP)
        assert isinstance(refused.value.__cause__, sqlite3.DataError)
    assert Reader(path).answer(lost.video_id) is None


@pytest.mark.parametrize(
    ("wrong", "bug"),
    [("\ud83d", UnicodeEncodeError), (object(), sqlite3.Error), (None, sqlite3.IntegrityError)],
)
async def test_a_bug_stays_a_bug(path: Path, wrong: object, bug: type[Exception]) -> None:
    """What no database takes is no fault of the disk: the error comes as it is, and not for all."""
    async with Journal(path) as journal:
        async with asyncio.timeout(5):
            with pytest.raises(bug):
                await journal.record(replace(ANSWER, title=wrong))  # type: ignore[arg-type]
            await journal.record(ANSWER)
    assert Reader(path).answer(ANSWER.video_id) is not None


EVIDENCE = Evidence(ANSWER.video_id, "innertube", 100.5, "https://x", '{"id": 1}', '{"a": "ü"}')


async def test_the_newest_evidence_of_a_license_is_kept(path: Path) -> None:
    """With the answer, or of the second look; an answer without any, and a journal from before the
    third version, take nothing away.
    """
    seen_again = replace(EVIDENCE, source="watch_page", seen_at=200.0)
    standard = replace(ANSWER, license=License.STANDARD)
    with closing(await write(path, replace(ANSWER, evidence=EVIDENCE), standard)) as reader:
        assert reader.evidence_of(ANSWER.video_id) == EVIDENCE
    with closing(await write(path, seen_again)) as reader:
        assert list(reader.evidence()) == [[seen_again]]
        assert reader.evidence_of("-bbbbbbbbbb") is None
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE evidence")
        connection.execute("PRAGMA user_version = 2")
    with closing(Reader(path)) as older:
        assert (list(older.evidence()), older.evidence_of(ANSWER.video_id)) == ([], None)


async def test_a_flipped_bit_in_evidence_takes_that_one_alone(path: Path) -> None:
    """The others are read on."""
    other = replace(EVIDENCE, video_id="-bbbbbbbbbb")
    (await write(path, EVIDENCE, other)).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        damage = "UPDATE evidence SET exchange = zeroblob(9) WHERE video_id = ?"
        connection.execute(damage, [EVIDENCE.video_id])
    with closing(Reader(path)) as reader:
        assert list(reader.evidence()) == [[other]]
