"""ffmpeg as a subprocess: found and checked at the start, bounded, fed by pipes, always reaped."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import imageio_ffmpeg

from ascc_async.errors import AsccError, SetupError
from ascc_async.media.place import DiskFull

TIME_LIMIT = 120.0
_KEPT_WORDS = 8192
_NICENESS = 10
_CONSEQUENCE = re.compile(
    r"Task finished|Terminating thread|Nothing was written|Could not open encoder|Conversion failed"
)
_CALM = ("-nostdin", "-hide_banner", "-loglevel", "error")


class FFmpegFailed(AsccError):
    """ffmpeg ended with an error, or was stopped at its time limit; says its last words."""


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
    tool = FFmpeg(Installed(path, "", frozenset(), False), 1)
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
        process = await self._started([*_CALM, *arguments], data is not None)
        try:
            async with asyncio.timeout(self._time_limit):
                return await _fed(process, data)
        except TimeoutError:
            raise FFmpegFailed(f"stopped after {self._time_limit:g} s") from None
        finally:
            await _reaped(process)

    async def _started(self, arguments: Sequence[str], fed: bool) -> asyncio.subprocess.Process:
        """Start the process. Cancelled meanwhile, asyncio would kill it but not its group: so
        starting is seen to its end first.
        """
        starting = asyncio.ensure_future(self._start(arguments, fed))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(SetupError):
                await _reaped(await starting)
            raise

    async def _start(self, arguments: Sequence[str], fed: bool) -> asyncio.subprocess.Process:
        try:
            process = await asyncio.create_subprocess_exec(
                self.installed.path,
                *arguments,
                stdin=asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SetupError(
                f"ffmpeg at {self.installed.path} cannot be started: {error.strerror}"
            ) from error
        _yield_to_us(process)
        return process


async def _fed(process: asyncio.subprocess.Process, data: bytes | None) -> bytes:
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as group:
        output = group.create_task(_whole(process.stdout))
        words = group.create_task(_last_words(process.stderr))
        if data is not None:
            group.create_task(_write(process, data))
    status = await process.wait()
    if status:
        raise _failure(status, words.result())
    return output.result()


async def _write(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.close()
        await process.stdin.wait_closed()


async def _whole(stream: asyncio.StreamReader) -> bytes:
    parts = []
    while piece := await stream.read(1 << 18):
        parts.append(piece)
    return b"".join(parts)


async def _last_words(stream: asyncio.StreamReader) -> str:
    kept = b""
    while piece := await stream.read(1 << 16):
        kept = (kept + piece)[-_KEPT_WORDS:]
    return kept.decode("utf-8", "replace")


def _failure(status: int, words: str) -> AsccError:
    if os.strerror(errno.ENOSPC) in words:
        return DiskFull("the disk is full: make room where output.dir lies, then run again")
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return FFmpegFailed(f"ffmpeg ended with {how}: {_said(words) or 'no words'}")


def _said(words: str) -> str:
    """The last lines that tell something: each failure is followed by a train of consequences."""
    lines = [re.sub(r" @ 0x[0-9a-f]+", "", line).strip() for line in words.splitlines()]
    telling = [line for line in lines if line and not _CONSEQUENCE.search(line)]
    return " | ".join(list(dict.fromkeys(telling or lines))[-3:])[-400:]


def _yield_to_us(process: asyncio.subprocess.Process) -> None:
    """Lower its priority: with every core at work, the event loop must not queue behind it.

    It matters most for starting the next one, which holds the whole interpreter up until the
    new process has got its turn.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)


async def _reaped(process: asyncio.subprocess.Process) -> None:
    """Kill the process and all it started, if it still lives, and wait for it."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
