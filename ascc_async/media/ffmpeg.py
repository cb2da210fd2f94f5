"""ffmpeg as a subprocess: found and checked at the start, bounded, fed by pipes, always reaped."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import imageio_ffmpeg

from ascc_async.errors import AsccError, SetupError
from ascc_async.files import DiskFull
from ascc_async.media.child import Child, TimeUp

TIME_LIMIT = 120.0
_START_LIMIT = 20.0
_TOLD_TO_END = 255  # what ffmpeg exits with after SIGTERM, which systemd sends to all at once
_CONSEQUENCE = re.compile(
    r"Task finished|Terminating thread|Nothing was written|Could not open encoder|Conversion failed"
)
_CALM = ("-nostdin", "-hide_banner", "-loglevel", "error")


class FFmpegFailed(AsccError):
    """ffmpeg ended with an error, or was stopped at its time limit; says its last words.

    `by_force`: a signal, its time limit or want of memory ended it, which tells nothing for sure
    of what it was fed.
    """

    def __init__(self, message: str, *, by_force: bool = False) -> None:
        super().__init__(message)
        self.by_force = by_force


@dataclass(frozen=True, slots=True)
class Installed:
    """An ffmpeg that starts. `soxr`: whether it resamples with soxr."""

    path: str
    version: str
    encoders: frozenset[str]
    soxr: bool


async def find_ffmpeg(path: str | None = None) -> Installed:
    """The ffmpeg at `path`, or the one imageio-ffmpeg carries (or `IMAGEIO_FFMPEG_EXE` names).

    Raises SetupError, saying what to do, when there is none or it does not start.
    """
    path = path or _bundled()
    tool = FFmpeg(Installed(path, "", frozenset(), False), 1, _START_LIMIT)
    try:
        banner = (await tool.run(["-version"])).decode("utf-8", "replace")
        listing = (await tool.run(["-encoders"])).decode("utf-8", "replace")
    except FFmpegFailed as error:
        raise SetupError(
            f"ffmpeg at {path} does not start ({error}); reinstall it with"
            " `pip install --force-reinstall imageio-ffmpeg`, or name another in IMAGEIO_FFMPEG_EXE"
        ) from error
    version = re.search(r"ffmpeg version (\S+)", banner)
    encoders = frozenset(re.findall(r"^ [A-Z.]{6} (\S+)", listing, re.MULTILINE))
    soxr = "--enable-libsoxr" in banner
    return Installed(path, version[1] if version else "unknown", encoders, soxr)


def _bundled() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SetupError(
            "no ffmpeg for this machine: install one and name it in IMAGEIO_FFMPEG_EXE"
        ) from error


def check_encoders(installed: Installed, needed: Sequence[str]) -> None:
    """Raise SetupError when an encoder is missing."""
    missing = [name for name in needed if name not in installed.encoders]
    if missing:
        raise SetupError(
            f"ffmpeg at {installed.path} lacks {', '.join(missing)}: unset IMAGEIO_FFMPEG_EXE to"
            " use the one that comes with imageio-ffmpeg, or choose another clips.format"
        )


@dataclass(frozen=True, slots=True)
class FFmpegCounts:
    """How busy ffmpeg is: processes running, the most allowed, runs finished, runs failed."""

    running: int
    limit: int
    finished: int
    failed: int


class FFmpeg:
    """Runs one ffmpeg binary, at most `limit` processes at once, each for `time_limit` seconds."""

    def __init__(
        self, installed: Installed, limit: int | None = None, time_limit: float = TIME_LIMIT
    ) -> None:
        self.installed = installed
        self._limit = limit or os.cpu_count() or 1
        self._turn = asyncio.Semaphore(self._limit)
        self._threads = ThreadPoolExecutor(self._limit, "ffmpeg")
        self._time_limit = time_limit
        self._running = self._finished = self._failed = 0

    def snapshot(self) -> FFmpegCounts:
        """What is going on."""
        return FFmpegCounts(self._running, self._limit, self._finished, self._failed)

    async def run(self, arguments: Sequence[str], data: bytes | None = None) -> bytes:
        """Run ffmpeg to its end and return what it wrote to `pipe:1`; `data` is its `pipe:0`.

        Raises FFmpegFailed, DiskFull, or SetupError when it cannot be started. The process
        never outlives this call, cancelled or not.
        """
        async with self._turn:
            self._running += 1
            try:
                output = await self._run(arguments, data)
            except FFmpegFailed:
                self._failed += 1
                raise
            finally:
                self._running -= 1
            self._finished += 1
            return output

    async def _run(self, arguments: Sequence[str], data: bytes | None) -> bytes:
        child = Child([self.installed.path, *_CALM, *arguments])
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, child.run, data, self._time_limit)
        try:
            status, output, words = await asyncio.shield(work)
        except asyncio.CancelledError:
            child.stop()
            await asyncio.wait([work])
            work.exception()
            raise
        except TimeUp:
            words = f"ffmpeg was stopped after {self._time_limit:g} s"
            raise FFmpegFailed(words, by_force=True) from None
        except OSError as error:
            raise SetupError(
                f"ffmpeg at {self.installed.path} cannot be started: {error.strerror}"
            ) from error
        if status:
            raise _failure(status, words)
        return output


def _failure(status: int, words: str) -> AsccError:
    if os.strerror(errno.ENOSPC) in words:
        return DiskFull("the disk is full: make room where output.dir lies, then run again")
    how = f"signal {-status}" if status < 0 else f"status {status}"
    by_force = status < 0 or status == _TOLD_TO_END or os.strerror(errno.ENOMEM) in words
    return FFmpegFailed(f"ffmpeg ended with {how}: {_said(words) or 'no words'}", by_force=by_force)


def _said(words: str) -> str:
    """The last lines that tell something: each failure is followed by a train of consequences."""
    lines = [re.sub(r" @ 0x[0-9a-f]+", "", line).strip() for line in words.splitlines()]
    telling = [line for line in lines if line and not _CONSEQUENCE.search(line)]
    return " | ".join(list(dict.fromkeys(telling or lines))[-3:])[-400:]
