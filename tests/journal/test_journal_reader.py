"""The reader: everything comes back as it went in, also what a failing disk has touched."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from journal_samples import ANSWER, CLIP, write

from ascc_async.errors import NoJournal
from ascc_async.journal.reader import LICENSES, REASONS, Reader
from ascc_async.journal.records import AnswerRow, Learned
from ascc_async.journal.writer import Journal
from ascc_async.model import License, Outcome, Reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "state.sqlite3"


async def test_answers_come_back_as_they_went_in(path: Path) -> None:
    """Every field of an answer survives the journal."""
    reader = await write(path, ANSWER)
    row = reader.answer(ANSWER.video_id)
    assert row == AnswerRow(**{n: getattr(ANSWER, n) for n in ANSWER.__dataclass_fields__}, asks=1)
    assert list(reader.answers()) == [[row]] == list(reader.shareable())
    assert reader.answers_of(["none", ANSWER.video_id]) == {ANSWER.video_id: row}


async def test_a_look_leaves_no_file_behind(path: Path, tmp_path: Path) -> None:
    """Neither beside a writer, nor after it, nor where it was killed: there the newest counts."""
    async with Journal(path) as journal:
        await journal.record(ANSWER)
        beside = await asyncio.to_thread(shutil.copytree, path.parent, tmp_path / "killed")
        with closing(Reader(path)):
            pass
    for folder in (path.parent, beside):
        before = sorted(folder.iterdir())
        with closing(Reader(folder / path.name)) as reader:
            assert reader.answer(ANSWER.video_id) is not None
            assert sorted(folder.iterdir()) == before
        assert sorted(folder.iterdir()) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


async def test_a_killed_runs_newest_records_count_in_a_copy(path: Path, tmp_path: Path) -> None:
    """Also in one without the file that SQLite can make anew."""
    async with Journal(path) as journal:
        await journal.record(ANSWER)
        without = shutil.ignore_patterns("*-shm")
        await asyncio.to_thread(shutil.copytree, path.parent, tmp_path / "copy", ignore=without)
    with closing(Reader(tmp_path / "copy" / path.name)) as reader:
        assert reader.answer(ANSWER.video_id) is not None


async def test_clips_come_back_as_they_went_in(path: Path) -> None:
    """Every field of a clip row survives, minus infinity included."""
    reader = await write(path, CLIP)
    assert list(reader.clips("audio-flac")) == [[CLIP]]
    assert reader.clips_of("-aaaaaaaaaa") == [CLIP]


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


async def test_bare_words_use_no_ask_up(path: Path) -> None:
    """However often they were heard, the video is asked again: until they are seen twice."""
    bare = replace(ANSWER, license=License.UNKNOWN, bare_by="main", shown=False)
    (page,) = list((await write(path, *[bare] * 9)).answered())
    assert page.asks.tolist() == [1]
    (page,) = list((await write(path, replace(bare, bare_by="", shown=True))).answered())
    assert page.asks.tolist() == [2]


async def test_pages_cover_every_row_once(path: Path) -> None:
    """Paging by key neither skips nor repeats, over several pages."""
    answers = [replace(ANSWER, video_id=f"{n:011d}") for n in range(12_345)]
    async with Journal(path) as journal:
        await journal.record(*answers)
    ids = [row.video_id for page in Reader(path).answers() for row in page]
    assert ids == [a.video_id for a in answers]


async def test_learned_values_are_found_by_prefix(path: Path) -> None:
    """Rates and quotas come back as the data they were."""
    reader = await write(path, Learned("gate/a", {"rate": 1.5}), Learned("gate/a", [1]),
                         Learned("quota/x", 3))  # fmt: skip
    assert reader.learned("gate/") == {"a": [1]}


async def test_no_journal_yet(path: Path) -> None:
    """Reading before the first run says so, and while one has only just made the file."""
    with pytest.raises(NoJournal, match="no journal yet"):
        Reader(path)
    path.parent.mkdir()
    path.touch()
    with pytest.raises(NoJournal, match="no journal yet"):
        Reader(path)


def flip(path: Path, word: bytes, bit: int) -> None:
    """One bit of this text, wherever the file holds it."""
    data = path.read_bytes()
    assert word in data
    path.write_bytes(data.replace(word, word[:3] + bytes([word[3] ^ 1 << bit]) + word[4:]))


@pytest.mark.parametrize("bit", [2, 7])  # another letter; no UTF-8 any more
async def test_a_flipped_bit_costs_one_value_only(path: Path, bit: int) -> None:
    """A damaged license is asked again, never a "no"; a damaged title lacks one letter."""
    gone = replace(ANSWER, video_id="g" * 11, license=License.UNAVAILABLE, reason=Reason.PRIVATE)
    clip = replace(CLIP, outcome=Outcome.REJECTED, clip=None, detail="a wren")
    await write(path, ANSWER, gone, clip, Learned("gate", "rated"), Learned("x", 1))
    for word in (b"creative_commonsinnertube", b"private", b"rejected", b"a wren", b'"rated"'):
        flip(path, word, bit)
    with closing(Reader(path)) as reader:
        first, second = next(reader.answers())
        assert (first.license, first.title) == (License.UNKNOWN, ANSWER.title)
        assert (second.license, second.reason) == (License.UNAVAILABLE, None)
        (page,) = reader.answered()
        assert [LICENSES[code] for code in page.licenses] == [first.license, second.license]
        assert page.reasons.tolist() == [0, 0]
        (row,) = reader.clips_of(CLIP.video_id)
        assert (row.outcome, row.detail[:3], row.detail != "a wren") == (
            Outcome.PENDING,
            "a w",
            True,
        )
        assert reader.learned("x") == {"": 1}


async def test_a_bulk_read_hinders_no_look_up_and_no_commit(path: Path) -> None:
    """Half way through all answers, the loop itself looks one up and a record is committed."""
    async with Journal(path) as journal:
        await journal.record(*(replace(ANSWER, video_id=f"{n:011d}") for n in range(6000)))
        with closing(Reader(path)) as reader:
            pages = [reader.answers(), reader.answered(), reader.shareable()]
            for page in pages:
                await asyncio.to_thread(next, page)
            async with asyncio.timeout(5):
                await journal.record(ANSWER)
            assert reader.answer(ANSWER.video_id) is not None
            for page in pages:
                page.close()
