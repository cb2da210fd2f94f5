"""What CC BY 3.0 asks for: title, author, source, license and a note of what was changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from ascc_async.dataset.files import Table
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.text import clean, counted, decimal, markdown, restored
from ascc_async.model import CREATIVE_COMMONS_DEED
from ascc_async.settings import ClipsSettings

ATTRIBUTION_COLUMNS = (
    "segment_id", "path", "title", "author", "channel_link", "source_link",
    "license", "license_link", "license_seen_at", "changes",
)  # fmt: skip
LICENSE_NAME = "Creative Commons Attribution 3.0 Unported (CC BY 3.0)"
COPIED = "not re-encoded"  # in a clip's note
_FORMAT_NAMES = {"flac": "FLAC", "wav": "WAV", "opus": "Opus", "m4a": "AAC (M4A)", "mp3": "MP3"}


def source_link(row: ManifestRow) -> str:
    """The video at the second where the clip starts."""
    return f"https://www.youtube.com/watch?v={row.video_id}&t={row.start_ms // 1000}s"


def channel_link(row: ManifestRow) -> str:
    """The channel's page."""
    return f"https://www.youtube.com/channel/{row.channel_id}"


@dataclass(frozen=True, slots=True)
class Changes:
    """Says what was done to the original."""

    clips: ClipsSettings

    def of(self, row: ManifestRow, note: str = "") -> str:
        """`cut to 30–40 s, sound only, converted to FLAC`; `note` adds what was done besides."""
        end = min(float(row.end_seconds), float(row.start_seconds) + float(row.duration_seconds))
        parts = [f"cut to {row.start_seconds}–{decimal(end, 3)} s of the video"]
        parts += self._conversion(copied=COPIED in note)
        return ", ".join([*parts, clean(note)] if note else parts)

    def _conversion(self, *, copied: bool) -> Iterator[str]:
        if self.clips.media == "audio":
            yield "sound only"
        if self.clips.sample_rate is not None:
            yield f"resampled to {self.clips.sample_rate} Hz"
        if self.clips.channels is not None:
            yield "mixed to mono" if self.clips.channels == 1 else "brought to two channels"
        if not copied:
            is_video = self.clips.media == "video"
            yield f"converted to {'MP4' if is_video else _FORMAT_NAMES[self.clips.format]}"


@dataclass(frozen=True, slots=True)
class Credit:
    """One clip's line in `CREDITS.md`."""

    channel_id: str
    channel: str
    segment_id: str
    title: str
    source: str
    seen: str
    changes: str


class Attribution:
    """Writes `ATTRIBUTION.csv` clip by clip and remembers what `CREDITS.md` needs."""

    def __init__(self, writer: Table, changes: Changes) -> None:
        self._writer = writer
        self._changes = changes
        self._credits: list[Credit] = []

    def add(self, row: ManifestRow, note: str = "") -> None:
        """One clip."""
        source, changes = source_link(row), self._changes.of(row, note)
        self._writer.writerow(
            (
                row.segment_id, row.path, row.title, row.channel, channel_link(row), source,
                LICENSE_NAME, CREATIVE_COMMONS_DEED, row.license_checked_at, changes,
            )
        )  # fmt: skip
        self._credits.append(
            Credit(
                row.channel_id, restored(row.channel), row.segment_id, restored(row.title),
                source, row.license_checked_at, changes,
            )
        )  # fmt: skip

    def write_credits(self, file: TextIO) -> None:
        """`CREDITS.md`, grouped by channel, channels by name."""
        file.write(_CREDITS_HEAD.format(clips=counted(len(self._credits), "clip")))
        channel_id = None
        for credit in sorted(self._credits, key=_by_channel):
            if credit.channel_id != channel_id:
                channel_id = credit.channel_id
                link = f"https://www.youtube.com/channel/{channel_id}"
                file.write(f"\n## [{markdown(credit.channel)}]({link})\n\n")
            file.write(
                f"- [{markdown(credit.title)}]({credit.source}): {markdown(credit.changes)};"
                f" license seen {credit.seen} (`{credit.segment_id}`)\n"
            )


def _by_channel(credit: Credit) -> tuple[str, str, str]:
    return credit.channel.casefold(), credit.channel_id, credit.segment_id


_CREDITS_HEAD = f"""# Credits

The {{clips}} of this dataset were cut from videos that their authors published on YouTube under
the [{LICENSE_NAME}]({CREATIVE_COMMONS_DEED}) license. Each line names the title, links to
the video at the clip's start, and says what was changed and when the license was seen.
The authors do not endorse this dataset. The same as a table: `ATTRIBUTION.csv`.
"""
