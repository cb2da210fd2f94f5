"""ffmpeg as a subprocess: found and checked at the start, bounded, always reaped.

Why not `asyncio.create_subprocess_exec`: uvloop starts processes by `fork`, which copies the page
tables of this process and holds the event loop up for 30 to 50 ms each time (measured at 200 MB).
`subprocess` uses `vfork` and takes a tenth of that, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock

import imageio_ffmpeg

from ascc_async.errors import AsccError, SetupError
from ascc_async.files import DiskFull

TIME_LIMIT = 120.0
_START_LIMIT = 20.0
_ENDED_BY_SIGTERM = 255  # its exit code then, and systemd sends SIGTERM to all at once
_CONSEQUENCE = re.compile(
    r"Task finished|Terminating thread|Nothing was written|Could not open encoder|Conversion failed"
    r"|To ignore this|Failed to set value|Error parsing options|Error opening output files"
)
_QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error")
_NICENESS = 10
_KEPT_STDERR = 8192  # a hostile stream can make ffmpeg complain a million times


class FFmpegFailed(AsccError):
    """ffmpeg ended with an error, or was stopped at its time limit; quotes its messages.

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
    try:
        path = path or str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise SetupError(
            "no ffmpeg for this machine: install one and name it in IMAGEIO_FFMPEG_EXE"
        ) from error
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


def check_encoders(installed: Installed, needed: Sequence[str]) -> None:
    """Raise SetupError when an encoder is missing."""
    missing = [name for name in needed if name not in installed.encoders]
    if missing:
        raise SetupError(
            f"ffmpeg at {installed.path} lacks {', '.join(missing)}: unset IMAGEIO_FFMPEG_EXE to"
            " use the one that comes with imageio-ffmpeg, or choose another clips.format"
        )


class FFmpeg:
    """Runs one ffmpeg binary, at most `limit` processes at once, each for `time_limit` seconds."""

    def __init__(
        self, installed: Installed, limit: int | None = None, time_limit: float = TIME_LIMIT
    ) -> None:
        self.installed = installed
        limit = limit or os.cpu_count() or 1
        self._turn = asyncio.Semaphore(limit)
        self._threads = ThreadPoolExecutor(limit, "ffmpeg")
        self._time_limit = time_limit

    async def run(self, arguments: Sequence[str]) -> bytes:
        """Run ffmpeg to its end and return what it wrote to `pipe:1`.

        Raises FFmpegFailed, DiskFull, or SetupError when it cannot be started. The process
        never outlives this call, cancelled or not.
        """
        process = Process(self.installed.path, arguments)
        async with self._turn:
            work = asyncio.get_running_loop().run_in_executor(
                self._threads, process.run, self._time_limit
            )
            try:
                status, output, stderr = await asyncio.shield(work)
            except asyncio.CancelledError:
                # The thread cannot be cancelled, but it ends with its process.
                process.stop()
                await asyncio.wait([work])
                work.exception()
                raise
            except subprocess.TimeoutExpired as error:
                message = f"ffmpeg was stopped after {self._time_limit:g} s"
                raise FFmpegFailed(message, by_force=True) from error
            except OSError as error:
                raise SetupError(
                    f"ffmpeg at {self.installed.path} cannot be started: {error.strerror}. Name"
                    " another in IMAGEIO_FFMPEG_EXE, or unset that to use imageio-ffmpeg's own"
                ) from error
        if not status:
            return output
        if os.strerror(errno.ENOSPC) in stderr:
            raise DiskFull("the disk is full: make room where output.dir lies, then run again")
        # Each failure is followed by a train of consequences: the last other lines tell the cause.
        lines = [re.sub(r" @ 0x[0-9a-f]+", "", line).strip() for line in stderr.splitlines()]
        causes = [line for line in lines if line and not _CONSEQUENCE.search(line)]
        cause = " | ".join(list(dict.fromkeys(causes or lines))[-3:])[-400:]
        how = f"signal {-status}" if status < 0 else f"status {status}"
        out_of_memory = os.strerror(errno.ENOMEM) in stderr
        # A decoder that cannot go on ends with the same status, and says EPERM.
        ended = status == _ENDED_BY_SIGTERM and os.strerror(errno.EPERM) not in stderr
        raise FFmpegFailed(
            f"ffmpeg ended with {how}: {cause or 'no message'}",
            by_force=status < 0 or ended or out_of_memory,
        )


class Process:
    """One run of ffmpeg, in a session of its own. `run` blocks; any thread may call `stop`."""

    def __init__(self, path: str, arguments: Sequence[str]) -> None:
        self._command = [path, *_QUIET, *arguments]
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self, seconds: float) -> tuple[int, bytes, str]:
        """Its status, its output, and the end of its error messages, once it has ended.

        Raises OSError when it cannot be started, TimeoutExpired after `seconds`. Whatever happens,
        neither it nor anything it started is left.
        """
        with self._lock:
            if self._stopped:
                return -signal.SIGKILL, b"", ""
            # A session of its own: Ctrl-C in the terminal would leave a playable but short file.
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        with self._process as process:
            try:
                with suppress(OSError):
                    # With every core at work, the event loop must not queue behind ffmpeg.
                    os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
                output, stderr = process.communicate(timeout=seconds)
            finally:
                self.stop()
        return process.returncode, output, stderr[-_KEPT_STDERR:].decode("utf-8", "replace")

    def stop(self) -> None:
        """End the process and all it started, now or as soon as it is there."""
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
