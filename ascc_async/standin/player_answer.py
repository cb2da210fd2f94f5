"""`youtubei/v1/player` and the page's `ytInitialPlayerResponse`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ascc_async.model import Reason
from ascc_async.standin.incoming import Incoming
from ascc_async.standin.links import LINK_SECONDS, Links
from ascc_async.standin.media import Stream
from ascc_async.standin.next_answer import TRACKING, VISITOR
from ascc_async.standin.playability import REFUSALS, Unplayable, wording
from ascc_async.standin.world import GONE, SIGNING_IN_HELPS, Video

APPS = frozenset({"ANDROID", "ANDROID_VR", "IOS", "VISIONOS"})

# Clients that YouTube hands formats whose media only its own protocol (SABR) brings.
_WITHOUT_LINKS = frozenset({"WEB", "MWEB", "WEB_REMIX", "TVHTML5_SIMPLY"})


def player_answer(
    video: Video,
    incoming: Incoming,
    links: Links,
    streams: Sequence[Stream],
    refusal: str,
) -> dict[str, Any]:
    """The whole answer. `refusal`: a key of `REFUSALS`, said in place of the truth, or ""."""
    app, live = incoming.client in APPS, video.reason is Reason.LIVE
    if refusal:
        playable = refused(REFUSALS[refusal])
    else:
        playable = playability(video, app=app, signed_in=incoming.signed_in)
    answer: dict[str, Any] = {
        "responseContext": {"visitorData": VISITOR, "maxAgeSeconds": 0, "responseId": "IhMIheWTwY"},
        "playabilityStatus": playable,
        "trackingParams": TRACKING,
    }
    if playable["status"] == "OK":
        answer["streamingData"] = _streaming_data(video, incoming, links, streams)
    # YouTube names title and channel of a video it does not play, unless it is gone, or is said to.
    if refusal not in ("", "not_available") or video.reason in GONE:
        return answer
    thumbnail = f"https://i.ytimg.com/vi/{video.video_id}/hq720.jpg"
    answer["videoDetails"] = {
        "videoId": video.video_id,
        "title": video.title,
        "lengthSeconds": "0" if live else str(round(video.length_ms / 1000)),
        "channelId": video.channel_id,
        "shortDescription": "A description.\n\nWith two paragraphs.",
        "thumbnail": {"thumbnails": [{"url": thumbnail, "width": 1280, "height": 720}]},
        "viewCount": str(video.views),
        "author": video.channel,
        "isLiveContent": live,
        **({"isUpcoming" if video.upcoming else "isLive": True} if live else {}),
    }
    # Apps get no microformat: what a client reads there it must find elsewhere too.
    if incoming.client.startswith(("WEB", "MWEB")):
        answer["microformat"] = {"playerMicroformatRenderer": _microformat(video)}
    return answer


def _streaming_data(
    video: Video, incoming: Incoming, links: Links, streams: Sequence[Stream]
) -> dict[str, Any]:
    live = video.reason is Reason.LIVE
    data: dict[str, Any] = {"expiresInSeconds": str(LINK_SECONDS)}
    if live or incoming.client in APPS:
        data["hlsManifestUrl"] = (
            "https://manifest.googlevideo.com/api/manifest/"
            f"{'hls_playlist' if live else 'hls_variant'}/expire/4000000000/id/"
            f"{video.video_id}/source/youtube/playlist/index.m3u8"
        )
    if not live:
        data["adaptiveFormats"] = [_format(video, stream, incoming, links) for stream in streams]
        sabr = "https://rr1---sn-standin0.googlevideo.com/videoplayback?sabr=1"
        data["serverAbrStreamingUrl"] = sabr
    return data


def _microformat(video: Video) -> dict[str, Any]:
    elsewhere = video.reason is Reason.COUNTRY_RESTRICTED
    begun = {"isLiveNow": not video.upcoming, "startTimestamp": "2026-07-01T08:00:00+00:00"}
    return {
        "title": {"simpleText": video.title},
        "lengthSeconds": str(round(video.length_ms / 1000)),
        "ownerProfileUrl": f"http://www.youtube.com/{video.handle}",
        "externalChannelId": video.channel_id,
        "availableCountries": ["JP"] if elsewhere else ["CH", "DE", "GB", "JP", "US"],
        "category": "Education",
        "publishDate": f"{video.published}T08:00:00-08:00",
        "ownerChannelName": video.channel,
        "uploadDate": f"{video.published}T08:00:00-08:00",
        **({"liveBroadcastDetails": begun} if video.reason is Reason.LIVE else {}),
    }


def playability(video: Video, *, app: bool = False, signed_in: bool = False) -> dict[str, Any]:
    """What `player` says of the video's being playable. `app`: in the mobile apps' way."""
    reason = video.reason
    status: dict[str, Any] = {"status": "OK", "playableInEmbed": True}
    if reason is Reason.LIVE:
        # YouTube says OK for a stream on air: only `videoDetails` tells that it is no recording.
        event = {"videoId": video.video_id, "pollDelayMs": "15000"}
        status["liveStreamability"] = {"liveStreamabilityRenderer": event}
        if video.upcoming:
            status["status"] = "LIVE_STREAM_OFFLINE"
            status["reason"] = "This live event will begin in 3 hours."
        return status
    entry = wording(reason, video.number)
    # Sound that is missing or spoilt is no reason to refuse the player.
    if entry is None or (signed_in and reason in SIGNING_IN_HELPS):
        return status
    if reason is Reason.COUNTRY_RESTRICTED and app:  # apps name no «Video unavailable» before it
        entry = Unplayable(entry.status, entry.subreason)
    status = refused(entry)
    if reason is Reason.MEMBERS_ONLY and app:
        del status["errorScreen"]  # apps make no offer
    return status


def refused(entry: Unplayable) -> dict[str, Any]:
    """An entry as `playabilityStatus`, with the screen that a player would show."""
    # yt-dlp takes the second sentence from the screen alone.
    screen: dict[str, Any] = {"icon": {"iconType": "ERROR_OUTLINE"}}
    if entry.reason:
        screen["reason"] = {"simpleText": entry.reason}
    if entry.subreason:
        screen["subreason"] = {"simpleText": entry.subreason}
    return {
        "status": entry.status,
        **({"reason": entry.reason} if entry.reason else {}),
        "errorScreen": {"playerErrorMessageRenderer": screen},
        **entry.more,
    }


def _format(video: Video, stream: Stream, incoming: Incoming, links: Links) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "itag": stream.itag,
        "mimeType": stream.mime,
        "bitrate": stream.bitrate * 51 // 50,  # the peak
        "initRange": _range(stream.init_range),
        "lastModified": "1724100171542570",
        "contentLength": str(stream.size),
        "quality": "tiny",
        "projectionType": "RECTANGULAR",
        "averageBitrate": stream.bitrate,
        "approxDurationMs": str(stream.duration_ms),
    }
    # Missing where the stream has no index: then the whole stream must be fetched.
    if stream.index_range:
        entry["indexRange"] = _range(stream.index_range)
    if incoming.client not in _WITHOUT_LINKS:
        entry |= links.make(video.video_id, stream, incoming)
    return entry | stream.facts


def _range(bounds: tuple[int, int]) -> dict[str, str]:
    return {"start": str(bounds[0]), "end": str(bounds[1])}
