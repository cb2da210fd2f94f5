"""`export parquet` as the peers read it: PEER FOLDER CACHE, prints JSON. For `run_peer`."""

# mypy: ignore-errors
from __future__ import annotations

import hashlib
import io
import json
import os
import sys


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def datasets(folder: str) -> object:
    import datasets as hub
    import soundfile

    told = {}
    for config in ("default", "balanced", "full"):
        loaded = hub.load_dataset(folder, config)
        first = next(iter(loaded.values())).features
        told[config] = {
            "features": [
                type(first["audio"]).__name__,
                type(first["label_indices"].feature).__name__,
            ],
            "classes": len(first["label_indices"].feature.names),
            "splits": {name: {} for name in loaded},
        }
        for name, split in loaded.items():
            for row in split.cast_column("audio", hub.Audio(decode=False)):
                sound, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
                assert rate == row["sample_rate"]
                assert abs(len(sound) / rate - row["duration_seconds"]) < 1e-4
                named = [first["label_indices"].feature.int2str(i) for i in row["label_indices"]]
                assert named == row["human_labels"]
                told[config]["splits"][name][row["segment_id"]] = digest(row["audio"]["bytes"])
    return told


def duckdb(folder: str) -> object:
    import duckdb as db

    counts = db.sql(
        f"SELECT label, count(*) FROM (SELECT unnest(human_labels) AS label"
        f" FROM '{folder}/data/*.parquet') GROUP BY label"
    ).fetchall()
    lengths = db.sql(
        f"SELECT segment_id, octet_length(audio.bytes) FROM '{folder}/data/*.parquet'"
    ).fetchall()
    return {"counts": dict(counts), "lengths": dict(lengths)}


def polars(folder: str) -> object:
    import polars as pl

    table = pl.scan_parquet(f"{folder}/data/*.parquet")
    counts = table.select(pl.col("human_labels").explode()).collect()["human_labels"].value_counts()
    sizes = table.select("segment_id", pl.col("audio").struct.field("bytes").bin.size()).collect()
    return {"counts": dict(counts.rows()), "lengths": dict(sizes.rows())}


def huggingface_hub(folder: str) -> object:
    from huggingface_hub import DatasetCard

    data = DatasetCard.load(f"{folder}/README.md").data.to_dict()
    return {"license": data["license"], "configs": [c["config_name"] for c in data["configs"]]}


def mlcroissant(folder: str) -> object:
    import mlcroissant as mlc

    dataset = mlc.Dataset(jsonld=f"{folder}/croissant.json")
    told = {"conforms_to": str(dataset.metadata.ctx.conforms_to.value),
            "warnings": sorted(dataset.metadata.ctx.issues.warnings)}  # fmt: skip
    clips = {}
    for record in dataset.records("clips"):
        assert len(record["clips/labels"]) == len(record["clips/label_indices"])
        sound = record["clips/audio"]
        clips[record["clips/segment_id"].decode()] = digest(sound)
    told["clips"] = clips
    told["classes"] = len(list(dataset.records("classes")))
    told["manifest"] = len(list(dataset.records("manifest")))
    return told


if __name__ == "__main__":
    peer, where, cache = sys.argv[1:]
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": cache}
    print(json.dumps(globals()[peer](where)))
