"""`export webdataset`: tar files that WebDataset, LAION-CLAP and `tar` itself read.

A shard is a function of its clips alone: no times, owners or chance in it. So the shards that are
there already are compared while the clips are read, and only those that differ are written.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from io import DEFAULT_BUFFER_SIZE
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from tarfile import BLOCKSIZE, NUL, RECORDSIZE, USTAR_FORMAT, TarInfo
from textwrap import indent

from ascc_async.dataset.terms import LICENSE_FILE
from ascc_async.exports.folder import (
    Exported,
    code_to_read,
    export_folder,
    write_beside,
    write_sums,
)
from ascc_async.exports.rows import Row, pieces, read_clip
from ascc_async.files import ensure_room, part_of, put, remove_files, remove_leftovers, seal

FOLDER = "webdataset"
SHARD_BYTES = 1_000_000_000


def export(
    output_dir: Path,
    rows: Sequence[Row],
    shard_bytes: int = SHARD_BYTES,
    min_free_gb: float = 0,
    on_clip: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Write `<split>/000000.tar`, …, and what must go with them when they are shared.

    `on_clip` is told how many of how many clips are done. Raises SetupError for a clip that is not
    the one the manifest names, and where the disk has no room.
    """
    shards: dict[str, list[Row]] = {}
    in_order = sorted(rows, key=attrgetter("split", "segment_id"))
    for split, clips in groupby(in_order, attrgetter("split")):
        for number, shard in enumerate(pieces(clips, shard_bytes)):
            shards[f"{split}/{number:06}.tar"] = shard
    with export_folder(output_dir, FOLDER, rows) as folder:
        _remove_others(folder, shards, {row.segment_id for row in rows})
        sums = write_beside(folder, output_dir, rows, (row.evidence for row in rows))
        all_bytes = {name: sum(row.bytes for row in shard) for name, shard in shards.items()}
        absent = sum(size for name, size in all_bytes.items() if not (folder / name).exists())
        # A shard that changed is whole beside the old one before it takes its place.
        ensure_room(folder, absent + max(all_bytes.values()), min_free_gb)
        new = done = 0
        for name, shard in shards.items():
            sums[name], written = _bring_about(folder / name, output_dir, shard)
            new, done = new + written, done + len(shard)
            on_clip(done, len(rows))
        # As LAION-CLAP wants it: how many clips each tar of a folder holds.
        for split, names in groupby(shards, os.path.dirname):
            sizes = {os.path.basename(name): len(shards[name]) for name in names}
            sums[f"{split}/sizes.json"] = put(folder / split / "sizes.json", _json(sizes))
        path = in_order[0].path
        suffix = Path(path).suffix[1:]
        read = indent(code_to_read(path, f'sample["{suffix}"]'), "    ")
        readme = _README.format(shard=next(iter(shards)), format=suffix.upper(), read=read)
        sums["README.md"] = put(folder / "README.md", readme.encode())
        sums["LICENSE.md"] = put(folder / "LICENSE.md", LICENSE_FILE.encode())
        write_sums(folder, sums)
    return Exported(folder, len(rows), len(shards), new)


def _remove_others(folder: Path, shards: Mapping[str, object], ids: Set[str]) -> None:
    """What earlier calls left and this one does not want: a removed clip must be nowhere."""
    remove_leftovers(folder)
    wanted = {*shards, *(f"{os.path.dirname(name)}/sizes.json" for name in shards)}
    remove_files(
        path
        for path in [*folder.glob("*/*")]
        if path.relative_to(folder).as_posix() not in wanted
        or (path.suffix == ".tar" and _holds_others(path, ids))
    )


def _holds_others(shard: Path, ids: Set[str]) -> bool:
    """Whether it holds a clip that is none of these, or cannot be read."""
    try:
        with tarfile.open(shard) as tar:
            return any(name.partition(".")[0] not in ids for name in tar.getnames())
    except (OSError, tarfile.TarError):
        return True


def _bring_about(path: Path, output_dir: Path, clips: Sequence[Row]) -> tuple[str, bool]:
    """Its SHA-256, and whether the shard had to be written."""
    if path.exists():
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for chunk in _tar(output_dir, clips):
                if file.read(len(chunk)) != chunk:
                    break
                digest.update(chunk)
            else:
                if not file.read(1):
                    return digest.hexdigest(), False
    with part_of(path) as part:
        with part.open("wb", DEFAULT_BUFFER_SIZE) as file:
            for chunk in _tar(output_dir, clips):
                file.write(chunk)
        return seal(part, path)[0], True


def _tar(output_dir: Path, clips: Sequence[Row]) -> Iterator[bytes]:
    """A tar file piece by piece, a clip's at a time in memory."""
    size = 0
    for row in clips:
        for suffix, content in (
            (Path(row.path).suffix, read_clip(output_dir, row)),
            (".json", _json(facts_of(row))),
        ):
            info = TarInfo(row.segment_id + suffix)  # of owner 0 and time 0
            info.size = len(content)
            member = info.tobuf(USTAR_FORMAT) + content + NUL * (-len(content) % BLOCKSIZE)
            size += len(member)
            yield member
    yield NUL * (2 * BLOCKSIZE + -(size + 2 * BLOCKSIZE) % RECORDSIZE)


def facts_of(row: Row) -> dict[str, object]:
    """The JSON beside a clip. Readers take each key's type from the first few clips, so every key
    is there in each, with a value of its type.
    """
    facts = row._asdict()
    del facts["path"]  # the clip lies beside it
    caption = f"The sound of {', '.join(row.human_labels)}"
    return {**facts, "text": caption, "tag": row.human_labels}


def _json(record: Mapping[str, object]) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1).encode() + b"\n"


_README = """\
---
license: [cc-by-3.0, cc-by-4.0, cc-by-sa-4.0]
task_categories: [audio-classification]
---

# AudioSet, the Creative Commons part, as WebDataset
Each clip is two files in a tar: the sound ({format}), and a `.json` with its labels (MIDs in
`labels`, names in `human_labels` and `tag`, places among AudioSet's 527 classes in
`label_indices`), times, quality and whom to credit. `sizes.json` says how many clips each tar of a
folder holds.

```python
import io, json, soundfile, webdataset as wds

for sample in wds.WebDataset("{shard}", shardshuffle=False):
    facts = json.loads(sample["json"])
{read}
    print(facts["human_labels"], facts["author"], samples.shape, rate)
```

Licenses: `LICENSE.md`, and in `evidence.warc.gz` what YouTube answered about each (`evidence` of a
clip names the record). Credits, which must stay with the sounds: `CREDITS.md`, `ATTRIBUTION.csv`.
How to cite: `CITATION.cff`. Whether a copy is whole: `sha256sum -c SHA256SUMS`, in this folder.
"""
