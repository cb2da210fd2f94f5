"""Our answers have the shape of YouTube's own, where parsers look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ascc_async.standin.process import StandinProcess
from tests.standin.client import Client

RECORDED = Path(__file__).parents[2].parent / "shared" / "youtube_responses"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="no ../shared/youtube_responses")
COLUMNS = "contents.twoColumnWatchNextResults"
PRIMARY = f"{COLUMNS}.results.results.contents.*.videoPrimaryInfoRenderer"
SECONDARY = f"{COLUMNS}.results.results.contents.*.videoSecondaryInfoRenderer"
ROWS = f"{SECONDARY}.metadataRowContainer.metadataRowContainerRenderer"
ROW = f"{ROWS}.rows.*.metadataRowRenderer"
FORMATS = "streamingData.adaptiveFormats.*"
SCREEN = "playabilityStatus.errorScreen.playerErrorMessageRenderer"
NEXT_PATHS = (
    f"{PRIMARY}.title.runs.*.text",
    f"{PRIMARY}.dateText.simpleText",
    f"{PRIMARY}.viewCount.videoViewCountRenderer.viewCount.simpleText",
    f"{SECONDARY}.owner.videoOwnerRenderer.title.runs.*.text",
    f"{SECONDARY}.owner.videoOwnerRenderer.navigationEndpoint.browseEndpoint.browseId",
    f"{SECONDARY}.subscribeButton.subscribeButtonRenderer.channelId",
    f"{ROWS}.collapsedItemCount",
    f"{COLUMNS}.secondaryResults.secondaryResults.results",
    f"{COLUMNS}.autoplay.autoplay.sets",
    "currentVideoEndpoint.watchEndpoint.videoId",
    "playerOverlays.playerOverlayRenderer.videoDetails.playerOverlayVideoDetailsRenderer.title",
    "engagementPanels.*.engagementPanelSectionListRenderer.content"
    ".structuredDescriptionContentRenderer.items.*.videoDescriptionHeaderRenderer.title.runs",
    "responseContext.mainAppWebResponseContext.loggedOut",
)
COMMON_PATHS = (
    f"{ROW}.title.runs.*.text",
    f"{ROW}.contents.*.runs.*.text",
    f"{ROW}.contents.*.runs.*.navigationEndpoint.urlEndpoint.url",
)
PLAYER_PATHS = (
    "playabilityStatus.status",
    "videoDetails.videoId",
    "videoDetails.title",
    "videoDetails.lengthSeconds",
    "videoDetails.channelId",
    "videoDetails.author",
    "videoDetails.isLiveContent",
    "streamingData.expiresInSeconds",
    "streamingData.hlsManifestUrl",
    *(
        f"{FORMATS}.{name}"
        for name in (
            "itag", "url", "mimeType", "bitrate", "contentLength", "approxDurationMs",
            "initRange.start", "initRange.end", "indexRange.start", "indexRange.end",
            "audioQuality", "audioSampleRate", "audioChannels", "averageBitrate", "lastModified",
        )
    ),
)  # fmt: skip


def recorded(name: str) -> Any:
    """YouTube's own answer."""
    answer = json.loads((RECORDED / name).read_text())["response"]
    return answer.get("playerResponse", answer)


def found(value: Any, path: str) -> list[Any]:
    """Everything at a path; `*` is any place in a list."""
    places = [value]
    for name in path.split("."):
        if name == "*":
            places = [entry for place in places if isinstance(place, list) for entry in place]
        else:
            places = [place[name] for place in places if isinstance(place, dict) and name in place]
    return places


def kinds(values: list[Any]) -> set[str]:
    """The JSON types of values."""
    return {type(value).__name__ for value in values}


def assert_same_shape(ours: Any, theirs: Any, paths: tuple[str, ...]) -> None:
    """Each path is there in both, with values of the same type."""
    for path in paths:
        assert found(theirs, path), f"not in the recorded answer: {path}"
        assert kinds(found(ours, path)) == kinds(found(theirs, path)), path


def an_id(youtube: StandinProcess, kind: str, *, odd: bool | None = None) -> str:
    """A video of this kind, with an odd or even number where that matters."""
    for video in youtube.world.videos:
        if video.kind == kind and odd in (None, bool(video.number % 2)):
            return video.video_id
    for count in range(100_000):
        video = youtube.world.video(f"shape{count:06}")
        if video.kind == kind and odd in (None, bool(video.number % 2)):
            return video.video_id
    raise LookupError(kind)


async def test_next_of_a_creative_commons_video(ask: Client, youtube: StandinProcess) -> None:
    """All paths of the recorded answer that tell title, owner, date and license."""
    ours = json.loads((await ask.next("M4gD1WSo5mA")).body)
    theirs = recorded("next_cc_by.json")
    assert_same_shape(ours, theirs, NEXT_PATHS + COMMON_PATHS)
    assert found(ours, COMMON_PATHS[-1]) == found(theirs, COMMON_PATHS[-1])


async def test_next_of_a_standard_video(ask: Client, youtube: StandinProcess) -> None:
    """The container is there and has no rows."""
    ours = json.loads((await ask.next("cJ9to6EmElQ")).body)
    theirs = recorded("next_standard.json")
    assert_same_shape(ours, theirs, NEXT_PATHS)
    for answer in (ours, theirs):
        assert found(answer, ROWS)
        assert not found(answer, f"{ROWS}.rows")


async def test_next_that_does_not_tell(ask: Client, youtube: StandinProcess) -> None:
    """Other videos, but no results at all."""
    video_id = an_id(youtube, "license_unknown", odd=True)
    ours = json.loads((await ask.next(video_id)).body)
    theirs = recorded("next_without_results.json")
    for answer in (ours, theirs):
        assert set(found(answer, COLUMNS)[0]) == {"secondaryResults", "autoplay"}
        assert "videoDetails" not in answer["playerOverlays"]["playerOverlayRenderer"]
        assert answer["currentVideoEndpoint"]["watchEndpoint"]["videoId"]


async def test_player_of_a_playable_video(ask: Client, youtube: StandinProcess) -> None:
    """Formats with links, ranges and facts of the sound, as the visionOS client gets them."""
    video_id = next(
        video.video_id for video in youtube.world.videos
        if video.kind == "standard" and len(video.itags) > 2 and (video.number >> 44) % 8
    )  # fmt: skip
    ours = json.loads((await ask.player(video_id)).body)
    theirs = recorded("player_ok_visionos.json")
    assert_same_shape(ours, theirs, PLAYER_PATHS)
    for itag in (140, 251):
        mine, yours = (
            next(f for f in answer["streamingData"]["adaptiveFormats"] if f["itag"] == itag)
            for answer in (ours, theirs)
        )
        assert mine["mimeType"] == yours["mimeType"]
        assert int(mine["indexRange"]["start"]) == int(mine["initRange"]["end"]) + 1


@pytest.mark.parametrize(
    ("kind", "name", "paths"),
    [
        ("private", "reel_private.json", (f"{SCREEN}.subreason", "playabilityStatus.messages")),
        (
            "country_restricted",
            "reel_restricted_country.json",
            (f"{SCREEN}.reason", f"{SCREEN}.icon.iconType", "videoDetails.videoId"),
        ),
        (
            "members_only",
            "reel_members_only.json",
            ("playabilityStatus.playableInEmbed", "videoDetails.title"),
        ),
    ],
)
async def test_player_of_an_unplayable_video(
    ask: Client, youtube: StandinProcess, kind: str, name: str, paths: tuple[str, ...]
) -> None:
    """The same status, and the same places for YouTube's words."""
    ours = json.loads((await ask.player(an_id(youtube, kind), client="ANDROID")).body)
    theirs = recorded(name)
    assert_same_shape(ours, theirs, ("playabilityStatus.reason", *paths))
    assert ours["playabilityStatus"]["status"] == theirs["playabilityStatus"]["status"]
    assert "streamingData" not in ours


async def test_a_masked_player_answer(ask: Client, youtube: StandinProcess) -> None:
    """The recorded mask brings the same two objects here."""
    mask = "microformat,videoDetails.thumbnail.thumbnails,videoDetails.videoId"
    ours = json.loads(
        (await ask.player("M4gD1WSo5mA", client="WEB", params={"$fields": mask})).body
    )
    theirs = recorded("player_masked_fields_web.json")
    assert set(ours) == set(theirs)
    assert set(ours["videoDetails"]) == set(theirs["videoDetails"])
    microformats = (a["microformat"]["playerMicroformatRenderer"] for a in (ours, theirs))
    mine, yours = map(set, microformats)
    assert mine <= yours
