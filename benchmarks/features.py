"""`python -m benchmarks.features`: `features metaaudio` beside librosa, and the memory it takes.

Both make the same arrays of the same clips (FLAC, 44.1 kHz, two channels, ten seconds) in as many
processes. librosa's is the script one would write: load, melspectrogram, log10, `numpy.save`. Ours
is the real command: it also compares every clip with its hash, waits for the disk at every array,
and writes index, statistics and credits. Wanted: at most as long as librosa, under 400 MB in all
processes together. `--rows` puts so many rows of other segments into the manifest.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import TypeVar

import numpy as np
import psutil
import soundfile

from ascc_async.dataset.credits import Attribution
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.tables import write_table
from ascc_async.files import sha256_of

RATE = 44_100
Result = TypeVar("Result")
_SEEN = "2026-01-01T00:00:00Z"


def make_dataset(folder: Path, clips: int, rows: int) -> list[Path]:
    """Clips of chirps and noise with their manifest and credits."""
    time_ = np.arange(RATE * 10) / RATE
    noise = np.random.default_rng(0)
    manifest, credits_, paths = [], [], []
    for number in range(clips):
        segment_id = f"{number:05}abcdef_30000"
        path = f"clips/{segment_id[:2]}/{segment_id}.flac"
        tone = 0.3 * np.sin(2 * np.pi * (100 + number) * time_)
        sound = tone[:, None] + noise.normal(0, 0.05, (len(time_), 2))
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / path, sound, RATE)
        paths.append(folder / path)
        size = str((folder / path).stat().st_size)
        manifest.append(
            ManifestRow(
                segment_id, segment_id[:11], "30", "40", "eval", "/m/09x0r", "creative_commons",
                "", "innertube", _SEEN, "clip", "", path, sha256_of(folder / path), size, "10",
                str(RATE), "2", "", "Title", "Channel", "UC" + "x" * 22, _SEEN, "1",
            )
        )  # fmt: skip
        credits_.append(Attribution(segment_id, path, *[""] * 8))
    other = ManifestRow._make([""] * len(ManifestRow._fields))._replace(
        start_seconds="30", end_seconds="40", split="unbalanced_train", labels="/m/09x0r",
        license="standard", outcome="not_shareable", attempts="0",
    )  # fmt: skip
    others = (
        other._replace(segment_id=f"z{number:010}_30000", video_id=f"z{number:010}")
        for number in range(rows)
    )
    (folder / "dataset").mkdir()
    write_table(folder / "dataset" / "manifest.csv", ManifestRow._fields, [*manifest])
    with (folder / "dataset" / "manifest.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(others)
    write_table(folder / "dataset" / "ATTRIBUTION.csv", Attribution._fields, credits_)
    return paths


def theirs(folder: Path, path: Path) -> None:
    """What one would write."""
    import librosa

    wave, _ = librosa.load(path, sr=16_000, mono=True)
    mel = librosa.feature.melspectrogram(y=wave, sr=16_000, n_mels=128, n_fft=1024, hop_length=512)
    np.save(folder / f"{path.stem}.npy", 10 * np.log10(mel + np.finfo(float).eps))


def by_librosa(folder: Path, workers: int, paths: list[Path]) -> None:
    """All of them; librosa compiles a part of itself first."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn) as pool:
        list(pool.map(partial(theirs, folder), paths, chunksize=8))


def by_the_command(folder: Path, workers: int) -> float:
    """The real command; returns the most MB that all its processes had together."""
    command = [sys.executable, "-m", "ascc_async", "features", "metaaudio"]
    command += ["--workers", str(workers), "--set", f"output.dir={folder}"]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    most = 0.0
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):  # a worker that has just ended
            family = [process, *process.children(recursive=True)]
            most = max(most, sum(one.memory_info().rss for one in family) / 1e6)
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit("the command failed")
    return most


def measured(work: Callable[[], Result]) -> tuple[float, float, Result]:
    """Seconds by the clock, seconds of processors in all child processes, and the result."""
    before, cpu = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    result = work()
    after = getrusage(RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
    return time.perf_counter() - before, used, result


def main() -> None:
    """Print a line for each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--rows", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_dataset(folder, options.clips, options.rows)
        (folder / "theirs").mkdir()
        for workers in (1, 2):
            seconds, cpu, most = measured(partial(by_the_command, folder, workers))
            again, _, _ = measured(partial(by_the_command, folder, workers))
            text = f"{workers} processes: {each(seconds, cpu, paths)}; at most {most:.0f} MB;"
            text += f" the call again {again:.1f} s"
            if find_spec("librosa") is None:
                print(f"{text}; librosa is not installed")
            else:
                other, other_cpu, _ = measured(
                    partial(by_librosa, folder / "theirs", workers, paths)
                )
                print(f"{text}; librosa {each(other, other_cpu, paths)}")
                print(f"  that is {seconds / other:.2f} times, CPU {cpu / other_cpu:.2f} times")
            shutil.rmtree(folder / "exports")


def each(seconds: float, cpu: float, paths: list[Path]) -> str:
    """In milliseconds a clip."""
    return f"{seconds / len(paths) * 1000:.0f} ms a clip, CPU {cpu / len(paths) * 1000:.0f} ms"


if __name__ == "__main__":
    main()
