"""What CC BY 3.0 asks for: title, author, source, license and a note of what was changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.text import clean, counted, decimal, markdown, restored
from ascc_async.media.encoding import CLIP_FORMATS
from ascc_async.model import CREATIVE_COMMONS_DEED
from ascc_async.settings import ClipsSettings

LICENSE_NAME = "Creative Commons Attribution 3.0 Unported (CC BY 3.0)"
_COPIED = "not re-encoded"  # in the note of a clip that version 0.1 made
_CREDITS_HEAD = f"""# Credits

The {{clips}} of this dataset were cut from videos that their authors published on YouTube under
the [{LICENSE_NAME}]({CREATIVE_COMMONS_DEED}) license. Each line names the title, links to
the video at the clip's start, and says what was changed and when the license was seen.
The authors do not endorse this dataset. The same as a table: `ATTRIBUTION.csv`.
"""


class Attribution(NamedTuple):
    """A row of `ATTRIBUTION.csv`."""

    segment_id: str
    path: str
    title: str
    author: str
    channel_link: str
    source_link: str
    license: str
    license_link: str
    license_seen_at: str
    changes: str


def source_link(video_id: str, second: int) -> str:
    """The video at the second where the clip starts."""
    return f"https://www.youtube.com/watch?v={video_id}&t={second}s"


def attribution_of(row: ManifestRow, note: str, clips: ClipsSettings) -> Attribution:
    """Whom to name for a clip and what was done to it; `note` adds to that."""
    # Where the video ends inside the segment the clip is shorter.
    end = min(float(row.end_seconds), float(row.start_seconds) + float(row.duration_seconds))
    changes = [f"cut to {row.start_seconds}–{decimal(end, 3)} s of the video"]
    if clips.media == "audio":
        changes.append("sound only")
    if clips.sample_rate is not None:
        changes.append(f"resampled to {clips.sample_rate} Hz")
    if clips.channels is not None:
        changes.append("mixed to mono" if clips.channels == 1 else "brought to two channels")
    if _COPIED not in note:
        name = "MP4" if clips.media == "video" else CLIP_FORMATS[clips.format].shown
        changes.append(f"converted to {name}")
    if note:
        changes.append(clean(note))
    return Attribution(
        row.segment_id, row.path, row.title, row.channel,
        f"https://www.youtube.com/channel/{row.channel_id}",
        source_link(row.video_id, int(float(row.start_seconds))),
        LICENSE_NAME, CREATIVE_COMMONS_DEED, row.license_checked_at, ", ".join(changes),
    )  # fmt: skip


def write_credits(path: Path, rows: Sequence[Attribution]) -> None:
    """`CREDITS.md`: channels by name, their clips below."""

    def order(row: Attribution) -> tuple[str, str, str]:
        return restored(row.author).casefold(), row.channel_link, row.segment_id

    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(_CREDITS_HEAD.format(clips=counted(len(rows), "clip")))
        by_channel = groupby(sorted(rows, key=order), key=attrgetter("channel_link"))
        for channel_link, (first, *others) in by_channel:
            file.write(f"\n## [{markdown(restored(first.author))}]({channel_link})\n\n")
            for row in (first, *others):
                file.write(
                    f"- [{markdown(restored(row.title))}]({row.source_link}):"
                    f" {markdown(row.changes)}; license seen {row.license_seen_at}"
                    f" (`{row.segment_id}`)\n"
                )
