"""Finished clips of every format are read as the sound they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_helpers import ffmpeg

from ascc_async.errors import Rejected
from ascc_async.media.decoding import read_sound
from ascc_async.media.encoding import CLIP_FORMATS

RATE = 48_000


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """A second of two channels that differ."""
    time = np.arange(RATE) / RATE
    path = tmp_path / "tone.wav"
    channels = [0.5 * np.sin(2 * np.pi * hertz * time) for hertz in (330, 550)]
    soundfile.write(path, np.stack(channels, axis=1), RATE)
    return path


@pytest.mark.parametrize("name", [*CLIP_FORMATS, "mp4"])
def test_every_format_is_read(tone: Path, ffmpeg_path: str, name: str) -> None:
    """Samples by channel at the clip's own rate, also where only ffmpeg can decode them."""
    path = tone.with_name(f"clip.{name}")
    encoder = ("aac",) if name == "mp4" else CLIP_FORMATS[name].arguments
    ffmpeg(ffmpeg_path, "-i", str(tone), "-c:a", *encoder, str(path))
    samples, rate = read_sound(path, ffmpeg_path)
    assert (rate, samples.shape[1], samples.dtype) == (RATE, 2, np.float32)
    assert abs(len(samples) - RATE) <= 2048
    spectrum = np.abs(np.fft.rfft(samples[: RATE // 2], axis=0))
    assert (2 * spectrum.argmax(axis=0)).tolist() == [330, 550]


@pytest.mark.parametrize("name", ["clip.flac", "clip.m4a"])
def test_what_does_not_decode_is_rejected(tmp_path: Path, ffmpeg_path: str, name: str) -> None:
    """By whichever of the two reads it."""
    (tmp_path / name).write_bytes(b"not a sound")
    with pytest.raises(Rejected, match="does not decode"):
        read_sound(tmp_path / name, ffmpeg_path)
