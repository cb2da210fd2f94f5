"""The formats a clip can be written in: all that is known of each, in one table."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async.settings import AudioFormat

OPUS_RATE = 48_000  # whatever an encoder is fed, Opus decodes to 48 kHz
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True, slots=True)
class ClipFormat:
    """`arguments` are ffmpeg's: the encoder, then its options. `shown` is its name in credits.

    `sample_rates` it can hold, () for all. `size`: bytes a second of a lossy one, else the share
    of the same sound as WAV. `by_libsndfile`: whether libsndfile can read the file.
    """

    shown: str
    arguments: tuple[str, ...]
    size: float
    lossy: bool = False
    sample_rates: tuple[int, ...] = ()
    by_libsndfile: bool = True


CLIP_FORMATS: dict[AudioFormat, ClipFormat] = {
    "flac": ClipFormat("FLAC", ("flac", "-sample_fmt", "s16", "-f", "flac"), 0.51),
    "wav": ClipFormat("WAV", ("pcm_s16le", "-f", "wav"), 1),
    "opus": ClipFormat(
        "Opus", ("libopus", "-b:a", "128k", "-f", "opus"), 16_000, True, (OPUS_RATE,)
    ),
    "m4a": ClipFormat(
        "AAC (M4A)",
        ("aac", "-b:a", "160k", "-f", "ipod"),
        16_000,
        True,
        (*_MP3_RATES, 64000, 88200, 96000),
        by_libsndfile=False,
    ),
    "mp3": ClipFormat("MP3", ("libmp3lame", "-b:a", "192k", "-f", "mp3"), 24_000, True, _MP3_RATES),
}
