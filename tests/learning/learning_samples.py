"""Small datasets with real clips, on which the real commands run as processes."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from dataset_samples import Sample, evidence

from ascc_async.audioset.selection import ChosenClass
from ascc_async.files import sha256_of
from ascc_async.standin.metadata import ONTOLOGY, write_classes
from tests.in_process import run_here

MIDS = {entry.name: entry.mid for entry in ONTOLOGY}
CLASSES = [
    ChosenClass(index, entry.mid, entry.name, 1.0)
    for index, entry in enumerate(entry for entry in ONTOLOGY if entry.rated is not None)
]
RATE = 16_000


@dataclass
class Dataset:
    """A finished dataset in `folder`, with the stand-in's classes in `folder/metadata`."""

    folder: Path
    sample: Sample = field(init=False)

    def __post_init__(self) -> None:
        self.sample = Sample(self.folder, classes=CLASSES)

    def add(
        self,
        video_id: str,
        *names: str,
        start_ms: int = 30_000,
        sound: int | None = None,
        split: str = "eval",
        **credits_: str,
    ) -> str:
        """A clip of one second with these classes; equal `sound`s are equal to the sample."""
        segment_id = f"{video_id}_{start_ms}"
        path = self.folder / "clips" / video_id[:2] / f"{segment_id}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(len(self.sample.segments) if sound is None else sound)
        # Equal sounds in unequal files, as two uploads of one recording are.
        tag = "PCM_24" if sound is not None and len(self.sample.segments) % 2 else "PCM_16"
        samples = noise.integers(-9000, 9000, RATE).astype(np.float32) / 32768
        soundfile.write(path, samples, RATE, subtype=tag)
        file = {
            "path": path.relative_to(self.folder).as_posix(),
            "sha256": sha256_of(path),
            "bytes": path.stat().st_size,
            "frames": RATE,
            "sample_rate": RATE,
            "channels": 1,
        }
        mids = [MIDS[name] for name in names]
        own = {"channel_id": f"UC{video_id}{video_id}"}
        more = own | credits_
        self.sample.add(video_id, *mids, start_ms=start_ms, split=split, file=file, **more)
        journal = self.sample.journal
        journal.evidence_rows = [*journal.evidence_rows, evidence(video_id)]
        return segment_id

    def write(self) -> None:
        """Put the dataset in place."""
        self.sample.write()
        metadata = self.folder / "metadata"
        metadata.mkdir(exist_ok=True)
        write_classes(metadata, ONTOLOGY)

    def copied(self, folder: Path) -> Dataset:
        """A copy, to be changed."""
        shutil.copytree(self.folder, folder)
        return Dataset(folder)

    def words(self, *arguments: str) -> list[str]:
        """A command line for it."""
        sets = [f"output.dir={self.folder}", f"audioset.metadata_dir={self.folder / 'metadata'}"]
        return [*arguments, *(word for one in sets for word in ("--set", one))]

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run a command on it in this process: exit code and all it said."""
        done = run_here(self.words(*arguments))
        return done.returncode, done.stdout + done.stderr

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command on it."""
        return subprocess.Popen(
            [sys.executable, "-m", "ascc_async", *self.words(*arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command on it: exit code and all it said."""
        process = self.start(*arguments)
        try:
            said, _ = process.communicate(timeout=90)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return process.returncode, said

    def kill_when(self, happened: Callable[[], bool], *arguments: str) -> bool:
        """Kill a command at a moment; False where it ended before."""
        process = self.start(*arguments)
        try:
            while process.poll() is None:
                if happened():
                    os.killpg(process.pid, signal.SIGKILL)
                    return True
            return False
        finally:
            process.communicate()

    def table(self, name: str) -> list[dict[str, str]]:
        """A table below `exports/`."""
        with (self.folder / "exports" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def tree(self, *folders: str) -> dict[str, tuple[str, int]]:
        """Every file of these folders with its hash and the time it was written."""
        return {
            path.relative_to(self.folder).as_posix(): (sha256_of(path), path.stat().st_mtime_ns)
            for folder in folders
            for path in sorted((self.folder / folder).rglob("*"))
            if path.is_file()
        }
