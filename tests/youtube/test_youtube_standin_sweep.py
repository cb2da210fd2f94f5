"""All three sources against the whole stand-in: right where it is honest, never wrong elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ascc_async.errors import Refused, SourceUnusable, Transient
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.settings import NetworkSettings
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import World
from ascc_async.standin.world_settings import Fault, PageSettings, WorldSettings
from ascc_async.youtube.data_api import DataApiSource
from ascc_async.youtube.innertube import InnertubeSource
from ascc_async.youtube.license_sources import LicenseSource
from ascc_async.youtube.session import Sessions
from ascc_async.youtube.watch_page import WatchPageSource
from tests.expected import expected
from tests.youtube.license_helpers import sessions_for

NAMES = ["innertube", "watch_page", "data_api"]


@pytest.fixture(scope="module")
def world() -> Iterator[StandinProcess]:
    """A stand-in with every kind of video."""
    with StandinProcess(WorldSettings(videos=60, pages=PageSettings(kilobytes=40))) as standin:
        yield standin


@pytest.fixture(autouse=True)
def _as_it_was(world: StandinProcess) -> Iterator[None]:
    """Each test begins with honest pages and without faults."""
    yield
    world.set(pages=PageSettings(kilobytes=40), faults=())


def source_of(name: str, sessions: Sessions) -> LicenseSource:
    """A source by its name."""
    if name == "innertube":
        return InnertubeSource(sessions)
    if name == "watch_page":
        return WatchPageSource(sessions)
    return DataApiSource(sessions, ["AIzaSyTestKey"])


async def sweep(standin: StandinProcess, name: str, count: int = 60) -> list[LicenseAnswer]:
    """Every video's answer; those refused or broken are left out."""
    network = NetworkSettings(proxy=standin.proxy, ca_file=standin.ca_file, timeout_seconds=5)
    ids = [video.video_id for video in standin.world.videos][:count]
    answers: list[LicenseAnswer] = []
    async with sessions_for(network) as sessions:
        source = source_of(name, sessions)
        for first in range(0, len(ids), source.batch_size):
            try:
                answers += await source.ask(ids[first : first + source.batch_size])
            except (Refused, Transient, SourceUnusable):
                continue
    return answers


def truth_of(world: World, answer: LicenseAnswer) -> tuple[Any, ...]:
    """What the answer ought to be."""
    video = world.video(answer.video_id)
    # The Data API says no more than that.
    if answer.source == "data_api" and video.license is License.UNAVAILABLE:
        return video.license, Reason.NOT_LISTED
    truth = expected(world, answer.video_id, 0)
    return truth.license, truth.reason if truth.license is License.UNAVAILABLE else None


@pytest.mark.parametrize("name", NAMES)
async def test_an_honest_world_is_read_rightly(name: str, world: StandinProcess) -> None:
    """Every kind of video: license, reason, title, channel and link."""
    answers = await sweep(world, name)
    assert len(answers) == 60
    for answer in answers:
        assert (answer.license, answer.reason) == truth_of(world.world, answer)
        if answer.license is License.CREATIVE_COMMONS:
            video = world.world.video(answer.video_id)
            assert (answer.title, answer.channel) == (video.title, video.channel)
            assert answer.channel_id == video.channel_id
            assert answer.link.endswith("/t/creative_commons")
            assert answer.text


@pytest.mark.parametrize("name", ["innertube", "watch_page"])
@pytest.mark.parametrize(
    "changes",
    [
        {"license_row": "renamed"},
        {"container": "gone"},
        {"container": "renamed"},
        {"results": "gone"},
        {"results": "renamed"},
        {"reordered": True},
        {"mask": "refused"},
        {"mask": "ignored"},
        {"license_text": "Ganz andere Wörter"},
    ],
    ids=str,
)
async def test_changed_pages_never_give_a_wrong_license(
    name: str, changes: dict[str, Any], world: StandinProcess
) -> None:
    """Renamed, missing, reordered, in full: the right license, or unknown."""
    world.set_pages(**changes)
    answers = await sweep(world, name, 25)
    assert len(answers) == 25
    for answer in answers:
        video = world.world.video(answer.video_id)
        gone = answer.license is License.UNAVAILABLE and answer.reason is video.reason
        assert gone or answer.license in (video.license, License.UNKNOWN)
    if changes.keys() & {"reordered", "mask", "license_text"}:
        assert all(answer.license is truth_of(world.world, answer)[0] for answer in answers)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "fault",
    ["server_error", "cut_before", "cut_body", "empty", "html", "truncated", "other_video",
     "gzip_bomb", "oversized", "429", "bot_check", "try_later", "captcha", "consent",
     "login_wall", "forbidden"],
)  # fmt: skip
async def test_broken_answers_never_give_a_wrong_license(
    name: str, fault: Any, world: StandinProcess
) -> None:
    """Every fault of the stand-in: right after all, unknown, or raised; never wrong."""
    world.set_faults(Fault(name=fault, share=1, times=0))
    for answer in await sweep(world, name, 1):
        assert answer.license in (truth_of(world.world, answer)[0], License.UNKNOWN)


@pytest.mark.parametrize("name", NAMES)
async def test_passing_faults_are_overcome(name: str, world: StandinProcess) -> None:
    """What breaks once is asked again, and then right."""
    world.set_faults(Fault(name="server_error"), Fault(name="empty"))
    answers = await sweep(world, name, 10)
    assert len(answers) == 10
    for answer in answers:
        assert (answer.license, answer.reason) == truth_of(world.world, answer)
