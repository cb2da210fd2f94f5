"""Parquet tables: clips with their sound as Hugging Face stores it, the manifest, the class split.

Sound is stored as it is: each clip lies verbatim in its file. All else is compressed. Pages begin
where the content says so, not at fixed sizes: of a new version only what changed is uploaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ascc_async.dataset.manifest import COLUMNS, manifest_pages
from ascc_async.dataset.published_clips import manifest_in
from ascc_async.dataset.removals import read_removals
from ascc_async.dataset.text import restored
from ascc_async.exports.joined import Joined
from ascc_async.exports.rows import Published, Row, pieces, read_clip
from ascc_async.model import License, Outcome

FINGERPRINT = b"ascc_async"
_GROUP_ROWS, _GROUP_BYTES = 32, 16_000_000
_TEXTS = ("title", "channel", "license_text", "source_format")
_NUMBERS = {
    "start_seconds": pa.float64(), "end_seconds": pa.float64(), "duration_seconds": pa.float64(),
    "bytes": pa.int64(), "sample_rate": pa.int32(), "channels": pa.int32(), "attempts": pa.int32(),
}  # fmt: skip
MANIFEST_TYPES = {name: _NUMBERS.get(name, pa.string()) for name in COLUMNS} | {
    "labels": pa.list_(pa.string())
}
_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_EVENT = pa.struct(
    [("onset", pa.float64()), ("offset", pa.float64()), ("event_label", pa.string()),
     ("mid", pa.string())]
)  # fmt: skip
_COLUMNS = {
    "video_id": pa.string(), "audio": _AUDIO, "labels": pa.list_(pa.string()),
    "human_labels": pa.list_(pa.string()), "segment_id": pa.string(),
    "start_seconds": pa.float64(), "end_seconds": pa.float64(),
    "label_indices": pa.list_(pa.int64()), "duration_seconds": pa.float64(),
    "sample_rate": pa.int32(), "channels": pa.int32(), "sha256": pa.string(),
    "peak_dbfs": pa.float64(), "rms_dbfs": pa.float64(), "silence_share": pa.float64(),
    "clipping_share": pa.float64(), "title": pa.string(), "author": pa.string(),
    "channel_id": pa.string(), "channel_link": pa.string(), "source_link": pa.string(),
    "license": pa.string(), "license_link": pa.string(), "license_seen_at": pa.string(),
    "changes": pa.string(), "evidence": pa.string(),
}  # fmt: skip
_JOINED = {"strong_labels": pa.list_(_EVENT), "vggish": pa.list_(pa.list_(pa.uint8()))}


class ClipTables:
    """Writes tables of clips; all have the same columns. `features` says what Hugging Face sees."""

    def __init__(self, output_dir: Path, published: Published, joined: Joined) -> None:
        self._output_dir, self._joined = output_dir, joined
        self.types = _COLUMNS | {name: _JOINED[name] for name in joined.columns}
        self.features = {name: _feature(kind) for name, kind in self.types.items()}
        names = {"names": list(published.names.values()), "_type": "ClassLabel"}
        self.features |= {"audio": {"_type": "Audio"}, "label_indices": [names]}

    def fingerprint(self, rows: Sequence[Row]) -> str:
        """What a table of these rows is made from: as long as it is the same, so are the bytes."""
        made_from = [
            pa.__version__, self.features, [(row, self._joined.of(row)) for row in rows],
            _GROUP_ROWS, _GROUP_BYTES,
        ]  # fmt: skip
        return hashlib.sha256(repr(made_from).encode()).hexdigest()

    def write(self, part: Path, rows: Sequence[Row], fingerprint: str) -> Iterator[Row]:
        """Write these rows; gives each when it was read. Raises SetupError for a damaged clip."""
        about = {
            "huggingface": json.dumps({"info": {"features": self.features}}),
            FINGERPRINT: fingerprint,
        }
        schema = pa.schema(list(self.types.items()), metadata=about)
        with _writer(part, schema, {"audio.bytes"}) as writer:
            for group in pieces(rows, _GROUP_BYTES, _GROUP_ROWS):
                records = []
                for row in group:
                    sound = read_clip(self._output_dir, row)
                    audio = {"bytes": sound, "path": row.path.rpartition("/")[2]}
                    records.append(row._asdict() | {"audio": audio} | self._joined.values(row))
                    yield row
                # One row group is in memory at a time.
                table = pa.Table.from_pylist(records, schema=schema)
                writer.write_table(table, row_group_size=len(group))


def fingerprint_of(path: Path) -> str:
    """The fingerprint in a table that is there; "" where there is none."""
    try:
        metadata: Mapping[bytes, bytes] = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return ""
    return metadata.get(FINGERPRINT, b"").decode()


def holds_others(path: Path, ids: Set[str]) -> bool:
    """Whether a table holds a clip that is none of these, or cannot be read."""
    try:
        return not set(pq.read_table(path, columns=["segment_id"])[0].to_pylist()) <= ids
    except (OSError, pa.ArrowException):
        return True


def uncompressed_bytes(path: Path) -> int:
    """How much a table's columns take in memory, as its footer says."""
    footer = pq.read_metadata(path)
    return sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))


def write_manifest(part: Path, output_dir: Path) -> None:
    """All rows of the manifest but those that `removals.txt` names. Raises MetadataError."""
    removals = read_removals(output_dir)
    schema = pa.schema(list(MANIFEST_TYPES.items()))
    with _writer(part, schema) as writer:
        for page in manifest_pages(manifest_in(output_dir)):
            columns = {name: page[name].tolist() for name in COLUMNS}
            for name in _TEXTS:
                columns[name] = [restored(text) for text in columns[name]]
            named = zip(*(columns[n] for n in ("segment_id", "channel_id", "channel")), strict=True)
            # Written as removed, a row names no channel any more; nothing else looks like this.
            gone = (page.outcome == Outcome.NOT_SHAREABLE) & (page.reason == "")
            gone &= page.license != License.STANDARD
            stays = [
                not (at_once or removals.cover(*who))
                for at_once, who in zip(gone.tolist(), named, strict=True)
            ]
            arrays = [_array(columns[name], kind) for name, kind in MANIFEST_TYPES.items()]
            table = pa.Table.from_arrays(arrays, schema=schema)
            writer.write_table(table.filter(pa.array(stays, pa.bool_())))


def evidence_named_in(path: Path) -> list[str]:
    """The records that the table of the manifest names."""
    names: list[str] = pq.read_table(path, columns=["evidence"])["evidence"].unique().to_pylist()
    return names


def _array(values: list[str], kind: pa.DataType) -> pa.Array:
    texts = pa.array(values, pa.string())
    if pa.types.is_list(kind):
        return pc.split_pattern(texts, ",")
    if pa.types.is_string(kind):
        return texts
    # Where there is no number the CSV has nothing.
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts).cast(kind)


def write_few_shot(part: Path, lines: Iterable[Mapping[str, str]]) -> None:
    """The split of the classes, clip by clip, from the lines of its `clips.csv`."""
    types = {"segment_id": pa.string(), "mid": pa.string(), "part": pa.string(),
             "used": pa.bool_(), "why_not": pa.string()}  # fmt: skip
    records = [dict(line) | {"used": line["used"] == "1"} for line in lines]
    schema = pa.schema(list(types.items()))
    with _writer(part, schema) as writer:
        writer.write_table(pa.Table.from_pylist(records, schema=schema))


@contextmanager
def _writer(
    part: Path, schema: pa.Schema, plain: Set[str] = frozenset()
) -> Iterator[pq.ParquetWriter]:
    """Everything compressed but the `plain` columns."""
    sink = pa.BufferOutputStream()
    pq.ParquetWriter(sink, schema).close()
    empty = pq.ParquetFile(sink.getvalue()).schema
    leaves = [empty.column(index).path for index in range(len(empty.names))]
    # Through Python's own file: a full disk is an OSError with its number.
    with (
        part.open("wb") as file,
        pq.ParquetWriter(
            file,
            schema,
            compression={leaf: "none" if leaf in plain else "zstd" for leaf in leaves},
            use_dictionary=[leaf for leaf in leaves if leaf not in plain],
            write_page_index=True,
            use_content_defined_chunking=True,
        ) as writer,
    ):
        yield writer


def _feature(kind: pa.DataType) -> Any:
    """How Hugging Face names a type, as in its schema metadata."""
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}
