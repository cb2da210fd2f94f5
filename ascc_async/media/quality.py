"""What a finished clip sounds like in numbers, measured on the file as it was written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from ascc_async.errors import Rejected
from ascc_async.model import Quality, Reason

SILENCE_BELOW = 0.001  # -60 dBFS
FRAME_SECONDS = 0.02
FULL_SCALE = 1 - 1 / 32768  # the largest sample of 16 bits
CLIPPED_RUN = 3  # one or two samples at full scale may be music; three in a row are cut off
DIGITAL_SILENCE_BELOW = 1 / 65536  # half a step of 16 bits: lossy decoders leave no true zeros
_UNKNOWN_FRAMES = 2**63 - 1  # libsndfile's word for it, and so it reads the 0 of an empty FLAC

Samples = npt.NDArray[np.int16] | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Inspection:
    """A decoded clip: samples per channel, rate, channels, and its quality."""

    frames: int
    sample_rate: int
    channels: int
    quality: Quality
    silent: bool


def inspect_file(file: Path | BinaryIO, *, lossy: bool) -> Inspection:
    """Decode a FLAC, WAV, MP3 or Ogg Opus file to its end and measure it.

    Raises `Rejected`: CORRUPT when it does not decode or holds what is no number, TOO_SHORT when
    there is no sound in it.
    """
    kind = "float32" if lossy else "int16"
    try:
        with soundfile.SoundFile(file) as sound:
            if sound.frames == _UNKNOWN_FRAMES:
                raise Rejected(Reason.TOO_SHORT, "no sound in it")
            samples, rate = sound.read(dtype=kind, always_2d=True), sound.samplerate
    except soundfile.LibsndfileError as error:
        # Not libsndfile's own words, which name its functions.
        raise Rejected(Reason.CORRUPT, "the finished file does not decode: damaged") from error
    return inspect_samples(samples, int(rate))


def inspect_samples(samples: Samples, rate: int) -> Inspection:
    """Measure samples of shape (frames, channels): 16 bit, or floats with full scale 1.

    Raises `Rejected`: TOO_SHORT when there are none, CORRUPT when some are no numbers.
    """
    frames, channels = samples.shape
    if not frames:
        raise Rejected(Reason.TOO_SHORT, "no sound in it")
    unit = 1 / 32768 if samples.dtype == np.int16 else 1.0
    peak = max(float(samples.max()), -float(samples.min())) * unit
    if not math.isfinite(peak):
        raise Rejected(Reason.CORRUPT, "the finished file holds samples that are no numbers")
    flat = samples.reshape(-1).astype(np.float32, copy=False)
    rms = math.sqrt(float(np.dot(flat, flat)) / flat.size) * unit
    quality = Quality(
        peak_dbfs=_decibels(peak),
        rms_dbfs=_decibels(rms),
        silence_share=_silence_share(samples, rate, SILENCE_BELOW / unit),
        clipping_share=_clipping_share(samples, FULL_SCALE / unit) if peak >= FULL_SCALE else 0.0,
    )
    return Inspection(frames, rate, channels, quality, peak < DIGITAL_SILENCE_BELOW)


def _decibels(level: float) -> float:
    return round(20 * math.log10(level), 2) if level > 0 else -math.inf


def _silence_share(samples: Samples, rate: int, below: float) -> float:
    """Share of 20 ms frames in which no sample of any channel reaches -60 dBFS."""
    flat = samples.reshape(-1)
    each = max(1, round(rate * FRAME_SECONDS)) * samples.shape[1]
    starts = np.arange(0, flat.size, each)
    highest, lowest = np.maximum.reduceat(flat, starts), np.minimum.reduceat(flat, starts)
    quiet = (highest < below) & (lowest > -below)
    return round(float(np.mean(quiet)), 4)


def _clipping_share(samples: Samples, full_scale: float) -> float:
    """Share of samples in runs of at least 3 at full scale within one channel."""
    full = np.zeros((len(samples) + 2, samples.shape[1]), dtype=np.int8)
    full[1:-1] = (samples >= full_scale) | (samples <= -full_scale)
    edges = np.diff(full, axis=0)
    lengths = np.nonzero(edges.T < 0)[1] - np.nonzero(edges.T > 0)[1]
    return round(float(lengths[lengths >= CLIPPED_RUN].sum()) / samples.size, 6)
