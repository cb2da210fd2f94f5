"""Damage to the journal is found, wherever it is."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from ascc_async.journal.check import damage, set_aside
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import Journal
from ascc_async.model import License, LicenseAnswer


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A journal of three thousand answers, all in its one file."""
    path = tmp_path / "state.sqlite3"
    async with Journal(path) as journal:
        for first in range(0, 3000, 500):
            await journal.record(
                *(
                    LicenseAnswer(f"{number:011}", License.STANDARD, "innertube", float(number))
                    for number in range(first, first + 500)
                )
            )
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def test_a_sound_journal_is_sound(path: Path) -> None:
    """So are one that is not there, and one with a log that was not taken in."""
    assert damage(path) == ""
    assert damage(path.with_name("none")) == ""


def test_a_cut_an_emptied_and_a_foreign_file_are_damaged(path: Path) -> None:
    """Whatever SQLite says first, it is told."""
    os.truncate(path, path.stat().st_size // 2)
    assert "malformed" in damage(path)
    path.write_bytes(b"nothing of the kind " * 300)
    assert "not a database" in damage(path)
    path.write_bytes(b"")
    assert damage(path) == "it is empty"


def test_every_page_overwritten_by_another_is_found(path: Path) -> None:
    """Each page in turn holds what belongs elsewhere."""
    whole, size = path.read_bytes(), 4096
    pages = len(whole) // size
    assert pages > 20
    for page in range(1, pages):
        other = (page + 3) % pages or 1
        data = bytearray(whole)
        data[page * size : (page + 1) * size] = whole[other * size : (other + 1) * size]
        if data == whole:
            continue
        path.write_bytes(data)
        assert damage(path), page


def test_a_word_that_no_list_knows_is_damage(path: Path) -> None:
    """One flipped bit in a license leaves the tree in order; it is found all the same."""
    data = bytearray(path.read_bytes())
    place = data.rindex(b"standardinnertube")
    data[place] ^= 1
    path.write_bytes(data)
    Path(f"{path}-seal").unlink()  # as after a crash
    assert "impossible values in answers" in damage(path)


def flip(path: Path, place: int, bit: int) -> None:
    """As a disk does."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


def test_any_bit_that_flips_by_itself_is_found(path: Path) -> None:
    """Also within a title, which SQLite takes for what was written."""
    rng = Random(3)
    for _ in range(20):
        place, bit = rng.randrange(100, path.stat().st_size), rng.randrange(8)
        flip(path, place, bit)
        assert damage(path)
        flip(path, place, bit)
        assert damage(path) == ""


async def test_the_seal_holds_where_somebody_reads_beside(path: Path) -> None:
    """What the log holds is taken in before it is made."""
    with closing(Reader(path)) as reader:
        async with Journal(path) as journal:
            await journal.record(LicenseAnswer("x" * 11, License.STANDARD, "innertube", 1.0))
            assert reader.answer("x" * 11) is not None
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    flip(path, path.read_bytes().rindex(b"x" * 11), 0)
    assert "changed while no run went on" in damage(path)


async def test_what_we_write_is_no_damage(path: Path) -> None:
    """Whenever the run is cut off; and a seal that nobody can read tells nothing."""
    async with Journal(path) as journal:
        assert not Path(f"{path}-seal").exists()
        await journal.record(LicenseAnswer("x" * 11, License.STANDARD, "innertube", 1.0))
        shutil.copytree(path.parent, path.parent / "killed")
    assert damage(path) == damage(path.parent / "killed" / path.name) == ""
    assert stat.S_IMODE(Path(f"{path}-seal").stat().st_mode) == 0o600
    Path(f"{path}-seal").write_bytes(b"\xff")
    assert damage(path) == ""


def test_set_aside_takes_the_log_along(path: Path) -> None:
    """A write-ahead log that stayed would be applied to the next journal."""
    Path(f"{path}-wal").write_bytes(b"x")
    set_aside(path, path.with_name("kept"))
    names = sorted(one.name for one in path.parent.iterdir())
    assert names == ["kept", "kept-seal", "kept-wal"]
