"""`verify`: hashes and decodes every clip again and compares with the manifest."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from io import BytesIO
from pathlib import Path

from ascc_async.dataset.manifest import ManifestRow, manifest_pages
from ascc_async.errors import Rejected
from ascc_async.files import PART, sha256_of
from ascc_async.media.encoding import decode_arguments
from ascc_async.media.quality import inspect_file

_SET_ASIDE = ("unclaimed", "other_forms")
_BY_FFMPEG = (".m4a", ".mp4")  # libsndfile reads neither
_DECODE_SECONDS = 120.0  # for one clip, as for making it
_TOLERANCE = 0.1  # seconds: encoders pad the last frame, and not every decoder cuts it off


class ProblemKind(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    SIZE = "size"
    HASH = "hash"
    UNDECODABLE = "undecodable"
    UNREADABLE = "unreadable"
    UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as the manifest says. `segment_id` is "" for a file it does not name.

    `path` is relative to `output.dir`.
    """

    segment_id: str
    path: str
    kind: ProblemKind
    detail: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How far the verification is, after one more file. `bytes`: of the clips checked so far."""

    done: int
    total: int
    bytes: int
    problem: Problem | None = None


def verify(output_dir: Path, ffmpeg: str, known: Collection[str] = ()) -> Iterator[Checked]:
    """Check every file the manifest names, then look for files it does not.

    `ffmpeg` is the program that decodes what libsndfile cannot. `known` are paths (relative to
    `output_dir`) that the journal accounts for although the manifest does not: clips kept out,
    clips newer than the manifest. Raises MetadataError for a manifest that cannot be read.
    """
    rows: list[ManifestRow] = []
    for page in manifest_pages(output_dir / "dataset" / "manifest.csv"):
        clips = page[page.sha256 != ""]
        rows += map(ManifestRow._make, clips.itertuples(index=False, name=None))
    done = checked_bytes = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # Left early, by Ctrl-C say, `map` cancels what has not begun.
        problems = pool.map(partial(check_clip, output_dir, ffmpeg=ffmpeg), rows)
        for row, problem in zip(rows, problems, strict=True):
            done, checked_bytes = done + 1, checked_bytes + int(row.bytes)
            yield Checked(done, len(rows), checked_bytes, problem)
    accounted = {*known, *(row.path for row in rows)}
    for path in _clip_files(output_dir / "clips"):
        name = path.relative_to(output_dir).as_posix()
        if name not in accounted:
            detail = "the manifest does not name this file"
            problem = Problem("", name, ProblemKind.UNLISTED, detail)
            yield Checked(done, len(rows), checked_bytes, problem)


def to_repair(problems: Iterable[Problem]) -> tuple[str, ...]:
    """The segments to fetch again."""
    return tuple(dict.fromkeys(p.segment_id for p in problems if p.segment_id))


def check_clip(output_dir: Path, row: ManifestRow, ffmpeg: str) -> Problem | None:
    """Compare a file with its row: there, as long, the same bytes, decodable.

    Never raises for what is wrong with the file.
    """
    path = output_dir / row.path
    problem = partial(Problem, row.segment_id, row.path)
    try:
        size = path.stat().st_size
        if size != int(row.bytes):
            return problem(ProblemKind.SIZE, f"{size} bytes, the manifest says {row.bytes}")
        # After the size, which costs nothing: the hash reads the whole file.
        sha256 = sha256_of(path)
        if sha256 != row.sha256:
            return problem(ProblemKind.HASH, f"sha256 {sha256}, the manifest says {row.sha256}")
        wrong = _decode_problem(path, row, ffmpeg)
        return problem(ProblemKind.UNDECODABLE, wrong) if wrong else None
    except FileNotFoundError:
        return problem(ProblemKind.MISSING, "the file is not there")
    except OSError as error:
        return problem(ProblemKind.UNREADABLE, error.strerror or str(error))


def _decode_problem(path: Path, row: ManifestRow, ffmpeg: str) -> str:
    """What is wrong with the sound, "" if nothing: the right hash says nothing of that."""
    source: Path | BytesIO = path
    if path.suffix in _BY_FFMPEG:
        arguments = decode_arguments(str(path), "video" if path.suffix == ".mp4" else "audio")
        command = [ffmpeg, "-nostdin", "-loglevel", "error", *arguments]
        try:
            decoded = subprocess.run(
                command, capture_output=True, timeout=_DECODE_SECONDS, start_new_session=True,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"ffmpeg did not decode it within {_DECODE_SECONDS:g} s"
        if decoded.returncode:
            message = decoded.stderr.decode("utf-8", "replace").strip()
            return f"ffmpeg does not decode it: {message[-300:]}"
        source = BytesIO(decoded.stdout)
    try:
        sound = inspect_file(source, lossy=path.suffix not in (".flac", ".wav"))
    except Rejected as error:
        return str(error)
    rate, channels, duration = sound.sample_rate, sound.channels, sound.frames / sound.sample_rate
    if (str(rate), str(channels)) != (row.sample_rate, row.channels):
        return f"{rate} Hz, {channels} channels, not {row.sample_rate} Hz, {row.channels}"
    expected = float(row.duration_seconds)
    if abs(duration - expected) > _TOLERANCE:
        return f"{duration:.3f} s long, not {expected:.3f} s"
    return ""


def _clip_files(clips: Path) -> Iterator[Path]:
    """The files under `clips`, by name; not what was set aside, nor what is being written."""
    for path in sorted(clips.rglob("*")):
        top = path.relative_to(clips).parts[0]
        if top not in _SET_ASIDE and path.is_file() and not path.name.startswith(PART):
            yield path
