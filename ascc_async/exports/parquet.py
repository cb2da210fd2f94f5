"""`export parquet`: a folder that Hugging Face, DuckDB and Polars take as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.dataset.published_clips import EXPORTS_FOLDER, manifest_in
from ascc_async.dataset.terms import LICENSE_FILE
from ascc_async.errors import MetadataError
from ascc_async.exports.croissant import croissant
from ascc_async.exports.folder import (
    SUMS,
    Exported,
    export_folder,
    never_stale,
    write_beside,
    write_sums,
)
from ascc_async.exports.hub_card import LICENSE_NOTICE, hub_card
from ascc_async.exports.joined import Joined, lines_of
from ascc_async.exports.parquet_tables import (
    MANIFEST_TYPES,
    ClipTables,
    evidence_named_in,
    fingerprint_of,
    holds_others,
    write_few_shot,
    write_manifest,
)
from ascc_async.exports.rows import Published, Row, pieces
from ascc_async.files import (
    ensure_room,
    part_of,
    put,
    remove_leftovers,
    replacing,
    seal,
    sha256_of,
)
from ascc_async.learning.tables import FEW_SHOT

FOLDER = "parquet"
_SHARD_BYTES = 500_000_000


def export(
    output_dir: Path,
    published: Published,
    min_free_gb: float,
    on_progress: Callable[[int, int], object],
) -> Exported:
    """Write it; what is already there and would not change is not touched.

    `on_progress` is told how many clips are in place, of how many. Raises StopRun.
    """
    rows = published.rows
    with export_folder(output_dir, FOLDER, rows) as folder:
        tables = ClipTables(output_dir, published, Joined(output_dir))
        shards, ids = _shards(rows), {row.segment_id for row in rows}
        # First of all: tables that are no longer wanted or hold a clip that was removed.
        for path in folder.glob("data/*.parquet"):
            if path.relative_to(folder).as_posix() not in shards or holds_others(path, ids):
                path.unlink()
        remove_leftovers(folder)
        remove_leftovers(folder / "data")
        beside = _write_lists(folder, output_dir, rows)
        sums, new = _write_tables(folder, tables, shards, min_free_gb, on_progress)
        texts = _texts(folder, output_dir, published, tables, shards)
        sums |= beside | {name: put(folder / name, text) for name, text in texts.items()}
        sums = dict(sorted(sums.items()))
        described = croissant(folder, sums, published, tables.types, MANIFEST_TYPES)
        sums["croissant.json"] = put(folder / "croissant.json", described.encode())
        write_sums(folder, sums)
    return Exported(folder, len(rows), len(shards), new)


def _shards(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each table, by its name: of one split, and some 500 MB."""
    shards = {}
    for split in sorted({row.split for row in rows}):
        parts = [*pieces((row for row in rows if row.split == split), _SHARD_BYTES)]
        for number, part in enumerate(parts):
            shards[f"data/{split}-{number:05}-of-{len(parts):05}.parquet"] = part
    return shards


def _write_tables(
    folder: Path,
    tables: ClipTables,
    shards: Mapping[str, Sequence[Row]],
    min_free_gb: float,
    on_progress: Callable[[int, int], object],
) -> tuple[dict[str, str], int]:
    """Write the tables of clips that are not there as they should be: checksums, and how many."""
    # The checksums of an earlier export, by the name of the file.
    earlier = (folder / SUMS).read_text("utf-8") if (folder / SUMS).exists() else ""
    sums = {name: sha256 for sha256, name in (line.split("  ", 1) for line in earlier.splitlines())}
    fingerprints = {name: tables.fingerprint(shard) for name, shard in shards.items()}
    missing = {
        name: shard
        for name, shard in shards.items()
        if fingerprint_of(folder / name) != fingerprints[name]
        # What was damaged since must not get a new checksum.
        or (name in sums and sums[name] != sha256_of(folder / name))
    }
    old = sum((folder / name).stat().st_size for name in missing if (folder / name).exists())
    # The tables hold the clips as they are, and some percent more.
    new = 1.05 * sum(row.bytes for shard in missing.values() for row in shard)
    if missing:
        ensure_room(folder, new - old, min_free_gb)
    # At no moment are there tables of two versions side by side, or a clip that was removed.
    for name in missing:
        (folder / name).unlink(missing_ok=True)
    total = sum(map(len, shards.values()))
    done = total - sum(map(len, missing.values()))
    for name, shard in missing.items():
        with part_of(folder / name) as part:
            for _ in tables.write(part, shard, fingerprints[name]):
                done += 1
                on_progress(done, total)
            sums[name], _ = seal(part, folder / name)
    return {name: sums.get(name) or sha256_of(folder / name) for name in shards}, len(missing)


def _write_lists(folder: Path, output_dir: Path, rows: Sequence[Row]) -> dict[str, str]:
    """Write what else names clips, before the tables: the checksums."""
    manifest, few_shot = folder / "manifest.parquet", folder / "few_shot.parquet"
    with never_stale(manifest, few_shot):
        with replacing(manifest) as part:
            write_manifest(part, output_dir)
        ids = {row.segment_id for row in rows}
        split = lines_of(output_dir / EXPORTS_FOLDER / FEW_SHOT / "clips.csv")
        if lines := [line for line in split if line["segment_id"] in ids]:
            with replacing(few_shot) as part:
                write_few_shot(part, lines)
        else:
            few_shot.unlink(missing_ok=True)
    sums = {path.name: sha256_of(path) for path in (manifest, few_shot) if path.exists()}
    return sums | write_beside(folder, output_dir, rows, evidence_named_in(manifest))


def _texts(
    folder: Path,
    output_dir: Path,
    published: Published,
    tables: ClipTables,
    shards: Mapping[str, Sequence[Row]],
) -> dict[str, bytes]:
    """The card and what goes with it, by name."""
    path = output_dir / "dataset" / "run.json"
    try:
        run = path.read_bytes()
        limit = json.loads(run)["settings"]["sampling"]["max_per_class"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        message = "cannot be read: `python -m ascc_async run` writes it again"
        raise MetadataError(path, None, message) from error
    counts = ManifestIndex(manifest_in(output_dir)).counts
    card = hub_card(folder, shards, tables.features, published, counts, limited=limit is not None)
    return {
        "README.md": card.encode(),
        "LICENSE": LICENSE_NOTICE.encode(),
        "LICENSES.md": LICENSE_FILE.encode(),
        "run.json": run,
    }
