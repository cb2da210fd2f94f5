"""The picture of a clip."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ascc_async.errors import Rejected
from ascc_async.web.pictures import GAP, HEIGHT, WAVE_HEIGHT, WIDTH, band_heights, draw

RATE = 16_000


def pixels_of(png: bytes) -> np.ndarray:
    """The numbers of the palette, of a picture of ours."""
    data, at = b"", 8
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        content = png[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + content) == struct.unpack_from(">I", png, at + 8 + size)[0]
        data += content if kind == b"IDAT" else b""
        at += 12 + size
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(HEIGHT, WIDTH + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


def drawn(folder: Path, sound: np.ndarray) -> np.ndarray:
    path = folder / "a.flac"
    soundfile.write(path, sound, RATE, format="FLAC")
    return pixels_of(draw(path))


def test_time_goes_to_the_right_and_pitch_upwards(tmp_path: Path) -> None:
    """A tone in the second half only: there is the wave, and the light at the tone's height."""
    time = np.arange(2 * RATE) / RATE
    sound = np.where(time < 1, 0, 0.3 * np.sin(2 * np.pi * 2000 * time))
    pixels = drawn(tmp_path, sound)
    wave, mel = pixels[:WAVE_HEIGHT], pixels[WAVE_HEIGHT + GAP :]
    silent, loud = (
        wave[:, half].astype(bool).sum(axis=0) for half in (slice(0, 490), slice(510, 990))
    )
    assert silent.max() <= 2
    assert loud.min() > WAVE_HEIGHT * 0.9
    assert mel[:, :450].max() == mel.min()
    brightest = WAVE_HEIGHT + GAP + mel[:, 750].argmax()
    assert abs(brightest - band_heights((2000,))[0]) <= 3
    low, high = band_heights((250, 8000))
    assert HEIGHT > low > high > WAVE_HEIGHT + GAP


@pytest.mark.parametrize("samples", [1, 7, 500, 16_000])
def test_silence_and_the_shortest_clips_have_a_picture(samples: int, tmp_path: Path) -> None:
    """A thin line, and no light where there is no sound."""
    pixels = drawn(tmp_path, np.zeros(samples))
    assert pixels[:WAVE_HEIGHT].any(axis=0).all()
    assert set(pixels[WAVE_HEIGHT + GAP :].flat) == {3}


def test_what_does_not_decode_is_rejected(tmp_path: Path) -> None:
    """The page then says so instead."""
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC and nothing more")
    with pytest.raises(Rejected):
        draw(path)
