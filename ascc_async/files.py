"""The one place for files that must be whole: temporary name, sync, SHA-256, rename."""

from __future__ import annotations

import errno
import fcntl
import filecmp
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ascc_async.errors import SettingsError, SetupError

PART = ".part-"
_NETWORK_FILE_SYSTEMS = ("nfs", "lustre", "gpfs", "cifs", "smb", "beegfs", "ceph", "fuse.sshfs")
_GB = 1_000_000_000
_UNITS = ("B", "KB", "MB", "GB", "TB")
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)  # to a user a quota that is used up is a full disk
_TROUBLES = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENAMETOOLONG)


class DiskFull(SetupError):
    """No space left where clips are written."""


def must_exist(*paths: Path) -> None:
    """Raise SettingsError for a path in the command line that is not there."""
    for path in paths:
        if not path.exists():
            raise SettingsError(f"{path}: there is no such file or folder")


@contextmanager
def part_of(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` (its folder is made). Removed at the end, whatever happens.

    Beside it, because a rename is atomic only within one file system. Raises DiskFull, or
    SetupError when the folder cannot be written.
    """
    part = path.parent / f"{PART}{secrets.token_hex(8)}"
    try:
        with disk_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
    finally:
        with suppress(FileNotFoundError, NotADirectoryError):
            part.unlink()


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """What goes wrong with files in `folder` becomes DiskFull or SetupError; bugs stay bugs."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskFull(f"no space left in {folder}: make room, then run again") from error
        # Writing to an open file names no file. What names another file is not this folder's fault.
        names = [os.fsdecode(name) for name in (error.filename, error.filename2) if name]
        about_it = error.errno == errno.EIO or any(
            Path(name) in (folder, *folder.parents) or Path(name).is_relative_to(folder)
            for name in names
        )
        # In a folder that is there, a file that is not is one we forgot to write.
        if not about_it or (error.errno not in _TROUBLES and os.path.isdir(folder)):
            raise
        raise SetupError(
            f"cannot write in {folder}: {error.strerror or error}. Choose another folder in the"
            " settings (output.dir, audioset.metadata_dir), or give yourself the right to write"
            " there"
        ) from error


def size(number: float) -> str:
    """Bytes as people say them: `1.2 GB`."""
    # Powers of a thousand, as disks and `output.min_free_gb` count.
    for unit in _UNITS:
        if number < 1000 or unit == _UNITS[-1]:
            return f"{number:.0f} {unit}" if unit in ("B", "KB") else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def ensure_room(folder: Path, needed: float, min_free_gb: float) -> None:
    """Raise DiskFull where so many bytes more in `folder` would leave less than `min_free_gb`."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed + min_free_gb * _GB:
        raise DiskFull(
            f"{folder}: needs {size(needed + min_free_gb * _GB)} of free disk,"
            f" {size(min_free_gb * _GB)} of them for output.min_free_gb, and {size(free)} are"
            " free. Make room, then run the same command again"
        )


@contextmanager
def held(folder: Path, *, alone: bool = True) -> Iterator[None]:
    """Keep other calls out of a folder, or share it with those that share. Raises SetupError."""
    # Beside the folder, which is to hold nothing but what one would publish.
    path = folder.with_name(f".{folder.name}.lock")
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    with file:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SetupError(
                f"{folder}: another command is working here. Wait for its end, then run this again."
            ) from error
        except OSError:
            pass  # some network file systems know no locks, and one must be able to work there too
        with disk_errors(folder):
            yield


def network_file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """The network file system that a folder is on, where this system tells; else None."""
    best, name = Path("/"), ""
    try:
        for line in mounts.read_text(errors="replace").splitlines():
            _, place, system, *_ = line.split(" ")
            mount = Path(place.replace("\\040", " "))
            if folder.resolve().is_relative_to(mount) and len(mount.parts) >= len(best.parts):
                best, name = mount, system
    except (OSError, ValueError):
        return None
    return name if name.startswith(_NETWORK_FILE_SYSTEMS) else None


def seal(part: Path, path: Path) -> tuple[str, int]:
    """Sync, hash and rename `part` to `path`; returns SHA-256 (hex) and size in bytes."""
    sha256, size = sha256_of(part), part.stat().st_size
    sync(part)
    part.replace(path)
    # Without this a power cut may undo the rename, though the file itself is on the disk.
    sync(path.parent)
    return sha256, size


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name to write to, put in place at the end; equal content leaves `path` alone."""
    with part_of(path) as part:
        yield part
        if not path.is_file() or not filecmp.cmp(part, path, shallow=False):
            seal(part, path)


def put(path: Path, content: bytes) -> str:
    """Put a small file in place; equal content leaves it alone. Returns its SHA-256."""
    if not path.is_file() or path.read_bytes() != content:
        with part_of(path) as part:
            part.write_bytes(content)
            seal(part, path)
    return hashlib.sha256(content).hexdigest()


def remove_leftovers(folder: Path) -> None:
    """Remove what calls that were killed left in a folder in which no other is at work."""
    for part in folder.glob(f"{PART}*"):
        part.unlink(missing_ok=True)


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files, and the folders that are empty then."""
    for path in paths:
        path.unlink()
        with suppress(OSError):
            path.parent.rmdir()


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
