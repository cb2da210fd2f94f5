"""From a clip to a waveform of one channel, one rate and one length."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import soxr

Wave32 = npt.NDArray[np.float32]
Short = Literal["zero", "repeat", "drop"]


def mono(samples: Wave32, rate: int, wanted_rate: int) -> Wave32:
    """The mean of the channels of (frames, channels), resampled: what `librosa.load` gives.

    Mixed first: resampling is the expensive step, and the order shows in the last bits.
    """
    wave: Wave32 = samples.mean(axis=1)
    if rate == wanted_rate:
        return wave
    length = math.ceil(len(wave) * (wanted_rate / rate))
    resampled: Wave32 = soxr.resample(wave, rate, wanted_rate, quality="HQ")[:length]
    return np.pad(resampled, (0, length - len(resampled)))


def normalised(wave: Wave32) -> Wave32:
    """Mean 0 and deviation 1 over the whole clip; one without any sound is left at 0."""
    centred: Wave32 = wave - wave.mean()
    return centred / (wave.std() or np.float32(1))


def fitted(wave: Wave32, length: int, short: Short) -> Wave32 | None:
    """So many samples of it, from its start; None for one that is shorter and to be dropped."""
    if len(wave) >= length:
        return wave[:length]
    if short == "drop":
        return None
    if short == "repeat" and len(wave):
        return np.resize(wave, length)  # over and over, the last time not to its end
    return np.pad(wave, (0, length - len(wave)))
