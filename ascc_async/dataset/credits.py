"""What CC BY 3.0 asks for: title, author, source, license and a note of what was changed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.tables import write_table
from ascc_async.dataset.text import clean, counted, decimal, markdown, restored
from ascc_async.media.encoding import CLIP_FORMATS
from ascc_async.model import CREATIVE_COMMONS_DEED
from ascc_async.settings import ClipsSettings

ATTRIBUTION_COLUMNS = (
    "segment_id", "path", "title", "author", "channel_link", "source_link",
    "license", "license_link", "license_seen_at", "changes",
)  # fmt: skip
LICENSE_NAME = "Creative Commons Attribution 3.0 Unported (CC BY 3.0)"
_COPIED = "not re-encoded"  # in the note of a clip that version 0.1 made
_CREDITS_HEAD = f"""# Credits

The {{clips}} of this dataset were cut from videos that their authors published on YouTube under
the [{LICENSE_NAME}]({CREATIVE_COMMONS_DEED}) license. Each line names the title, links to
the video at the clip's start, and says what was changed and when the license was seen.
The authors do not endorse this dataset. The same as a table: `ATTRIBUTION.csv`.
"""


def write_credits(
    folder: Path, clips: Iterable[tuple[ManifestRow, str]], settings: ClipsSettings
) -> None:
    """`ATTRIBUTION.csv` and `CREDITS.md`, of each clip's row and note; channels by name."""
    # In memory: of two million segments only some thousand are clips.
    attribution, lines = [], []
    for row, note in clips:
        channel_link = f"https://www.youtube.com/channel/{row.channel_id}"
        # The video at the second where the clip starts
        start = int(float(row.start_seconds))
        source = f"https://www.youtube.com/watch?v={row.video_id}&t={start}s"
        changes = changes_of(row, note, settings)
        attribution.append(
            (row.segment_id, row.path, row.title, row.channel, channel_link, source,
             LICENSE_NAME, CREATIVE_COMMONS_DEED, row.license_checked_at, changes)
        )  # fmt: skip
        channel = restored(row.channel)
        line = (
            f"- [{markdown(restored(row.title))}]({source}): {markdown(changes)};"
            f" license seen {row.license_checked_at} (`{row.segment_id}`)\n"
        )
        order = (channel.casefold(), row.channel_id, row.segment_id)
        lines.append((order, f"\n## [{markdown(channel)}]({channel_link})\n\n", line))
    write_table(folder / "ATTRIBUTION.csv", ATTRIBUTION_COLUMNS, attribution)
    with (folder / "CREDITS.md").open("w", encoding="utf-8", newline="") as file:
        file.write(_CREDITS_HEAD.format(clips=counted(len(lines), "clip")))
        for _, channel_lines in groupby(sorted(lines), key=lambda item: item[0][1]):
            for number, (_, heading, line) in enumerate(channel_lines):
                file.write(line if number else heading + line)


def changes_of(row: ManifestRow, note: str, clips: ClipsSettings) -> str:
    """`cut to 30–40 s of the video, sound only, converted to FLAC`; `note` adds what was done
    besides.
    """
    # Where the video ends inside the segment the clip is shorter.
    end = min(float(row.end_seconds), float(row.start_seconds) + float(row.duration_seconds))
    parts = [f"cut to {row.start_seconds}–{decimal(end, 3)} s of the video"]
    if clips.media == "audio":
        parts.append("sound only")
    if clips.sample_rate is not None:
        parts.append(f"resampled to {clips.sample_rate} Hz")
    if clips.channels is not None:
        parts.append("mixed to mono" if clips.channels == 1 else "brought to two channels")
    if _COPIED not in note:
        name = "MP4" if clips.media == "video" else CLIP_FORMATS[clips.format].shown
        parts.append(f"converted to {name}")
    if note:
        parts.append(clean(note))
    return ", ".join(parts)
