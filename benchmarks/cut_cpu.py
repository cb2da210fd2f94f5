"""`python -m benchmarks.cut_cpu`: processor time of one clip, ours against ffmpeg alone.

Ours: read the stream in ranges (from memory), cut, encode, decode again, measure, sync, hash,
rename. The other: the same ffmpeg cuts the same clip from a local file to FLAC and does no more.
The network and yt-dlp are not in it: `benchmarks.clips` has the whole pipeline.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from ascc_async.media.cut import Cutter
from ascc_async.media.ffmpeg import FFmpeg, find_ffmpeg
from ascc_async.media.ranges import RangeAnswer, Ranges
from ascc_async.model import Resolved, Segment, Track
from ascc_async.settings import ClipsSettings
from ascc_async.standin.media import StreamSpec, make_stream

LENGTH_MS = 240_000


class Memory:
    """A stream that is there already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(
        self, url: str, headers: Mapping[str, str], first: int, last: int | None
    ) -> RangeAnswer:
        """A 206."""
        stop = None if last is None else last + 1
        return RangeAnswer(206, first, len(self._data), self._data[first:stop], True)


def cpu() -> float:
    """Processor seconds of this process and its finished children."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def alone(ffmpeg: str, source: Path, starts: list[int], out: Path) -> None:
    """What a user would type, one clip after the other."""
    for start in starts:
        subprocess.run(
            [ffmpeg, "-nostdin", "-loglevel", "error", "-y", "-ss", str(start / 1000), "-t", "10",
             "-i", str(source), "-af", "asetnsamples=n=4096:p=0", "-sample_fmt", "s16", str(out)],
            check=True,
        )  # fmt: skip


async def stalls(delays: list[float]) -> None:
    """Note how late a 5 ms timer is, again and again."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        delays.append(time.perf_counter() - before - 0.005)


async def ours(cutter: Cutter, ranges: Ranges, starts: list[int], track: Track) -> list[float]:
    """All clips, four at once; returns how late the event loop was."""
    resolved = Resolved("AAAAAAAAAAA", "main", track, None, "", "", "", None)
    left, delays = iter(starts), list[float]()

    async def worker() -> None:
        for start in left:
            segment = Segment("AAAAAAAAAAA", start, start + 10_000, "eval", ())
            await cutter.make(ranges, resolved, segment)

    watch = asyncio.create_task(stalls(delays))
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(worker())
    watch.cancel()
    return delays


async def measure(itag: int, count: int, folder: Path) -> None:
    """One line for one kind of stream."""
    installed = await find_ffmpeg()
    spec = StreamSpec(length_ms=LENGTH_MS, sample_rate=44_100)
    data = make_stream(spec, itag).read()
    source = folder / ("source.m4a" if itag == 140 else "source.webm")
    source.write_bytes(data)
    starts = [random.Random(itag).randrange(LENGTH_MS - 10_000) for _ in range(count)]
    alone(installed.path, source, starts[:3], folder / "warm.flac")
    before = cpu()
    alone(installed.path, source, starts, folder / "alone.flac")
    theirs = (cpu() - before) / count
    cutter = Cutter(ClipsSettings(), FFmpeg(installed), folder)
    track = Track("audio", "memory", {}, str(itag), "mp4", "")
    await ours(cutter, Ranges(Memory(data)), starts[:3], track)
    ranges, before = Ranges(Memory(data)), cpu()
    delays = sorted(await ours(cutter, ranges, starts, track))
    each = (cpu() - before) / count
    print(
        f"itag {itag}: ours {each * 1000:.0f} ms, ffmpeg alone {theirs * 1000:.0f} ms a clip"
        f" ({each / theirs:.2f} times); {ranges.requests / count:.2f} requests,"
        f" {ranges.received / count / 1000:.0f} KB; event loop late by"
        f" {delays[int(len(delays) * 0.99)] * 1000:.1f} ms (p99)"
    )


def main() -> None:
    """Print a line for MP4 and one for WebM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=60)
    count = parser.parse_args().clips
    for itag in (140, 251):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(itag, count, Path(folder)))


if __name__ == "__main__":
    main()
