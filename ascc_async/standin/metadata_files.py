"""AudioSet's files and the ontology at their public addresses."""

from __future__ import annotations

from pathlib import Path

from ascc_async.standin.replies import Reply, html

_PLACES = ("/us_audioset/youtube_corpus/", "/audioset/ontology/")
_TYPES = {".csv": "text/csv", ".json": "text/plain; charset=utf-8", ".tsv": "text/plain"}


class MetadataFiles:
    """Serves the files of a folder, by their last name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reply(self, path: str) -> Reply:
        """The file, or 404 as the storage answers it."""
        name = path.rsplit("/", 1)[-1]
        place = self._folder / name
        if not path.startswith(_PLACES) or not name or name.startswith(".") or not place.is_file():
            return html("<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", 404)
        return Reply(place.read_bytes(), 200, _TYPES.get(place.suffix, "application/octet-stream"))
