"""`python -m benchmarks.reconcile`: what a start costs when a hundred thousand clips are there.

A journal of all of AudioSet (2,084,320 answers, every twentieth video Creative Commons with a
clip) and the clips' files (sparse, of a FLAC's size). The start's look at journal and files,
beside what must be paid anyway (a bare walk with a stat of each file) and beside what it spares
(SHA-256 of everything, timed over the first five hundred files).

Wanted: less than ten seconds, and less than a tenth of the hashing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ascc_async.dataset.removals import Removals
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME, open_for_writing
from ascc_async.pipeline.reconcile import CLIPS, UNCLAIMED, sort_clips

ENCODING = "audio-flac"
EVERY = 20
SIZE = 700_000
MOMENT = 1_700_000_000.0
HASHED = 500
ANSWER = (
    "INSERT INTO answers (video_id, license, source, checked_at, text, link, title, channel,"
    " channel_id, published, detail) VALUES (?, ?, 'innertube', ?, '', '',"
    " 'A title of some length', 'Some channel', 'UCxxxxxxxxxxxxxxxxxxxxxx', '1 Jan 2015', '')"
)
CLIP = (
    "INSERT INTO clips (segment_id, video_id, form, outcome, at, detail, title, channel,"
    " channel_id, path, sha256, bytes, frames, sample_rate, channels, source_format, fetched_at,"
    " peak_dbfs, rms_dbfs, silence_share, clipping_share, note) VALUES (?, ?, ?, 'clip', ?, '',"
    " 'A title of some length', 'Some channel', 'UCxxxxxxxxxxxxxxxxxxxxxx', ?, ?, ?, 441000,"
    " 44100, 2, '140 mp4a.40.2', ?, -1, -20, 0, 0, '')"
)


def ids(rows: int) -> list[str]:
    """So many made-up video ids, spread over the first characters as real ones are."""
    return [hashlib.md5(str(n).encode()).hexdigest()[:11] for n in range(rows)]


def path_of(video_id: str) -> str:
    """Where a clip lies, relative to the output folder."""
    return f"{CLIPS}/{video_id[:2]}/{video_id}_30000.flac"


def fill(output: Path, rows: int) -> None:
    """Write journal and files."""
    videos = ids(rows)
    connection = open_for_writing(output / JOURNAL_NAME)
    with connection:
        connection.execute("BEGIN")
        connection.executemany(ANSWER, answers(videos))
        connection.executemany(CLIP, clips(videos[::EVERY]))
    connection.close()
    for video_id in videos[::EVERY]:
        path = output / path_of(video_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(SIZE)
        os.utime(path, (MOMENT, MOMENT))


def answers(videos: list[str]) -> Iterator[tuple[str, str, float]]:
    """Rows of the journal."""
    for number, video_id in enumerate(videos):
        yield video_id, "standard" if number % EVERY else "creative_commons", MOMENT


def clips(videos: list[str]) -> Iterator[tuple[object, ...]]:
    """Rows of the journal."""
    digest = hashlib.sha256(bytes(SIZE)).hexdigest()
    for video_id in videos:
        segment = f"{video_id}_30000"
        yield segment, video_id, ENCODING, MOMENT, path_of(video_id), digest, SIZE, MOMENT


def walk(output: Path) -> float:
    """Seconds for a bare walk with a stat of each file."""
    began = time.perf_counter()
    for root, _, names in os.walk(output / CLIPS):
        for name in names:
            os.stat(os.path.join(root, name))
    return time.perf_counter() - began


def hashing(output: Path, files: int) -> float:
    """Seconds that hashing all files would take."""
    few = list((output / CLIPS).glob("*/*"))[:HASHED]
    began = time.perf_counter()
    for path in few:
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return (time.perf_counter() - began) * files / len(few)


def ours(output: Path) -> float:
    """Seconds of our start's look; everything must be found whole."""
    began = time.perf_counter()
    with closing(Reader(output / JOURNAL_NAME)) as reader:
        assert sort_clips(output, reader, ENCODING, Removals()) == []
    assert not (output / CLIPS / UNCLAIMED).exists()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_084_320)
    options = parser.parse_args()
    files = -(-options.rows // EVERY)
    with tempfile.TemporaryDirectory(prefix="reconcile_") as scratch:
        output = Path(scratch)
        fill(output, options.rows)
        base = min(walk(output) for _ in range(3))
        found = {
            "a walk with stat": base,
            "our start": min(ours(output) for _ in range(3)),
            "SHA-256 of everything": hashing(output, files),
        }
    print(f"{files:,} clips, {options.rows:,} answers")
    for name, seconds in found.items():
        print(f"{name:<24} {seconds:>8.2f} s {seconds / base:>7.1f}")


if __name__ == "__main__":
    main()
