"""The journal's hash while nobody writes to it: a byte that changes by itself is noticed.

SQLite finds pages that are out of order, but no bit flipped within a title. The seal is made when
the journal is closed and taken off when it is opened: after a crash there is none.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

ENDING = "-seal"


def seal(path: Path) -> None:
    """Note the journal's SHA-256 beside it; without room for that there is no seal."""
    with suppress(OSError):
        part = path.with_name(f"{path.name}{ENDING}.part")
        with open(part, "w", encoding="ascii", opener=_private) as file:
            file.write(f"{_hash(path)}\n")
        part.replace(_seal(path))


def unseal(path: Path) -> None:
    """Before anything is written: what the seal says will not be true any more."""
    _seal(path).unlink(missing_ok=True)


def is_broken(path: Path) -> bool:
    """Whether the journal is not as it was when it was sealed; False where there is no seal."""
    try:
        return _seal(path).read_text(encoding="ascii").strip() != _hash(path)
    except (OSError, ValueError):
        return False


def _seal(path: Path) -> Path:
    return path.with_name(path.name + ENDING)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
