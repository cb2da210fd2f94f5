"""What is made of a clip: lengths, short clips, patches, and what cannot be asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from originals import sound

from ascc_async.errors import SettingsError
from ascc_async.learning.recipe import FeatureRecipe

SECOND = sound(16_000)[:16_000]


def made(preset: str, samples: np.ndarray = SECOND, **options: Any) -> tuple[Any, int, int]:
    return FeatureRecipe(preset, **options).array(samples.reshape(len(samples), -1), 16_000)


@pytest.mark.parametrize(
    ("folder", "options"),
    [
        ("vggish", {}),
        ("vggish-patches", {"patches": True}),
        ("vggish-2.5s-repeat-sample", {"seconds": 2.5, "short": "repeat", "normalise": "sample"}),
    ],
)
def test_other_options_go_to_a_folder_of_their_own(folder: str, options: dict[str, Any]) -> None:
    """The preset's own folder holds the defaults only."""
    assert FeatureRecipe("vggish", **options).folder == folder


@pytest.mark.parametrize(
    ("preset", "options", "words"),
    [
        ("vgish", {}, "there is no preset 'vgish'; choose one of: wave16k"),
        ("vggish", {"seconds": 0.5}, "0.5 seconds: expected 1 to 60"),
        ("metaaudio", {"slices": 0}, "0 seconds: expected 1 to 60"),
        ("metaaudio", {"patches": True}, "--patches is for vggish only"),
        ("wave16k", {"patches": True}, "--patches is for vggish only"),
    ],
)
def test_what_cannot_be_made_is_said_at_once(
    preset: str, options: dict[str, Any], words: str
) -> None:
    """As errors of usage."""
    with pytest.raises(SettingsError, match=words):
        FeatureRecipe(preset, **options)


def test_a_short_clip_is_filled_repeated_or_left_out() -> None:
    """And how much was there is told apart from how much is."""
    array, frames, source = made("wave16k", seconds=2.5)
    assert (frames, source) == (40_000, 16_000)
    assert (array[:16_000] == SECOND).all()
    assert not array[16_000:].any()
    array, frames, source = made("wave16k", seconds=2.5, short="repeat")
    assert (array == np.concatenate([SECOND, SECOND, SECOND[:8_000]])).all()
    assert (frames, source) == (40_000, 16_000)
    assert made("wave16k", seconds=2.5, short="drop") == (None, 0, 16_000)
    assert made("metaaudio", seconds=2.5, short="drop") == (None, 0, 32)


def test_a_long_clip_is_cut() -> None:
    """To exactly the length that is asked for."""
    array, frames, source = made("wave16k", sound(16_000), seconds=2.5)
    assert (array == sound(16_000)[:40_000]).all()
    assert frames == source == 40_000


def test_patches_are_cut_from_the_spectrogram() -> None:
    """Each 96 frames of 64 bands, as VGGish is fed; what is left at the end is none."""
    whole, frames, _ = made("vggish", sound(16_000))
    patches, count, source = made("vggish", sound(16_000), patches=True)
    assert patches.shape == FeatureRecipe("vggish", patches=True).shape == (10, 96, 64)
    assert (patches.reshape(960, 64) == whole.T[:960]).all()
    assert (frames, count, source) == (998, 10, 10)


def test_the_waveform_is_normalised_before_it_is_filled_up() -> None:
    """Over the clip alone: what is added says nothing of its level."""
    array, _, _ = made("wave16k", SECOND + np.float32(0.25), seconds=2, normalise="sample")
    assert abs(array[:16_000].mean()) < 1e-5
    assert abs(array[:16_000].std() - 1) < 1e-5
    assert not array[16_000:].any()
    silent, _, _ = made("wave16k", np.zeros(16_000, np.float32), seconds=1, normalise="sample")
    assert not silent.any()


def test_slices_repeat_the_last_one_as_a_whole() -> None:
    """Two and a half seconds in slices of one: the last half comes twice."""
    sliced, frames, _ = made("metaaudio", sound(16_000)[:40_000], slices=1)
    assert sliced.shape == (3, 128, 32)
    assert frames == 3
    half = sound(16_000)[32_000:40_000]
    alone, _, _ = made("metaaudio", np.concatenate([half, half]), seconds=1)
    assert (sliced[2] == alone).all()


@pytest.mark.parametrize(
    ("preset", "options", "changes"),
    [
        ("wave32k", {"seconds": 1, "normalise": "sample", "short": "drop"},
         "resampled to 32 kHz, normalised to mean 0 and deviation 1, cut to 1 s"),
        ("metaaudio", {"slices": 5}, "resampled to 16 kHz, cut to 10 s, in slices of 5 s with the"
         " last one repeated until it is full, log-mel spectrogram"),
        ("vggish", {"patches": True, "short": "repeat"}, "resampled to 16 kHz, cut or repeated to"
         " 10 s, log-mel spectrogram, cut into patches of 96 frames"),
        ("ast", {}, "resampled to 16 kHz, mean subtracted, cut or filled up with zeros to 10 s,"
         " mean of each frame subtracted, pre-emphasis of 0.97, log-mel spectrogram"),
        ("passt", {}, "resampled to 32 kHz, cut or filled up with zeros to 10 s, pre-emphasis of"
         " 0.97, log-mel spectrogram, shifted by 4.5 and divided by 5"),
    ],
)  # fmt: skip
def test_credits_tell_all_that_was_done(preset: str, options: dict[str, Any], changes: str) -> None:
    """In the words that go into `changes`, in the order in which it was done."""
    assert FeatureRecipe(preset, **options).changes == f"mixed to mono, {changes}"
