"""`status`: where a run stands, also while one is going on; or all that is known of one video."""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ascc_async.dataset.counts import summary
from ascc_async.dataset.publish import DATASET_FOLDER
from ascc_async.dataset.removals import read_removals
from ascc_async.errors import SettingsError
from ascc_async.journal.lock import holder
from ascc_async.journal.reader import Reader, open_reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.pipeline.snapshot import SNAPSHOT, snapshot_from
from ascc_async.progress.console import Out
from ascc_async.progress.known_video import KnownVideo, video_fields, video_lines
from ascc_async.progress.standing import Standing, headline, standing_fields, sums
from ascc_async.progress.terminal import Picture
from ascc_async.settings_loader import load

_MANIFEST = "manifest.csv"
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}(_[0-9]+)?")


def main(options: argparse.Namespace) -> int:
    """Show it. Raises JournalError when there is no journal."""
    output = load(options.config, options.options).output.dir
    reader = open_reader(output / JOURNAL_NAME)
    as_json = options.json or options.log_format == "json"
    try:
        if options.video_id is not None:
            return _video(reader, output, options.video_id, as_json)
        return _run(reader, output, as_json)
    finally:
        reader.close()


def _run(reader: Reader, output: Path, as_json: bool) -> int:
    standing, out = _standing(reader, output), Out()
    if as_json:
        out.tell(json.dumps(standing_fields(standing)))
        return 0
    out.tell(headline(standing))
    if standing.holder is not None and standing.picture is not None:
        out.show(Picture(standing.picture, headline=False))
        return 0
    out.tell("")
    for line in sums(standing):
        out.tell(line)
    return 0


def _standing(reader: Reader, output: Path) -> Standing:
    by = holder(output)
    picture = snapshot_from(reader.learned(SNAPSHOT).get(""))
    if by is not None and picture is not None and picture.at < _time(by.since):
        picture = None  # left by an earlier run
    manifest = output / DATASET_FOLDER / _MANIFEST
    there = manifest.is_file()
    counted = there and (by is None or picture is None)
    return Standing(
        output,
        time.time(),
        by,
        picture,
        summary(manifest) if counted else None,
        manifest.stat().st_mtime if there else None,
    )


def _time(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _video(reader: Reader, output: Path, asked: str, as_json: bool) -> int:
    if not _VIDEO_ID.fullmatch(asked):
        raise SettingsError(
            f"{asked!r} is no video id: expected 11 letters, digits, - or _, such as M4gD1WSo5mA"
        )
    video_id = asked[:11]
    known = KnownVideo(
        video_id,
        reader.answer(video_id),
        tuple(reader.history(video_id)),
        tuple(reader.clips_of(video_id)),
        tuple(_rows_of(output / DATASET_FOLDER / _MANIFEST, video_id)),
        video_id in read_removals(output).videos,
    )
    out = Out()
    lines = [json.dumps(video_fields(known))] if as_json else video_lines(known, output)
    for line in lines:
        out.tell(line)
    return 1 if known.nothing else 0


def _rows_of(manifest: Path, video_id: str) -> Iterator[dict[str, str]]:
    if not manifest.is_file():
        return
    with manifest.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file), [])
        # Millions of rows: only those that begin right are parsed. No field holds a line break.
        for line in file:
            if line.startswith(f"{video_id}_"):
                yield dict(zip(header, next(csv.reader([line])), strict=False))
