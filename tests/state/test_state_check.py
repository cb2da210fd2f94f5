"""Damage to the journal is found, wherever it is."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ascc_async.model import License, LicenseAnswer
from ascc_async.state.check import damage, set_aside
from ascc_async.state.writer import Journal


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
    assert "impossible values in answers" in damage(path)


def test_set_aside_takes_the_log_along(path: Path) -> None:
    """A write-ahead log that stayed would be applied to the next journal."""
    Path(f"{path}-wal").write_bytes(b"x")
    set_aside(path, path.with_name("kept"))
    assert sorted(one.name for one in path.parent.iterdir()) == ["kept", "kept-wal"]
