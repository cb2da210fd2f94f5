"""Which of a video's streams to take: pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

from ascc_async.model import Track

if TYPE_CHECKING:  # worker processes import this module, and need no settings
    from ascc_async.settings import AudioFormat

# YouTube's stream numbers. AAC of 128 kbit/s in MP4 (140) first: sample-exact, indexed, and what
# AudioSet's users have always had. Opus of the same quality (251) next, then what sounds worse;
# 18 is muxed with a picture that nobody needs.
_BY_DEFAULT = ("140", "251", "141", "250", "249", "139", "18")
_FOR_OPUS = ("251", "250", "249", "140", "141", "139", "18")
# H.264 before anything else: it is what an MP4 that plays everywhere holds.
_VIDEO_CODECS = ("avc1", "av01", "vp9", "vp09")


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """One stream as yt-dlp describes it. `headers` are to be sent with every range."""

    format_id: str
    url: str = field(repr=False)  # signed: it must not reach logs
    headers: dict[str, str] = field(repr=False)
    protocol: str = "https"
    ext: str = ""
    acodec: str | None = None
    vcodec: str | None = None
    height: int | None = None
    bitrate: float | None = None
    language_preference: int | None = None
    preference: int | None = None
    drm: bool = False
    available_at: float | None = None

    @property
    def has_sound(self) -> bool:
        """True when the stream carries sound."""
        return self.acodec not in (None, "none")

    @property
    def has_picture(self) -> bool:
        """True when the stream carries pictures."""
        return self.vcodec not in (None, "none")

    @property
    def is_direct(self) -> bool:
        """True when the stream can be read in ranges: one address, no manifest, no DRM."""
        return self.protocol in ("http", "https") and not self.drm

    @property
    def is_damaged(self) -> bool:
        """True when yt-dlp takes the stream for damaged: far shorter than the video, or 3GP."""
        return (self.preference or 0) <= -2

    @property
    def container(self) -> Literal["mp4", "webm"]:
        """What the stream is wrapped in."""
        return "webm" if self.ext in ("webm", "weba") else "mp4"


def choose_audio(formats: Sequence[MediaFormat], wanted: AudioFormat) -> MediaFormat | None:
    """The stream to take the sound from; None when no direct one carries sound.

    In the original language, without YouTube's loudness compression, sound alone before sound
    with pictures; then by what `clips.format` loses least from.
    """
    order = _FOR_OPUS if wanted == "opus" else _BY_DEFAULT

    def rank(stream: MediaFormat) -> tuple[float, ...]:
        itag = stream.format_id.partition("-")[0]
        return (
            stream.is_damaged,
            # A dub is not the sound that AudioSet's people labelled; unknown is yt-dlp's -1.
            -(-1 if stream.language_preference is None else stream.language_preference),
            "drc" in stream.format_id,
            stream.has_picture,
            order.index(itag) if itag in order else len(order),
            -(stream.bitrate or 0.0),
        )

    usable = [stream for stream in formats if stream.is_direct and stream.has_sound]
    return min(usable, key=rank, default=None)


def choose_other_audio(
    formats: Sequence[MediaFormat], chosen: MediaFormat, wanted: AudioFormat
) -> MediaFormat | None:
    """The next best stream of the same sound in another container; None when there is none."""
    others = [
        stream
        for stream in formats
        if stream.container != chosen.container
        and stream.language_preference == chosen.language_preference
        and not stream.is_damaged
    ]
    return choose_audio(others, wanted)


def choose_video(formats: Sequence[MediaFormat], max_height: int) -> MediaFormat | None:
    """The stream to take the pictures from: the highest within `max_height`, H.264 in MP4 first.

    Where all are higher, the lowest. None when no direct stream carries pictures.
    """

    def rank(stream: MediaFormat) -> tuple[float, ...]:
        codec = (stream.vcodec or "").partition(".")[0]
        order = _VIDEO_CODECS.index(codec) if codec in _VIDEO_CODECS else len(_VIDEO_CODECS)
        height, bitrate = stream.height or 0, stream.bitrate or 0.0
        # A muxed stream would bring the sound a second time.
        return (stream.is_damaged, order, stream.has_sound, -height, -bitrate)

    usable = [stream for stream in formats if stream.is_direct and stream.has_picture]
    limit = max(max_height, min((stream.height or 0 for stream in usable), default=0))
    within = [stream for stream in usable if (stream.height or 0) <= limit]
    return min(within, key=rank, default=None)


def track(kind: Literal["audio", "video"], stream: MediaFormat) -> Track:
    """The sound or the pictures of `stream` as the media side takes them."""
    codec = stream.acodec if kind == "audio" else stream.vcodec
    return Track(
        kind=kind,
        url=stream.url,
        headers=stream.headers,
        format_id=stream.format_id,
        container=stream.container,
        codec=codec if codec and codec != "none" else "",
        duration=duration_in(stream.url),
    )


def duration_in(url: str) -> float | None:
    """The stream's length in seconds, which YouTube writes into the link (`dur=720.678`)."""
    try:
        seconds = float(parse_qs(urlsplit(url).query).get("dur", [""])[0])
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
