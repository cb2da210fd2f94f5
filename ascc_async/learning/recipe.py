"""What `features` makes of a clip: a preset and its options, from samples to an array."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ascc_async import __version__
from ascc_async.errors import SettingsError
from ascc_async.learning.log_mel import frames_of, log_mel
from ascc_async.learning.presets import PRESETS, LogMel

Array = npt.NDArray[np.float32]
Short = Literal["zero", "repeat", "drop"]

_SECONDS = (1, 60)


@dataclass(frozen=True, slots=True)
class FeatureRecipe:
    """`seconds` of each clip. `short`: what is done with a shorter one.

    `patches` cuts the spectrogram into what the model is fed. `slices`: not one spectrogram, but
    one for each so many seconds, the last one repeated until it is full. Raises SettingsError.
    """

    preset: str
    seconds: float = 10
    short: Short = "zero"
    normalise: Literal["none", "sample"] = "none"
    patches: bool = False
    slices: float | None = None

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            names = ", ".join(PRESETS)
            raise SettingsError(f"there is no preset {self.preset!r}; choose one of: {names}")
        least, most = _SECONDS
        for seconds in (self.seconds, least if self.slices is None else self.slices):
            if not least <= seconds <= most:
                raise SettingsError(f"{seconds:g} seconds: expected {least} to {most}")
        if self.patches and not (self._mel and self._mel.patch):
            with_patches = [
                name for name, each in PRESETS.items() if isinstance(each, LogMel) and each.patch
            ]
            raise SettingsError(f"--patches is for {', '.join(with_patches)} only")

    @property
    def folder(self) -> str:
        """The preset's name, then every option that is not the default."""
        parts = (
            self.preset,
            f"{self.seconds:g}s" if self.seconds != 10 else "",
            self.short if self.short != "zero" else "",
            self.normalise if self.normalise != "none" else "",
            "patches" if self.patches else "",
            f"slices{self.slices:g}s" if self.slices else "",
        )
        return "-".join(filter(None, parts))

    @property
    def changes(self) -> str:
        """What is done to a clip, for its credits."""
        mel, length = self._mel, f"{self.seconds:g} s"
        fitted_to = {
            "zero": f"cut or filled up with zeros to {length}",
            "repeat": f"cut or repeated to {length}",
            "drop": f"cut to {length}",
        }
        parts = (
            "mixed to mono",
            f"resampled to {PRESETS[self.preset].rate / 1000:g} kHz",
            self.normalise == "sample" and "normalised to mean 0 and deviation 1",
            self.normalise != "sample" and mel and mel.clip_mean_subtracted and "mean subtracted",
            fitted_to[self.short]
            if not self.slices
            else f"cut to {length},"
            f" in slices of {self.slices:g} s with the last one repeated until it is full",
            mel and mel.frame_mean_subtracted and "mean of each frame subtracted",
            mel and mel.pre_emphasis and f"pre-emphasis of {mel.pre_emphasis:g}",
            mel and "log-mel spectrogram",
            mel and mel.scale != 1 and f"shifted by {mel.shift:g} and divided by {mel.scale:g}",
            self.patches and mel and f"cut into patches of {mel.patch} frames",
        )
        return ", ".join(part for part in parts if part)

    def record(self) -> dict[str, Any]:
        """All that the arrays depend on, for `preset.json`."""
        return {
            "preset": self.preset,
            "parameters": asdict(PRESETS[self.preset]),
            "options": {
                "seconds": float(self.seconds),
                "short": self.short,
                "normalise": self.normalise,
                "patches": self.patches,
                "slices": float(self.slices) if self.slices else None,
            },
            "versions": {
                "ascc_async": __version__,
                "libsndfile": soundfile.__libsndfile_version__,
                "libsoxr": soxr.__libsoxr_version__,
                "numpy": version("numpy"),
                "soxr": version("soxr"),
            },
        }  # fmt: skip

    @property
    def bands_axis(self) -> int | None:
        """Which axis of an array counts the mel bands."""
        return None if self._mel is None else -1 if self.patches else -2

    def array(self, samples: Array, rate: int) -> tuple[Array | None, int, int]:
        """The array made of samples of shape (frames, channels), None if it is to be dropped.

        Then the frames it has, and how many it would have without padding.
        """
        preset, mel = PRESETS[self.preset], self._mel
        wave = mono(samples, rate, preset.rate)
        if self.normalise == "sample":
            wave = normalised(wave)
        elif mel and mel.clip_mean_subtracted:
            wave = wave - wave.mean()
        length = round(self.seconds * preset.rate)
        wave = wave[:length]
        if mel and self.slices:
            step = round(self.slices * preset.rate)
            # The last one is repeated as a whole, where MetaAudio repeats each sample.
            slices = (np.resize(wave[at : at + step], step) for at in range(0, len(wave), step))
            array = np.stack([log_mel(each, mel) for each in slices])
            return array, len(array), len(array)
        fitting = fitted(wave, length, self.short)
        frames, source = (
            (length, len(wave)) if mel is None else (frames_of(n, mel) for n in (length, len(wave)))
        )
        if fitting is None:
            return None, 0, source
        if mel is None:
            return fitting, frames, source
        array = log_mel(fitting, mel)
        if self.patches and mel.patch:
            # As the model's own code does: what is left at the end is no patch.
            patches = frames // mel.patch
            array = array.T[: patches * mel.patch].reshape(patches, mel.patch, mel.bands)
            return array, patches, source // mel.patch
        return array, frames, source

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an array."""
        preset = PRESETS[self.preset]
        length = round(self.seconds * preset.rate)
        if self._mel is None:
            return (length,)
        frames = frames_of(length, self._mel)
        if self.patches and self._mel.patch:
            return frames // self._mel.patch, self._mel.patch, self._mel.bands
        return self._mel.bands, frames

    @property
    def _mel(self) -> LogMel | None:
        preset = PRESETS[self.preset]
        return preset if isinstance(preset, LogMel) else None


def mono(samples: Array, rate: int, wanted_rate: int) -> Array:
    """The mean of the channels of (frames, channels), resampled: what `librosa.load` gives.

    Mixed first: resampling is the expensive step, and the order shows in the last bits.
    """
    wave: Array = samples.mean(axis=1)
    if rate == wanted_rate:
        return wave
    length = math.ceil(len(wave) * (wanted_rate / rate))
    resampled: Array = soxr.resample(wave, rate, wanted_rate, quality="HQ")[:length]
    return np.pad(resampled, (0, length - len(resampled)))


def normalised(wave: Array) -> Array:
    """Mean 0 and deviation 1 over the whole clip; one without any sound is left at 0."""
    centred: Array = wave - wave.mean()
    return centred / (wave.std() or np.float32(1))


def fitted(wave: Array, length: int, short: Short) -> Array | None:
    """So many samples of it, from its start; None for one that is shorter and to be dropped."""
    if len(wave) >= length:
        return wave[:length]
    if short == "drop":
        return None
    if short == "repeat" and len(wave):
        return np.resize(wave, length)  # over and over, the last time not to its end
    return np.pad(wave, (0, length - len(wave)))
