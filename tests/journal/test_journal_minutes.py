"""The history: one row a minute, of totals that never fall, bounded."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from journal_samples import write

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Minute, Permitted
from ascc_async.journal.writer import open_for_writing

MAIN = Permitted("main", "pages", 0.25, 0.375, resting=True, refusals=7)
GUEST = Permitted("guest", "media", 20.0, None, resting=False, refusals=0)
NOON = 1_700_000_040.0  # on the minute


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


async def test_a_minute_comes_back_as_it_went_in(path: Path) -> None:
    """Every figure; rates to three digits, also those that a half float cannot hold."""
    minute = Minute(NOON, 5, 4, 3_000_000_000, 2, 1, (MAIN, GUEST), begins=True)
    fast = Minute(NOON + 60, identities=(replace(GUEST, rate=math.inf, ceiling=0.2804),))
    reader = await write(path, minute, fast)
    got, (limit,) = reader.minutes(0)[0], reader.minutes(NOON + 1)[0].identities
    assert got == minute
    assert limit.rate > 60_000
    assert limit.ceiling == pytest.approx(0.2804, rel=1e-3)
    assert reader.minutes(0, NOON) == [minute]


async def test_the_newest_of_a_minute_is_kept(path: Path) -> None:
    """And a run's first. A clock that goes back adds rows and takes none: the totals still rise
    from row to row.
    """
    seconds = (0, 2, 58, 60, 119, 3600, 30, 62)
    minutes = [Minute(NOON + at, answers=number) for number, at in enumerate(seconds)]
    reader = await write(path, *minutes)
    kept = reader.minutes(0)
    assert [minute.answers for minute in kept] == [0, 2, 4, 5, 6, 7]
    assert reader.newest_minute() == kept[-1]
    assert [minute.answers for minute in reader.minutes(0, every=3)] == [4, 7]


async def test_where_each_run_begins_is_kept(path: Path) -> None:
    """However soon it comes after the one before, and however soon it has more to say."""
    runs = [(0, 0, 1, 2), (2, 2, 3), (3,), (3, 3, 9)]
    reader = await write(
        path,
        *(Minute(NOON, done, begins=not number) for run in runs for number, done in enumerate(run)),
    )
    assert [(each.begins, each.answers) for each in reader.minutes(0)] == [
        (True, 0), (False, 2), (True, 2), (False, 3), (True, 3), (True, 3), (False, 9),
    ]  # fmt: skip


async def test_only_the_newest_120_days_are_kept(path: Path) -> None:
    """Of minutes in which a run was going on."""
    reader = await write(path, Minute(NOON, 1), Minute(NOON + 60, 2))
    connection = open_for_writing(path)
    connection.execute("UPDATE minutes SET id = id + 120 * 1440 - 1 WHERE id = 2")
    connection.close()
    assert [each.answers for each in reader.minutes(0)] == [1, 2]
    reader = await write(path, Minute(NOON + 120, 3))
    assert [each.answers for each in reader.minutes(0)] == [2, 3]


async def test_a_damaged_minute_costs_its_rates_alone(path: Path) -> None:
    """The totals go on from it: a run must not end, nor begin anew, for a flipped bit."""
    await write(path, Minute(NOON, 5, identities=(MAIN,)))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE minutes SET limits = x'00'")
    connection.close()
    assert Reader(path).newest_minute() == Minute(NOON, 5, begins=True)
