"""Checks one clip against its manifest row: there, as long, the same bytes, decodable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ascc_async.dataset.hearing import Hear
from ascc_async.dataset.manifest import ManifestRow


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
class ClipCheck:
    """The result for one clip."""

    path: str
    sha256: str
    bytes_read: int
    problem: Problem | None


def check_clip(row: ManifestRow, path: Path, hear: Hear) -> ClipCheck:
    """Compare a file with its row. Never raises for what is wrong with the file."""
    try:
        kind, detail, read = _compare(row, path, hear)
    except FileNotFoundError:
        kind, detail, read = ProblemKind.MISSING, "the file is not there", 0
    except OSError as error:
        kind, detail, read = ProblemKind.UNREADABLE, error.strerror or str(error), 0
    problem = Problem(row.segment_id, row.path, kind, detail) if kind is not None else None
    return ClipCheck(row.path, row.sha256, read, problem)


def _compare(row: ManifestRow, path: Path, hear: Hear) -> tuple[ProblemKind | None, str, int]:
    size = path.stat().st_size
    if size != int(row.bytes):
        return ProblemKind.SIZE, f"{size} bytes, the manifest says {row.bytes}", 0
    found = sha256_of(path)
    if found != row.sha256:
        return ProblemKind.HASH, f"sha256 {found}, the manifest says {row.sha256}", size
    wrong = hear(path, row)
    return (ProblemKind.UNDECODABLE if wrong else None), wrong, size


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
