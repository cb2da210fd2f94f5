"""kill -9 at any moment: the next run goes on, and nothing shows that there was one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scenario import Row, timeless

from ascc_async.standin.process import StandinProcess
from benchmarks.chaos_run import FAULTS, LIMIT, Job, flip_bit, moments


@pytest.mark.parametrize("kills", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_killed_at_seeded_moments_gives_what_an_undisturbed_run_gives(
    calm: StandinProcess, tmp_path: Path, undisturbed: list[Row], kills: int
) -> None:
    """With refusals and faults: the same manifest, nothing asked twice, nothing left behind."""
    calm.set(faults=FAULTS, limits=(LIMIT,))
    split = "eval" if kills == 1 else "unbalanced_train"
    job = Job(tmp_path, calm, f"audioset.splits=[{split}]")
    for requests in moments(7, kills, 40):
        assert job.leg(job.after(requests)) == -9
    assert job.leg() == 0, job.ends.said
    expected = [row for row in undisturbed if row["split"] == split]
    assert timeless(job.place.manifest()) == timeless(expected)
    assert job.ends.repeated == []
    assert job.ends.orphans == []
    assert job.leftovers() == []


def test_altered_missing_and_unknown_files_are_put_right(
    calm: StandinProcess, tmp_path: Path, done: Callable[[], Job], undisturbed: list[Row]
) -> None:
    """A flipped bit, a cut file and a missing one are fetched again; a stranger is set aside."""
    job = done()
    clips = sorted((job.output / "clips").glob("*/*.flac"))
    flip_bit(clips[0], 1)
    clips[0].touch()
    clips[1].write_bytes(clips[1].read_bytes()[:-100])
    clips[2].unlink()
    stranger = job.output / "clips" / "zz" / "zzzzzzzzzzz_0.flac"
    stranger.parent.mkdir()
    stranger.write_bytes(b"who is this?")
    assert job.leg() == 0, job.ends.said
    assert timeless(job.place.manifest()) == timeless(undisturbed)
    again = {one.removeprefix("media ") for one in job.ends.repeated if one.startswith("media")}
    assert again == {path.name[:11] for path in clips[:3]}
    assert (job.output / "clips/unclaimed/zzzzzzzzzzz_0.flac").read_bytes() == b"who is this?"
    assert job.place.here("verify")[0] == 0
