"""A damaged journal is set aside and its backup copy used; nothing is written over without one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from scenario import Row, timeless

from benchmarks.chaos_run import Job, blank_page


def test_a_damaged_journal_is_replaced_by_its_copy(
    done: Callable[[], Job], undisturbed: list[Row]
) -> None:
    """It is kept, what that costs is said, also when a wrong setting ends that run at once; no
    video is asked and no clip fetched a second time.
    """
    job = done()
    blank_page(job.output / "state.sqlite3", seed=1)
    code, said = job.place.run("--set", "classes.include=[Nope]")
    assert (code, "lost: videos answered since then are asked again" in said) == (2, True), said
    blank_page(job.output / "state.sqlite3", seed=1)
    assert job.leg() == 0, job.ends.said
    assert "the journal was damaged: its backup copy is used instead" in job.ends.said
    assert list(job.output.glob("state.sqlite3.damaged-*"))
    assert job.youtube.requests("media") == []
    asked = {v for line in job.youtube.requests("next") for v in line["videos"]}
    known = {*job.youtube.settings.known_creative_commons, *job.youtube.settings.known_standard}
    unknown = {row["video_id"] for row in undisturbed if row["license"] == "unknown"}
    assert asked - known <= unknown
    assert timeless(job.place.manifest()) == timeless(undisturbed)


@pytest.mark.slow
def test_what_came_after_the_copy_is_fetched_again(
    done: Callable[[], Job], undisturbed: list[Row]
) -> None:
    """The copy is of before the clips: their files are set aside, the dataset is whole again."""
    job = done()
    journal, copy = job.output / "state.sqlite3", job.output / "state.sqlite3.backup"
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("DELETE FROM clips")
    blank_page(journal, seed=2)
    assert job.leg() == 0, job.ends.said
    clips = sum(row["outcome"] == "clip" for row in undisturbed)
    assert len(list((job.output / "clips/unclaimed").iterdir())) == clips
    assert timeless(job.place.manifest()) == timeless(undisturbed)


def test_without_a_copy_the_manifest_is_not_written_over(done: Callable[[], Job]) -> None:
    """Exit 1, nothing is changed, and the message says what can be done."""
    job = done()
    before = (job.output / "dataset/manifest.csv").read_bytes()
    for each in job.output.glob("state.sqlite3*"):
        each.unlink()
    assert job.leg() == 1
    assert "rebuild" in job.ends.said
    assert (job.output / "dataset/manifest.csv").read_bytes() == before
    assert not list(job.output.glob("state.sqlite3*"))


def test_a_journal_of_a_newer_program_is_refused(done: Callable[[], Job]) -> None:
    """Never touched, never replaced: exit 1, and what to do."""
    job = done()
    path: Path = job.output / "state.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert job.leg() == 1
    assert "newer ascc_async" in job.ends.said
    assert "pip install --upgrade" in job.ends.said
    assert not list(job.output.glob("*damaged*"))
