"""The clips that whatever is made of the dataset starts from, and the credits that go with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

from ascc_async.dataset.credits import Attribution, write_credits
from ascc_async.dataset.manifest import DATASET_FOLDER, MANIFEST, ManifestRow, clips_in
from ascc_async.dataset.removals import read_removals
from ascc_async.dataset.tables import read_rows, write_table
from ascc_async.dataset.text import restored
from ascc_async.errors import MetadataError, SetupError
from ascc_async.files import replacing

EXPORTS_FOLDER = "exports"
VERIFY = (
    "`python -m ascc_async verify --repair` and then `python -m ascc_async run` fetch it again;"
    " without the network, name its video in removals.txt."
)
_NO_CREDITS = "lacks clips that the manifest names: `python -m ascc_async run` writes both again"


class NamesSegment(Protocol):
    """A row of whatever names its clip."""

    @property
    def segment_id(self) -> str: ...


def manifest_in(output_dir: Path) -> Path:
    """The manifest. Raises SetupError where there is no dataset yet."""
    manifest = output_dir / MANIFEST
    if not manifest.exists():
        raise SetupError(
            f"{output_dir}: no dataset here yet. Make one with `python -m ascc_async run`, or name"
            " another folder with --set output.dir=FOLDER."
        )
    return manifest


def published_clips(output_dir: Path) -> list[ManifestRow]:
    """The manifest's clips that `removals.txt` does not name now, sorted by segment id.

    Raises SetupError where there is no dataset yet, MetadataError for a line that is not right.
    """
    removals = read_removals(output_dir)
    return [
        row
        for row in clips_in(manifest_in(output_dir))
        if not removals.cover(row.segment_id, row.channel_id, restored(row.channel))
    ]


def checked_bytes(output_dir: Path, name: str, sha256: str) -> bytes:
    """A clip's file, read once. Raises SetupError unless it is the one the manifest names."""
    path = output_dir / name
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
        wrong = "has other bytes than the manifest says"
    except FileNotFoundError:
        wrong = "is missing"
    except OSError as error:
        wrong = f"cannot be read ({error.strerror})"
    raise SetupError(f"{path}: this clip {wrong}. {VERIFY}")


def checked_path(output_dir: Path, row: ManifestRow) -> Path:
    """Where a clip is. Raises SetupError, see `checked_bytes`."""
    checked_bytes(output_dir, row.path, row.sha256)  # a clip is a few megabytes at most
    return output_dir / row.path


def checked_clips(output_dir: Path, rows: Iterable[ManifestRow]) -> Iterator[Path]:
    """Where these clips are, checked several at a time. Raises SetupError, see `checked_path`."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(partial(checked_path, output_dir), rows)


def attributions(output_dir: Path) -> dict[str, Attribution]:
    """The dataset's `ATTRIBUTION.csv` by segment id, its texts as they stand there.

    Raises SetupError.
    """
    path = output_dir / DATASET_FOLDER / "ATTRIBUTION.csv"
    rows = read_rows(path, Attribution, "`python -m ascc_async run` writes it again")
    return {row.segment_id: row for row in rows}


def write_credits_of(
    folder: Path, output_dir: Path, rows: Iterable[NamesSegment], changes: str = ""
) -> None:
    """`ATTRIBUTION.csv` and `CREDITS.md` of these clips in `folder`, where they are not so already.

    `changes` is added to what was done to each: `mixed to mono`. Raises SetupError, MetadataError.
    """
    known = attributions(output_dir)
    segments = [row.segment_id for row in rows]
    if not known.keys() >= set(segments):
        # Nothing may be shared without its credits.
        raise MetadataError(output_dir / DATASET_FOLDER / "ATTRIBUTION.csv", None, _NO_CREDITS)
    credited = [known[segment_id] for segment_id in segments]
    if changes:
        credited = [row._replace(changes=f"{row.changes}; {changes}") for row in credited]
    with replacing(folder / "ATTRIBUTION.csv") as part:
        write_table(part, Attribution._fields, credited)
    with replacing(folder / "CREDITS.md") as part:
        write_credits(part, credited)
