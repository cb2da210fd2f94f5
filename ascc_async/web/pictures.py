"""A clip's picture: its waveform and below it its log-mel spectrogram, as PNG."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from ascc_async.errors import Rejected
from ascc_async.learning.log_mel import log_mel, mel_weights
from ascc_async.learning.presets import PRESETS, LogMel
from ascc_async.learning.recipe import mono
from ascc_async.media.decoding import ffmpeg_for, read_sound
from ascc_async.model import Reason

Pixels = npt.NDArray[np.uint8]

WIDTH, WAVE_HEIGHT, GAP, MEL_HEIGHT = 1000, 96, 8, 256
HEIGHT = WAVE_HEIGHT + GAP + MEL_HEIGHT
_MEL = cast(LogMel, PRESETS["passt"])
# As the preset's values have them: 80 dB, and silence.
_RANGE = 80 / 10 * np.log(10) / _MEL.scale
_FLOOR = (np.log(_MEL.added) + _MEL.shift) / _MEL.scale
# From black to pale yellow, each step as much brighter to the eye as the one before.
_COLOURS = (
    (0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122), (229, 80, 100),
    (251, 135, 97), (254, 194, 135), (252, 253, 191),
)  # fmt: skip
_SHADES = 253
# The first three of the palette: nothing, peaks and mean level, on light and dark pages alike.
_WAVE = ((0, 0, 0, 0), (38, 150, 133, 140), (24, 128, 111, 255))


def draw(path: Path) -> bytes:
    """Decode the clip and draw it, for a thread. Raises Rejected, SetupError."""
    ffmpeg = ffmpeg_for([path.name])
    samples, rate = read_sound(path, ffmpeg.path if ffmpeg else "")
    if not samples.size or not np.isfinite(samples).all():
        raise Rejected(Reason.CORRUPT, "there is no sound in it")
    wave = mono(samples, rate, _MEL.rate)
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[:WAVE_HEIGHT] = _waveform(wave)
    pixels[WAVE_HEIGHT + GAP :] = _spectrogram(wave)
    return _png(pixels)


def band_heights(hertz: tuple[int, ...]) -> list[float]:
    """How high in the picture these frequencies are, from its top, in pixels."""
    weights = mel_weights(_MEL)
    bins = [round(each / _MEL.rate * _MEL.fft) for each in hertz]
    bands = [int(weights[:, each].argmax()) for each in bins]
    return [HEIGHT - (band + 0.5) / _MEL.bands * MEL_HEIGHT for band in bands]


def _waveform(wave: npt.NDArray[np.float32]) -> Pixels:
    """Peaks and, inside them, the mean level of each column."""
    starts = np.arange(WIDTH) * len(wave) // WIDTH
    highest, lowest = np.maximum.reduceat(wave, starts), np.minimum.reduceat(wave, starts)
    lengths = np.maximum(np.diff(starts, append=len(wave)), 1)
    level = np.sqrt(np.add.reduceat(np.square(wave, dtype=np.float64), starts) / lengths)
    # So that quiet clips show a form, too: the loudest peak fills the height.
    loudest = max(float(np.abs(wave).max()), 1e-4)
    middle = (WAVE_HEIGHT - 1) / 2
    heights = (middle - np.arange(WAVE_HEIGHT)[:, None]) / middle * loudest
    line = loudest / middle  # of silence, too
    pixels = ((heights <= highest + line / 2) & (heights >= lowest - line / 2)).astype(np.uint8)
    pixels[np.abs(heights) <= level + line / 2] = 2
    return pixels


def _spectrogram(wave: npt.NDArray[np.float32]) -> Pixels:
    mel = log_mel(wave, _MEL)
    lowest = max(float(mel.max()) - _RANGE, _FLOOR)
    mel = (mel - lowest) / max(float(mel.max()) - lowest, _RANGE / 8)
    shades = len(_WAVE) + (np.clip(mel, 0, 1) * (_SHADES - 1)).astype(np.uint8)
    columns = np.arange(WIDTH) * mel.shape[1] // WIDTH
    return np.repeat(shades[::-1, columns], MEL_HEIGHT // _MEL.bands, axis=0)


def _png(pixels: Pixels) -> bytes:
    """Pixels that are numbers of the palette."""
    at = np.linspace(0, len(_COLOURS) - 1, _SHADES)
    steps = np.arange(len(_COLOURS))
    shades = [np.interp(at, steps, channel) for channel in zip(*_COLOURS, strict=True)]
    palette = bytes(value for colour in _WAVE for value in colour[:3])
    palette += np.stack(shades, axis=1).round().astype(np.uint8).tobytes()
    rows = np.pad(pixels, ((0, 0), (1, 0)))  # in front of each row: not filtered
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tRNS", bytes(colour[3] for colour in _WAVE)),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
