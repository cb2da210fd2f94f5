"""`python -m benchmarks.exactness`: are clips the very samples of a full decode?

Cuts 1,000 clips out of the stand-in's streams (both containers, mono and stereo, 22.05 to 48 kHz,
every form of index) and out of streams that ffmpeg put together (see `stream_makers`), with
connections cut now and then, and compares each with the same stretch of the whole stream as
ffmpeg decodes it, put where its edit list says. Wanted: all exact.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile

from ascc_async.errors import Rejected
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import samples
from ascc_async.media.ffmpeg import FFmpeg, find_ffmpeg
from ascc_async.media.ranges import RangeAnswer, Ranges
from ascc_async.model import Resolved, Segment, Track
from ascc_async.settings import ClipsSettings
from ascc_async.standin.media import StreamSpec, make_stream
from ascc_async.standin.media_containers import IndexForm
from benchmarks.stream_makers import MAKERS, Pcm, made, presented

CLIP_MS = 10_000
_FORMS = {
    140: (IndexForm.NORMAL, IndexForm.WIDE, IndexForm.GAP, IndexForm.NONE),
    139: (IndexForm.NORMAL,),
    251: (IndexForm.NORMAL, IndexForm.GAP, IndexForm.TAIL, IndexForm.UNKNOWN_SIZES, IndexForm.NONE),
    249: (IndexForm.NORMAL,),
}


@dataclass(frozen=True)
class Source:
    """A stream in memory, what it decodes to, and where to cut it."""

    name: str
    data: bytes
    reference: Pcm
    rate: int
    indexed: bool
    starts: list[int]


class Torn:
    """A stream read in ranges over connections of which some break half-way."""

    def __init__(self, data: bytes, rng: random.Random, share: float) -> None:
        self._data, self._rng, self._share = data, rng, share

    async def read(
        self, url: str, headers: Mapping[str, str], first: int, last: int | None
    ) -> RangeAnswer:
        """A 206, or half of one."""
        body = self._data[first : None if last is None else last + 1]
        if not body:
            return RangeAnswer(416, first, len(self._data), b"", True)
        if self._rng.random() < self._share:
            half = body[: self._rng.randrange(len(body))]
            return RangeAnswer(206, first, len(self._data), half, False)
        return RangeAnswer(206, first, len(self._data), body, True)


def sources(
    count: int, per_stream: int, rng: random.Random, ffmpeg: str, folder: Path
) -> Iterator[Source]:
    """Streams of all kinds, two of the stand-in's to one of ffmpeg's."""
    makers = cycle(MAKERS.items())
    for number in range(-(-count // per_stream)):
        itag = (140, 251)[number % 2] if number % 8 else (139, 249)[number // 8 % 2]
        length = rng.randrange(25_000, 90_000)
        starts = _starts(length, per_stream, rng)
        spec = StreamSpec(
            length_ms=length,
            sample_rate=(44_100, 22_050, 48_000, 32_000)[number // 2 % 4],
            channels=1 + number // 3 % 2,
            offset_ms=rng.randrange(300_000),
            index=_FORMS[itag][number // 2 % len(_FORMS[itag])],
            edit_list=number % 4 != 0,
        )
        if number % 3 == 2:
            name, maker = next(makers)
            sound, file = folder / "sound", folder / f"stream.{maker.ending}"
            plain = replace(spec, channels=2, index=IndexForm.NONE)
            sound.write_bytes(make_stream(plain, 140).read())
            data = made(ffmpeg, maker, sound, file)
            reference = presented(ffmpeg, file, maker)
            rate = maker.rate or spec.sample_rate
            yield Source(name, data, reference, rate, maker.indexed, starts)
        else:
            stream = make_stream(spec, itag)
            whole = folder / "whole"
            whole.write_bytes(make_stream(replace(spec, index=IndexForm.NONE), itag).read())
            reference = full_decode(ffmpeg, whole, spec.channels)
            indexed = spec.index is not IndexForm.NONE
            yield Source(
                f"{itag} {spec}",
                stream.read(),
                reference,
                int(stream.facts["audioSampleRate"]),
                indexed,
                starts,
            )


def _starts(length: int, count: int, rng: random.Random) -> list[int]:
    border = 10_000 * rng.randrange(1, length // 10_000)
    special = [
        0, border, border + rng.randrange(-120, 120), rng.randrange(length), length - 10_000,
        length - rng.randrange(1, 10_000), length - 100, rng.randrange(0, length, 500),
        length + 5_000, 1,
    ]  # fmt: skip
    return special[:count]


def full_decode(ffmpeg: str, stream: Path, channels: int) -> Pcm:
    """The whole stream as ffmpeg decodes it."""
    command = [ffmpeg, "-nostdin", "-loglevel", "error", "-i", str(stream), "-f", "s16le", "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.int16).reshape(-1, channels)


def lag_of(clip: Pcm, reference: Pcm, first: int) -> int:
    """By how many samples the clip is off: 0, or the best of 200 each way."""
    size = min(len(clip), len(reference) - first, 200_000)
    cut = clip[:size].astype(np.int64)
    if np.abs(cut - reference[first : first + size]).max() <= 1:
        return 0

    def error(lag: int) -> float:
        at = first + lag
        if at < 0 or at + size > len(reference):
            return float("inf")
        return float(np.square(cut - reference[at : at + size]).sum())

    return min(range(-200, 201), key=error)


async def measure(count: int, per_stream: int, seed: int) -> Counter[str]:
    """Cut `count` clips; returns how often what happened."""
    rng = random.Random(seed)
    installed = await find_ffmpeg()
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cutter = Cutter(ClipsSettings(min_seconds=0), FFmpeg(installed), folder)
        for source in sources(count, per_stream, rng, installed.path, folder):
            for start in source.starts:
                tally.update(await _one(cutter, source, start, rng, folder))
    return tally


async def _one(
    cutter: Cutter, source: Source, start: int, rng: random.Random, folder: Path
) -> dict[str, int]:
    ranges = Ranges(Torn(source.data, rng, 0.05))
    track = Track("audio", "memory", {}, "", "", "", duration=len(source.reference) / source.rate)
    segment = Segment("AAAAAAAAAAA", start, start + CLIP_MS, "eval", ())
    resolved = Resolved("AAAAAAAAAAA", "main", track, None, "", "", "", None)
    first = samples(start, source.rate)
    there = max(0, min(len(source.reference) - first, samples(CLIP_MS, source.rate)))
    try:
        clip = await cutter.make(ranges, resolved, segment)
    except Rejected as error:
        wrong = f"WRONGLY REJECTED {error} {source.name} {start}"
        return {"truthfully too short" if not there else wrong: 1}
    pcm, _ = soundfile.read(folder / clip.path, dtype="int16", always_2d=True)
    lag = lag_of(pcm, source.reference, first)
    exact = lag == 0 and len(pcm) == there
    verdict = f"WRONG {source.name} {start} lag {lag} length {len(pcm)} not {there}"
    result = {"exact" if exact else verdict: 1}
    if source.indexed:
        result |= {"indexed": 1, "requests": ranges.requests, "bytes": ranges.received,
                   "broken": ranges.continued}  # fmt: skip
    return result


def main() -> None:
    """Print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    tally = asyncio.run(measure(chosen.clips, 10, chosen.seed))
    sums = {name: tally.pop(name, 0) for name in ("indexed", "requests", "bytes", "broken")}
    for verdict, times in tally.most_common():
        print(f"{times:5d}  {verdict}")
    clips = max(1, sums["indexed"])
    print(
        f"streams with an index: {sums['requests'] / clips:.2f} requests,"
        f" {sums['bytes'] / clips / 1000:.0f} KB per clip; {sums['broken']} connections broken"
    )


if __name__ == "__main__":
    main()
