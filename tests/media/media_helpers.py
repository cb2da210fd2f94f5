"""What the tests of media share: streams in memory, full decodes, ready-made segments."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil

from ascc_async.media.ffmpeg import Installed
from ascc_async.media.ranges import RangeAnswer
from ascc_async.model import Resolved, Segment, Track

ENCODERS = frozenset({"flac", "pcm_s16le", "libopus", "aac", "libmp3lame", "libx264"})
VIDEO_ID = "-_Abc123xyz"
Pcm = npt.NDArray[np.int16]
Answer = Callable[[bytes, int, int | None], RangeAnswer]


@dataclass
class Memory:
    """Streams by address. `script` answers come first, then whole 206s; `asked` keeps ranges."""

    streams: Mapping[str, bytes]
    script: list[Answer] = field(default_factory=list)
    asked: list[tuple[int, int | None]] = field(default_factory=list)

    async def read(
        self, url: str, headers: Mapping[str, str], first: int, last: int | None
    ) -> RangeAnswer:
        """The next answer."""
        self.asked.append((first, last))
        return (self.script.pop(0) if self.script else answered)(self.streams[url], first, last)


def answered(data: bytes, first: int, last: int | None) -> RangeAnswer:
    """As YouTube answers."""
    if first >= len(data):
        return RangeAnswer(416, first, len(data), b"", True)
    stop = None if last is None else last + 1
    return RangeAnswer(206, first, len(data), data[first:stop], True)


def torn_after(size: int) -> Answer:
    """A connection that breaks after `size` bytes of the body."""

    def answer(data: bytes, first: int, last: int | None) -> RangeAnswer:
        body = answered(data, first, last).body[:size]
        return RangeAnswer(206, first, len(data), body, False)

    return answer


def ignoring_range(data: bytes, first: int, last: int | None) -> RangeAnswer:
    """A server that always sends the whole."""
    return RangeAnswer(200, 0, len(data), data[: None if last is None else last + 1], True)


def track(url: str = "sound", **more: object) -> Track:
    """A sound track at an address of `Memory`."""
    facts: dict[str, object] = {
        "kind": "audio", "headers": {}, "format_id": "140", "container": "mp4",
        "codec": "mp4a.40.2",
    }  # fmt: skip
    return Track(url=url, **(facts | more))  # type: ignore[arg-type]


def resolved(audio: Track, video: Track | None = None) -> Resolved:
    """A video whose media is there."""
    return Resolved(VIDEO_ID, "main", audio, video, "", "", "", None)


def segment(start_ms: int, length_ms: int = 10_000) -> Segment:
    """A segment of that video."""
    return Segment(VIDEO_ID, start_ms, start_ms + length_ms, "eval", ("/m/09x0r",))


def ffmpeg(path: str, *arguments: str, data: bytes | None = None) -> bytes:
    """What ffmpeg writes to its output."""
    done = subprocess.run(
        [path, "-nostdin", "-hide_banner", "-loglevel", "error", *arguments],
        input=data, stdin=None if data is not None else subprocess.DEVNULL,
        capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout


def decoded(path: str, data: bytes, channels: int) -> Pcm:
    """The whole stream as ffmpeg decodes it."""
    raw = ffmpeg(path, "-i", "pipe:0", "-map", "0:a:0", "-f", "s16le", "pipe:1", data=data)
    return np.frombuffer(raw, np.int16).reshape(-1, channels)


def decoded_file(path: str, file: Path, channels: int) -> Pcm:
    """As `decoded`, of a file that may hold its index at the end."""
    raw = ffmpeg(path, "-i", str(file), "-map", "0:a:0", "-f", "s16le", "pipe:1")
    return np.frombuffer(raw, np.int16).reshape(-1, channels)


def box(kind: bytes, *content: bytes) -> bytes:
    """An MP4 box."""
    body = b"".join(content)
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def sidx(
    fragments: Sequence[tuple[int, int]], timescale: int = 1000, earliest: int = 0, offset: int = 0,
    nested: bool = False, wide: bool = False,
) -> bytes:  # fmt: skip
    """A `sidx` box over fragments of (size, ticks)."""
    rows = b"".join(
        (size | nested << 31).to_bytes(4, "big") + ticks.to_bytes(4, "big") + b"\x90\0\0\0"
        for size, ticks in fragments
    )
    times = b"".join(number.to_bytes(8 if wide else 4, "big") for number in (earliest, offset))
    head = bytes([wide, 0, 0, 0, 0, 0, 0, 1]) + timescale.to_bytes(4, "big") + times
    return box(b"sidx", head, b"\0\0", len(fragments).to_bytes(2, "big"), rows)


def element(kind: int, content: bytes) -> bytes:
    """An EBML element; its size in eight bytes."""
    name = kind.to_bytes((kind.bit_length() + 7) // 8, "big")
    return name + (1 << 56 | len(content)).to_bytes(8, "big") + content


@dataclass(frozen=True)
class WaitingFFmpeg:
    """A program in ffmpeg's place that starts a child, says its process id, and waits."""

    installed: Installed
    pipe: Path

    async def started(self) -> int:
        """Its process id, once it runs."""
        return int(await asyncio.to_thread(self.pipe.read_text))


def waiting(folder: Path) -> WaitingFFmpeg:
    """Put one into a folder."""
    pipe = folder / "started"
    os.mkfifo(pipe)
    path = script(folder, f'sleep 600 & echo $$ > "{pipe}"; wait')
    return WaitingFFmpeg(Installed(path, "9", ENCODERS, soxr=True), pipe)


def script(folder: Path, words: str) -> str:
    """A shell script to be run in ffmpeg's place."""
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)
    return str(path)


def alive(group: int) -> bool:
    """Whether any process of this group still lives, once the system has had time to end it."""
    members = [process for process in psutil.process_iter() if _group(process.pid) == group]
    _, left = psutil.wait_procs([member for member in members if _lives(member)], timeout=5)
    return any(_lives(member) for member in left)


def _group(process: int) -> int:
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return 0


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
