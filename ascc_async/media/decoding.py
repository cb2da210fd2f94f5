"""Reads the sound of finished clips, of any format, outside the event loop."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ascc_async.errors import Rejected
from ascc_async.media.encoding import decode_arguments, format_of
from ascc_async.media.ffmpeg import TIME_LIMIT, Installed, Process, find_ffmpeg
from ascc_async.model import Reason


def ffmpeg_for(paths: Iterable[str]) -> Installed | None:
    """The ffmpeg that decodes some of these clips; None where libsndfile reads all.

    Raises SetupError.
    """
    if any(format_of(Path(path)).demuxer for path in paths):
        return asyncio.run(find_ffmpeg())
    return None


def sound_source(path: Path, ffmpeg: str, *, pictures: bool = False) -> Path | BytesIO:
    """What libsndfile can read: the clip itself, else its sound as WAV, decoded by `ffmpeg`.

    `pictures`: decode those of an MP4 too, only to see that they can be. Raises Rejected.
    """
    demuxer = format_of(path).demuxer
    if not demuxer:
        return path
    arguments = decode_arguments(str(path), demuxer, pictures=pictures and path.suffix == ".mp4")
    try:
        status, decoded, message = Process(ffmpeg, arguments).run(TIME_LIMIT)
    except subprocess.TimeoutExpired as error:
        message = f"ffmpeg did not decode it within {TIME_LIMIT:g} s"
        raise Rejected(Reason.CORRUPT, message) from error
    if status:
        raise Rejected(Reason.CORRUPT, f"ffmpeg does not decode it: {message.strip()[-300:]}")
    return BytesIO(decoded)


def read_sound(path: Path, ffmpeg: str) -> tuple[npt.NDArray[np.float32], int]:
    """A clip's samples of shape (frames, channels), and its rate. Raises Rejected."""
    try:
        samples, rate = soundfile.read(sound_source(path, ffmpeg), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise Rejected(Reason.CORRUPT, "it does not decode: damaged") from error
    return samples, int(rate)
