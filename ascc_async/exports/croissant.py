"""`croissant.json`: the folder of `export parquet` described for programs, as Croissant 1.1."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ascc_async import __version__
from ascc_async.dataset.terms import TITLE
from ascc_async.exports.rows import Published

_FORMATS = {
    ".parquet": "application/x-parquet", ".md": "text/markdown", ".csv": "text/csv",
    ".json": "application/json", ".cff": "application/yaml", ".gz": "application/warc",
}  # fmt: skip
_LICENSES = [
    "https://creativecommons.org/licenses/by/3.0/", "https://creativecommons.org/licenses/by/4.0/",
    "https://creativecommons.org/licenses/by-sa/4.0/",
]  # fmt: skip
_TYPES = {
    "double": "sc:Float", "int32": "sc:Integer", "int64": "sc:Integer", "uint8": "sc:Integer",
    "bool": "sc:Boolean",
}  # fmt: skip
_CITE = (
    "Gemmeke et al.: Audio Set: An ontology and human-labeled dataset for audio events. ICASSP"
    " 2017. Heggan et al.: MetaAudio: A Few-Shot Audio Classification Benchmark."
    " arXiv:2204.02121, 2022. The authors of the sounds: ATTRIBUTION.csv."
)
_COLLECTION = (
    "For every selected segment of AudioSet, YouTube was asked for the license of its video. Where"
    " it was Creative Commons Attribution, the sound of the segment was fetched and cut to the"
    " sample. Empty, silent and undecodable clips were left out. The labels are AudioSet's, given"
    " by human raters."
)
_BIASES = (
    "Not drawn at random: videos whose authors chose Creative Commons and that are still there"
    " differ from others in subject, language, country and recording. Classes are of very unequal"
    " size. AudioSet's labels have errors, which differ between classes."
)


def croissant(
    folder: Path,
    hashes: Mapping[str, str],
    published: Published,
    columns: Mapping[str, Any],
    manifest_columns: Mapping[str, Any],
) -> str:
    """The file, given the SHA-256 of every other one and the types of the tables' columns."""
    rows = published.rows
    newest = max((row.license_seen_at for row in rows), default="")
    record = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": TITLE,
        "description": "Clips of ten seconds with AudioSet's labels, credits and licenses.",
        "license": _LICENSES,
        "url": "https://research.google.com/audioset/",
        "citeAs": _CITE,
        "creator": {"@type": "Organization", "name": "The authors named in ATTRIBUTION.csv"},
        "version": __version__,
        **({"datePublished": newest[:10]} if newest else {}),
        "rai:dataCollection": _COLLECTION,
        "rai:dataBiases": _BIASES,
        "distribution": [
            *(
                {
                    "@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": name,
                    "contentSize": f"{(folder / name).stat().st_size} B", "sha256": sha256,
                    "encodingFormat": _FORMATS.get(Path(name).suffix, "text/plain"),
                }
                for name, sha256 in hashes.items()
            ),
            {
                "@type": "cr:FileSet", "@id": "clip-tables", "name": "clip-tables",
                "description": "The tables of clips.", "includes": "data/*.parquet",
                "encodingFormat": "application/x-parquet",
            },
        ],
        "recordSet": [
            _records("clips", "A clip each.", columns, {"fileSet": {"@id": "clip-tables"}}),
            _classes(published.names),
            _records(
                "manifest", "A segment each, also those that are not here.", manifest_columns,
                {"fileObject": {"@id": "manifest.parquet"}},
            ),
        ],
    }  # fmt: skip
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def _records(
    name: str, text: str, columns: Mapping[str, Any], source: Mapping[str, Any]
) -> dict[str, Any]:
    """A record set with a field for each column of a table."""
    fields = []
    for column, kind in columns.items():
        inner, depth = kind, 0
        while str(inner).startswith("list<"):
            inner, depth = inner.value_type, depth + 1
        if depth and str(inner).startswith("struct<"):
            continue  # the format's own reader cannot read a list of records
        field: dict[str, Any] = {
            "@type": "cr:Field", "@id": f"{name}/{column}", "name": column,
            "dataType": _TYPES.get(str(inner), "sc:Text"),
            "source": {**source, "extract": {"column": column}},
        }  # fmt: skip
        if column == "audio":
            field["dataType"] = "sc:AudioObject"
            field["source"]["transform"] = {"jsonPath": "bytes"}
        elif depth:
            field |= {"isArray": True, "arrayShape": ",".join(["-1"] * depth)}
        fields.append(field)
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": text,
            "key": {"@id": f"{name}/segment_id"}, "field": fields}  # fmt: skip


def _classes(names: Mapping[str, str]) -> dict[str, Any]:
    kinds = {"index": "sc:Integer", "mid": "sc:Text", "display_name": "sc:Text"}
    data = [(index, mid, name) for index, (mid, name) in enumerate(names.items())]
    return {
        "@type": "cr:RecordSet", "@id": "classes", "name": "classes", "dataType": "sc:Enumeration",
        "description": "AudioSet's classes: `label_indices` of the clips counts in them.",
        "key": {"@id": "classes/mid"},
        "field": [
            {"@type": "cr:Field", "@id": f"classes/{name}", "name": name, "dataType": kind}
            for name, kind in kinds.items()
        ],
        "data": [
            {f"classes/{name}": value for name, value in zip(kinds, line, strict=True)}
            for line in data
        ],
    }  # fmt: skip


# As the format's own: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{
        name: f"cr:{name}"
        for name in (
            "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract",
            "field", "fileProperty", "fileObject", "fileSet", "format", "includes", "isArray",
            "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
            "references", "regex", "repeated", "replace", "samplingRate", "separator", "source",
            "subField", "transform",
        )
    },
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "sc": "https://schema.org/",
}  # fmt: skip
