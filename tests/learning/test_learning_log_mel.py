"""The presets beside their originals: a few values of them always, the originals where they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from originals import GOLDEN, ORIGINALS, NotHere, panns, some_of, sound, stereo, wave16k

from ascc_async.learning.log_mel import frames_of, log_mel
from ascc_async.learning.presets import PRESETS, LogMel
from ascc_async.learning.recipe import FeatureRecipe, mono
from ascc_async.media.decoding import read_sound

MEL = {name: preset for name, preset in PRESETS.items() if isinstance(preset, LogMel)}
SHAPES = {
    "wave16k": (160_000,), "wave32k": (320_000,), "metaaudio": (128, 313), "vggish": (64, 998),
    "panns": (64, 1001), "ast": (128, 998), "laion_clap": (64, 1001), "passt": (128, 1000),
}  # fmt: skip


def original_of(name: str) -> np.ndarray:
    try:
        return ORIGINALS[name][0](sound(MEL[name].rate))
    except NotHere as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", MEL)
def test_values_are_those_of_the_original(name: str) -> None:
    """Some values that the original made of the same sound, in `originals.json`."""
    golden = json.loads(GOLDEN.read_text())[name]
    ours = some_of(log_mel(sound(MEL[name].rate), MEL[name]))
    assert np.abs(np.subtract(ours, golden)).max() < ORIGINALS[name][2]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MEL)
def test_the_whole_is_that_of_the_original(name: str) -> None:
    """All values, where the original is installed."""
    theirs, ours = original_of(name), log_mel(sound(MEL[name].rate), MEL[name])
    assert ours.shape == theirs.shape
    differences = np.abs(ours - theirs)
    _, _, at_most, in_the_mean = ORIGINALS[name]
    assert differences.max() <= at_most
    assert differences.mean() <= in_the_mean


@pytest.mark.filterwarnings("ignore")
def test_panns_itself_is_nearer_with_64_bits() -> None:
    """In bands with next to nothing in them its 32 bits leave noise, 0.4 dB here; ours has none."""
    time = np.arange(320_000) / 32_000
    wave = (np.sin(2000 * np.pi * time) * time / 20).astype(np.float32)
    ours = log_mel(wave, MEL["panns"])
    try:
        off = [np.abs(panns(wave, bits) - ours).max() for bits in (32, 64)]
    except NotHere as error:
        pytest.skip(str(error))
    assert off[1] < 0.05 < 0.1 < off[0]


@pytest.mark.filterwarnings("ignore")
def test_the_waveform_is_librosas_bit_for_bit(tmp_path: Path) -> None:
    """Two channels at 44.1 kHz: mixed, then resampled, as long as librosa makes it."""
    path = stereo(tmp_path / "stereo.flac")
    ours = mono(*read_sound(path, ""), 16_000)
    golden = json.loads(GOLDEN.read_text())["wave16k"]
    np.testing.assert_allclose(some_of(ours.reshape(400, 400)), golden, atol=1e-6)
    try:
        theirs = wave16k(path)
    except NotHere as error:
        pytest.skip(str(error))
    assert ours.dtype == theirs.dtype
    assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("name", PRESETS)
def test_ten_seconds_have_the_shape_that_models_read(name: str) -> None:
    """And the listed shape is that of the array."""
    rate = PRESETS[name].rate
    array, frames, source = FeatureRecipe(name).array(sound(rate)[:, None], rate)
    assert array is not None
    assert array.shape == FeatureRecipe(name).shape == SHAPES[name]
    assert array.dtype == np.float32
    assert frames == source == array.shape[-1]


@pytest.mark.parametrize("name", MEL)
def test_frames_are_counted_without_making_them(name: str) -> None:
    """Also of sounds that are no multiple of the hop."""
    for samples in (16_000, 16_001, 50_123):
        wave = sound(MEL[name].rate)[:samples]
        assert frames_of(samples, MEL[name]) == log_mel(wave, MEL[name]).shape[1]


@pytest.mark.parametrize("name", MEL)
def test_silence_is_finite(name: str) -> None:
    """No logarithm of nothing."""
    assert np.isfinite(log_mel(np.zeros(16_000, np.float32), MEL[name])).all()
