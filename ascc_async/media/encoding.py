"""How clips are encoded: formats, their names, the tags inside, ffmpeg's arguments. All pure."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ascc_async.errors import Rejected
from ascc_async.media.excerpt import Excerpt
from ascc_async.model import ClipFile, Reason
from ascc_async.settings import AudioFormat, ClipsSettings

_OPUS_RATE = 48_000  # whatever an encoder is fed, Opus decodes to 48 kHz


@dataclass(frozen=True, slots=True)
class ClipFormat:
    """`arguments` are ffmpeg's: the encoder, then its options. `shown` is its name in credits.

    `size`: bytes a second of a lossy one, else the share of the same sound as WAV.
    `demuxer`: with which ffmpeg reads the file again, where libsndfile cannot.
    """

    shown: str
    arguments: tuple[str, ...]
    size: float
    lossy: bool = False
    demuxer: str = ""


@dataclass(frozen=True, slots=True)
class Tags:
    """Texts of one line. `license_link` is that of the license's words, `source` of the video."""

    title: str
    artist: str
    source: str
    license: str
    license_link: str
    labels: tuple[str, ...]


CLIP_FORMATS: dict[AudioFormat, ClipFormat] = {
    "flac": ClipFormat("FLAC", ("flac", "-sample_fmt", "s16", "-f", "flac"), 0.51),
    "wav": ClipFormat("WAV", ("pcm_s16le", "-f", "wav"), 1),
    "opus": ClipFormat("Opus", ("libopus", "-b:a", "128k", "-f", "opus"), 16_000, lossy=True),
    "m4a": ClipFormat(
        "AAC (M4A)", ("aac", "-b:a", "160k", "-f", "ipod"), 16_000, lossy=True, demuxer="mp4"
    ),
    "mp3": ClipFormat("MP3", ("libmp3lame", "-b:a", "192k", "-f", "mp3"), 24_000, lossy=True),
}

_MP4 = ClipFormat("MP4", (), 0, lossy=True, demuxer="mp4")
# Parts of notes and details, by which clips that are too short are known again: journals keep them.
PADDED, SHORT, PAST_ITS_END = "silence, added", "before the segment", "before the segment starts"
# All of the sound that a stream has, in 16 bits.
LOSSLESS = ("audio/flac/source/source", "audio/wav/source/source")

# Vorbis comments and ID3 take any key; of others than these MP4 and WAV keep none.
_ANY_KEY = ("flac", "opus", "mp3")
_RESAMPLING_MARGIN = 0.05
# A hole in the stream that is no longer than this does not shorten the clip. After a longer one
# it would be filled up with sound from far behind the segment, and nobody would notice.
_LONGEST_HOLE = 0.1
# Time by count of samples: rounded times cost Ogg files their last sample. Without `round` the
# quotient falls just short of some whole numbers, and is cut down to the one before.
_CLOCK = "asetpts=round(N/SR/TB)"
# By the names of channels, absent ones count as silence: one recipe for mono and stereo sources.
# ffmpeg's own mix would make mono 3 dB quieter on its way to stereo.
_MIX = {1: "pan=mono|FC=FC+0.5*FL+0.5*FR", 2: "pan=stereo|FL=FL+FC|FR=FR+FC"}
# Bytes of a hostile stream may claim any size: a block of memory, a picture of 8K, no more.
_BOUNDS = ("-xerror", "-abort_on", "empty_output", "-max_alloc", str(256 * 1024 * 1024))
_LARGEST_PICTURE = ("-max_pixels", str(7680 * 4320))


def encoders(settings: ClipsSettings) -> tuple[str, ...]:
    """The encoders these settings need."""
    if settings.media == "video":
        return ("aac", "libx264")
    return CLIP_FORMATS[settings.format].arguments[:1]


def encoding_of(settings: ClipsSettings) -> str:
    """The settings a file is made with, as `ClipFile.encoding` names them."""
    rate, channels = settings.sample_rate or "source", settings.channels or "source"
    if settings.media == "video":
        return f"video/mp4-{settings.max_height}/{rate}/{channels}"
    return f"audio/{settings.format}/{rate}/{channels}"


def can_be_made_from(clip: ClipFile, encoding: str) -> bool:
    """Whether a clip in `encoding` needs nothing from YouTube: this one has all the sound."""
    padded = PADDED in clip.note  # where its own sound ends is not in the file
    return clip.encoding in LOSSLESS and encoding.startswith("audio/") and not padded


def format_of(path: Path) -> ClipFormat:
    """How a finished clip of this name is read."""
    if path.suffix == ".mp4":
        return _MP4
    formats = (each for name, each in CLIP_FORMATS.items() if path.suffix == f".{name}")
    return next(formats, CLIP_FORMATS["mp3"])  # a stranger's: whatever libsndfile reads


def extension(settings: ClipsSettings) -> str:
    """The file's extension, without the dot."""
    return "mp4" if settings.media == "video" else settings.format


def samples(milliseconds: int, rate: int) -> int:
    """How many samples last that long, rounded as ffmpeg rounds."""
    return math.floor(milliseconds * rate / 1000 + 0.5)


def sound_filter(
    sound: Excerpt, length_ms: int, settings: ClipsSettings, *, soxr: bool, pad: bool
) -> str:
    """The filters that leave exactly the clip's samples; `pad` fills up what is missing.

    The start is found by time, the end by count of samples from there.
    """
    start = sound.start
    is_audio = settings.media == "audio"
    rate = _OPUS_RATE if is_audio and settings.format == "opus" else settings.sample_rate
    length = length_ms / 1000
    # Resampling sees a little of what follows: the last samples are as true as the others.
    margin = _RESAMPLING_MARGIN if rate else 0
    steps = []
    if sound.delay:
        # ffmpeg's clock starts with whatever track begins first: here it starts where players' do.
        steps.append(f"asetpts=PTS-STARTPTS+round({sound.delay:.6f}/TB)")
    elif not sound.indexed:
        # ffmpeg guesses when a stream starts, too late for Opus that was encoded at 24 kHz or less.
        steps.append("asetpts=PTS-min(STARTPTS\\,0)")
    steps.append(f"atrim=start={start:.6f}:end={start + length + _LONGEST_HOLE:.6f}")
    if sound.delay > start:
        # The pause belongs to the segment. A little more: ffmpeg cuts it down to whole samples.
        steps.append(f"adelay={(sound.delay - start) * 1000 + 0.005:.3f}:all=1")
    steps += [_CLOCK, f"atrim=duration={length + margin:.6f}"]
    if settings.channels is not None:
        steps.append(_MIX[settings.channels])
    if rate is not None:
        steps.append(f"aresample={rate}" + (":resampler=soxr" if soxr else ""))
        steps += [f"atrim=end_sample={samples(length_ms, rate)}", _CLOCK]
    if pad:
        steps.append(f"apad=whole_dur={length:.6f}")
    if is_audio and settings.format == "flac":
        # The FLAC encoder takes its block size from the first frame and fails under 16 samples.
        steps.append("asetnsamples=n=4096:p=0")
    return ",".join(steps)


def sound_arguments(
    sound: Excerpt, filters: str, settings: ClipsSettings, tags: Sequence[str], path: Path
) -> list[str]:
    """The clip's sound, from an excerpt to the file at `path`."""
    encoder, *options = CLIP_FORMATS[settings.format].arguments
    return [
        *_BOUNDS, "-threads", "1", *sound.arguments(keep_clock=False),
        "-map", "0:a:0", "-map_metadata", "-1", *tags, "-af", filters,
        "-fflags", "+bitexact", "-flags:a", "+bitexact",
        "-threads", "1", "-c:a", encoder, *options, "-y", f"file:{path}",
    ]  # fmt: skip


def picture_times_arguments(picture: Excerpt) -> list[str]:
    """Lists all pictures of an excerpt on `pipe:1`, undecoded, for `picture_filter`."""
    return [*_BOUNDS, *picture.arguments(), "-map", "0:v:0", "-c", "copy", "-f", "framecrc",
            "pipe:1"]  # fmt: skip


def picture_filter(listing: str, start: float, length_ms: int) -> str:
    """Trim by time; what is on the screen when the segment starts is its first picture.

    `listing` has the clock in a line `#tb 0: 1/12800` and the time each picture is shown in the
    third column. Raises `Rejected(TOO_SHORT)` when no picture is left.
    """
    lines = listing.splitlines()
    clock = next((line for line in lines if line.startswith("#tb 0: ")), "#tb 0: 1/1")
    numerator, denominator = map(int, clock.removeprefix("#tb 0: ").split("/"))
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    shown = sorted(int(row[2]) * numerator / denominator for row in rows)
    end = start + length_ms / 1000
    if not shown or shown[0] >= end:
        raise Rejected(Reason.TOO_SHORT, f"the pictures end {PAST_ITS_END}")
    on_screen = max((time for time in shown if time <= start), default=shown[0])
    return (
        f"trim=start={on_screen:.6f}:end={end:.6f}"
        f",setpts=max(0\\,PTS-{start:.6f}/TB)"
        ",crop=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p"
    )


def video_arguments(
    sound: Excerpt,
    picture: Excerpt,
    sound_filters: str,
    picture_filters: str,
    tags: Sequence[str],
    path: Path,
) -> list[str]:
    """A clip with picture and sound, from two excerpts to the MP4 at `path`."""
    return [
        *_BOUNDS, *_LARGEST_PICTURE, *picture.arguments(), *sound.arguments(),
        "-map", "0:v:0", "-map", "1:a:0", "-map_metadata", "-1", *tags,
        "-vf", picture_filters, "-af", sound_filters, "-fps_mode", "passthrough",
        "-enc_time_base", "1:90000", "-video_track_timescale", "90000",
        "-fflags", "+bitexact", "-flags", "+bitexact",
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-threads", "2",
        "-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart", "-f", "mp4", "-y", f"file:{path}",
    ]  # fmt: skip


def decode_arguments(path: str, demuxer: str, *, pictures: bool) -> list[str]:
    """Decode a finished clip wholly, its sound to a WAV on `pipe:1`; any error ends the run."""
    to_nowhere = ["-map", "0:v:0", "-f", "null", "-"] if pictures else []
    return [
        "-xerror", "-threads", "1", "-f", demuxer, "-i", f"file:{path}", *to_nowhere,
        "-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1",
    ]  # fmt: skip


def tag_arguments(tags: Tags | None, extension: str) -> list[str]:
    """ffmpeg's arguments that write them, as the file of this extension can hold them."""
    if tags is None:
        return []
    values = {"title": tags.title, "artist": tags.artist, "genre": "; ".join(tags.labels)}
    if extension in _ANY_KEY:
        values |= {
            "source": tags.source, "license": tags.license, "license_link": tags.license_link,
        }  # fmt: skip
    else:
        values |= {"comment": tags.source, "copyright": f"{tags.license}, {tags.license_link}"}
    # ffmpeg reads UTF-8, whatever the locale is that Python hands arguments on in.
    texts = (f"{key}={os.fsdecode(value.encode())}" for key, value in values.items() if value)
    return [word for text in texts for word in ("-metadata", text)]
