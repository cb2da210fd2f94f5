"""`run.json`: what the dataset was made with. No times: it changes only when one of these does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ascc_async.audioset.inputs import InputFile
from ascc_async.settings import Settings


@dataclass(frozen=True)
class RunFacts:
    """What the files say besides the journal.

    `versions` names what the clips are made with: `ascc_async`, `python`, `yt-dlp`, `ffmpeg`.
    `rebuilt_from` is the SHA-256 of the manifest that a rebuild went by, else "".
    """

    settings: Settings
    versions: Mapping[str, str]
    inputs: tuple[InputFile, ...] = ()
    rebuilt_from: str = ""


def run_record(facts: RunFacts) -> str:
    """The text of `run.json`."""
    record: dict[str, Any] = {
        "seed": facts.settings.sampling.seed,
        "settings": facts.settings.public(),
        "versions": dict(sorted(facts.versions.items())),
        "inputs": [_input(item) for item in facts.inputs],
    }
    if facts.rebuilt_from:
        record["rebuilt_from_manifest_sha256"] = facts.rebuilt_from
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def _input(item: InputFile) -> dict[str, Any]:
    return {
        "name": item.name,
        "sha256": item.sha256,
        "git_blob_sha1": item.git_blob_sha1,
        "bytes": item.bytes,
        "official": item.official,
    }
