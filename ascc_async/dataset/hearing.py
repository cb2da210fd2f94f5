"""Decodes a finished clip once more and compares the sound with what the manifest says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.errors import Rejected
from ascc_async.media.cut import decode_arguments
from ascc_async.media.quality import inspect_file

_BY_FFMPEG = (".m4a", ".mp4")
_LONGEST = 120.0  # seconds for one clip, as for making it
_BYTES_PER_SAMPLE = 4
_TOLERANCE = 0.1  # seconds: encoders pad the last frame, and not every decoder cuts it off

Hear = Callable[[Path, ManifestRow], str]
"""Says what is wrong with the sound of a file, "" if nothing. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """A `Hear` for every format of ours; `ffmpeg` is the program for those libsndfile lacks."""

    ffmpeg: str

    def __call__(self, path: Path, row: ManifestRow) -> str:
        """See `Hear`."""
        if path.suffix in _BY_FFMPEG:
            return self._by_ffmpeg(path, row)
        try:
            found = inspect_file(path, lossy=path.suffix not in (".flac", ".wav"))
        except Rejected as error:
            return str(error)
        sound = (found.sample_rate, found.channels, found.frames / found.sample_rate)
        return _compare(row, *sound)

    def _by_ffmpeg(self, path: Path, row: ManifestRow) -> str:
        rate, channels = int(row.sample_rate), int(row.channels)
        media = "video" if path.suffix == ".mp4" else "audio"
        arguments = decode_arguments(str(path), media)
        command = [self.ffmpeg, "-nostdin", "-loglevel", "error", *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_LONGEST, start_new_session=True, check=False
            )
        except subprocess.TimeoutExpired:
            return f"ffmpeg did not decode it within {_LONGEST:g} s"
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip()
            return f"ffmpeg does not decode it: {words[-300:]}"
        duration = len(done.stdout) / _BYTES_PER_SAMPLE / channels / rate
        return _compare(row, rate, channels, duration)


def _compare(row: ManifestRow, rate: int, channels: int, duration: float) -> str:
    told = float(row.duration_seconds)
    if (str(rate), str(channels)) != (row.sample_rate, row.channels):
        return f"{rate} Hz, {channels} channels, not {row.sample_rate} Hz, {row.channels}"
    if abs(duration - told) > _TOLERANCE:
        return f"{duration:.3f} s long, not {told:.3f} s"
    return ""
