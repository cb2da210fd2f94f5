"""What a clip says of itself: credit and labels as tags inside the file, written by ffmpeg."""

from __future__ import annotations

import os
from dataclasses import dataclass

# Vorbis comments and ID3 take any key; of others than these MP4 and WAV keep none.
_ANY_KEY = ("flac", "opus", "mp3")


@dataclass(frozen=True, slots=True)
class Tags:
    """Texts of one line. `license_link` is that of the license's words, `source` of the video."""

    title: str
    artist: str
    source: str
    license: str
    license_link: str
    labels: tuple[str, ...]


def tag_arguments(tags: Tags | None, extension: str) -> list[str]:
    """ffmpeg's arguments that write them, as the file of this extension can hold them."""
    if tags is None:
        return []
    values = {"title": tags.title, "artist": tags.artist, "genre": "; ".join(tags.labels)}
    if extension in _ANY_KEY:
        values |= {
            "source": tags.source, "license": tags.license, "license_link": tags.license_link,
        }  # fmt: skip
    else:
        values |= {"comment": tags.source, "copyright": f"{tags.license}, {tags.license_link}"}
    # ffmpeg reads UTF-8, whatever the locale is that Python hands arguments on in.
    texts = (f"{key}={os.fsdecode(value.encode())}" for key, value in values.items() if value)
    return [word for text in texts for word in ("-metadata", text)]
