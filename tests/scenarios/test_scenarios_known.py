"""Changes and blocks that do not look like any: noticed by known videos and by a second look."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scenario import Place, edited, reach, wrong

from ascc_async.standin.metadata import write_world
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault, ProxyListener, WorldSettings
from benchmarks.chaos_run import Job

EVERYWHERE = ("next", "player", "watch")
GONE_30 = Fault(name="video_unavailable", endpoints=EVERYWHERE, share=0.3, times=0)
BLANKET = Fault(name="video_unavailable", endpoints=EVERYWHERE, times=0)
UNKNOWN_WORDS = Fault(name="unknown_words", endpoints=EVERYWHERE, times=0)
MIXTURE = {"creative_commons": 10, "standard": 120, "removed": 20, "private": 5}
OPEN = "videos called unavailable without a reason"


def job_over(
    youtube: StandinProcess, folder: Path, *settings: str, mixture: dict[str, int] = MIXTURE
) -> Job:
    """A job over so many videos of each kind, in mixed order, whose answers take a moment."""
    left, videos = dict(mixture), []
    for number in range(100_000):
        video = youtube.world.video(f"{number:08d}x_-")
        if left.get(video.kind):
            left[video.kind] -= 1
            videos.append(video)
        if not any(left.values()):
            break
    write_world(folder / "metadata", videos)
    youtube.set(delay_seconds=0.02)
    few = ("classes.blacklisted=keep", "concurrency.licenses=4")
    return Job(folder, youtube, *few, *settings)


def leg_with(job: Job, *changes: tuple[Callable[[], bool], Callable[[], None]]) -> int:
    """One leg in which things change, each at its moment, one after the other; its exit code."""
    waiting = list(changes)

    def look() -> bool:
        if waiting and waiting[0][0]():
            waiting.pop(0)[1]()
        return False

    return job.leg(look)


def claims_nothing_false(job: Job, youtube: StandinProcess) -> None:
    """What a row says of a license is true, or it says «unknown»."""
    for row in job.place.manifest():
        truth = youtube.world.video(row["video_id"]).license
        assert row["license"] in ("", "unknown", truth), row


def test_a_license_row_that_half_of_the_answers_lack(calm: StandinProcess, tmp_path: Path) -> None:
    """An A/B test that begins half way: noticed by known videos; what was answered since does not
    count; when it is over the same command asks that again, and every row is what the world says.
    """
    job = job_over(calm, tmp_path)
    begin = (job.after(60), lambda: calm.set_pages(license_row_missing=0.5))
    assert leg_with(job, begin) == 1, job.ends.said
    assert "misreads videos whose license is known" in job.ends.said
    assert "If you are not blocked, YouTube may have changed its pages" in job.ends.said
    claims_nothing_false(job, calm)
    calm.set_pages(license_row_missing=0)
    assert job.leg() == 0, job.ends.said
    assert wrong(job.place.manifest(), calm.world) == []


@pytest.mark.slow
def test_a_license_row_that_one_in_five_answers_lacks(calm: StandinProcess, tmp_path: Path) -> None:
    """Over 3,000 videos that is found, too: one known video in a hundred requests is enough."""
    job = job_over(calm, tmp_path, mixture={"creative_commons": 20, "standard": 2980})
    begin = (job.after(500), lambda: calm.set_pages(license_row_missing=0.2))
    assert leg_with(job, begin) == 1, job.ends.said
    assert "misreads videos whose license is known" in job.ends.said
    claims_nothing_false(job, calm)


@pytest.mark.slow
def test_three_videos_in_ten_called_unavailable(calm: StandinProcess, tmp_path: Path) -> None:
    """In the words of videos that are gone: that ends none of them, and the run says how many are
    open; lifted half way, the next run asks them again, and two hours later the rest counts.
    """
    job = job_over(calm, tmp_path)
    calm.set_faults(GONE_30)
    assert leg_with(job, (job.after(120), calm.set_faults)) == 0, job.ends.said
    assert OPEN in job.ends.said
    claims_nothing_false(job, calm)
    assert any(row["license"] == "unknown" for row in job.place.manifest())
    assert job.leg() == 0, job.ends.said
    assert wrong(job.place.manifest(), calm.world) == []
    with edited(job.output) as journal:
        journal.execute("UPDATE answers SET checked_at = checked_at - 3 * 3600")
    assert job.leg() == 0, job.ends.said
    assert OPEN not in job.ends.said
    assert wrong(job.place.manifest(), calm.world, second_look=True) == []


@pytest.mark.slow
def test_a_block_that_lasts_ends_no_video_for_good(place: Place, calm: StandinProcess) -> None:
    """Told twice, hours apart, that videos are unavailable, it counts as removed; a month later
    that is asked again, and every row is what the world says.
    """
    few = replace(place, settings=(*place.settings, "audioset.splits=[eval]"))
    calm.set_faults(GONE_30)
    for hours in (3, 31 * 24):
        assert few.run()[0] == 0
        with edited(few.output) as journal:
            journal.execute(f"UPDATE answers SET checked_at = checked_at - {hours} * 3600")
    assert any("'removed'" in row for row in wrong(few.manifest(), calm.world, second_look=True))
    calm.set_faults()
    code, said = few.run()
    assert code == 0, said
    assert wrong(few.manifest(), calm.world, second_look=True) == []


def test_another_identity_takes_the_second_look_at_once(tmp_path: Path) -> None:
    """One of two is told that three videos in ten are unavailable: in one run all is known."""
    listeners = (ProxyListener(name="main"), ProxyListener(name="second"))
    with StandinProcess(WorldSettings(videos=40, listeners=listeners)) as youtube:
        identities = [{"name": "second", "proxy": youtube.proxies["second"]}]
        settings = (*reach(youtube), f"network.identities={json.dumps(identities)}")
        place = Place(tmp_path / "out", (*settings, f"audioset.metadata_dir={tmp_path / 'm'}"))
        youtube.set_faults(GONE_30.model_copy(update={"identities": ("second",)}))
        code, said = place.run()
        assert code == 0, said
        assert OPEN not in said
        for row in place.manifest():
            video = youtube.world.video(row["video_id"])
            assert (row["license"], row["video_id"]) == (video.license, video.video_id)


def test_known_creative_commons_videos_that_are_gone(calm: StandinProcess, tmp_path: Path) -> None:
    """While the license row is missing, standard videos that read right prove nothing: no row is
    called standard, and it is said which setting to change.
    """
    gone = [
        video.video_id for number in range(1000)
        if (video := calm.world.video(f"{number:08d}x_-")).kind == "private"
    ]  # fmt: skip
    job = job_over(
        calm, tmp_path, f"license.known_creative_commons={json.dumps(gone[:2])}",
        mixture={"creative_commons": 10, "standard": 10},
    )  # fmt: skip
    calm.set_pages(license_row="gone")
    assert job.leg() == 1, job.ends.said
    assert "name others in license.known_creative_commons" in job.ends.said
    claims_nothing_false(job, calm)
    assert all(row["outcome"] == "pending" for row in job.place.manifest())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("after", "videos", "endpoints"),
    [(0, 8, ("player",)), (0, 1, ("player",)), (60, 8, EVERYWHERE)],
)
def test_all_videos_called_removed(
    calm: StandinProcess, tmp_path: Path, after: int, videos: int, endpoints: tuple[str, ...]
) -> None:
    """Words that end a video for certain, said of every video, be it one or from the middle on:
    known ones get them, too, so the identity rests; lifted, the same run asks again what it was
    told, and makes every clip.
    """
    mixture = {"creative_commons": videos, "standard": 4 + 2 * after}
    job = job_over(calm, tmp_path, mixture=mixture)
    block = Fault(name="gone_for_good", endpoints=endpoints, times=0)

    def noticed() -> bool:
        log = job.output / "logs/ascc_async.log"
        said = log.read_text("utf-8") if log.exists() else ""
        return "seems to block" in said or "may be blocked" in said

    begin = (job.after(after), lambda: calm.set_faults(block))
    assert leg_with(job, begin, (noticed, calm.set_faults)) == 0, job.ends.said
    assert "block" in job.ends.said
    assert {row["attempts"] for row in job.place.manifest() if row["outcome"] == "clip"} == {"1"}
    assert wrong(job.place.manifest(), calm.world) == []


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 100])
def test_a_block_that_calls_everything_unavailable(
    calm: StandinProcess, tmp_path: Path, after: int
) -> None:
    """From the first request, or half way in unknown words: it pauses, says why, and when the block
    is lifted the same run goes on; nothing was concluded from it.
    """
    job = job_over(calm, tmp_path)

    def said_so() -> bool:
        log = job.output / "logs/ascc_async.log"
        return log.exists() and "may be blocked" in log.read_text("utf-8")

    block = (job.after(after), lambda: calm.set_faults(UNKNOWN_WORDS if after else BLANKET))
    assert leg_with(job, block, (said_so, calm.set_faults)) == 0, job.ends.said
    assert "You may be blocked" in job.ends.said
    claims_nothing_false(job, calm)
    if after:  # what was called unavailable before it was noticed is open
        assert job.leg() == 0, job.ends.said
    assert wrong(job.place.manifest(), calm.world) == []
