"""The spectrograms of the presets as their originals make them, to compare with.

Each needs a package, or a file of its authors in the folder that `PEERS_SOURCES` names:
`mel_features.py` (tensorflow/models, research/audioset/vggish), `ast_dataloader.py`
(YuanGongND/ast, src/dataloader.py), `passt_preprocess.py` (kkoutini/PaSST, models/preprocess.py).
None is needed for the fast tests, which use `originals.json`; where all are there,
`python tests/learning/originals.py` writes it anew.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

GOLDEN = Path(__file__).with_name("originals.json")
_AST_SCALE = 2 * 4.5689974
Array = npt.NDArray[Any]


class NotHere(Exception):
    """An original that is not installed."""


def sound(rate: int) -> Array:
    """Ten seconds of chirp, hum and noise, the same everywhere."""
    time = np.arange(rate * 10) / rate
    noise = np.random.RandomState(16).uniform(-1, 1, time.size)
    tones = 0.3 * np.sin(2 * np.pi * (100 * time + 150 * time**2)) + 0.1 * np.sin(
        120 * np.pi * time
    )
    return (tones + 0.01 * noise).astype(np.float32)


def some_of(array: Array) -> list[list[float]]:
    """A few values from everywhere in it."""
    bands, frames = (np.linspace(0, length - 1, 8).astype(int) for length in array.shape)
    return [[float(f"{value:.7g}") for value in row] for row in array[np.ix_(bands, frames)]]


def stereo(path: Path) -> Path:
    """A file of two channels at 44.1 kHz."""
    soundfile.write(path, np.stack([sound(44100), sound(44100)[::-1]], axis=1), 44100)
    return path


def imported(name: str) -> Any:
    if (folder := os.environ.get("PEERS_SOURCES", "")) not in sys.path:
        sys.path.append(folder)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NotHere(f"{name} is not here: {error}") from error


def metaaudio(wave: Array) -> Array:
    librosa = imported("librosa")
    mel = librosa.feature.melspectrogram(
        y=wave, sr=16000, n_mels=128, n_fft=1024, hop_length=512, power=2.0
    )
    return np.asarray(20.0 / 2.0 * np.log10(mel + sys.float_info.epsilon))


def vggish(wave: Array) -> Array:
    mel = imported("mel_features").log_mel_spectrogram(
        wave, audio_sample_rate=16000, log_offset=0.01, window_length_secs=0.025,
        hop_length_secs=0.010, num_mel_bins=64, lower_edge_hertz=125, upper_edge_hertz=7500,
    )  # fmt: skip
    return np.asarray(mel).T


def panns(wave: Array, bits: int = 32) -> Array:
    torch, theirs = imported("torch"), imported("torchlibrosa")
    spectrogram = theirs.Spectrogram(
        n_fft=1024, hop_length=320, win_length=1024, window="hann", center=True,
        pad_mode="reflect", freeze_parameters=True,
    )  # fmt: skip
    log_mel = theirs.LogmelFilterBank(
        sr=32000, n_fft=1024, n_mels=64, fmin=50, fmax=14000, ref=1.0, amin=1e-10, top_db=None,
        freeze_parameters=True,
    )  # fmt: skip
    kind = {32: torch.float32, 64: torch.float64}[bits]
    with torch.no_grad():
        made = log_mel.to(kind)(spectrogram.to(kind)(torch.from_numpy(wave).to(kind)[None]))
    return np.asarray(made[0, 0].numpy().T)


def ast(wave: Array) -> Array:
    """Through AST's own dataset, its normalisation taken back."""
    torch, torchaudio = imported("torch"), imported("torchaudio")
    # Its own reader needs FFmpeg's libraries; what it reads is given to it here.
    torchaudio.load = lambda path: (torch.from_numpy(wave)[None], 16000)
    dataset = imported("ast_dataloader").AudiosetDataset
    with tempfile.TemporaryDirectory() as name:
        data, labels = Path(name, "data.json"), Path(name, "labels.csv")
        data.write_text(json.dumps({"data": [{"wav": "a.wav", "labels": "/m/a"}]}))
        labels.write_text("index,mid,display_name\n0,/m/a,A\n")
        conf = {"num_mel_bins": 128, "freqm": 0, "timem": 0, "mixup": 0, "dataset": "audioset",
                "mean": -4.2677393, "std": 4.5689974, "target_length": 1024, "mode": "evaluation",
                "noise": False}  # fmt: skip
        bank, _ = dataset(str(data), conf, str(labels))[0]
    return np.asarray(bank.numpy()[:998].T) * _AST_SCALE - 4.2677393


def laion_clap(wave: Array) -> Array:
    """As `get_mel` of LAION-AI/CLAP, src/laion_clap/training/data.py, calls torchaudio."""
    torch, transforms = imported("torch"), imported("torchaudio").transforms
    spectrogram = transforms.MelSpectrogram(
        sample_rate=48000, n_fft=1024, win_length=1024, hop_length=480, center=True,
        pad_mode="reflect", power=2.0, norm=None, onesided=True, n_mels=64, f_min=50, f_max=14000,
    )  # fmt: skip
    return np.asarray(transforms.AmplitudeToDB(top_db=None)(spectrogram(torch.from_numpy(wave))))


def passt(wave: Array) -> Array:
    torch = imported("torch")
    ingredient = types.ModuleType("ba3l.ingredients.ingredient")
    # Its experiment framework, which only decorates the class.
    command = types.SimpleNamespace(command=lambda its: its)
    ingredient.Ingredient = lambda name: command  # type: ignore[attr-defined]
    for name in ("ba3l", "ba3l.ingredients"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules.setdefault(ingredient.__name__, ingredient)
    make = imported("passt_preprocess").AugmentMelSTFT(
        freqm=0, timem=0, fmin_aug_range=10, fmax_aug_range=2000
    )
    with torch.no_grad():
        return np.asarray(make.eval()(torch.from_numpy(wave)[None])[0].numpy())


# Each with its sample rate and how far ours may be off: at most, and in the mean.
ORIGINALS: dict[str, tuple[Callable[[Array], Array], int, float, float]] = {
    "metaaudio": (metaaudio, 16_000, 0.3, 0.01),
    "vggish": (vggish, 16_000, 1e-3, 1e-3),
    "panns": (panns, 32_000, 0.1, 0.1),
    "ast": (ast, 16_000, 2e-3 * _AST_SCALE, 2e-3),  # 2e-3 as its loader scales it
    "laion_clap": (laion_clap, 48_000, 0.1, 0.1),
    "passt": (passt, 32_000, 1e-3, 1e-3),
}


def wave16k(path: Path) -> Array:
    return np.asarray(imported("librosa").load(path, sr=16000, mono=True)[0])


if __name__ == "__main__":
    golden = {name: some_of(make(sound(rate))) for name, (make, rate, _, _) in ORIGINALS.items()}
    with tempfile.TemporaryDirectory() as folder:
        loaded = wave16k(stereo(Path(folder, "stereo.flac")))
    golden["wave16k"] = some_of(loaded.reshape(400, 400))
    lines = ",\n".join(f'"{name}": {json.dumps(values)}' for name, values in golden.items())
    GOLDEN.write_text(f"{{\n{lines}\n}}\n")
