"""Clips with picture and sound: what is cut, and the ffmpeg arguments that make it. All pure."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async.errors import Rejected
from ascc_async.media.cut import Cut, sound_filter
from ascc_async.media.excerpt import Excerpt, Wanted
from ascc_async.model import Reason
from ascc_async.settings import ClipsSettings


@dataclass(frozen=True, slots=True)
class PictureCut:
    """When the picture starts and ends, in seconds of the excerpt's own clock.

    `first_shown` is the picture that is on the screen at `start`: it begins at or before it.
    """

    first_shown: float
    start: float
    end: float


def picture_cut(excerpt: Excerpt, wanted: Wanted) -> PictureCut:
    """Raises `Rejected(TOO_SHORT)` when no picture is left of the segment."""
    codec, packets = excerpt.codec, excerpt.packets
    start, end = (
        ms * codec.timescale / 1000 + codec.skip - packets.start
        for ms in (wanted.start_ms, wanted.end_ms)
    )
    shown = sorted(tick - packets.start for tick in packets.shown_at())
    if not shown or shown[0] >= end:
        raise Rejected(Reason.TOO_SHORT, "the pictures end before the segment starts")
    on_screen = max((tick for tick in shown if tick <= start), default=shown[0])
    scale = codec.timescale
    return PictureCut(on_screen / scale, start / scale, end / scale)


def picture_filter(cut: PictureCut) -> str:
    """Trim by time; the picture already on the screen when the segment starts starts with it."""
    return (
        f"trim=start={cut.first_shown:.6f}:end={cut.end:.6f}"
        f",setpts=max(0\\,PTS-{cut.start:.6f}/TB)"
        ",crop=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p"
    )


def picture_arguments(
    picture: PictureCut, sound: Cut, settings: ClipsSettings, soxr: bool, path: str
) -> list[str]:
    """ffmpeg's arguments: an MP4 with sound and picture from `pipe:0` becomes an exact clip."""
    return [
        "-xerror", "-copyts", "-f", "mp4", "-i", "pipe:0", "-map", "0:v:0", "-map", "0:a:0",
        "-map_metadata", "-1", "-vf", picture_filter(picture),
        "-af", sound_filter(sound, settings, soxr), "-fps_mode", "passthrough",
        "-enc_time_base", "1:90000", "-video_track_timescale", "90000",
        "-fflags", "+bitexact", "-flags", "+bitexact",
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-threads", "2",
        "-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart", "-f", "mp4", "-y", f"file:{path}",
    ]  # fmt: skip
