"""The journal's backup copy: always whole, and used when the journal is damaged."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from journal_samples import ANSWER

from ascc_async.errors import JournalError, StoppedOnRequest
from ascc_async.journal.backup import (
    back_up,
    backup_of,
    damage,
    restore_if_damaged,
    seconds_until_backup,
)
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import Journal

ANSWERS = 30_000  # several steps of a copying


def nothing() -> None:
    """Between the steps of a copying."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A journal of many answers."""
    path = tmp_path_factory.mktemp("journal") / "state.sqlite3"

    async def fill() -> None:
        async with Journal(path) as journal:
            await journal.record(*(replace(ANSWER, video_id=f"{n:011d}") for n in range(ANSWERS)))

    asyncio.run(fill())
    return path.read_bytes()


@pytest.fixture
def path(original: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "state.sqlite3"
    path.write_bytes(original)
    return path


def answers(path: Path) -> int:
    with closing(Reader(path)) as reader:
        return sum(len(page) for page in reader.answers())


def garbage(path: Path) -> None:
    path.write_bytes(b"this is not a journal " * 500)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def swapped(path: Path) -> None:
    """A page in another's place: each is whole, only the order of the ids tells."""
    data = bytearray(path.read_bytes())
    data[40 * 4096 : 41 * 4096] = data[60 * 4096 : 61 * 4096]
    path.write_bytes(data)


def blank(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[50 * 4096 : 51 * 4096] = bytes(4096)
    path.write_bytes(data)


def removed(path: Path) -> None:
    path.unlink()


async def test_a_copy_beside_a_busy_writer_is_whole(path: Path) -> None:
    """It holds what was committed when it began; commits go on meanwhile, and it is private."""
    async with Journal(path) as journal:
        loop = asyncio.get_running_loop()
        steps = 0

        def commit() -> None:
            nonlocal steps
            steps += 1
            late = replace(ANSWER, video_id=f"x{steps:010d}")
            asyncio.run_coroutine_threadsafe(journal.record(late), loop).result(timeout=5)

        await asyncio.to_thread(back_up, path, commit)
    copy = backup_of(path)
    assert (answers(copy), answers(path)) == (ANSWERS, ANSWERS + steps)
    assert steps > 1
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


@pytest.mark.parametrize("harm", [garbage, cut, emptied, swapped, blank, removed])
def test_a_damaged_journal_is_replaced_by_its_copy(
    harm: Callable[[Path], None], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The damaged one is kept beside it, and a message says what is asked again."""
    back_up(path, nothing)
    log = path.with_name(f"{path.name}-wal")
    log.write_bytes(b"a log of the damaged one")
    harm(path)
    there = path.exists()
    assert damage(path)
    restore_if_damaged(path, may_start_empty=False)
    assert answers(path) == answers(backup_of(path)) == ANSWERS
    assert len(list(path.parent.glob("state.sqlite3.damaged-*Z"))) == there
    assert not log.exists()
    (record,) = caplog.records
    assert "backup copy is used" in record.message
    assert "asked again" in vars(record)["lost"]
    restore_if_damaged(path, may_start_empty=False)
    assert len(caplog.records) == 1


def test_a_sound_journal_is_left_alone(path: Path) -> None:
    """No copy is needed, and what a killed copying left is removed."""
    left = path.with_name(".part-0123")
    left.write_text("half a copy")
    restore_if_damaged(path, may_start_empty=False)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("harm", [cut, removed])
@pytest.mark.parametrize("copy", [b"", b"no copy " * 999, None])
def test_without_a_copy_nothing_is_written_over(
    harm: Callable[[Path], None], copy: bytes | None, path: Path
) -> None:
    """Where there is a dataset, the run stops, changes nothing and says what can be done."""
    if copy is not None:
        backup_of(path).write_bytes(copy)
    harm(path)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    with pytest.raises(JournalError, match=r"rebuild .*manifest\.csv"):
        restore_if_damaged(path, may_start_empty=False)
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


def test_in_the_first_minutes_a_damaged_journal_is_set_aside(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No copy and no dataset yet: the run starts from nothing and says so; a first run is quiet."""
    cut(path)
    restore_if_damaged(path, may_start_empty=True)
    assert not path.exists()
    assert len(list(path.parent.glob("state.sqlite3.damaged-*"))) == 1
    assert "starting from nothing" in caplog.text
    caplog.clear()
    restore_if_damaged(path, may_start_empty=True)
    assert caplog.text == ""


def test_a_damaged_journal_never_replaces_a_good_copy(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Damage that comes during a run is found before the copy is put in place."""
    back_up(path, nothing)
    good = backup_of(path).read_bytes()
    swapped(path)
    back_up(path, nothing)
    assert backup_of(path).read_bytes() == good
    assert "the last one is kept" in caplog.text


def test_without_room_the_old_copy_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A copy that would fill the disk is not begun: the run's own commits need the room."""
    back_up(path, nothing)
    before = backup_of(path).read_bytes()
    usage = shutil.disk_usage(path.parent)._replace(free=path.stat().st_size)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    back_up(path, nothing)
    assert backup_of(path).read_bytes() == before
    assert "no room" in caplog.records[-1].__dict__["why"]


def test_an_abort_ends_a_copying(path: Path) -> None:
    """After one step; nothing of it is left."""

    def abort() -> None:
        raise StoppedOnRequest("aborted")

    with pytest.raises(StoppedOnRequest):
        back_up(path, abort)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_copy_is_never_much_over_an_hour_old(path: Path) -> None:
    """Counted from the copy of an earlier run; but a run's first minutes are left alone."""
    assert seconds_until_backup(path) == 600
    back_up(path, nothing)
    assert 3500 < seconds_until_backup(path) <= 3600
    for minutes, wait in ((40, 1200), (300, 600), (-9999, 3600)):  # the last: a wrong clock
        then = time.time() - minutes * 60
        os.utime(backup_of(path), (then, then))
        assert seconds_until_backup(path) == pytest.approx(wait, abs=10)
