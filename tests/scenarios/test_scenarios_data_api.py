"""A key on a server: the player refuses everybody there, and the Data API does the license pass."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from scenario import Row, wrong

from ascc_async.model import License
from ascc_async.standin.metadata import write_world
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import DataApi, Fault
from benchmarks.chaos_run import Job
from tests.expected import expected

KEY = "license.api_keys=[AIzaGoodGoodGoodGood1111]"
# A pause that is shorter than YouTube's.
REFUSED = Fault(
    name="429", endpoints=("player",), times=0, retry_after="seconds", retry_after_seconds=1
)
BOT_CHECKED = Fault(name="bot_check", endpoints=("player",), times=0)


def videos_of(world: World, count: int, *licenses: License) -> list[Video]:
    """So many videos of these licenses, beside the world's own."""
    found = (world.video(f"{number:08d}x_-") for number in range(100_000))
    chosen = (video for video in found if video.license in licenses)
    return [next(chosen) for _ in range(count)]


def job_over(videos: list[Video], folder: Path, youtube: StandinProcess, *settings: str) -> Job:
    """A job with a key over just these videos."""
    write_world(folder / "metadata", videos)
    return Job(folder, youtube, KEY, "classes.blacklisted=keep", *settings)


def as_the_api_says(rows: list[Row], world: World) -> list[str]:
    """What is wrong when missing videos are `not_listed`."""
    gone = [row for row in rows if row["license"] == "unavailable"]
    assert {row["reason"] for row in gone} <= {"not_listed"}
    truth = {row["video_id"]: world.video(row["video_id"]).reason for row in gone}
    named = [row | {"reason": truth.get(row["video_id"]) or row["reason"]} for row in rows]
    # The player's bare words do not count here: it is the API that says that they are not there.
    return wrong(named, world, second_look=True)


def test_what_the_api_tells_is_recorded_at_once(calm: StandinProcess, tmp_path: Path) -> None:
    """490 rows while the player is bot-checked for all: ten calls, every row right, exit 0; no
    video is called removed by an API that does not say so, and nobody is asked why it is missing.
    """
    videos = videos_of(calm.world, 490, License.STANDARD, License.UNAVAILABLE)
    job = job_over(videos, tmp_path, calm)
    calm.set_faults(BOT_CHECKED)
    began = time.monotonic()
    assert job.leg() == 0, job.ends.said
    assert time.monotonic() - began < 20
    assert calm.requests("player") == []
    calls = calm.requests("data_api")
    known = {*calm.settings.known_creative_commons, *calm.settings.known_standard}
    assert len([line for line in calls if set(line["videos"]) - known]) == 10
    assert as_the_api_says(job.place.manifest(), calm.world) == []


def test_a_stop_in_the_middle_spends_no_quota_twice(calm: StandinProcess, tmp_path: Path) -> None:
    """Ctrl-C after some calls: what they answered is kept, and no id is in a second call."""
    videos = videos_of(calm.world, 500, License.STANDARD, License.UNAVAILABLE)
    job = job_over(videos, tmp_path, calm, "concurrency.licenses=2")
    calm.set(faults=[BOT_CHECKED], delay_seconds=0.1)
    assert job.leg(job.after(4), signal.SIGINT) == 3
    first = {one for line in calm.requests("data_api") for one in line["videos"]}
    assert 50 < len(first) < 500
    assert {row["video_id"] for row in job.place.manifest() if row["license"]} <= first
    assert job.leg() == 0, job.ends.said
    again = {one for line in calm.requests("data_api") for one in line["videos"]} & first
    assert again <= {*calm.settings.known_creative_commons, *calm.settings.known_standard}
    assert as_the_api_says(job.place.manifest(), calm.world) == []


def explained(rows: list[Row], world: World) -> list[str]:
    """What is wrong when the player was asked why videos are missing: bare words tell nothing."""
    bare = [row for row in rows if row["reason"] == "not_listed"]
    for row in bare:
        truth = expected(world, row["video_id"], 0)
        assert (row["license"], truth.license) == ("unavailable", License.UNKNOWN), row
    return wrong([row for row in rows if row not in bare], world)


def missing_videos(world: World) -> list[Video]:
    """Videos that are gone, and some that the API leaves out although they are there."""
    there = videos_of(world, 60, License.STANDARD, License.CREATIVE_COMMONS)
    left_out = [video for video in there if (video.number >> 48) / 2**16 < 0.2 and not video.reason]
    assert {video.license for video in left_out} == {License.STANDARD, License.CREATIVE_COMMONS}
    return [*videos_of(world, 30, License.UNAVAILABLE), *left_out]


def test_why_a_video_is_missing_is_asked_last(calm: StandinProcess, tmp_path: Path) -> None:
    """`license.explain_missing` while the player refuses everybody: all rows are recorded at once;
    when the block is lifted each gets its reason, what can be played its license and its clip.
    """
    videos = missing_videos(calm.world)
    job = job_over(videos, tmp_path, calm, "license.explain_missing=true")
    calm.set(faults=[REFUSED], data_api=DataApi(missing=0.2))
    recorded: set[str] = set()

    def lift_the_block_once_the_player_is_asked() -> bool:
        nonlocal recorded
        if not recorded and calm.requests("player"):
            recorded, _ = job.known()
            calm.set_faults()
        return False

    assert job.leg(lift_the_block_once_the_player_is_asked) == 0, job.ends.said
    assert recorded == {video.video_id for video in videos}
    rows = job.place.manifest()
    assert explained(rows, calm.world) == []
    assert len({row["reason"] for row in rows} - {"", "not_listed"}) >= 4
    assert "clip" in {row["outcome"] for row in rows}
    # What was said is kept, bare words too.
    assert job.leg() == 0, job.ends.said
    assert calm.requests("player") == []


def test_rows_of_an_earlier_run_are_explained_and_a_stop_loses_nothing(
    calm: StandinProcess, tmp_path: Path
) -> None:
    """Ctrl-C in the middle of asking why: nobody is asked twice, and no quota is spent again."""
    videos = videos_of(calm.world, 40, License.UNAVAILABLE)
    job = job_over(videos, tmp_path, calm, "concurrency.licenses=2")
    assert job.leg() == 0, job.ends.said
    assert {row["reason"] for row in job.place.manifest()} == {"not_listed"}
    job.place.settings = (*job.place.settings, "license.explain_missing=true")
    calm.set(delay_seconds=0.1)
    assert job.leg(lambda: len(calm.requests("player")) >= 8, signal.SIGINT) == 3
    asked = [one for line in calm.requests("player") for one in line["videos"]]
    calm.set(delay_seconds=0)
    assert job.leg() == 0, job.ends.said
    asked += [one for line in calm.requests("player") for one in line["videos"]]
    assert sorted(asked) == sorted(video.video_id for video in videos)
    assert calm.requests("data_api") == []
    assert explained(job.place.manifest(), calm.world) == []


def test_what_only_pages_can_tell_holds_up_nothing(calm: StandinProcess, tmp_path: Path) -> None:
    """The API knows no license of some videos, and pages are refused: the rest is recorded all the
    same; when the block is lifted these rows are asked too.
    """
    unknown = videos_of(calm.world, 12, License.UNKNOWN)
    others = videos_of(calm.world, 800, License.STANDARD)
    job = job_over([*unknown, *others], tmp_path, calm, "concurrency.licenses=2")
    calm.set_faults(REFUSED.model_copy(update={"endpoints": ("next", "player", "watch")}))
    recorded = 0

    def lift_the_block_once_the_rest_is_recorded() -> bool:
        nonlocal recorded
        if recorded < len(others) and calm.requests("data_api"):
            recorded = len(job.known()[0])
            if recorded == len(others):
                calm.set_faults()
        return False

    assert job.leg(lift_the_block_once_the_rest_is_recorded, seconds=40) == 0, job.ends.said
    assert wrong(job.place.manifest(), calm.world) == []
    assert len(calm.requests("next")) > len(unknown)


@pytest.mark.slow
def test_clips_that_are_refused_for_too_long_do_not_end_the_license_pass(
    calm: StandinProcess, tmp_path: Path
) -> None:
    """Past `give_up_after_hours` the Data API goes on; the run ends when it has answered."""
    videos = videos_of(calm.world, 1000, License.STANDARD, License.CREATIVE_COMMONS)
    slow = ("concurrency.licenses=1", "throttle.give_up_after_hours=0.0003")
    job = job_over(videos, tmp_path, calm, *slow)
    calm.set(faults=[BOT_CHECKED], delay_seconds=0.4)
    assert job.leg() == 3, job.ends.said
    assert "refused for" in job.ends.said
    assert {row["video_id"] for row in job.place.manifest() if not row["license"]} == set()
