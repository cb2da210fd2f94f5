"""What to cut: the exact samples of a clip, and the ffmpeg arguments that make it. All pure."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async.errors import Rejected, SettingsError
from ascc_async.media.excerpt import Excerpt, Wanted
from ascc_async.model import Reason
from ascc_async.settings import ClipsSettings

OPUS_RATES = (48000,)  # whatever an encoder is fed, Opus decodes to 48 kHz
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC_RATES = (*MP3_RATES, 64000, 88200, 96000)
_RATES = {"opus": OPUS_RATES, "mp3": MP3_RATES, "m4a": AAC_RATES}
_ENCODERS = {
    "flac": ("flac", "-sample_fmt", "s16", "-f", "flac"),
    "wav": ("pcm_s16le", "-f", "wav"),
    "opus": ("libopus", "-b:a", "128k", "-f", "opus"),
    "m4a": ("aac", "-b:a", "160k", "-f", "ipod"),
    "mp3": ("libmp3lame", "-b:a", "192k", "-f", "mp3"),
}
_MARGIN_SECONDS = 0.05
_CLOCK = "asetpts=N/SR/TB"  # time by count: rounded times cost Ogg files their last sample


@dataclass(frozen=True, slots=True)
class Cut:
    """A clip in numbers. `first` … `end` are samples of the excerpt as it is decoded, at
    `source_rate`; the file gets `frames` samples at `rate`, the last `padding` of them silence.
    """

    first: int
    end: int
    decoded: int
    source_rate: int
    source_channels: int
    rate: int
    channels: int
    frames: int
    padding: int = 0
    notes: tuple[str, ...] = ()

    @property
    def resampled(self) -> bool:
        """Whether the rate changes."""
        return self.rate != self.source_rate


def check_settings(settings: ClipsSettings) -> None:
    """Raise SettingsError for a rate that the format cannot hold."""
    name = "m4a" if settings.media == "video" else settings.format
    rates = _RATES.get(name)
    if settings.sample_rate is not None and rates and settings.sample_rate not in rates:
        raise SettingsError(
            f"clips.sample_rate: {name} cannot hold {settings.sample_rate} Hz, only"
            f" {', '.join(map(str, rates))}"
        )


def encoders(settings: ClipsSettings) -> tuple[str, ...]:
    """The encoders these settings need."""
    return ("aac", "libx264") if settings.media == "video" else (_ENCODERS[settings.format][0],)


def form_of(settings: ClipsSettings) -> str:
    """The settings a file is made with, as `ClipFile.form` names them."""
    rate, channels = settings.sample_rate or "source", settings.channels or "source"
    if settings.media == "video":
        return f"video/mp4-{settings.max_height}/{rate}/{channels}"
    return f"audio/{settings.format}/{rate}/{channels}"


def extension(settings: ClipsSettings) -> str:
    """The file's extension, without the dot."""
    return "mp4" if settings.media == "video" else settings.format


def plan(excerpt: Excerpt, wanted: Wanted, settings: ClipsSettings) -> Cut:
    """Say which samples become the clip. Raises `Rejected(TOO_SHORT)`."""
    source = excerpt.codec.rate
    first, end = wanted.samples(source)
    there = min(end, excerpt.end_sample)
    if there <= first:
        raise Rejected(Reason.TOO_SHORT, "the sound ends before the segment starts")
    if there < end and settings.shorter_than_segment == "drop":
        raise Rejected(Reason.TOO_SHORT, f"{(end - there) / source:.3f} s are missing at the end")
    name = "m4a" if settings.media == "video" else settings.format
    rate = settings.sample_rate or _nearest(source, _RATES.get(name))
    frames = wanted.samples(rate)[1] - wanted.samples(rate)[0]
    if there < end:
        frames = min(frames, round((there - first) * rate / source))
    padding, notes = _padding(wanted, rate, frames, settings, there < end)
    return Cut(
        first - excerpt.first_sample,
        there - excerpt.first_sample,
        excerpt.end_sample - excerpt.first_sample,
        source,
        excerpt.codec.channels,
        rate,
        settings.channels or excerpt.codec.channels,
        frames + padding,
        padding,
        notes,
    )


def _nearest(rate: int, allowed: tuple[int, ...] | None) -> int:
    """The rate itself if the format has it, else the next higher one."""
    if allowed is None or rate in allowed:
        return rate
    return min((other for other in allowed if other > rate), default=max(allowed))


def _padding(
    wanted: Wanted, rate: int, frames: int, settings: ClipsSettings, short: bool
) -> tuple[int, tuple[str, ...]]:
    if not short:
        return 0, ()
    missing = wanted.samples(rate)[1] - wanted.samples(rate)[0] - frames
    if settings.shorter_than_segment == "pad":
        return missing, (f"last {missing / rate:.3f} s are silence, added",)
    return 0, (f"the sound ends {missing / rate:.3f} s before the segment",)


def sound_filter(cut: Cut, settings: ClipsSettings, soxr: bool) -> str:
    """The filter chain that leaves exactly the clip's samples.

    All trimming is by count of samples, never by time. Resampling sees a little of what
    follows, so that the last samples are as true as the others.
    """
    margin = int(cut.source_rate * _MARGIN_SECONDS) if cut.resampled and not cut.padding else 0
    end = min(cut.end + margin, cut.decoded)
    steps = [f"atrim=start_sample={cut.first}:end_sample={end}", _CLOCK]
    steps += _remix(cut)
    if cut.resampled:
        steps.append(f"aresample={cut.rate}" + (":resampler=soxr" if soxr else ""))
        steps += [f"atrim=end_sample={cut.frames - cut.padding}", _CLOCK]
    if cut.padding:
        steps.append(f"apad=whole_len={cut.frames}")
    if settings.media == "audio" and settings.format == "flac":
        # The FLAC encoder takes its block size from the first frame and fails under 16 samples.
        steps.append("asetnsamples=n=4096:p=0")
    return ",".join(steps)


def _remix(cut: Cut) -> list[str]:
    if cut.channels == cut.source_channels:
        return []
    if (cut.source_channels, cut.channels) == (1, 2):
        return ["pan=stereo|c0=c0|c1=c0"]
    if (cut.source_channels, cut.channels) == (2, 1):
        return ["pan=mono|c0=0.5*c0+0.5*c1"]
    return [f"aformat=channel_layouts={'mono' if cut.channels == 1 else 'stereo'}"]


def sound_arguments(cut: Cut, settings: ClipsSettings, soxr: bool, path: str) -> list[str]:
    """ffmpeg's arguments: an MP4 of packets from `pipe:0` becomes the clip at `path`."""
    encoder, *options = _ENCODERS[settings.format]
    return [
        "-xerror", "-threads", "1", "-f", "mp4", "-i", "pipe:0",
        "-map", "0:a:0", "-map_metadata", "-1",
        "-af", sound_filter(cut, settings, soxr), "-fflags", "+bitexact", "-flags:a", "+bitexact",
        "-threads", "1", "-c:a", encoder, *options, "-y", f"file:{path}",
    ]  # fmt: skip


def decode_arguments(path: str, media: str) -> list[str]:
    """Decode a finished MP4 wholly, its sound to floats on `pipe:1`; any error ends the run."""
    pictures = ["-map", "0:v:0", "-f", "null", "-"] if media == "video" else []
    return [
        "-xerror", "-threads", "1", "-f", "mp4", "-i", f"file:{path}", *pictures,
        "-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1",
    ]  # fmt: skip
