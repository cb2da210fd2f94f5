"""Small journals and selections for the tests of the dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ascc_async.audioset.selection import ChosenClass, Selection
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.eligibility import Terms
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.rebuild import Recipe
from ascc_async.dataset.removals import Removals, read_removals
from ascc_async.dataset.text import seconds
from ascc_async.dataset.write import RunFacts, write_dataset
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import ClipFile, Evidence, License, Outcome, Quality, Reason, Segment
from ascc_async.settings import ClipsSettings, Settings

ENCODING = "audio/flac/source/source"
NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
DAY = 86400.0
SPEECH, DOG, MAN = "/m/09x0r", "/m/0bt9lr", "/m/05zppz"
CLASSES = (
    ChosenClass(0, SPEECH, "Speech", 1.0),
    ChosenClass(1, MAN, "Male speech, man speaking", 0.9),
    ChosenClass(2, DOG, "Dog", None),
)
CHANNEL_ID = "UC" + "x" * 22


def answer(video_id: str, license: License = License.CREATIVE_COMMONS, **more: Any) -> AnswerRow:
    """An answer of an hour ago, with complete credits."""
    values: dict[str, Any] = {
        "source": "innertube",
        "checked_at": NOW - 3600,
        "text": "Creative Commons Attribution license (reuse allowed)",
        "title": f"Title of {video_id}",
        "channel": "A channel",
        "channel_id": CHANNEL_ID,
    }
    return AnswerRow(video_id=video_id, license=license, **(values | more))


def clip_file(segment_id: str, **more: Any) -> ClipFile:
    """A clip in place, as the journal knows it."""
    values: dict[str, Any] = {
        "path": f"clips/{segment_id[:2]}/{segment_id}.flac",
        "sha256": "ab" * 32,
        "bytes": 500_000,
        "frames": 441_000,
        "sample_rate": 44_100,
        "channels": 2,
        "encoding": ENCODING,
        "source_format": "140 mp4 mp4a.40.2",
        "fetched_at": NOW - 1800,
        "quality": Quality(-1.5, -20.25, 0.01, 0.0),
    }
    return ClipFile(segment_id=segment_id, **(values | more))


def clip(segment_id: str, outcome: Outcome = Outcome.CLIP, **more: Any) -> ClipRow:
    """A clip row; with a file when the outcome is `clip`."""
    file = clip_file(segment_id) if outcome is Outcome.CLIP else None
    values: dict[str, Any] = {"encoding": ENCODING, "at": NOW - 1800, "attempts": 1, "clip": file}
    return ClipRow(
        segment_id=segment_id, video_id=segment_id[:11], outcome=outcome, **(values | more)
    )


def segment(video_id: str, start_ms: int = 30_000, *labels: str, split: str = "eval") -> Segment:
    """Ten seconds."""
    return Segment(video_id, start_ms, start_ms + 10_000, split, labels or (SPEECH,))


@dataclass
class MemoryJournal:
    """What `journal.reader.Reader` gives, two rows a page."""

    answer_rows: Sequence[AnswerRow] = ()
    clip_rows: Sequence[ClipRow] = ()
    evidence_rows: Sequence[Evidence] = ()

    def answers(self) -> Iterator[list[AnswerRow]]:
        """Pages sorted by video id."""
        rows = sorted(self.answer_rows, key=lambda row: row.video_id)
        yield from (rows[at : at + 2] for at in range(0, len(rows), 2))

    def clips(self, encoding: str) -> Iterator[list[ClipRow]]:
        """Pages sorted by segment id."""
        rows = sorted(self.clip_rows, key=lambda row: row.segment_id)
        rows = [row for row in rows if row.encoding == encoding]
        yield from (rows[at : at + 2] for at in range(0, len(rows), 2))

    def evidence(self) -> Iterator[list[Evidence]]:
        """Pages sorted by video id."""
        rows = sorted(self.evidence_rows, key=lambda row: row.video_id)
        yield from (rows[at : at + 2] for at in range(0, len(rows), 2))


def evidence(video_id: str) -> Evidence:
    """What the Data API said of a Creative Commons video an hour ago."""
    said = {"items": [{"id": video_id, "status": {"license": "creativeCommon"}}]}
    address = f"https://www.googleapis.com/youtube/v3/videos?part=status&id={video_id}"
    return Evidence(video_id, "data_api", NOW - 3600, address, "", json.dumps(said))


def selection(segments: Sequence[Segment], classes: Sequence[ChosenClass] = CLASSES) -> Selection:
    """Some segments as a selection, without a limit per class."""
    rows = [
        ManifestRow(
            item.segment_id, item.video_id, seconds(item.start_ms), seconds(item.end_ms),
            item.split, ",".join(item.labels), *[""] * 18,
        )
        for item in segments
    ]  # fmt: skip
    return Recipe("", rows, tuple(classes), ClipsSettings()).selection()


@dataclass
class Sample:
    """A dataset in the making; `write` makes it."""

    folder: Path
    segments: list[Segment] = field(default_factory=list)
    journal: MemoryJournal = field(default_factory=lambda: MemoryJournal([], []))
    settings: Settings = field(default_factory=Settings)
    terms: Terms = field(default_factory=lambda: Terms(ENCODING, NOW, 30))
    classes: Sequence[ChosenClass] = CLASSES
    max_per_class: int | None = None

    def add(
        self,
        video_id: str,
        *labels: str,
        start_ms: int = 30_000,
        split: str = "eval",
        license: License | None = License.CREATIVE_COMMONS,
        outcome: Outcome | None = Outcome.CLIP,
        reason: Reason | None = None,
        file: dict[str, Any] | None = None,
        **credits_: Any,
    ) -> None:
        """A segment with what the journal knows of it; None for nothing."""
        added = segment(video_id, start_ms, *labels, split=split)
        self.segments.append(added)
        if license is not None:
            self.journal.answer_rows = [
                *self.journal.answer_rows, answer(video_id, license, **credits_)
            ]  # fmt: skip
        if outcome is not None and license is License.CREATIVE_COMMONS:
            row = clip(added.segment_id, outcome, reason=reason)
            if file:
                row = replace(row, clip=clip_file(added.segment_id, **file))
            self.journal.clip_rows = [*self.journal.clip_rows, row]

    def write(self, **terms: Any) -> Counts:
        """Write the dataset of these segments."""
        selected = selection(self.segments, self.classes)
        return write_dataset(
            self.folder,
            replace(selected, max_per_class=self.max_per_class),
            self.journal,
            replace(self.terms, **terms),
            RunFacts(self.settings, {"ascc_async": "0.1.0", "ffmpeg": "7.1"}),
        )

    def path(self, name: str) -> Path:
        """A file of the dataset."""
        return self.folder / "dataset" / name


def removals(text: str) -> Removals:
    """The removal list of some lines."""
    with TemporaryDirectory() as folder:
        Path(folder, "removals.txt").write_text(text, "utf-8")
        return read_removals(Path(folder))


def full(folder: Path) -> Sample:
    """One segment of each kind."""
    sample = Sample(folder)
    sample.add("-bcdefghijk", SPEECH, MAN, split="balanced_train")
    sample.add("_SUM-A1-ijk", DOG)
    sample.add("Standard111", license=License.STANDARD, text="")
    sample.add("Unknown1111", license=License.UNKNOWN, text="", title="", channel="")
    sample.add(
        "Private1111", license=License.UNAVAILABLE, text="", title="", channel="", channel_id="",
        split="balanced_train",
    )  # fmt: skip
    sample.journal.answer_rows = [
        replace(row, reason=Reason.PRIVATE, detail="This video is private")
        if row.license is License.UNAVAILABLE else row
        for row in sample.journal.answer_rows
    ]  # fmt: skip
    sample.add("NotAsked111", license=None)
    sample.add("Silent11111", outcome=Outcome.REJECTED, reason=Reason.SILENT)
    sample.add("Network1111", outcome=Outcome.PENDING, reason=Reason.NETWORK)
    sample.add("half_second", DOG, start_ms=30_500, file={"frames": 350_000, "sample_rate": 48_000})
    return sample
