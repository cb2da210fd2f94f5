"""`export parquet`: a folder that Hugging Face, DuckDB and Polars take as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ascc_async.dataset.counts import summary
from ascc_async.dataset.published_clips import EXPORTS_FOLDER, manifest_in, write_credits_of
from ascc_async.dataset.terms import CITATION_FILE, LICENSE_FILE
from ascc_async.errors import MetadataError
from ascc_async.exports.croissant import croissant
from ascc_async.exports.folder import Exported, export_folder, write_evidence
from ascc_async.exports.hub_card import LICENSE_NOTICE, hub_card
from ascc_async.exports.joined import Joined, lines_of
from ascc_async.exports.parquet_tables import (
    MANIFEST_TYPES,
    ClipTables,
    evidence_named_in,
    fingerprint_of,
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
SUMS = "SHA256SUMS"
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
        shards = _shards(rows)
        _clean(folder, set(shards))
        sums, new = _write_tables(folder, tables, shards, min_free_gb, on_progress)
        names = _write_beside(folder, output_dir, published, tables, list(shards))
        hashes = {name: sums.get(name) or sha256_of(folder / name) for name in sorted(names)}
        described = croissant(folder, hashes, published, tables.types, MANIFEST_TYPES)
        hashes["croissant.json"] = put(folder / "croissant.json", described.encode())
        listed = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
        put(folder / SUMS, listed.encode())
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
    sums = _sums(folder / SUMS)
    fingerprints = {name: tables.fingerprint(shard) for name, shard in shards.items()}
    missing = {
        name: shard
        for name, shard in shards.items()
        if fingerprint_of(folder / name) != fingerprints[name]
        # What was damaged since must not get a new checksum.
        or sums.get(name, "") not in ("", sha256_of(folder / name))
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
    return {name: sums[name] for name in shards if name in sums}, len(missing)


def _write_beside(
    folder: Path, output_dir: Path, published: Published, tables: ClipTables, shards: list[str]
) -> list[str]:
    """Write what stands beside the tables of clips: the names of all files so far."""
    with replacing(folder / "manifest.parquet") as part:
        write_manifest(part, output_dir)
    names = [*shards, "manifest.parquet"]
    ids = {row.segment_id for row in published.rows}
    lines = [
        line
        for line in lines_of(output_dir / EXPORTS_FOLDER / FEW_SHOT / "clips.csv")
        if line["segment_id"] in ids
    ]
    if lines:
        with replacing(folder / "few_shot.parquet") as part:
            write_few_shot(part, lines)
        names.append("few_shot.parquet")
    else:
        (folder / "few_shot.parquet").unlink(missing_ok=True)
    write_credits_of(folder, output_dir, published.rows)
    names += write_evidence(folder, output_dir, evidence_named_in(folder / "manifest.parquet"))
    path = output_dir / "dataset" / "run.json"
    try:
        run = path.read_bytes()
        limit = json.loads(run)["settings"]["sampling"]["max_per_class"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        message = "cannot be read: `python -m ascc_async run` writes it again"
        raise MetadataError(path, None, message) from error
    counts = summary(manifest_in(output_dir))
    card = hub_card(folder, shards, tables.features, published, counts, limited=limit is not None)
    texts = {
        "README.md": card.encode(),
        "LICENSE": LICENSE_NOTICE.encode(),
        "LICENSES.md": LICENSE_FILE.encode(),
        "CITATION.cff": CITATION_FILE.encode(),
        "run.json": run,
    }
    for name, text in texts.items():
        put(folder / name, text)
    return [*names, *texts, "ATTRIBUTION.csv", "CREDITS.md"]


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
