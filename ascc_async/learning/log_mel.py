"""One parametrised log-mel spectrogram in numpy, for all presets."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ascc_async.learning.presets import LogMel

Floats = npt.NDArray[np.floating]

_BLOCK = 128


def frames_of(samples: int, preset: LogMel) -> int:
    """How many frames so many samples have."""
    if preset.pre_emphasis and preset.pre_emphasis_in == "sound":
        samples -= 1
    if preset.padding:
        return 1 + samples // preset.hop
    return max(0, 1 + (samples - preset.window) // preset.hop)


def log_mel(wave: npt.NDArray[np.float32], preset: LogMel) -> npt.NDArray[np.float32]:
    """The spectrogram of shape (bands, frames). All is reckoned with 64 bits."""
    sound = wave.astype(np.float64)
    if preset.pre_emphasis and preset.pre_emphasis_in == "sound":
        sound = sound[1:] - preset.pre_emphasis * sound[:-1]
    window = _window(preset)
    if preset.padding:
        mode: Any = "constant" if preset.padding == "zeros" else "reflect"
        sound = np.pad(sound, preset.fft // 2, mode=mode)
    frames = np.lib.stride_tricks.sliding_window_view(sound, len(window))[:: preset.hop]
    # So many frames at a time stay in the processor's cache: twice as fast, and little memory.
    blocks = (frames[at : at + _BLOCK] for at in range(0, len(frames), _BLOCK))
    mel = np.concatenate([_mel(block, window, preset) for block in blocks], axis=1)
    if preset.floor:
        np.maximum(mel, preset.floor, out=mel)
    if preset.added:
        mel += preset.added
    logarithm = 10 * np.log10(mel) if preset.decibels else np.log(mel)
    if preset.shift or preset.scale != 1:
        logarithm = (logarithm + preset.shift) / preset.scale
    return np.ascontiguousarray(logarithm, dtype=np.float32)


def _mel(frames: Floats, window: Floats, preset: LogMel) -> Floats:
    """The energy of frames in each mel band, of shape (bands, frames)."""
    if preset.frame_mean_subtracted:
        frames = frames - frames.mean(axis=1, keepdims=True)
    if preset.pre_emphasis and preset.pre_emphasis_in == "frames":
        before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
        frames = frames - preset.pre_emphasis * before
    spectrum = np.fft.rfft(frames * window, preset.fft).T
    energy = np.square(spectrum.real) + np.square(spectrum.imag)
    if preset.power == 1:
        np.sqrt(energy, out=energy)
    # No matrix product: nearly all weights are zero, and BLAS adds up in an order that depends
    # on the machine and its threads.
    bands = _bands(preset)
    weighted = energy[bands.bins]
    weighted *= bands.weights[:, None]
    return np.add.reduceat(weighted, bands.starts, axis=0)


@lru_cache
def _window(preset: LogMel) -> Floats:
    """A Hann window; in the middle of the FFT's length where frames stand around their time."""
    points = preset.window if preset.periodic else preset.window - 1
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(preset.window) / points)
    return np.pad(window, (preset.fft - preset.window) // 2) if preset.padding else window


class _Bands(NamedTuple):
    """The weights that are not zero, band after band: of which bin of the FFT, and how much."""

    bins: npt.NDArray[np.intp]
    weights: Floats
    starts: npt.NDArray[np.intp]


@lru_cache
def _bands(preset: LogMel) -> _Bands:
    # A band narrower than the distance of two bins may have no weight: it gets one of zero.
    weights = [
        (np.flatnonzero(band) if band.any() else np.zeros(1, np.intp), band)
        for band in mel_weights(preset)
    ]
    lengths = [len(bins) for bins, _ in weights]
    return _Bands(
        np.concatenate([bins for bins, _ in weights]),
        np.concatenate([band[bins] for bins, band in weights]),
        np.cumsum([0, *lengths[:-1]]),
    )


def mel_weights(preset: LogMel) -> Floats:
    """Triangles of shape (bands, bins of the FFT)."""
    hertz = np.arange(preset.fft // 2 + 1) * (preset.rate / preset.fft)
    to_mel, to_hertz = (_htk, _htk_hertz) if preset.mel == "htk" else (_slaney, _slaney_hertz)
    low, high = to_mel(np.array([preset.low_hz, preset.high_hz]))
    edges = np.linspace(low, high, preset.bands + 2)
    points = to_mel(hertz)
    if preset.ramps_on == "hertz":
        edges, points = to_hertz(edges), hertz
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (points - left) / (middle - left), (right - points) / (right - middle)
    weights: Floats = np.maximum(0, np.minimum(rising, falling))
    return weights * (2 / (right - left)) if preset.area_norm else weights


def _htk(hertz: Floats) -> Floats:
    return 1127 * np.log1p(hertz / 700)


def _htk_hertz(mel: Floats) -> Floats:
    return 700 * np.expm1(mel / 1127)


_STEP = np.log(6.4) / 27  # above 1 kHz, 15 on its scale, Slaney's is logarithmic


def _slaney(hertz: Floats) -> Floats:
    above = 15 + np.log(np.maximum(hertz, 1000) / 1000) / _STEP
    return np.where(hertz < 1000, hertz * 3 / 200, above)


def _slaney_hertz(mel: Floats) -> Floats:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(_STEP * (mel - 15)))
