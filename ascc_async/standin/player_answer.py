"""`youtubei/v1/player` and the page's `ytInitialPlayerResponse`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ascc_async.model import Reason
from ascc_async.standin.links import LINK_SECONDS, Links, Puzzle
from ascc_async.standin.media_layout import Stream
from ascc_async.standin.next_answer import TRACKING, VISITOR
from ascc_async.standin.playability import APPS, REFUSALS, playability, refused
from ascc_async.standin.world import GONE, SIGNING_IN_HELPS, Video

# What yt-dlp must solve with JavaScript before a link of this client works.
_PUZZLES: dict[str, Puzzle] = {"WEB_EMBEDDED_PLAYER": "n", "TVHTML5": "cipher"}
# Clients that YouTube hands formats whose media only its own protocol (SABR) brings.
_WITHOUT_LINKS = frozenset({"WEB", "MWEB", "WEB_REMIX", "TVHTML5_SIMPLY"})
_DESCRIPTION = "A description.\n\nWith two paragraphs."


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: which player client, from which address, signed in or not."""

    client: str
    address: str
    signed_in: bool


def player_answer(
    video: Video,
    viewer: Viewer,
    links: Links,
    streams: Callable[[Video], Sequence[Stream]],
    refusal: str = "",
) -> dict[str, Any]:
    """The whole answer. `streams` is asked only where the video can be played.

    `refusal`: a key of `playability.REFUSALS`, said in place of the truth.
    """
    app = viewer.client in APPS
    if refusal:
        playable = refused(REFUSALS[refusal])
    else:
        playable = playability(video, app=app, signed_in=viewer.signed_in)
    answer: dict[str, Any] = {
        "responseContext": {"visitorData": VISITOR, "maxAgeSeconds": 0, "responseId": "IhMIheWTwY"},
        "playabilityStatus": playable,
    }
    if playable["status"] == "OK" and video.reason is Reason.LIVE:
        manifest = _manifest(video, "hls_playlist")
        answer["streamingData"] = {
            "expiresInSeconds": str(LINK_SECONDS), "hlsManifestUrl": manifest
        }  # fmt: skip
    elif playable["status"] == "OK":
        answer["streamingData"] = {
            "expiresInSeconds": str(LINK_SECONDS),
            "adaptiveFormats": [_format(video, each, viewer, links) for each in streams(video)],
            "aspectRatio": 1.7777778,
            "serverAbrStreamingUrl": "https://rr1---sn-standin0.googlevideo.com/videoplayback?sabr=1",
        } | ({"hlsManifestUrl": _manifest(video, "hls_variant")} if app else {})
    # YouTube names title and channel of a video it does not play, unless it is gone.
    helped = viewer.signed_in and video.reason in SIGNING_IN_HELPS
    if not refusal and (helped or video.reason not in GONE):
        answer["videoDetails"] = _video_details(video)
        # Apps get no microformat: what a client reads there it must find elsewhere too.
        if viewer.client.startswith(("WEB", "MWEB")):
            answer["microformat"] = {"playerMicroformatRenderer": _microformat(video)}
    return answer | {"trackingParams": TRACKING}


def _video_details(video: Video) -> dict[str, Any]:
    live = video.reason is Reason.LIVE
    details: dict[str, Any] = {
        "videoId": video.video_id,
        "title": video.title,
        "lengthSeconds": "0" if live else str(round(video.length_ms / 1000)),
        "channelId": video.channel_id,
        "shortDescription": _DESCRIPTION,
        "thumbnail": {"thumbnails": _thumbnails(video.video_id)},
        "viewCount": str(video.views),
        "author": video.channel,
        "isLiveContent": live,
    }
    if live:
        details |= {"isUpcoming": True} if video.upcoming else {"isLive": True}
    return details


def _thumbnails(video_id: str) -> list[dict[str, Any]]:
    return [{"url": f"https://i.ytimg.com/vi/{video_id}/hq720.jpg", "width": 1280, "height": 720}]


def _microformat(video: Video) -> dict[str, Any]:
    countries = ["CH", "DE", "GB", "JP", "US"]
    details: dict[str, Any] = {
        "thumbnail": {"thumbnails": _thumbnails(video.video_id)},
        "title": {"simpleText": video.title},
        "description": {"simpleText": _DESCRIPTION},
        "lengthSeconds": str(round(video.length_ms / 1000)),
        "ownerProfileUrl": f"http://www.youtube.com/{video.handle}",
        "externalChannelId": video.channel_id,
        "isFamilySafe": video.reason is not Reason.AGE_RESTRICTED,
        "availableCountries": ["JP"] if video.reason is Reason.COUNTRY_RESTRICTED else countries,
        "viewCount": str(video.views),
        "category": "Education",
        "publishDate": f"{video.published}T08:00:00-08:00",
        "ownerChannelName": video.channel,
        "uploadDate": f"{video.published}T08:00:00-08:00",
        "externalVideoId": video.video_id,
        "canonicalUrl": f"https://www.youtube.com/watch?v={video.video_id}",
    }
    if video.reason is Reason.LIVE:
        details["liveBroadcastDetails"] = {
            "isLiveNow": not video.upcoming,
            "startTimestamp": "2026-07-01T08:00:00+00:00",
        }
    return details


def _manifest(video: Video, kind: str) -> str:
    return (
        f"https://manifest.googlevideo.com/api/manifest/{kind}/expire/4000000000/id/"
        f"{video.video_id}/source/youtube/playlist/index.m3u8"
    )


def _format(video: Video, stream: Stream, viewer: Viewer, links: Links) -> dict[str, Any]:
    entry: dict[str, Any] = {"itag": stream.itag}
    if viewer.client not in _WITHOUT_LINKS:
        entry |= links.make(
            video.video_id,
            stream,
            client=viewer.client,
            address=viewer.address,
            puzzle=_PUZZLES.get(viewer.client, "none"),
        )
    entry |= {"mimeType": stream.mime, "bitrate": stream.bitrate * 51 // 50}  # the peak
    if stream.height:
        entry |= {
            "width": stream.width,
            "height": stream.height,
            "fps": stream.fps,
            "qualityLabel": f"{stream.height}p",
        }
    entry["initRange"] = _range(stream.init_range)
    # Missing where the stream has no index: then the whole stream must be fetched.
    if stream.index_range:
        entry["indexRange"] = _range(stream.index_range)
    entry |= {
        "lastModified": "1724100171542570",
        "contentLength": str(stream.size),
        "quality": "tiny",
        "projectionType": "RECTANGULAR",
        "averageBitrate": stream.bitrate,
    }
    if stream.sample_rate:
        entry |= {
            "highReplication": True,
            "audioQuality": "AUDIO_QUALITY_MEDIUM",
            "audioSampleRate": str(stream.sample_rate),
            "audioChannels": stream.channels,
            "loudnessDb": -3.2,
        }
    return entry | {"approxDurationMs": str(stream.duration_ms)}


def _range(bounds: tuple[int, int]) -> dict[str, str]:
    return {"start": str(bounds[0]), "end": str(bounds[1])}
