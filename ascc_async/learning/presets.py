"""The presets of `features`: how known models turn sound into numbers, one frozen record each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Wave:
    """The waveform itself, at `rate` Hz."""

    about: str
    rate: int


@dataclass(frozen=True, slots=True)
class LogMel:
    """A log-mel spectrogram.

    Frames of `window` samples every `hop`, in an FFT of `fft` samples. `padding`: frames stand
    around their time, with zeros or the sound mirrored beyond its ends; None: frames begin with
    the sound and end within it. `periodic`: the Hann window's form. `mel`: the scale on which
    bands lie; `ramps_on`: on which scale a band's sides are straight; `area_norm`: bands weigh
    less the wider they are. `power` 1 is magnitude. Values are then raised to `floor`, `added` is
    added, and their logarithm taken: 10 times the decimal one (`decibels`), or the natural one.
    Last `shift` is added and all divided by `scale`.

    `frame_mean_subtracted` and `pre_emphasis_in` «frames» are what Kaldi does.
    `for_the_loader`: what the model's own loader does then; it is told in `preset.json` only.
    """

    about: str
    rate: int
    window: int
    hop: int
    fft: int
    bands: int
    low_hz: float
    high_hz: float
    mel: Literal["slaney", "htk"]
    ramps_on: Literal["hertz", "mel"]
    area_norm: bool = False
    power: Literal[1, 2] = 2
    padding: Literal["zeros", "mirrored"] | None = None
    periodic: bool = True
    clip_mean_subtracted: bool = False
    frame_mean_subtracted: bool = False
    pre_emphasis: float = 0.0
    pre_emphasis_in: Literal["sound", "frames"] = "sound"
    floor: float = 0.0
    added: float = 0.0
    decibels: bool = False
    shift: float = 0.0
    scale: float = 1.0
    for_the_loader: str = ""
    patch: int | None = None  # frames in each of the patches that the model is fed


Preset = Wave | LogMel

PRESETS: dict[str, Preset] = {
    "wave16k": Wave("the waveform at 16 kHz, as librosa.load gives it", 16_000),
    "wave32k": Wave("the waveform at 32 kHz", 32_000),
    "metaaudio": LogMel(
        "MetaAudio's log-mel spectrogram (librosa's defaults)",
        rate=16_000, window=1024, hop=512, fft=1024, bands=128, low_hz=0, high_hz=8000,
        mel="slaney", ramps_on="hertz", area_norm=True, padding="zeros",
        added=2.220446049250313e-16, decibels=True,
    ),
    "vggish": LogMel(
        "VGGish's input; --patches cuts it into its examples of 96 frames",
        rate=16_000, window=400, hop=160, fft=512, bands=64, low_hz=125, high_hz=7500,
        mel="htk", ramps_on="mel", power=1, added=0.01, patch=96,
    ),
    "panns": LogMel(
        "PANNs' log-mel spectrogram",
        rate=32_000, window=1024, hop=320, fft=1024, bands=64, low_hz=50, high_hz=14_000,
        mel="slaney", ramps_on="hertz", area_norm=True, padding="mirrored",
        floor=1e-10, decibels=True,
    ),
    "ast": LogMel(
        "Kaldi's filter banks as AST and AudioMAE read them, before their normalisation",
        rate=16_000, window=400, hop=160, fft=512, bands=128, low_hz=20, high_hz=8000,
        mel="htk", ramps_on="mel", periodic=False, clip_mean_subtracted=True,
        frame_mean_subtracted=True, pre_emphasis=0.97, pre_emphasis_in="frames",
        floor=1.1920928955078125e-07, for_the_loader="(x + 4.2677393) / (2 * 4.5689974)",
    ),
    "laion_clap": LogMel(
        "LAION-CLAP's log-mel spectrogram",
        rate=48_000, window=1024, hop=480, fft=1024, bands=64, low_hz=50, high_hz=14_000,
        mel="htk", ramps_on="hertz", padding="mirrored", floor=1e-10, decibels=True,
    ),
    "passt": LogMel(
        "PaSST's and EfficientAT's log-mel spectrogram, normalised as they do",
        rate=32_000, window=800, hop=320, fft=1024, bands=128, low_hz=0, high_hz=15_000,
        mel="htk", ramps_on="mel", padding="mirrored", periodic=False, pre_emphasis=0.97,
        added=1e-5, shift=4.5, scale=5.0,
    ),
}  # fmt: skip
