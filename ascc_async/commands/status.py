"""`status`: where a run stands, also while one is going on; or all that is known of one video."""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ascc_async.dataset.counts import summary
from ascc_async.dataset.removals import read_removals
from ascc_async.dataset.write import DATASET_FOLDER
from ascc_async.errors import SettingsError
from ascc_async.journal.lock import holder
from ascc_async.journal.reader import Reader, open_reader
from ascc_async.journal.records import AnswerRow, ClipRow, Event
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.pipeline.snapshot import SNAPSHOT, snapshot_from
from ascc_async.progress.console import PlainConsole
from ascc_async.progress.dashboard import Dashboard
from ascc_async.progress.formatting import moment, safe, size
from ascc_async.progress.report import RunStatus, status_fields, status_headline, status_sums
from ascc_async.settings_loader import load

_MANIFEST = "manifest.csv"
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}(_[0-9]+)?")


def main(options: argparse.Namespace) -> int:
    """Show it. Raises JournalError when there is no journal."""
    output = load(options.config, options.options).output.dir
    as_json = options.json or options.log_format == "json"
    console = PlainConsole()
    with closing(open_reader(output / JOURNAL_NAME)) as reader:
        if options.video_id is not None:
            known = _known_video(reader, output, options.video_id)
            lines = [json.dumps(known.fields())] if as_json else known.lines(output)
            for line in lines:
                console.tell(line)
            return 1 if known.nothing else 0
        running = holder(output)
        snapshot = snapshot_from(reader.learned(SNAPSHOT).get(""))
    if running and snapshot and snapshot.at < datetime.fromisoformat(running.since).timestamp():
        snapshot = None  # left by an earlier run
    manifest = output / DATASET_FOLDER / _MANIFEST
    exists = manifest.is_file()
    # While a run goes on its snapshot says more, and counting millions of rows takes a while.
    counted = exists and (running is None or snapshot is None)
    counts = summary(manifest) if counted else None
    written_at = manifest.stat().st_mtime if exists else None
    status = RunStatus(output, time.time(), running, snapshot, counts, written_at)
    if as_json:
        console.tell(json.dumps(status_fields(status)))
        return 0
    console.tell(status_headline(status))
    if running is not None and snapshot is not None:
        console.show(Dashboard(snapshot, headline=False))
        return 0
    for paragraph in status_sums(status):
        console.tell(f"\n{paragraph}")
    return 0


@dataclass(frozen=True, slots=True)
class KnownVideo:
    """What the journal knows of a video, and its rows of the manifest. `removed`: the removal
    list names it.
    """

    video_id: str
    answer: AnswerRow | None
    history: tuple[Event, ...]
    clips: tuple[ClipRow, ...]
    rows: tuple[Mapping[str, str], ...]
    removed: bool

    @property
    def nothing(self) -> bool:
        """Whether nothing at all is known."""
        return not (self.answer or self.history or self.clips or self.rows)

    def fields(self) -> dict[str, Any]:
        """For programs. Times are POSIX seconds; a level of digital silence is null."""
        return {
            "video_id": self.video_id,
            "removed": self.removed,
            "answer": asdict(self.answer) if self.answer else None,
            # JSON knows no infinity, and that is the level of digital silence in decibels.
            "clips": [_finite(asdict(clip)) for clip in self.clips],
            "history": [asdict(event) for event in self.history],
            "manifest": [dict(row) for row in self.rows],
        }

    def lines(self, output_dir: Path) -> Iterator[str]:
        """For people: evidence, history, attempts, file."""
        if self.nothing:
            yield (
                f"{self.video_id}: nothing is known. It was not asked about yet, or it is not among"
                " the selected segments (`plan` shows the selection)."
            )
            return
        yield f"{self.video_id}  https://www.youtube.com/watch?v={self.video_id}"
        if self.removed:
            yield "removals.txt names it: no run or rebuild takes it into the dataset"
        if self.answer is None:
            yield "license     not asked yet"
        else:
            yield from _answer_lines(self.answer)
        for clip in self.clips:
            yield from _clip_lines(clip, output_dir)
        # Texts of others (titles, YouTube's words) are made safe: they may hold control characters
        # that would move the cursor or change the terminal's title.
        for row in self.rows:
            reason = f", {safe(row['reason'])}" if row["reason"] else ""
            yield f"manifest    {safe(row['segment_id'])}: {safe(row['outcome'])}{reason}"
        if self.history:
            yield "earlier"
        for event in self.history:
            what = _join(event.at, event.kind, event.what, event.reason, event.source)
            yield _with_detail(what, event.detail)


def _known_video(reader: Reader, output: Path, asked: str) -> KnownVideo:
    # A segment id will do as well: it is what manifest and file names show.
    if not _VIDEO_ID.fullmatch(asked):
        raise SettingsError(
            f"{asked!r} is no video id: expected 11 letters, digits, - or _, such as M4gD1WSo5mA"
        )
    video_id = asked[:11]
    rows: list[Mapping[str, str]] = []
    manifest = output / DATASET_FOLDER / _MANIFEST
    if manifest.is_file():
        with manifest.open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file), [])
            # Millions of rows: only those that begin right are parsed. No field holds a line break.
            rows = [
                dict(zip(header, next(csv.reader([line])), strict=False))
                for line in file
                if line.startswith(f"{video_id}_")
            ]
    return KnownVideo(
        video_id,
        reader.answer(video_id),
        tuple(reader.history(video_id)),
        tuple(reader.clips_of(video_id)),
        tuple(rows),
        video_id in read_removals(output).videos,
    )


def _answer_lines(answer: AnswerRow) -> Iterator[str]:
    before = f", before that {answer.previous_license}" if answer.previous_license else ""
    yield f"license     {answer.license}{before}"
    if answer.reason:
        yield _with_detail(f"reason      {answer.reason}", answer.detail)
    if answer.text or answer.link:
        yield f"evidence    {safe(answer.text)} {safe(answer.link)}".rstrip()
    times = "once" if answer.asks == 1 else f"{answer.asks} times"
    yield f"asked       {times}, last at {moment(answer.checked_at)} by {safe(answer.source)}"
    if answer.title or answer.channel:
        yield f"title       {safe(answer.title)}"
        yield f"channel     {safe(answer.channel)} {safe(answer.channel_id)}".rstrip()


def _clip_lines(clip: ClipRow, output_dir: Path) -> Iterator[str]:
    attempts = "1 attempt" if clip.attempts == 1 else f"{clip.attempts} attempts"
    what = _join(clip.at, clip.outcome, clip.reason or "", attempts)
    yield f"segment     {clip.segment_id} as {clip.encoding}"
    yield _with_detail(f"  {what}", clip.detail)
    file = clip.clip
    if file is None:
        return
    # Whether it is whole takes hashing: that is for `verify`.
    missing = "" if (output_dir / file.path).is_file() else "  (the file is missing: run `verify`)"
    yield f"  file      {file.path}{missing}"
    yield (
        f"  sound     {file.duration_seconds:.3f} s, {file.sample_rate} Hz, {file.channels}"
        f" channels, {size(file.bytes)}, from {safe(file.source_format)}"
    )
    yield f"  sha256    {file.sha256}"
    if file.note:
        yield f"  note      {safe(file.note)}"


def _join(at: float, *parts: str) -> str:
    return f"{moment(at)}  " + ", ".join(safe(part) for part in parts if part)


def _with_detail(text: str, detail: str) -> str:
    return f"{text}: {safe(detail)}" if detail else text


def _finite(value: Any) -> Any:
    """The same with null for every number that is not finite."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
