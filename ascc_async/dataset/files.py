"""Puts a set of files in place together: each whole, and none touched that has not changed."""

from __future__ import annotations

import csv
import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

_STAGING = ".staging-"
_LINES_AT_ONCE = 500


class Table:
    """Rows as in RFC 4180: CRLF, quotes where they are needed. `flush()` when all are written."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines: list[str] = []
        # Lines are gathered here: handing each to the file took half of the time.
        self.write = self._lines.append  # what `csv.writer` calls
        self._csv = csv.writer(self)

    def writerow(self, row: Sequence[str]) -> None:
        """One row."""
        self._csv.writerow(row)
        if len(self._lines) >= _LINES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Hand what was gathered to the file."""
        self._file.write("".join(self._lines))
        self._lines.clear()


class Publication:
    """Files written aside in the same folder, then renamed into place all at once by `commit()`.

    Leaving the block without `commit()` leaves everything as it was. A file whose bytes are the
    same as before is not touched. One at a time per folder. Raises OSError.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[str, None] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob(f"{_STAGING}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        self._staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self.folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        shutil.rmtree(self._staging, ignore_errors=True)

    @contextmanager
    def text(self, name: str) -> Iterator[TextIO]:
        """A UTF-8 file without byte order mark; line ends are written as given."""
        path = self._staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="", buffering=1 << 20) as file:
            yield file
        self._names[name] = None

    @contextmanager
    def table(self, name: str, header: tuple[str, ...]) -> Iterator[Table]:
        """A CSV file as in RFC 4180: one header line, CRLF, quotes where they are needed."""
        with self.text(name) as file:
            table = Table(file)
            table.writerow(header)
            yield table
            table.flush()

    def commit(self) -> tuple[str, ...]:
        """Put all files in place; the names of those that changed."""
        changed = tuple(name for name in self._names if self._differs(name))
        for name in changed:
            _sync(self._staging / name)
        for name in changed:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._staging / name, self.folder / name)
        for folder in {(self.folder / name).parent for name in changed}:
            _sync(folder)
        return changed

    def drop_others(self, subfolder: str, pattern: str) -> tuple[str, ...]:
        """Remove files of `subfolder` that match and are not of this publication; their names."""
        found = sorted((self.folder / subfolder).glob(pattern))
        names = (path.relative_to(self.folder).as_posix() for path in found)
        others = tuple(name for name in names if name not in self._names)
        for name in others:
            (self.folder / name).unlink(missing_ok=True)
        return others

    def _differs(self, name: str) -> bool:
        present = self.folder / name
        if not present.is_file():
            return True
        return not filecmp.cmp(self._staging / name, present, shallow=False)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
