"""`youtubei/v1/player` and the page's `ytInitialPlayerResponse`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ascc_async.model import Reason
from ascc_async.standin.filler import tracking
from ascc_async.standin.links import LinkFacts, Links, Puzzle
from ascc_async.standin.media_layout import Stream
from ascc_async.standin.next_answer import VISITOR
from ascc_async.standin.playability import APPS, playability
from ascc_async.standin.wording import Words
from ascc_async.standin.world import GONE, SIGNING_IN_HELPS, Video

_PUZZLES: dict[str, Puzzle] = {"WEB_EMBEDDED_PLAYER": "n", "WEB_CREATOR": "n", "TVHTML5": "cipher"}
_WITHOUT_LINKS = frozenset({"WEB", "MWEB", "WEB_REMIX", "TVHTML5_SIMPLY"})
_HIDES_DETAILS = GONE


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: which player client, in which words, from which address, signed in or not."""

    client: str
    words: Words
    address: str
    signed_in: bool
    hls: bool = True


def answer(
    video: Video,
    asker: Asker,
    links: Links,
    streams: Callable[[Video], Sequence[Stream]],
    status: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole answer. `status` replaces the playability (a refusal); `streams` is asked last."""
    playable = status or playability(
        video, asker.words, app=asker.client in APPS, signed_in=asker.signed_in
    )
    whole: dict[str, Any] = {
        "responseContext": {"visitorData": VISITOR, "maxAgeSeconds": 0, "responseId": "IhMIheWTwY"},
        "playabilityStatus": playable,
    }
    if playable["status"] == "OK":
        whole["streamingData"] = _streaming_data(video, asker, links, streams(video))
    if status is None and _shows_details(video, asker):
        whole["videoDetails"] = video_details(video)
        if asker.client.startswith(("WEB", "MWEB")):
            whole["microformat"] = {"playerMicroformatRenderer": _microformat(video)}
        if playable["status"] == "OK":
            whole["storyboards"] = _storyboards(video)
    return whole | {"trackingParams": tracking(), "adBreakHeartbeatParams": "Q0FBJTNE"}


def _shows_details(video: Video, asker: Asker) -> bool:
    helped = asker.signed_in and video.reason in SIGNING_IN_HELPS
    return helped or video.reason not in _HIDES_DETAILS


def video_details(video: Video) -> dict[str, Any]:
    """`videoDetails`."""
    live = video.reason is Reason.LIVE
    details: dict[str, Any] = {
        "videoId": video.video_id,
        "title": video.title,
        "lengthSeconds": "0" if live else str(round(video.length_ms / 1000)),
        "keywords": ["sound", "standin"],
        "channelId": video.channel_id,
        "isOwnerViewing": False,
        "shortDescription": "A description.\n\nWith two paragraphs.",
        "isCrawlable": True,
        "thumbnail": {"thumbnails": _thumbnails(video.video_id)},
        "allowRatings": True,
        "viewCount": str(video.views),
        "author": video.channel,
        "isPrivate": False,
        "isUnpluggedCorpus": False,
        "isLiveContent": live,
        "isTvfilmVideo": False,
    }
    if live:
        details |= {"isUpcoming": True} if video.upcoming else {"isLive": True}
    return details


def _thumbnails(video_id: str) -> list[dict[str, Any]]:
    return [
        {"url": f"https://i.ytimg.com/vi/{video_id}/mqdefault.jpg", "width": 320, "height": 180},
        {"url": f"https://i.ytimg.com/vi/{video_id}/hq720.jpg", "width": 1280, "height": 720},
    ]


def _microformat(video: Video) -> dict[str, Any]:
    form: dict[str, Any] = {
        "thumbnail": {"thumbnails": _thumbnails(video.video_id)[1:]},
        "title": {"simpleText": video.title},
        "description": {"simpleText": "A description.\n\nWith two paragraphs."},
        "lengthSeconds": str(round(video.length_ms / 1000)),
        "ownerProfileUrl": f"http://www.youtube.com/{video.handle}",
        "externalChannelId": video.channel_id,
        "isFamilySafe": video.reason is not Reason.AGE_RESTRICTED,
        "availableCountries": ["CH", "DE", "GB", "JP", "US"],
        "isUnlisted": False,
        "hasYpcMetadata": False,
        "viewCount": str(video.views),
        "category": "Education",
        "publishDate": f"{video.published}T08:00:00-08:00",
        "ownerChannelName": video.channel,
        "uploadDate": f"{video.published}T08:00:00-08:00",
        "isShortsEligible": False,
        "externalVideoId": video.video_id,
        "canonicalUrl": f"https://www.youtube.com/watch?v={video.video_id}",
    }
    if video.reason is Reason.COUNTRY_RESTRICTED:
        form["availableCountries"] = ["JP"]
    if video.reason is Reason.LIVE:
        form["liveBroadcastDetails"] = {
            "isLiveNow": not video.upcoming,
            "startTimestamp": "2026-07-01T08:00:00+00:00",
        }
    return form


def _storyboards(video: Video) -> dict[str, Any]:
    if video.reason is Reason.LIVE:
        return {}
    spec = (
        f"https://i.ytimg.com/sb/{video.video_id}/storyboard3_L$L/$N.jpg?sqp=-oaymwGh"
        "|48#27#100#10#10#0#default#rs$AOn4CLA|80#45#95#10#10#2000#M$M#rs$AOn4CLB"
    )
    return {"playerStoryboardSpecRenderer": {"spec": spec, "recommendedLevel": 1}}


def _streaming_data(
    video: Video, asker: Asker, links: Links, streams: Sequence[Stream]
) -> dict[str, Any]:
    if video.reason is Reason.LIVE:
        return {"expiresInSeconds": "21540", "hlsManifestUrl": _manifest(video, "hls_playlist")}
    data: dict[str, Any] = {
        "expiresInSeconds": "21540",
        "adaptiveFormats": [_format(video, stream, asker, links) for stream in streams],
        "aspectRatio": 1.7777778,
        "serverAbrStreamingUrl": "https://rr1---sn-standin0.googlevideo.com/videoplayback?sabr=1",
    }
    if asker.hls and asker.client in APPS:
        data["hlsManifestUrl"] = _manifest(video, "hls_variant")
    return data


def _manifest(video: Video, kind: str) -> str:
    return (
        f"https://manifest.googlevideo.com/api/manifest/{kind}/expire/4000000000/id/"
        f"{video.video_id}/source/youtube/playlist/index.m3u8"
    )


def _format(video: Video, stream: Stream, asker: Asker, links: Links) -> dict[str, Any]:
    link: dict[str, str] = {}
    if asker.client not in _WITHOUT_LINKS:
        facts = LinkFacts(
            video_id=video.video_id,
            itag=stream.itag,
            mime=stream.mime.split(";")[0],
            size=stream.size,
            duration_ms=stream.duration_ms,
            client=asker.client,
        )
        link = links.make(facts, asker.address, _PUZZLES.get(asker.client, "none"))
    index = {"indexRange": _range(stream.index_range)} if stream.index_range else {}
    return {
        "itag": stream.itag,
        **link,
        "mimeType": stream.mime,
        "bitrate": stream.bitrate * 51 // 50,
        **_picture(stream),
        "initRange": _range(stream.init_range),
        **index,
        "lastModified": "1724100171542570",
        "contentLength": str(stream.size),
        "quality": "tiny",
        "projectionType": "RECTANGULAR",
        "averageBitrate": stream.bitrate,
        **_sound(stream),
        "approxDurationMs": str(stream.duration_ms),
    }


def _range(bounds: tuple[int, int]) -> dict[str, str]:
    return {"start": str(bounds[0]), "end": str(bounds[1])}


def _picture(stream: Stream) -> dict[str, Any]:
    if not stream.height:
        return {}
    return {
        "width": stream.width,
        "height": stream.height,
        "fps": stream.fps,
        "qualityLabel": f"{stream.height}p",
    }


def _sound(stream: Stream) -> dict[str, Any]:
    if not stream.sample_rate:
        return {}
    return {
        "highReplication": True,
        "audioQuality": "AUDIO_QUALITY_MEDIUM",
        "audioSampleRate": str(stream.sample_rate),
        "audioChannels": stream.channels,
        "loudnessDb": -3.2,
    }
