"""The time-coded sound: made the same every time, and read back from any part of it."""

from __future__ import annotations

import numpy as np
import pytest

from ascc_async.standin.timecode import MARKS, synth_samples
from tests.timecode_reading import NoTimecode, lag_samples, measure_drift, measure_start, synth


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("start_ms", [0, 1, 470, 20_000, 20_479, 30_500, 123_456, 599_000, 736_200])
def test_a_second_tells_its_start(rate: int, start_ms: int) -> None:
    """One second from anywhere gives its position to 0.2 ms, at any sample rate."""
    pcm = synth(1000, rate, 2, start_ms=start_ms)
    assert measure_start(pcm, rate) == pytest.approx(start_ms * rate // 1000 / rate, abs=0.0002)


@pytest.mark.parametrize("seconds", [1, 4])
def test_every_place_of_the_code_is_told_apart(seconds: int) -> None:
    """Excerpts from all over the code, block borders included, are read without one mistake."""
    for start_ms in np.random.default_rng(seconds).integers(0, 736_000, 16):
        pcm = synth(1000 * seconds, 22050, 1, start_ms=int(start_ms))
        place = int(start_ms) * 22050 // 1000 / 22050
        assert measure_start(pcm, 22050) == pytest.approx(place, abs=0.0003)


def test_noise_does_not_mislead() -> None:
    """Noise as loud as the code leaves the reading within a millisecond."""
    pcm = synth(2000, 44100, 1, start_ms=77_777)[:, 0]
    noise = np.random.default_rng(1).normal(0, float(pcm.std()), pcm.size)
    assert measure_start(pcm + noise, 44100) == pytest.approx(77.777, abs=0.001)


@pytest.mark.parametrize("pcm", [np.zeros(48000), np.random.default_rng(0).normal(0, 0.2, 48000)])
def test_what_holds_no_code_is_refused(pcm: np.ndarray) -> None:
    """Silence and noise raise instead of giving a time."""
    with pytest.raises(NoTimecode):
        measure_start(pcm, 48000)


def test_a_stretch_made_alone_equals_the_same_part_of_the_whole() -> None:
    """Sound made in pieces is the sound made at once, sample by sample."""
    whole = synth(3000, 44100, 2)
    np.testing.assert_array_equal(synth_samples(50_000, 1000, 44100, 2), whole[50_000:51_000])
    assert np.abs(whole).max() < 0.76


def test_channels_can_be_told_apart() -> None:
    """Left, right and mono carry tones of their own."""
    stereo, single = synth(1000, 48000, 2), synth(1000, 48000, 1)
    loudest = {}
    for name, channel in zip(MARKS, [stereo[:, 0], stereo[:, 1], single[:, 0]], strict=True):
        spectrum = np.abs(np.fft.rfft(channel))
        loudest[name] = max(MARKS.values(), key=lambda hertz: float(spectrum[hertz]))
    assert loudest == MARKS


def test_a_lost_frame_shows_as_drift() -> None:
    """An unbroken cut has no drift; one with 1024 samples missing drifts by 23 ms."""
    pcm = synth(4000, 44100, 1, start_ms=5000)
    broken = np.concatenate([pcm[:90_000], pcm[91_024:]])
    assert measure_drift(pcm, 44100) < 0.0005
    assert measure_drift(broken, 44100) == pytest.approx(1024 / 44100, abs=0.001)


@pytest.mark.parametrize("within", [None, 4000])
@pytest.mark.parametrize("place", [0, 1, 100_003, 430_000])
def test_lag_is_exact_to_the_sample(place: int, within: int | None) -> None:
    """Cross-correlation finds the very sample, also for an excerpt past the reference's end."""
    whole = synth(10_000, 44100, 2, start_ms=60_000)
    noise = np.random.default_rng(2).normal(0, 0.05, (44100, 2))
    tail = np.zeros((44100, 2), np.float32)
    cut = np.concatenate([whole, tail])[place : place + 44100] + noise
    assert lag_samples(cut, whole, near=place + 700, within=within) == place
