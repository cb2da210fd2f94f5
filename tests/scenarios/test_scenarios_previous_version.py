"""A folder that version 0.1 left half way is carried on: nothing fetched twice, nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario import Place, reach, timeless

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings

LEFT_BEHIND = Path(__file__).parents[1] / "fixtures/version_0_1_half_way"


@pytest.fixture(scope="module")
def small() -> Iterator[StandinProcess]:
    """The world that the folder was made from."""
    with StandinProcess(WorldSettings(videos=30)) as process:
        yield process


def test_a_folder_of_version_0_1_is_carried_on(small: StandinProcess, tmp_path: Path) -> None:
    """The manifest is that of a run from nothing; what was answered and fetched stays as it is."""
    settings = (*reach(small), f"audioset.metadata_dir={tmp_path / 'metadata'}")
    carried_on = Place(tmp_path / "out", settings)
    shutil.copytree(LEFT_BEHIND, carried_on.output)
    before = {row["segment_id"]: row for row in carried_on.manifest()}
    assert carried_on.run("run")[0] == 0
    after = {row["segment_id"]: row for row in carried_on.manifest()}
    clips = {name for name, row in before.items() if row["outcome"] == "clip"}
    assert len(clips) == 5
    # What was answered then was not kept.
    assert all(after[name] == before[name] | {"evidence": ""} for name in clips)
    # «Please sign in» is no reason: that one is asked again by every run.
    pending = {row["video_id"] for row in after.values() if row["outcome"] == "pending"}
    asked = {video.video_id for video in small.world.videos if video.kind == "sign_in_required"}
    assert pending == asked

    from_nothing = Place(tmp_path / "fresh", settings)
    assert from_nothing.run("run")[0] == 0
    encoded = ("sha256", "bytes")
    expected = timeless(from_nothing.manifest())
    got = timeless(carried_on.manifest())
    for row in (*expected, *got):
        for column in encoded:
            row.pop(column)
    assert got == expected
    assert carried_on.here("verify")[0] == 0
