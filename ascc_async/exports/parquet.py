"""`export parquet`: a folder that Hugging Face, DuckDB and Polars take as it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ascc_async.dataset.counts import summary
from ascc_async.dataset.published_clips import EXPORTS_FOLDER, manifest_in, write_credits_of
from ascc_async.dataset.terms import CITATION_FILE, LICENSE_FILE
from ascc_async.errors import SetupError
from ascc_async.exports.croissant import croissant
from ascc_async.exports.hub_card import LICENSE_NOTICE, hub_card
from ascc_async.exports.joined import Joined, lines_of
from ascc_async.exports.parquet_tables import (
    MANIFEST_TYPES,
    ClipTables,
    fingerprint_of,
    write_few_shot,
    write_manifest,
)
from ascc_async.exports.rows import Row, read_published
from ascc_async.files import part_of, put, remove_leftovers, replacing, seal, sha256_of
from ascc_async.learning import few_shot

FOLDER = "parquet"
SUMS = "SHA256SUMS"
_SHARD_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class ParquetFolder:
    """What is in the folder now: clips in so many tables, and how many of these are new."""

    folder: Path
    clips: int
    tables: int
    new: int


def export(
    output_dir: Path,
    metadata_dir: Path,
    min_free_gb: float,
    on_progress: Callable[[int, int], object],
) -> ParquetFolder:
    """Write it; what is already there and would not change is not touched.

    `on_progress` is told how many clips are in place, of how many. Raises StopRun.
    """
    folder = output_dir / EXPORTS_FOLDER / FOLDER
    published = read_published(output_dir, metadata_dir)
    rows = published.rows
    if not rows:
        shutil.rmtree(folder, ignore_errors=True)  # all were asked to be left out
        raise SetupError(f"{output_dir}: this dataset holds no clip, so there is nothing to export")
    tables = ClipTables(output_dir, published, Joined(output_dir))
    shards = _shards(rows)
    _clean(folder, set(shards))
    sums = _sums(folder / SUMS)
    fingerprints = {name: tables.fingerprint(shard) for name, shard in shards.items()}
    missing = {
        name: shard
        for name, shard in shards.items()
        if fingerprint_of(folder / name) != fingerprints[name]
        # What was damaged since must not get a new checksum.
        or sums.get(name, "") not in ("", sha256_of(folder / name))
    }
    _check_room(folder, missing, min_free_gb)
    # At no moment are there tables of two versions side by side, or a clip that was removed.
    for name in missing:
        (folder / name).unlink(missing_ok=True)
    done = len(rows) - sum(map(len, missing.values()))
    for name, shard in missing.items():
        with part_of(folder / name) as part:
            for _ in tables.write(part, shard, fingerprints[name]):
                done += 1
                on_progress(done, len(rows))
            sums[name], _ = seal(part, folder / name)

    with replacing(folder / "manifest.parquet") as part:
        write_manifest(part, output_dir)
    names = [*shards, "manifest.parquet"]
    ids = {row.segment_id for row in rows}
    lines = [
        line
        for line in lines_of(output_dir / EXPORTS_FOLDER / few_shot.FOLDER / "clips.csv")
        if line["segment_id"] in ids
    ]
    if lines:
        with replacing(folder / "few_shot.parquet") as part:
            write_few_shot(part, lines)
        names.append("few_shot.parquet")
    else:
        (folder / "few_shot.parquet").unlink(missing_ok=True)
    write_credits_of(folder, output_dir, rows)
    run = (output_dir / "dataset" / "run.json").read_bytes()
    limit = json.loads(run)["settings"]["sampling"]["max_per_class"]
    counts = summary(manifest_in(output_dir))
    texts = {
        "README.md": hub_card(
            folder, list(shards), tables.features, published, counts, limited=limit is not None
        ),
        "LICENSE": LICENSE_NOTICE,
        "LICENSES.md": LICENSE_FILE,
        "CITATION.cff": CITATION_FILE,
    }
    put(folder / "run.json", run)
    for name, text in texts.items():
        put(folder / name, text.encode())
    names += [*texts, "run.json", "ATTRIBUTION.csv", "CREDITS.md"]
    known = {name: sums.get(name) if name in shards else None for name in names}
    hashes = {name: known[name] or sha256_of(folder / name) for name in sorted(names)}
    described = croissant(folder, hashes, published, tables.types, MANIFEST_TYPES)
    hashes["croissant.json"] = put(folder / "croissant.json", described.encode())
    listed = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    put(folder / SUMS, listed.encode())
    return ParquetFolder(folder, len(rows), len(shards), len(missing))


def _shards(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each table, by its name: of one split, and some 500 MB."""
    shards = {}
    for split in sorted({row.split for row in rows}):
        parts: list[list[Row]] = []
        size = _SHARD_BYTES
        for row in rows:
            if row.split == split:
                if size >= _SHARD_BYTES:
                    parts.append([])
                    size = 0
                parts[-1].append(row)
                size += row.bytes
        for number, part in enumerate(parts):
            shards[f"data/{split}-{number:05}-of-{len(parts):05}.parquet"] = part
    return shards


def _clean(folder: Path, wanted: set[str]) -> None:
    """Remove tables that are no longer wanted, first of all: a removed clip may be in them."""
    for path in folder.glob("data/*.parquet"):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    remove_leftovers(folder)
    remove_leftovers(folder / "data")


def _sums(path: Path) -> dict[str, str]:
    """The checksums of an earlier export, by the name of the file."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


def _check_room(folder: Path, missing: Mapping[str, Sequence[Row]], min_free_gb: float) -> None:
    """Raise SetupError where these tables, written in place of older ones, left less than that."""
    old = sum((folder / name).stat().st_size for name in missing if (folder / name).exists())
    # The tables hold the clips as they are, and some percent more.
    needed = 1.05 * sum(row.bytes for rows in missing.values() for row in rows) - old
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if missing and free < needed + min_free_gb * 1e9:
        raise SetupError(
            f"{folder}: needs {needed / 1e9 + min_free_gb:.1f} GB of free disk, output.min_free_gb"
            f" among them, and {free / 1e9:.1f} GB are free. Make room, then run the same command"
            " again"
        )
