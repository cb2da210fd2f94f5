"""A damaged journal is kept aside and made anew from the dataset."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from scenario import Row, timeless

from benchmarks.chaos_run import Job


def garbage(path: Path) -> None:
    path.write_bytes(b"this is not a journal" * 500)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def swapped_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:12288] = data[20480:24576]
    path.write_bytes(data)


def flipped_word(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.rindex(b"creative_commons" + b"innertube")
    data[place + 3] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        flipped_word,
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in (garbage, cut, emptied, swapped_page)
        ),
    ],
)
def test_a_damaged_journal_is_made_anew_and_nothing_is_fetched_again(
    damage: Callable[[Path], None], done: Callable[[], Job], undisturbed: list[Row]
) -> None:
    """It is kept, what is lost is said; no video is asked and no clip fetched a second time."""
    job = done()
    path = job.output / "state.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage(path)
    assert job.leg() == 0, job.ends.said
    assert "journal is damaged" in job.ends.said
    assert list(job.output.glob("state.sqlite3.damaged-*"))
    assert job.youtube.requests("media") == []
    assert {one.split()[0] for one in job.ends.repeated} <= {"next"}
    asked = {v for line in job.youtube.requests("next") for v in line["videos"]}
    known = {*job.youtube.settings.known_creative_commons, *job.youtube.settings.known_standard}
    unknown = {row["video_id"] for row in undisturbed if row["license"] == "unknown"}
    assert asked - known <= unknown
    assert timeless(job.place.manifest()) == timeless(undisturbed)


def test_a_journal_of_a_newer_program_is_refused(done: Callable[[], Job]) -> None:
    """Never touched, never rebuilt: exit 1, and what to do."""
    job = done()
    path = job.output / "state.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert job.leg() == 1
    assert "newer ascc_async" in job.ends.said
    assert "pip install --upgrade" in job.ends.said
    assert not list(job.output.glob("*damaged*"))
