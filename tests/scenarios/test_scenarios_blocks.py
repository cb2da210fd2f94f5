"""Blocks that look like missing videos, through the real command: no video ends by bare words."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scenario import Place, wrong

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault
from benchmarks.chaos_run import Job

FEW = "audioset.splits=[eval,balanced_train]"


@pytest.mark.parametrize(
    "name",
    ["not_available", *(pytest.param(name, marks=pytest.mark.slow) for name in (
        "your_account", "video_unavailable", "session_removed", "please_sign_in", "login_required",
        "unknown_words",
    ))],
)  # fmt: skip
def test_a_block_for_some_videos_ends_none_of_them(
    place: Place, calm: StandinProcess, name: Any
) -> None:
    """The player names no reason for some of the videos: they are pending or unknown and asked
    again, and once the block is over every row is what the world says.
    """
    few = replace(place, settings=(*place.settings, "audioset.splits=[eval]"))
    calm.set_faults(Fault(name=name, endpoints=("player",), share=0.4, times=0))
    code, said = few.run()
    assert code == 0, said
    rows = few.manifest()
    blocked = wrong(rows, calm.world)
    assert blocked
    assert all("'pending'" in row or "'license_unknown'" in row for row in blocked), blocked
    assert "does not say why: you may be blocked" in said
    calm.set_faults()
    assert few.run()[0] == 0
    assert wrong(few.manifest(), calm.world) == []


@pytest.mark.slow  # tests/pipeline/test_pipeline_journal_index.py shows it in no time
@pytest.mark.parametrize("name", ["session_removed", "please_sign_in"])
def test_a_block_through_many_runs_ends_no_video(
    place: Place, calm: StandinProcess, name: Any
) -> None:
    """Where nothing of a video is shown, no number of runs uses its asks up: once the block is
    over the same command repairs every row.
    """
    settings = (*place.settings, "audioset.splits=[eval]", "license.retry_unknown=1")
    few = replace(place, settings=settings)
    everywhere = ("next", "player", "watch")
    calm.set_faults(Fault(name=name, endpoints=everywhere, share=0.4, times=0))
    for _ in range(2):  # one more than `retry_unknown`
        code, said = few.run()
        assert code == 0, said
    assert wrong(few.manifest(), calm.world)
    assert "you may be blocked" in said
    calm.set_faults()
    assert few.run()[0] == 0
    assert wrong(few.manifest(), calm.world) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["not_available", "login_required", "unknown_words"])
def test_a_block_for_all_rests_the_identity_and_costs_no_video_an_attempt(
    calm: StandinProcess, tmp_path: Path, name: Any
) -> None:
    """Known videos get the same words, so it is a refusal; lifted half way, the same run goes on
    and makes every clip at its first attempt.
    """
    job = Job(tmp_path, calm, FEW)
    fault = Fault(name=name, endpoints=("player",), times=0)
    calm.set_faults(fault)

    def lifted() -> bool:
        log = job.output / "logs" / "ascc_async.log"
        said = log.read_text() if log.exists() else ""
        if calm.settings.faults and "seems to block this identity" in said:
            calm.set_faults()
        return False

    assert job.leg(lifted) == 0, job.ends.said
    assert "it seems to block this identity" in job.ends.said
    assert calm.settings.faults == ()
    rows = job.place.manifest()
    assert {row["attempts"] for row in rows if row["outcome"] == "clip"} == {"1"}
    left = [row for row in wrong(rows, calm.world) if "'license_unknown'" not in row]
    assert left == []
    assert job.leg() == 0, job.ends.said
    assert wrong(job.place.manifest(), calm.world) == []


@pytest.mark.slow
def test_a_player_that_refuses_alone_holds_no_license_back(
    place: Place, calm: StandinProcess
) -> None:
    """Pages go on at their rate, though every missing video would be asked of the player; once it
    is over the same command makes the clips.
    """
    calm.set_faults(Fault(name="bot_check", endpoints=("player",), times=0))
    process = place.start()
    log = place.output / "logs" / "ascc_async.log"

    def all_asked() -> bool:
        status = place.run("status", "--json")[1]
        picture = json.loads(status.splitlines()[-1])["picture"] if '"picture"' in status else None
        return bool(picture) and picture["asked"] == picture["segments"]

    ends = time.monotonic() + 60
    while not all_asked():
        assert time.monotonic() < ends, log.read_text()[-2000:]
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 3, said
    calm.set_faults()
    code, said = place.run()
    assert code == 0, said
    assert wrong(place.manifest(), calm.world) == []
