"""A sound that tells the time: from any second of it one can say where it was cut.

Two tones run through it. The *fine* tone sweeps 1000 → 2000 Hz once a second, so a shift of a
millisecond moves its pitch by 1 Hz. The *coarse* tone climbs from 2600 Hz by 2 Hz a second and
says which second it is. A weak third tone marks the channel. All are closed formulas of time, so
any stretch can be made alone, at any sample rate, and always comes out the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.float32]

FINE_FROM, FINE_TO, FINE_LEVEL = 1000, 2000, 0.3
COARSE_FROM, COARSE_SLOPE, COARSE_LEVEL = 2600, 2, 0.2
MARKS, MARK_LEVEL = {"left": 400, "right": 600, "mono": 500}, 0.1
LONGEST_SECONDS = 1500  # the coarse tone stays below 5.6 kHz, which every codec here keeps
_LISTEN_SECONDS = 10  # more than this tells nothing new
_SEARCH_SECONDS = 0.3  # how far the coarse tone may be wrong; half a fine sweep is 0.5


class NoTimecode(ValueError):
    """The sound holds no time code, or too damaged a one."""


def synth(length_ms: int, sample_rate: int, channels: int = 1, *, start_ms: int = 0) -> Pcm:
    """The sound from `start_ms` on, shape (samples, channels), peaks below 0.6."""
    first = start_ms * sample_rate // 1000
    count = round(length_ms * sample_rate / 1000)
    return synth_samples(first, count, sample_rate, channels)


def synth_samples(first: int, count: int, sample_rate: int, channels: int) -> Pcm:
    """Samples `first` to `first + count`; those before 0 are zeros."""
    marks = (MARKS["mono"],) if channels == 1 else (MARKS["left"], MARKS["right"])
    coarse = _stretch(first, count, sample_rate, fine=False)
    repeated = [_repeated(first, count, sample_rate, mark) for mark in marks]
    sound = np.stack([coarse + every_second for every_second in repeated], 1)
    sound[: max(0, -first)] = 0
    return sound


def _repeated(first: int, count: int, sample_rate: int, mark: int) -> Pcm:
    """What is the same every second: the fine tone and the channel's mark."""
    time = np.arange(sample_rate) / sample_rate
    one_second = _fine(time) + _sine(mark * time) * np.float32(MARK_LEVEL)
    return np.resize(np.roll(one_second, -first), count)


def _stretch(first: int, count: int, sample_rate: int, *, fine: bool) -> Pcm:
    """The coarse tone, with or without the fine one, second by second: what fits in the cache."""
    time = np.arange(sample_rate) / sample_rate
    # (n + u)^2 = n^2 + 2nu + u^2, and whole cycles do not count: COARSE_SLOPE / 2 is whole
    start = COARSE_FROM * time + COARSE_SLOPE / 2 * time**2
    added = _fine(time) if fine else np.float32(0)
    seconds = range(first // sample_rate, (first + count) // sample_rate + 1)
    pieces = [
        _sine(start + (COARSE_SLOPE * n) * time) * np.float32(COARSE_LEVEL) + added for n in seconds
    ]
    offset = first - seconds.start * sample_rate
    return np.concatenate(pieces)[offset : offset + count]


def _fine(time: npt.NDArray[np.float64]) -> Pcm:
    cycles = FINE_FROM * time + (FINE_TO - FINE_FROM) / 2 * time**2
    return _sine(cycles) * np.float32(FINE_LEVEL)


def _sine(cycles: npt.NDArray[np.float64]) -> Pcm:
    """Whole cycles are taken off in double precision; then the quick float32 sine is enough."""
    phase = ((cycles - np.rint(cycles)) * (2 * np.pi)).astype(np.float32)
    sine: Pcm = np.sin(phase)
    return sine


def measure_start(pcm: npt.NDArray[Any], sample_rate: int) -> float:
    """Where the first sample of `pcm` stands in the time-coded sound, in seconds.

    Needs about a second of sound, at any sample rate, mono or stereo, lossy or not. Good to a
    fraction of a millisecond. Raises NoTimecode when the sound does not hold the code.
    """
    sound = mono(pcm)[: _LISTEN_SECONDS * sample_rate]
    if sound.size < sample_rate // 4 or not np.any(sound):
        raise NoTimecode(f"{sound.size} samples, {np.count_nonzero(sound)} of them not zero")
    about = _coarse_start(sound, sample_rate)
    start, likeness = _fine_start(sound, sample_rate, about)
    if likeness < 0.5:
        raise NoTimecode(f"likeness {likeness:.2f} at {start:.3f} s")
    return start


def measure_drift(pcm: npt.NDArray[Any], sample_rate: int) -> float:
    """Largest deviation in seconds of any whole second of `pcm` from where its start puts it.

    0 but for measuring error in an unbroken cut; a lost or doubled frame shows.
    """
    start = measure_start(pcm, sample_rate)
    seconds = range(len(pcm) // sample_rate)
    pieces = (pcm[i * sample_rate : (i + 1) * sample_rate] for i in seconds)
    return max(abs(measure_start(piece, sample_rate) - start - i) for i, piece in enumerate(pieces))


def mono(pcm: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The mean of all channels."""
    sound = np.asarray(pcm, dtype=np.float64)
    return sound if sound.ndim == 1 else sound.mean(axis=1)


def _coarse_start(sound: npt.NDArray[np.float64], sample_rate: int) -> float:
    """Undo the coarse tone's climb; then its pitch at the start is one line in the spectrum."""
    time = np.arange(sound.size) / sample_rate
    still = sound * np.exp(-1j * np.pi * COARSE_SLOPE * time**2) * np.hanning(sound.size)
    size = _fast_size(2 * sound.size)
    spectrum = np.abs(np.fft.fft(still, size))
    low = int((COARSE_FROM - 2) * size / sample_rate)
    high = int((COARSE_FROM + COARSE_SLOPE * LONGEST_SECONDS) * size / sample_rate)
    peak = low + int(np.argmax(spectrum[low:high]))
    hertz = (peak + _vertex(spectrum[peak - 1 : peak + 2])) * sample_rate / size
    return float((hertz - COARSE_FROM) / COARSE_SLOPE)


def _fine_start(
    sound: npt.NDArray[np.float64], sample_rate: int, about: float
) -> tuple[float, float]:
    """Slide `sound` along the code round `about`: the best place, and how alike it is there."""
    margin = round(_SEARCH_SECONDS * sample_rate)
    first = round(about * sample_rate) - margin
    code = _stretch(first, sound.size + 2 * margin, sample_rate, fine=True)
    code[: max(0, -first)] = 0
    likeness = _correlate(sound, code)
    peak = int(np.argmax(likeness))
    around = likeness[max(peak - 1, 0) : peak + 2]
    start = first + peak + (_vertex(around) if around.size == 3 else 0.0)
    code_power = float(np.square(code, dtype=np.float64).mean()) * sound.size
    power = float(np.sqrt(np.square(sound).sum() * code_power))
    return start / sample_rate, float(likeness[peak]) / power


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
    last = len(whole) if within is None else near + within + len(cut)
    stretch = whole[first:last]
    if within is None:
        stretch = np.concatenate([stretch, np.zeros(len(cut))])
    else:
        stretch = np.concatenate([stretch, np.zeros(max(0, last - first - len(stretch)))])
    return first + int(np.argmax(_correlate(cut, stretch)))


def _correlate(short: npt.NDArray[Any], long: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
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
    left, middle, right = (float(value) for value in three)
    bend = left - 2 * middle + right
    return 0.0 if bend == 0 else 0.5 * (left - right) / bend
