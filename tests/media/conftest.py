"""Streams, decoded once for all tests of media."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import pytest
from media_helpers import ENCODERS, Pcm, WaitingFFmpeg, decoded, waiting

from ascc_async.media.cut import Cutter
from ascc_async.media.ffmpeg import FFmpeg, Installed, check_encoders
from ascc_async.settings import ClipsSettings
from ascc_async.standin.media import StreamSpec, make_stream


@pytest.fixture(scope="session")
def ffmpeg_path() -> str:
    """The ffmpeg that comes with imageio-ffmpeg."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def installed(ffmpeg_path: str) -> Installed:
    """That ffmpeg, taken as checked."""
    found = Installed(ffmpeg_path, "9", ENCODERS, soxr=True)
    check_encoders(found, sorted(ENCODERS))
    return found


@pytest.fixture(scope="session")
def stream() -> Callable[[StreamSpec, int], bytes]:
    """All bytes of one of the stand-in's streams."""

    @cache
    def make(spec: StreamSpec, itag: int) -> bytes:
        return make_stream(spec, itag).read()

    return make


@pytest.fixture(scope="session")
def full_decode(
    ffmpeg_path: str, stream: Callable[[StreamSpec, int], bytes]
) -> Callable[[StreamSpec, int], Pcm]:
    """The whole stream as ffmpeg decodes it."""

    @cache
    def make(spec: StreamSpec, itag: int) -> Pcm:
        return decoded(ffmpeg_path, stream(spec, itag), spec.channels)

    return make


@pytest.fixture
def cutter(installed: Installed, tmp_path: Path) -> Callable[..., Cutter]:
    """A cutter into `tmp_path` for settings given as keywords."""

    def make(**settings: object) -> Cutter:
        return Cutter(ClipsSettings(**settings), FFmpeg(installed, 2), tmp_path)  # type: ignore[arg-type]

    return make


@pytest.fixture
def waiting_ffmpeg(tmp_path: Path) -> WaitingFFmpeg:
    """A program that waits for ever in ffmpeg's place."""
    return waiting(tmp_path)
