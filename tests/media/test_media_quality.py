"""Levels, silence and clipping, against values worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from ascc_async.errors import Rejected
from ascc_async.media.quality import inspect_file, inspect_samples
from ascc_async.model import Reason

RATE = 16_000


def sine(level: float, seconds: float = 1.0, channels: int = 2) -> npt.NDArray[np.float32]:
    """A tone of 400 Hz."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = (level * np.sin(2 * np.pi * 400 * time)).astype(np.float32)
    return np.repeat(tone[:, None], channels, axis=1)


def test_levels_of_a_sine() -> None:
    """Half scale is -6 dBFS at its peak and 3 dB less on average."""
    quality = inspect_samples(sine(0.5), RATE).quality
    assert quality.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert quality.rms_dbfs == pytest.approx(-9.03, abs=0.01)
    assert (quality.silence_share, quality.clipping_share) == (0, 0)


def test_sixteen_bits_and_floats_agree() -> None:
    """The same sound has the same quality, however it is held."""
    floats = sine(0.3)
    whole = np.round(floats * 32768).astype(np.int16)
    ours, theirs = (inspect_samples(pcm, RATE).quality for pcm in (floats, whole))
    assert ours.peak_dbfs == pytest.approx(theirs.peak_dbfs, abs=0.01)
    assert ours.rms_dbfs == pytest.approx(theirs.rms_dbfs, abs=0.01)


@pytest.mark.parametrize(("value", "silent", "level"), [(0, True, -math.inf), (1, False, -90.31)])
def test_quiet_is_not_silent(value: int, silent: bool, level: float) -> None:
    """Zeros are; one step of 16 bits is sound, if inaudible: only its share of silence says so."""
    found = inspect_samples(np.full((RATE, 1), value, np.int16), RATE)
    assert (found.silent, found.quality.silence_share) == (silent, 1)
    assert found.quality.peak_dbfs == found.quality.rms_dbfs == level


def test_silence_is_counted_in_frames_of_all_channels() -> None:
    """A frame is silent when no channel reaches -60 dBFS in it."""
    pcm = sine(0.5)
    pcm[: RATE // 2] = 0.0005
    pcm[: RATE // 4, 1] = 0.2
    assert inspect_samples(pcm, RATE).quality.silence_share == 0.24


def test_clipping_counts_runs_at_full_scale() -> None:
    """Three in a row in one channel are clipping; two, or two beside each other, are not."""
    pcm = np.zeros((1000, 2), np.int16)
    pcm[100:105, 0] = 32767
    pcm[200:202, 0] = pcm[200:202, 1] = 32767
    pcm[300:303, 1] = -32768
    pcm[-4:, 1] = 32767
    assert inspect_samples(pcm, RATE).quality.clipping_share == 12 / 2000
    floats = np.zeros((1000, 1), np.float32)
    floats[-4:] = 1.0
    assert inspect_samples(floats, RATE).quality.clipping_share == 4 / 1000


@pytest.mark.parametrize(
    ("value", "frames", "reason"),
    [
        (math.nan, RATE, Reason.CORRUPT), (math.inf, RATE, Reason.CORRUPT),
        (-math.inf, RATE, Reason.CORRUPT), (0.5, 0, Reason.TOO_SHORT),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_rejected(value: float, frames: int, reason: Reason) -> None:
    """NaN and infinity never get into a data set; nothing at all is too short."""
    pcm = sine(0.5)[:frames]
    pcm[-1:, 1] = value
    with pytest.raises(Rejected) as caught:
        inspect_samples(pcm, RATE)
    assert caught.value.reason is reason


def test_a_file_that_does_not_decode_is_corrupt(tmp_path: Path) -> None:
    """Whatever is in it."""
    path = tmp_path / "clip.flac"
    path.write_bytes(b"fLaC" + bytes(1000))
    with pytest.raises(Rejected, match="does not decode"):
        inspect_file(path, lossy=False)


def test_a_file_cut_off_is_noticed(tmp_path: Path) -> None:
    """A FLAC file that lost its second half does not pass."""
    path = tmp_path / "clip.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        frames = inspect_file(path, lossy=False).frames
    except Rejected:
        return
    assert frames < 4 * RATE
