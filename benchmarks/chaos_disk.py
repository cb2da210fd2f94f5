"""A disk that is soon full, for `chaos` and the scenarios."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NoSmallDisk(Exception):
    """Nothing may be mounted here."""


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own in memory, which can be filled and grown."""

    folder: Path

    def resize(self, megabytes: int) -> None:
        """Grow or shrink it while it is in use."""
        _mount("-o", f"remount,size={megabytes}m", str(self.folder))

    @property
    def free(self) -> int:
        """Bytes left."""
        state = os.statvfs(self.folder)
        return state.f_bavail * state.f_frsize


@contextmanager
def small_disk(folder: Path, megabytes: int = 14) -> Iterator[SmallDisk]:
    """A tmpfs at an existing folder. Raises NoSmallDisk where that is not permitted."""
    try:
        _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoSmallDisk from error
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write one file until not a page is left."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
