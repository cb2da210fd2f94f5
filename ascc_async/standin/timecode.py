"""A sound that tells the time: from any second of it one can say where it was cut.

Three tones run through it. The *fine* tone sweeps 1000 → 2000 Hz every 1.024 s, so a shift of a
millisecond moves its pitch by 1 Hz. The *coarse* tone climbs by 20 Hz a second through a *block*
of 20.48 s and says which second of the block it is. Short bursts, one in each *slot* of 0.32 s,
spell the number of the block in two digits of base 6: even slots the high one, odd slots the low.
A weak fourth tone marks the channel. All are formulas of time, so any stretch can be made alone,
at any sample rate, and always comes out the same.

Between bursts all blocks are alike, and 20.48 s is a whole number of codec frames at every sample
rate in use. Six encoded blocks are therefore enough to put together a stream of twelve minutes
(`media_masters`). `tests/timecode_reading.py` reads it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

BLOCK_SECONDS = 20.48
SLOTS = 64  # to a block
BASE = 6
LONGEST_SECONDS = BASE * BASE * BLOCK_SECONDS  # from then on the code repeats
SLOT_SECONDS = BLOCK_SECONDS / SLOTS
QUIET_SECONDS = 0.06  # each side of a burst: more than half a frame at 22.05 kHz

FINE_FROM, FINE_TO, FINE_SECONDS, FINE_LEVEL = 1000, 2000, 1.024, 0.3
COARSE_FROM, COARSE_LEVEL = 2600, 0.2
COARSE_SLOPE = 2 * 4194 / BLOCK_SECONDS**2  # whole cycles to a block, so no click at its end
DIGIT_FROM, DIGIT_STEP, DIGIT_LEVEL = 3400, 150, 0.15
MARKS, MARK_LEVEL = {"left": 400, "right": 600, "mono": 500}, 0.1


def synth_samples(first: int, count: int, sample_rate: int, channels: int) -> Pcm:
    """Samples `first` to `first + count`, shape (samples, channels), peaks below 0.76.

    Before 0 the code goes on backwards.
    """
    marks = (MARKS["mono"],) if channels == 1 else (MARKS["left"], MARKS["right"])
    sound = code(first, count, sample_rate)
    length = SLOT_SECONDS * sample_rate
    for slot in range(int(first // length), int((first + count) // length) + 1):
        begin, tone = burst(slot, digit(slot), sample_rate)
        low, high = max(begin, first), min(begin + len(tone), first + count)
        if low < high:
            sound[low - first : high - first] += tone[low - begin : high - begin]
    time = np.arange(sample_rate) / sample_rate
    tones = [_sine(mark * time) * np.float32(MARK_LEVEL) for mark in marks]
    return np.stack([sound + np.resize(np.roll(tone, -first), count) for tone in tones], 1)


def code(first: int, count: int, sample_rate: int) -> Pcm:
    """The fine and the coarse tone alone: what all blocks share."""
    bend = (FINE_TO - FINE_FROM) / FINE_SECONDS / 2
    step = 1 << 15  # samples that fit in the cache: three times as quick as all at once
    pieces = [np.zeros(0, np.float32)]
    for at in range(first, first + count, step):
        time = np.arange(at, min(at + step, first + count)) / sample_rate
        in_sweep, in_block = time % FINE_SECONDS, time % BLOCK_SECONDS
        fine = _sine((FINE_FROM + bend * in_sweep) * in_sweep) * np.float32(FINE_LEVEL)
        coarse = _sine((COARSE_FROM + COARSE_SLOPE / 2 * in_block) * in_block)
        pieces.append(fine + coarse * np.float32(COARSE_LEVEL))
    return np.concatenate(pieces)


def digit(slot: int) -> int:
    """The digit that this slot spells, counted from time 0."""
    block = slot // SLOTS % (BASE * BASE)
    return block % BASE if slot % 2 else block // BASE


def burst(slot: int, number: int, sample_rate: int) -> tuple[int, Pcm]:
    """The slot's burst and its first sample."""
    begin = int(np.ceil((slot * SLOT_SECONDS + QUIET_SECONDS) * sample_rate))
    end = int((slot + 1) * SLOT_SECONDS * sample_rate - QUIET_SECONDS * sample_rate)
    time = np.arange(begin, end) / sample_rate
    tone = _sine((DIGIT_FROM + DIGIT_STEP * number) * time)
    return begin, tone * np.hanning(end - begin).astype(np.float32) * np.float32(DIGIT_LEVEL)


def _sine(cycles: Doubles) -> Pcm:
    """Whole cycles are taken off in double precision; then the quick float32 sine is enough."""
    phase = ((cycles - np.rint(cycles)) * (2 * np.pi)).astype(np.float32)
    sine: Pcm = np.sin(phase)
    return sine
