"""Which of a video's streams to take: pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from ascc_async.model import Track
from ascc_async.settings import AudioFormat
from ascc_async.youtube.ytdlp_records import Format

# AAC of 128 kbit/s in MP4 first: sample-exact, indexed, and what AudioSet's users have always
# had. Opus of the same quality next; then what sounds worse; dubious ones by bit rate, last.
_BY_DEFAULT = ("140", "251", "141", "250", "249", "139", "18")
_FOR_OPUS = ("251", "250", "249", "140", "141", "139", "18")


def choose_audio(formats: Sequence[Format], wanted: AudioFormat) -> Format | None:
    """The stream to take the sound from; None when no direct one carries sound.

    In the original language, without YouTube's loudness compression, sound alone before sound
    with pictures; then by what `clips.format` can keep without encoding again.
    """
    order = _FOR_OPUS if wanted == "opus" else _BY_DEFAULT
    usable = [one for one in formats if is_direct(one) and one.has_sound]
    return min(usable, key=lambda one: _audio_rank(one, order), default=None)


def choose_other_audio(
    formats: Sequence[Format], chosen: Format, wanted: AudioFormat
) -> Format | None:
    """The next best stream of the same sound in another container; None when there is none."""
    others = [
        one
        for one in formats
        if _container(one) != _container(chosen)
        and one.language_preference == chosen.language_preference
        and not is_damaged(one)
    ]
    return choose_audio(others, wanted)


def choose_video(formats: Sequence[Format], max_height: int) -> Format | None:
    """The stream to take the pictures from: the highest within `max_height`, H.264 in MP4 first.

    Where all are higher, the lowest. None when no direct stream carries pictures.
    """
    usable = [one for one in formats if is_direct(one) and one.has_picture]
    within = [one for one in usable if (one.height or 0) <= max_height]
    if within:
        return min(within, key=lambda one: (*_picture_rank(one), -(one.height or 0), -_rate(one)))
    return min(usable, key=lambda one: (one.height or 0, *_picture_rank(one)), default=None)


def is_direct(one: Format) -> bool:
    """True when the stream can be read in ranges: one address, no manifest, no DRM."""
    return one.protocol in ("http", "https") and not one.drm


def audio_track(one: Format) -> Track:
    """The sound of `one` as the media side takes it."""
    return _track("audio", one, one.acodec)


def video_track(one: Format) -> Track:
    """The pictures of `one` as the media side takes them."""
    return _track("video", one, one.vcodec)


def _audio_rank(one: Format, order: tuple[str, ...]) -> tuple[float, ...]:
    itag = one.format_id.partition("-")[0]
    return (
        is_damaged(one),
        -(-1 if one.language_preference is None else one.language_preference),
        "drc" in one.format_id,
        one.has_picture,
        order.index(itag) if itag in order else len(order),
        -_rate(one),
    )


def _picture_rank(one: Format) -> tuple[float, ...]:
    """H.264 before anything else: it is what an MP4 that plays everywhere holds."""
    codecs = ("avc1", "av01", "vp9", "vp09")
    codec = _bare(one.vcodec).partition(".")[0]
    return (
        is_damaged(one),
        codecs.index(codec) if codec in codecs else len(codecs),
        one.has_sound,
    )


def is_damaged(one: Format) -> bool:
    """True when yt-dlp takes the stream for damaged: far shorter than the video, or 3GP."""
    return (one.preference or 0) <= -2


def _rate(one: Format) -> float:
    return one.tbr or 0.0


def _container(one: Format) -> Literal["mp4", "webm"]:
    return "webm" if one.ext in ("webm", "weba") else "mp4"


def _bare(codec: str | None) -> str:
    return codec if codec and codec != "none" else ""


def _track(kind: Literal["audio", "video"], one: Format, codec: str | None) -> Track:
    return Track(
        kind=kind,
        url=one.url,
        headers=one.headers,
        format_id=one.format_id,
        container=_container(one),
        codec=_bare(codec),
        sample_rate=one.sample_rate,
        channels=one.channels,
        height=one.height if kind == "video" else None,
        size=one.size if one.size and one.size > 0 else None,
        duration=duration_in(one.url),
    )


def duration_in(url: str) -> float | None:
    """The stream's length in seconds, which YouTube writes into the link (`dur=720.678`)."""
    told = parse_qs(urlsplit(url).query).get("dur", [""])[0]
    try:
        seconds = float(told)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
