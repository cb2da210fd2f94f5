"""Reads the time code in the stand-in's sound (`standin.timecode`), and compares sounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ascc_async.standin.timecode import (
    BASE,
    BLOCK_SECONDS,
    COARSE_FROM,
    COARSE_SLOPE,
    SLOT_SECONDS,
    SLOTS,
    Doubles,
    Pcm,
    burst,
    code,
    digit,
    synth_samples,
)

_LISTEN_SECONDS = 10  # more than this tells nothing new
_SEARCH_SECONDS = 0.1  # how far the coarse tone may be wrong


class NoTimecode(ValueError):
    """The sound holds no time code, or too damaged a one."""


def synth(length_ms: int, sample_rate: int, channels: int = 1, *, start_ms: int = 0) -> Pcm:
    """The time-coded sound from `start_ms` on, shape (samples, channels)."""
    first = start_ms * sample_rate // 1000
    return synth_samples(first, round(length_ms * sample_rate / 1000), sample_rate, channels)


def measure_start(pcm: npt.NDArray[Any], sample_rate: int) -> float:
    """Where the first sample of `pcm` stands in the time-coded sound, in seconds.

    Needs a second of sound, at any sample rate, mono or stereo, lossy or not. Good to a fraction
    of a millisecond. Raises NoTimecode when the sound does not hold the code.
    """
    sound = mono(pcm)[: _LISTEN_SECONDS * sample_rate]
    if sound.size < sample_rate // 2 or not np.any(sound):
        raise NoTimecode(f"{sound.size} samples, {np.count_nonzero(sound)} of them not zero")
    in_block = _fine_start(sound, sample_rate, _coarse_start(sound, sample_rate))
    return in_block + BLOCK_SECONDS * _read_block(sound, sample_rate, in_block)


def measure_drift(pcm: npt.NDArray[Any], sample_rate: int) -> float:
    """Largest deviation in seconds of any whole second of `pcm` from where its start puts it.

    0 but for measuring error in an unbroken cut; a lost or doubled frame shows.
    """
    start = measure_start(pcm, sample_rate)
    seconds = range(len(pcm) // sample_rate)
    pieces = (pcm[i * sample_rate : (i + 1) * sample_rate] for i in seconds)
    return max(abs(measure_start(piece, sample_rate) - start - i) for i, piece in enumerate(pieces))


def mono(pcm: npt.NDArray[Any]) -> Doubles:
    """The mean of all channels."""
    sound = np.asarray(pcm, dtype=np.float64)
    return sound if sound.ndim == 1 else sound.mean(axis=1)


def _coarse_start(sound: Doubles, sample_rate: int) -> float:
    """Undo the coarse tone's climb; then its pitch at the start is one line in the spectrum.

    The place in the block, in seconds; below 0 when most of the excerpt lies in the next block.
    """
    time = np.arange(sound.size) / sample_rate
    still = sound * np.exp(-1j * np.pi * COARSE_SLOPE * time**2) * np.hanning(sound.size)
    size = _fast_size(2 * sound.size)
    spectrum = np.abs(np.fft.fft(still, size))
    low = int((COARSE_FROM - COARSE_SLOPE * _LISTEN_SECONDS) * size / sample_rate)
    high = int((COARSE_FROM + COARSE_SLOPE * (BLOCK_SECONDS + 0.5)) * size / sample_rate)
    peak = low + int(np.argmax(spectrum[low:high]))
    hertz = (peak + _vertex(spectrum[peak - 1 : peak + 2])) * sample_rate / size
    return float((hertz - COARSE_FROM) / COARSE_SLOPE)


def _fine_start(sound: Doubles, sample_rate: int, about: float) -> float:
    """Slide `sound` along the code round `about`: the best place, in seconds from a block's start.

    0 to 20.48, but for measuring error.
    """
    margin = round(_SEARCH_SECONDS * sample_rate)
    first = round(about * sample_rate) - margin
    expected = code(first, sound.size + 2 * margin, sample_rate).astype(np.float64)
    products = _correlate(sound, expected)
    peak = int(np.argmax(products))
    same = expected[peak : peak + sound.size]
    likeness = products[peak] / np.sqrt(np.square(sound).sum() * np.square(same).sum())
    start = (first + peak + _vertex(products[max(peak - 1, 0) : peak + 2])) / sample_rate
    if likeness < 0.5:
        raise NoTimecode(f"likeness {likeness:.2f}")
    return float(start + BLOCK_SECONDS if start < -0.001 else start)


def _read_block(sound: Doubles, sample_rate: int, in_block: float) -> int:
    """The number of the block, from the bursts: the one whose digits are heard loudest."""
    first = round(in_block * sample_rate)
    length = SLOT_SECONDS * sample_rate
    pool = range(int(first // length), int((first + sound.size) // length) + 1)
    heard = {slot: _loudness(sound, first, slot, sample_rate) for slot in pool}
    loudest = [
        sum(loud[digit(slot + block * SLOTS)] for slot, loud in heard.items())
        for block in range(BASE * BASE)
    ]
    return int(np.argmax(loudest))


def _loudness(sound: Doubles, first: int, slot: int, sample_rate: int) -> list[float]:
    """How loud each digit is in this slot of a sound that begins at sample `first`."""
    loud = []
    for number in range(BASE):
        begin, tone = burst(slot, number, sample_rate)
        begin -= first
        piece = sound[max(begin, 0) : max(begin + len(tone), 0)]
        cut = tone[max(-begin, 0) :][: len(piece)]
        loud.append(abs(float(np.dot(piece, cut))))
    return loud


def lag_samples(
    excerpt: npt.NDArray[Any],
    reference: npt.NDArray[Any],
    *,
    near: int = 0,
    within: int | None = None,
) -> int:
    """The sample of `reference` at which `excerpt` begins, by cross-correlation.

    `within` searches only that many samples each side of `near`, which is much quicker in a long
    reference. Both must have the same sample rate. An excerpt that runs past the end of the
    reference is compared as far as it goes.
    """
    cut, whole = mono(excerpt), mono(reference)
    first = 0 if within is None else max(0, near - within)
    last = len(whole) if within is None else near + within
    stretch = whole[first : last + len(cut)]
    padding = np.zeros(max(0, last - first + len(cut) - len(stretch)))
    return first + int(np.argmax(_correlate(cut, np.concatenate([stretch, padding]))))


def _correlate(short: npt.NDArray[Any], long: npt.NDArray[Any]) -> Doubles:
    """Scalar products of `short` with every stretch of `long` that it fits into."""
    size = _fast_size(len(long))
    product = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    return np.fft.irfft(product, size)[: len(long) - len(short) + 1]


def _fast_size(at_least: int) -> int:
    """The least 2^a or 3 * 2^a not below `at_least`: sizes that the FFT is quick with."""
    power = 1 << (at_least - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= at_least else power


def _vertex(three: npt.NDArray[np.float64]) -> float:
    """Where, between -1 and 1, a parabola through three neighbours has its top."""
    if len(three) < 3:
        return 0.0
    left, middle, right = (float(value) for value in three)
    bend = left - 2 * middle + right
    return 0.0 if bend == 0 else 0.5 * (left - right) / bend
