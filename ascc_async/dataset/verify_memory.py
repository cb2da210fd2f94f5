"""Remembers what a verification found fine, so that one that was stopped goes on."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from ascc_async.dataset.check import ClipCheck
from ascc_async.dataset.manifest import ManifestRow

FILE_NAME = "verify.progress"


class VerifyMemory:
    """One JSON line per clip found fine, in `output.dir/verify.progress`; a torn line is no loss.

    A clip counts as fine only while its row's hash, its size and its time of change are the same.
    """

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._path = output_dir / FILE_NAME
        self._fine: dict[str, tuple[str, int, int]] = {}

    def __enter__(self) -> Self:
        self._read()
        self._file: TextIO = self._path.open("a", encoding="utf-8")
        self._file.write("\n")  # ends a line that was torn
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._file.close()

    def fine(self, row: ManifestRow, path: Path) -> bool:
        """Whether this very file was found to be as this row says."""
        told = self._fine.get(row.path)
        return told is not None and told[0] == row.sha256 and told == _mark(row.sha256, path)

    def remember(self, check: ClipCheck) -> None:
        """Keep a good result."""
        mark = _mark(check.sha256, self._output_dir / check.path)
        if check.problem is None and mark is not None and check.bytes_read:
            self._file.write(json.dumps([check.path, *mark]) + "\n")

    def forget(self) -> None:
        """The verification is complete."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if (entry := _entry(line)) is not None:
                    self._fine[entry[0]] = entry[1]


def _mark(sha256: str, path: Path) -> tuple[str, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return sha256, found.st_size, found.st_mtime_ns


def _entry(line: str) -> tuple[str, tuple[str, int, int]] | None:
    try:
        path, sha256, size, mtime = json.loads(line)
    except (ValueError, TypeError):
        return None
    if not isinstance(path, str):
        return None
    return path, (sha256, size, mtime)
