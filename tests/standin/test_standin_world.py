"""The truth about the stand-in's videos."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from ascc_async.model import License, Outcome, Reason
from ascc_async.standin.metadata import write_world
from ascc_async.standin.world import World
from ascc_async.standin.world_settings import Shares, WorldSettings
from tests.expected import expected

CAUSED_BY_US = {Reason.NETWORK, Reason.TOOL_FAILED, Reason.NOT_LISTED}


@pytest.fixture(scope="module")
def world() -> World:
    """The demo's world."""
    return World(WorldSettings())


def test_the_world_never_changes(world: World, tmp_path: Path) -> None:
    """Golden datasets and old folders stay true: the same videos and files as in version 0.1."""
    videos = (*world.videos, *(world.video(f"other{number:06}") for number in range(1000)))
    truths = "".join("|".join(map(str, video)) for video in videos)
    write_world(tmp_path, world.videos)
    files = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert (digest(truths.encode()), digest(files)) == ("1e8f546f6923dc15", "4aec6831dd782679")
    assert World(WorldSettings(seed=1)).videos != world.videos


def digest(data: bytes) -> str:
    """Enough of a hash to tell a change."""
    return hashlib.sha256(data).hexdigest()[:16]


def test_every_reason_that_youtube_can_cause_occurs(world: World) -> None:
    """The own list holds each of the closed list at least once."""
    found = {video.reason for video in world.videos} - {None}
    assert found == set(Reason) - CAUSED_BY_US


def test_the_own_list_is_as_long_as_asked_and_rich_in_creative_commons(world: World) -> None:
    """150 videos, at least 45 in 100 Creative Commons, ids that begin with - and _."""
    assert len({video.video_id for video in world.videos}) == 150
    common = [video for video in world.videos if video.license is License.CREATIVE_COMMONS]
    assert len(common) >= 0.45 * 150
    assert all(re.fullmatch(r"[\w-]{10}[048AEIMQUYcgkosw]", v.video_id) for v in world.videos)
    assert {"-", "_"} <= {video.video_id[0] for video in world.videos}


def test_lengths_run_from_seconds_to_ten_minutes(world: World) -> None:
    """And segments begin within the video, but for those that are too short."""
    lengths = [video.length_ms for video in world.videos]
    assert min(lengths) < 8_000
    assert max(lengths) > 400_000
    for video in world.videos:
        assert (video.segment_start_ms < video.length_ms) == (video.kind != "too_short")


def test_titles_and_channels_hold_what_breaks_programs(world: World) -> None:
    """Quotes, commas, newlines, formulas, HTML, escapes, emoji, right-to-left, great length."""
    text = "|".join(video.title + video.channel for video in world.videos)
    for awkward in ('"', ",", "\n", "=HYPERLINK", "<script>", "\x1b[", "🎸", "שלום", "long long"):
        assert awkward in text


def test_known_videos_are_always_what_they_are() -> None:
    """Whatever seed and shares say; other ids are as these say."""
    settings = WorldSettings(seed=9, shares=Shares(creative_commons=0, removed=0.9))
    world = World(settings)
    assert sum(world.video(f"other{n:06}").kind == "removed" for n in range(5000)) > 4400
    for video_id in settings.known_creative_commons:
        assert world.video(video_id).license is License.CREATIVE_COMMONS
    for video_id in settings.known_standard:
        assert world.video(video_id).license is License.STANDARD


def test_a_changed_license_reads_standard_once_it_has_changed(world: World) -> None:
    """The same video, before and after."""
    video = next(video for video in world.videos if video.kind == "license_changed")
    after = World(WorldSettings(licenses_changed=True)).video(video.video_id)
    assert (video.license, after.license) == (License.CREATIVE_COMMONS, License.STANDARD)


@pytest.mark.parametrize(
    ("kind", "outcome", "signed_in"),
    [
        ("creative_commons", Outcome.CLIP, False),
        ("standard", Outcome.NOT_SHAREABLE, False),
        ("license_unknown", Outcome.NOT_SHAREABLE, False),
        ("removed", Outcome.UNAVAILABLE, False),
        ("age_restricted", Outcome.UNAVAILABLE, False),
        ("age_restricted", Outcome.CLIP, True),
        ("members_only", Outcome.UNAVAILABLE, True),
        ("silent", Outcome.REJECTED, False),
        ("too_short", Outcome.REJECTED, False),
    ],
)
def test_what_a_run_must_find(world: World, kind: str, outcome: Outcome, signed_in: bool) -> None:
    """License, outcome and reason follow from the kind, the place and the cookies."""
    video = next(video for video in world.videos if video.kind == kind)
    found = expected(world, video.video_id, video.segment_start_ms, signed_in=signed_in)
    assert found.outcome is outcome
    if outcome in (Outcome.UNAVAILABLE, Outcome.REJECTED):
        assert found.reason is not None
        assert found.reason.value == kind
