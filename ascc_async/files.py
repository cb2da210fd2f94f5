"""The one place for files that must be whole: temporary name, sync, SHA-256, rename."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ascc_async.errors import SetupError

PART = ".part-"


class DiskFull(SetupError):
    """No space left where clips are written."""


@contextmanager
def part_of(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` (its folder is made). Removed at the end, whatever happens.

    Beside it, because a rename is atomic only within one file system. Raises DiskFull, or
    SetupError when the folder cannot be written.
    """
    part = path.parent / f"{PART}{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
    except OSError as error:
        raise disk_error(error, path.parent) from error
    finally:
        with suppress(FileNotFoundError, NotADirectoryError):
            part.unlink()


def disk_error(error: OSError, folder: Path) -> SetupError:
    """The error that says what is wrong with the folder."""
    # To a user a quota that is used up is a full disk.
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space left in {folder}: make room, then run again")
    return SetupError(
        f"cannot write in {folder}: {error.strerror or error}. Choose another folder in the"
        " settings (output.dir, audioset.metadata_dir), or give yourself the right to write there"
    )


def seal(part: Path, path: Path) -> tuple[str, int]:
    """Sync, hash and rename `part` to `path`; returns SHA-256 (hex) and size in bytes."""
    sha256, size = sha256_of(part), part.stat().st_size
    sync(part)
    part.replace(path)
    # Without this a power cut may undo the rename, though the file itself is on the disk.
    sync(path.parent)
    return sha256, size


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
