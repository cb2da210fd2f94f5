"""`python -m benchmarks.exactness`: are clips the very samples of a full decode?

Cuts 300 clips out of the stand-in's streams (both containers, mono and stereo, 22.05 to 48 kHz,
every form of index) through our own reading, with connections cut now and then, and compares
each with the same stretch of the whole stream as ffmpeg decodes it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ascc_async.errors import Rejected
from ascc_async.media.clip import Cutter
from ascc_async.media.ffmpeg import FFmpeg, find_ffmpeg
from ascc_async.media.ranges import RangeAnswer, Ranges
from ascc_async.model import Resolved, Segment, Track
from ascc_async.settings import ClipsSettings
from ascc_async.standin.media import MediaStore, StreamSpec
from ascc_async.standin.media_layout import IndexForm, Stream

Pcm = npt.NDArray[np.int16]
CLIP_MS = 10_000
_FORMS = {
    140: (IndexForm.NORMAL, IndexForm.WIDE, IndexForm.GAP, IndexForm.NONE),
    139: (IndexForm.NORMAL,),
    251: (IndexForm.NORMAL, IndexForm.GAP, IndexForm.TAIL, IndexForm.UNKNOWN_SIZES, IndexForm.NONE),
    249: (IndexForm.NORMAL,),
}


class Torn:
    """A stream read in ranges over connections of which some break half-way."""

    def __init__(self, stream: Stream, rng: random.Random, share: float) -> None:
        self._stream, self._rng, self._share = stream, rng, share

    async def read(
        self, url: str, headers: Mapping[str, str], first: int, last: int | None
    ) -> RangeAnswer:
        """A 206, or half of one."""
        body = self._stream.read(first, last)
        if not body:
            return RangeAnswer(416, first, self._stream.size, b"", True)
        if self._rng.random() < self._share:
            half = body[: self._rng.randrange(len(body))]
            return RangeAnswer(206, first, self._stream.size, half, False)
        return RangeAnswer(206, first, self._stream.size, body, True)


@dataclass(frozen=True)
class Case:
    """One stream and where to cut it."""

    spec: StreamSpec
    itag: int
    starts: tuple[int, ...]


def cases(count: int, per_stream: int, rng: random.Random) -> list[Case]:
    """Streams of all kinds, each with starts at the places where things go wrong."""
    found = []
    for number in range(-(-count // per_stream)):
        itag = (140, 251)[number % 2] if number % 8 else (139, 249)[number // 8 % 2]
        length = rng.randrange(25_000, 90_000)
        spec = StreamSpec(
            length_ms=length,
            sample_rate=(44_100, 22_050, 48_000, 32_000)[number // 2 % 4],
            channels=1 + number // 3 % 2,
            offset_ms=rng.randrange(300_000),
            index=_FORMS[itag][number // 2 % len(_FORMS[itag])],
            edit_list=number % 4 != 0,
        )
        found.append(Case(spec, itag, tuple(_starts(length, per_stream, rng))))
    return found


def _starts(length: int, count: int, rng: random.Random) -> list[int]:
    border = 10_000 * rng.randrange(1, length // 10_000)
    special = [
        0, border, border + rng.randrange(-120, 120), rng.randrange(length), length - 10_000,
        length - rng.randrange(1, 10_000), length - 100, rng.randrange(0, length, 500),
        length + 5_000, 1,
    ]  # fmt: skip
    return special[:count]


def full_decode(ffmpeg: str, stream: Stream, channels: int) -> Pcm:
    """The whole stream as ffmpeg decodes it."""
    done = subprocess.run(
        [ffmpeg, "-nostdin", "-loglevel", "error", "-i", "pipe:0", "-f", "s16le", "pipe:1"],
        input=stream.whole(), capture_output=True, check=True,
    )  # fmt: skip
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
    with tempfile.TemporaryDirectory() as folder:
        store = MediaStore(Path(folder) / "cache")
        cutter = Cutter(ClipsSettings(), FFmpeg(installed), Path(folder))
        for case in cases(count, per_stream, rng):
            stream = store.stream(case.spec, case.itag)
            whole = store.stream(replace(case.spec, index=IndexForm.NONE), case.itag)
            reference = full_decode(installed.path, whole, case.spec.channels)
            for start in case.starts:
                tally.update(await _one(cutter, stream, case, start, reference, rng, Path(folder)))
    return tally


async def _one(
    cutter: Cutter, stream: Stream, case: Case, start: int, reference: Pcm, rng: random.Random,
    folder: Path,
) -> dict[str, int]:  # fmt: skip
    ranges = Ranges(Torn(stream, rng, 0.05))
    kind = "mp4" if case.itag in (139, 140) else "webm"
    track = Track(
        "audio", "standin", {}, str(case.itag), kind, stream.mime,
        size=stream.size, duration=stream.duration_ms / 1000, index_range=stream.index_range,
    )  # fmt: skip
    segment = Segment("AAAAAAAAAAA", start, start + CLIP_MS, "eval", ())
    resolved = Resolved("AAAAAAAAAAA", "main", track, None, None, "", "", "", None, 1)
    rate = stream.sample_rate or 0
    first = round(start * rate / 1000)
    there = max(0, min(len(reference) - first, round(CLIP_MS * rate / 1000)))
    try:
        clip = await cutter.make(ranges, resolved, segment)
    except Rejected as error:
        return {"truthfully too short" if not there else f"WRONGLY REJECTED {error}": 1}
    pcm, _ = soundfile.read(folder / clip.path, dtype="int16", always_2d=True)
    lag = lag_of(pcm, reference, first)
    counts = ranges.snapshot()
    exact = lag == 0 and len(pcm) == there
    verdict = "exact" if exact else f"WRONG {case} {start} lag {lag} length {len(pcm)} {there}"
    indexed = case.spec.index is not IndexForm.NONE
    return {verdict: 1, **({"indexed": 1, "requests": counts.requests, "bytes": counts.bytes,
            "broken": counts.continued} if indexed else {})}  # fmt: skip


def main() -> None:
    """Print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=300)
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
