"""The folder of an export: held against a second call, never without a clip, with its evidence."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ascc_async.dataset.evidence import EVIDENCE_FILE, copy_evidence
from ascc_async.dataset.published_clips import EXPORTS_FOLDER
from ascc_async.errors import SetupError
from ascc_async.exports.rows import Row
from ascc_async.files import held, replacing


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in a folder now: clips in so many files, and how many of these this call wrote."""

    folder: Path
    clips: int
    files: int
    new: int


@contextmanager
def export_folder(output_dir: Path, name: str, rows: Sequence[Row]) -> Iterator[Path]:
    """The folder to export these clips to, while no other call works there.

    Raises SetupError where there is no clip, and then leaves nothing of an earlier export.
    """
    folder = output_dir / EXPORTS_FOLDER / name
    with held(folder):
        if not rows:
            shutil.rmtree(folder, ignore_errors=True)  # all were asked to be left out
            raise SetupError(
                f"{output_dir}: this dataset holds no clip, so there is nothing to export"
            )
        yield folder


def write_evidence(folder: Path, output_dir: Path, named: Iterable[str]) -> list[str]:
    """Copy the records of these ids into `folder`; the name of the file, none without records.

    Raises MetadataError where some are not there.
    """
    records = {urn for urn in named if urn}
    if not records:
        (folder / EVIDENCE_FILE).unlink(missing_ok=True)
        return []
    with replacing(folder / EVIDENCE_FILE) as part:
        copy_evidence(output_dir / "dataset" / EVIDENCE_FILE, part, records)
    return [EVIDENCE_FILE]
