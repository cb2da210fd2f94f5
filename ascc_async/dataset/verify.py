"""Re-hashes and re-reads every clip against the manifest; can be stopped and goes on."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ascc_async.dataset.check import ClipCheck, Problem, ProblemKind, check_clip
from ascc_async.dataset.hearing import Hear
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.reading import read_manifest
from ascc_async.dataset.verify_memory import VerifyMemory
from ascc_async.files import PART

CLIPS_FOLDER = "clips"
SET_ASIDE = ("unclaimed", "other_forms")
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Checked:
    """How far the verification is, after one more file. `bytes`: those read in this sitting."""

    done: int
    total: int
    bytes: int
    problem: Problem | None = None


def verify(
    output_dir: Path,
    *,
    hear: Hear,
    known: Collection[str] = (),
    workers: int | None = None,
) -> Iterator[Checked]:
    """Check every file the manifest names, then look for files it does not.

    `hear` decodes a file (`hearing.Hearing`). `known` are paths (relative to
    `output_dir`) that the journal accounts for although the manifest does not: clips kept out,
    clips newer than the manifest. A verification that was stopped goes on where it was; files that
    were fine and have not been touched since are not read again. Raises MetadataError for a
    manifest that cannot be read, OSError where its progress cannot be kept.
    """
    manifest = output_dir / "dataset" / "manifest.csv"
    total = sum(row.sha256 != "" for row in read_manifest(manifest))
    done = read = 0
    accounted = set(known)
    with VerifyMemory(output_dir) as memory, ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        rows = (row for row in read_manifest(manifest) if row.sha256)
        check = _Check(output_dir, hear, memory)
        for batch in _batches(rows):
            for result in pool.map(check, batch):
                memory.remember(result)
                accounted.add(result.path)
                done, read = done + 1, read + result.bytes_read
                yield Checked(done, total, read, result.problem)
        for problem in unlisted(output_dir, accounted):
            yield Checked(done, total, read, problem)
        memory.forget()


def to_repair(problems: Iterable[Problem]) -> tuple[str, ...]:
    """The segments to fetch again."""
    return tuple(dict.fromkeys(p.segment_id for p in problems if p.segment_id))


def unlisted(output_dir: Path, accounted: Collection[str]) -> Iterator[Problem]:
    """Files under `clips/` whose path nobody accounts for, in order of their names."""
    for path in files_below(output_dir / CLIPS_FOLDER):
        name = path.relative_to(output_dir).as_posix()
        if name not in accounted:
            yield Problem("", name, ProblemKind.UNLISTED, "the manifest does not name this file")


def files_below(clips: Path) -> Iterator[Path]:
    """The clips in the folders of `clips`; not what was set aside, nor what is being written."""
    if not clips.is_dir():
        return
    for folder in sorted(clips.iterdir()):
        if not folder.is_dir():
            yield folder
        elif folder.name not in SET_ASIDE:
            yield from (path for path in sorted(folder.iterdir()) if _is_finished(path))


def _is_finished(path: Path) -> bool:
    return not path.is_dir() and not path.name.startswith(PART)


def _batches(rows: Iterable[ManifestRow]) -> Iterator[list[ManifestRow]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _AT_ONCE)):
        yield batch


@dataclass(frozen=True)
class _Check:
    output_dir: Path
    hear: Hear
    memory: VerifyMemory

    def __call__(self, row: ManifestRow) -> ClipCheck:
        path = self.output_dir / row.path
        if self.memory.fine(row, path):
            return ClipCheck(row.path, row.sha256, 0, None)
        return check_clip(row, path, self.hear)
