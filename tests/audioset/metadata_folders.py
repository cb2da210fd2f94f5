"""Small metadata folders for the tests of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ascc_async.audioset.catalog import Catalog, read_catalog
from ascc_async.settings import AudiosetSettings

SHARED = Path(__file__).parents[2].parent / "shared" / "audioset"

HEADER = (
    "# Segments csv created Sun Mar  5 10:54:31 2017\n"
    "# num_ytids={n}, num_segs={n}, num_unique_labels=527, num_positive_labels={labels}\n"
    "# YTID, start_seconds, end_seconds, positive_labels\n"
)


def row(number: int, labels: str = "/m/a", start: str = "30.000", end: str = "40.000") -> str:
    """A row in the official form."""
    return f'{video(number)}, {start}, {end}, "{labels}"'


def video(number: int) -> str:
    """A video id."""
    return f"{number:011d}"


def segments(rows: Sequence[str], header: bool = True) -> str:
    """A segment file of these rows, with the counts in its header."""
    labels = sum(line.count("/m/") for line in rows)
    return (HEADER.format(n=len(rows), labels=labels) if header else "") + "\n".join(rows) + "\n"


def write_folder(
    folder: Path,
    files: Mapping[str, str | bytes] | None = None,
    *,
    mids: Iterable[str] = ("/m/a", "/m/b", "/m/c"),
) -> Path:
    """A whole metadata folder for `balanced_train`; `files` replaces or adds files."""
    mids = list(mids)
    everything: dict[str, str | bytes] = {
        "class_labels_indices.csv": "index,mid,display_name\n"
        + "".join(f'{i},{mid},"Class {mid[3:]}"\n' for i, mid in enumerate(mids)),
        "qa_true_counts.csv": "label_id,num_rated,num_true\n"
        + "".join(f"{mid},10,8\n" for mid in mids),
        "ontology.json": ontology({mid: [] for mid in mids}),
        "balanced_train_segments.csv": segments([row(1), row(2, "/m/b,/m/c")]),
    }
    for name, content in {**everything, **(files or {})}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def ontology(children: Mapping[str, Sequence[str]]) -> str:
    """An `ontology.json` with one entry a line."""
    entries = [
        json.dumps({"id": mid, "name": f"Class {mid[3:]}", "child_ids": list(below),
                    "restrictions": []})
        for mid, below in children.items()
    ]  # fmt: skip
    return "[\n" + ",\n".join(entries) + "\n]\n"


def catalog_of(folder: Path, *splits: str) -> Catalog:
    """Read a folder."""
    names = splits or ("balanced_train",)
    return read_catalog(AudiosetSettings.model_validate({"splits": names, "metadata_dir": folder}))


def catalog_with(folder: Path, rows: Sequence[str], **files: str) -> Catalog:
    """Read a folder whose balanced_train split holds these rows."""
    write_folder(folder, {"balanced_train_segments.csv": segments(rows), **files})
    return catalog_of(folder)
