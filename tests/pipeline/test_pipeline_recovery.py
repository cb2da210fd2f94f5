"""A damaged journal: what only it knew is not thrown away with it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import Journal
from ascc_async.model import License, LicenseAnswer
from ascc_async.pipeline.recovery import mend_journal

ANSWERS = 12_000


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A journal of answers that no manifest holds: of another selection, or of a run cut off."""
    path = tmp_path / "state.sqlite3"
    async with Journal(path) as journal:
        await journal.record(
            *(
                LicenseAnswer(
                    f"{number:011}",
                    License.CREATIVE_COMMONS,
                    "innertube",
                    float(number),
                    title=f"title {number}",
                )
                for number in range(ANSWERS)
            )
        )
    return path


def titles(path: Path) -> list[str]:
    with closing(Reader(path)) as reader:
        return [row.title for page in reader.answers() for row in page]


async def test_a_flipped_bit_costs_no_other_answer(path: Path) -> None:
    """SQLite sees nothing wrong with it; the seal does."""
    data = bytearray(path.read_bytes())
    data[data.index(b"title 1234")] ^= 1
    path.write_bytes(data)
    recovered = await mend_journal(path)
    assert recovered is not None
    assert recovered.salvaged == ANSWERS
    assert len(titles(path)) == ANSWERS
    assert list(path.parent.glob("state.sqlite3.damaged-*Z"))
    assert await mend_journal(path) is None


async def test_what_can_be_read_before_a_lost_page_is_kept(path: Path) -> None:
    """One page is blank: the answers before it are those of the new journal."""
    data = bytearray(path.read_bytes())
    page = data.rindex(b"title 9000") // 4096
    data[page * 4096 : (page + 1) * 4096] = bytes(4096)
    path.write_bytes(data)
    recovered = await mend_journal(path)
    assert recovered is not None
    kept = titles(path)
    assert 0 < len(kept) == recovered.salvaged < ANSWERS
    assert kept == [f"title {number}" for number in range(len(kept))]


async def test_of_no_journal_at_all_nothing_is_kept(path: Path) -> None:
    """A text file in its place."""
    path.write_text("hello " * 1000)
    recovered = await mend_journal(path)
    assert recovered is not None
    assert recovered.salvaged == 0
    assert titles(path) == []
