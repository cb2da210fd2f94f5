"""The real command as a process, against the stand-in."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile

from ascc_async.standin.media import stream_of
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import World
from tests.expected import expected
from tests.in_process import run_here
from tests.timecode_reading import measure_start

Row = dict[str, str]
CHANGING = ("license_checked_at", "fetched_at", "attempts", "evidence")
QUICK = (
    "throttle.requests_per_second=300",
    "throttle.max_requests_per_second=2000",
    "throttle.burst=200",
    "output.min_free_gb=0",
    "concurrency.extractions=1",  # each is a process that imports yt-dlp: half a second
)


@dataclass
class Place:
    """An output folder and how commands are run on it."""

    output: Path
    settings: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def arguments(self, *arguments: str) -> list[str]:
        given = [f"output.dir={self.output}", *QUICK, *self.settings]
        sets = [word for one in given for word in ("--set", one)]
        return [sys.executable, "-m", "ascc_async", *arguments, *sets]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in its own process group."""
        return subprocess.Popen(
            self.arguments(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.output.parent,
            env=os.environ | self.environment,
            start_new_session=True,
        )

    def run(self, *arguments: str, timeout: float = 120) -> tuple[int, str]:
        """Run a command to its end: exit code and everything it said."""
        process = self.start(*arguments)
        try:
            said, _ = process.communicate(timeout=timeout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return process.returncode, said

    def here(self, *arguments: str) -> tuple[int, str]:
        """In the tests' own process, for commands that only look."""
        done = run_here(self.arguments(*arguments)[3:])
        return done.returncode, done.stdout + done.stderr

    def manifest(self) -> list[Row]:
        """The rows of the manifest."""
        with (self.output / "dataset/manifest.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@contextmanager
def edited(output: Path) -> Iterator[sqlite3.Connection]:
    """The journal, to be changed by hand."""
    with closing(sqlite3.connect(output / "state.sqlite3")) as connection, connection:
        yield connection


def timeless(rows: list[Row]) -> list[Row]:
    """The rows without what differs from run to run: times and attempts."""
    return [{key: row[key] for key in row if key not in CHANGING} for row in rows]


def wrong(rows: list[Row], world: World, *, second_look: bool = False) -> list[str]:
    """Rows in which license, outcome or reason are not what the world says.

    `second_look`: videos that YouTube called unavailable in bare words were asked twice, hours or
    identities apart.
    """
    found = []
    for row in rows:
        start_ms = int(row["segment_id"].rsplit("_", 1)[1])
        truth = expected(world, row["video_id"], start_ms, second_look=second_look)
        wanted = (truth.license.value, truth.outcome.value, (truth.reason or ""))
        got = (row["license"], row["outcome"], row["reason"])
        if got != wanted:
            found.append(f"{row['segment_id']}: {got}, expected {wanted}")
    return found


def reach(youtube: StandinProcess) -> tuple[str, ...]:
    """The settings with which the stand-in is reached."""
    return (f"network.proxy={youtube.proxy}", f"network.ca_file={youtube.ca_file}")


def decoded(path: Path) -> tuple[Any, int]:
    """A file's sound as floats of shape (samples, channels), and its rate."""
    if path.suffix in (".flac", ".wav"):
        sound, rate = soundfile.read(path, always_2d=True, dtype="float32")
        return sound, int(rate)
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    command = [
        ffmpeg,
        "-nostdin",
        "-loglevel",
        "error",
        "-i",
        str(path),
        "-vn",
        "-f",
        "wav",
        "pipe:1",
    ]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    # Through a pipe the length in the header is not known: read what comes.
    place = wav.index(b"data") + 8
    channels, rate = struct.unpack_from("<HI", wav, wav.index(b"fmt ") + 10)
    samples = np.frombuffer(wav[place : len(wav) - (len(wav) - place) % (2 * channels)], "<i2")
    return samples.reshape(-1, channels).astype(np.float32) / 32768, rate


def misplaced(place: Place, youtube: StandinProcess, seconds: float = 0.03) -> list[str]:
    """Clips whose sound is not that of their time in the video, to within so many seconds."""
    found = []
    for row in place.manifest():
        if row["outcome"] != "clip":
            continue
        sound, rate = decoded(place.output / row["path"])
        if len(sound) < rate:
            continue  # too short to tell the time
        video, itag = youtube.world.video(row["video_id"]), int(row["source_format"][:3])
        stream = stream_of(video, itag, youtube.settings.media)
        wanted = stream.timecode_at_zero + float(row["start_seconds"])
        late = measure_start(sound[: 2 * rate], rate) - wanted
        # The end tells of gaps and of drift.
        tail = sound[-rate:]
        late_end = measure_start(tail, rate) - wanted - (len(sound) - len(tail)) / rate
        if max(abs(late), abs(late_end)) > seconds:
            found.append(f"{row['segment_id']}: {late * 1000:.1f} ms, {late_end * 1000:.1f} ms off")
    return found
