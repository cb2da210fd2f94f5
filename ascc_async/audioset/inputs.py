"""The files the catalogue is read from: names, places, hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ascc_async.errors import MetadataError

CLASS_LIST = "class_labels_indices.csv"
QUALITY_COUNTS = "qa_true_counts.csv"
RERATED = "rerated_video_ids.txt"
ONTOLOGY = "ontology.json"

OFFICIAL = {
    "balanced_train_segments.csv": "22dfbeafdc2bfec562b3146687d44f42a03600f8",
    "eval_segments.csv": "e5532aef6147625c454d4c5cd75847907d593c2a",
    "unbalanced_train_segments.csv": "09dd5a7ca8b5c9067007115ca053c455c502d55c",
    CLASS_LIST: "3a2767e81114adecde59992cf6607f31c1862f4c",
    QUALITY_COUNTS: "265d525377e8fdf5c0c5fe335e35db4728b125af",
    ONTOLOGY: "cee2c5055a4778833dd165cae4010086e6d4bdc5",
}
"""Git blob hashes of the official files."""

_FOLDERS = ("", "v1/csv", "v1/qa")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read, named so that a run can be repeated. `official`: byte for byte."""

    name: str
    path: Path
    git_blob_sha1: str
    sha256: str
    bytes: int
    official: bool


def split_file(split: str) -> str:
    """The file of a split."""
    return f"{split}_segments.csv"


def needed(splits: Sequence[str]) -> tuple[str, ...]:
    """The files without which there is no catalogue of these splits."""
    return (CLASS_LIST, QUALITY_COUNTS, ONTOLOGY, *map(split_file, splits))


def find(folder: Path, name: str) -> Path | None:
    """Where a file is: in the folder, or where Google's layout has it beneath."""
    for below in _FOLDERS:
        path = folder / below / name
        if path.is_file():
            return path
    return None


def find_needed(folder: Path, name: str) -> Path:
    """Where a file is. Raises `MetadataError` when it is not there."""
    path = find(folder, name)
    if path is None:
        raise MetadataError(
            folder / name, None, "is missing: let a run download it, or put it there"
            " (audioset.metadata_dir)",
        )  # fmt: skip
    return path


def identify(name: str, path: Path) -> InputFile:
    """Hash a file as it is on disk."""
    try:
        size = path.stat().st_size
        blob, sha256 = hashlib.sha1(b"blob %d\0" % size), hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while piece := file.read(1 << 20):
                blob.update(piece)
                sha256.update(piece)
    except OSError as error:
        raise MetadataError(path, None, f"cannot be read ({error.strerror or error})") from None
    return InputFile(
        name,
        path,
        blob.hexdigest(),
        sha256.hexdigest(),
        size,
        OFFICIAL.get(name) == blob.hexdigest(),
    )
