"""`status`: where a run stands, also while one is going on; or all that is known of one video."""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ascc_async.audioset.video_lists import video_id_of
from ascc_async.dataset.manifest import COLUMNS, MANIFEST
from ascc_async.dataset.removals import read_removals
from ascc_async.dataset.text import counted
from ascc_async.errors import SettingsError
from ascc_async.files import size
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.progress.dashboard import Dashboard
from ascc_async.progress.formatting import duration, moment, safe
from ascc_async.progress.live_output import PlainConsole
from ascc_async.progress.picture import Picture
from ascc_async.progress.report import sums
from ascc_async.progress.status import read_status
from ascc_async.settings_loader import load

_LOOK_EVERY = 2.0  # seconds, with --watch


def main(options: argparse.Namespace) -> int:
    """Show it. Raises JournalError when there is no journal."""
    video = video_id_of(options.video_id or "")
    if options.video_id is not None and video is None:
        raise SettingsError(
            f"{options.video_id!r} is no video id: expected 11 letters, digits, - or _, such as"
            " M4gD1WSo5mA, or the address of the video's page"
        )
    output = load(options.config, options.options).output.dir
    as_json = options.json or options.log_format == "json"
    console = PlainConsole()
    if video is not None:
        with closing(Reader(output / JOURNAL_NAME)) as reader:
            if options.evidence:
                return _show_evidence(video, reader, output, console, as_json=as_json)
            return _show_video(video, reader, output, console, as_json=as_json)
    if options.evidence:
        raise SettingsError("--evidence is of one video: `status VIDEO_ID --evidence`")
    redraws = options.watch and console.is_terminal and not console.is_dumb_terminal
    picture = Picture(console) if redraws and not as_json else None
    show = picture.draw if picture is not None else console.show
    with suppress(KeyboardInterrupt), picture or nullcontext():  # how one leaves --watch
        while _show(output, show, as_json=as_json) and options.watch:
            time.sleep(_LOOK_EVERY)
    if picture is not None:
        console.show(*picture.parts)
    return 0


def _show(output: Path, show: Callable[..., None], *, as_json: bool) -> bool:
    """Where the run stands; whether one is going on."""
    status = read_status(output)
    if status.problem:
        raise status.problem
    if status.journal_error and not (as_json or status.running or status.counts):
        raise status.journal_error
    running, snapshot = status.running, status.snapshot
    if as_json:
        print(json.dumps(status.fields()), flush=True)
        return running is not None
    seen = "."
    if running is not None:
        seen = ". It has just begun: look again in a few seconds."
        if snapshot is not None:
            seen = f"; this is how it stood {duration(max(0.0, time.time() - snapshot.at))} ago:"
    parts: list[str | Dashboard] = [status.run + seen]
    if running is not None and snapshot is not None:
        parts.append(Dashboard(snapshot, headline=False))
    elif status.counts is None or status.written_at is None:
        parts.append(
            "\nNo dataset/manifest.csv yet: a run writes it every few minutes and at its end."
        )
    else:
        first, *others = sums(status.counts, output)
        first = f"The manifest, written at {moment(status.written_at)}, adds up to:\n{first}"
        parts += [f"\n{paragraph}" for paragraph in (first, *others)]
    show(*parts)
    return running is not None


def _show_video(
    video_id: str, reader: Reader, output: Path, console: PlainConsole, *, as_json: bool
) -> int:
    """All that the journal knows of a video, and its rows of the manifest; 1 when nothing is."""
    rows = _manifest_rows(video_id, output)
    answer, clips = reader.answer(video_id), reader.clips_of(video_id)
    history = reader.history(video_id)
    removed = video_id in read_removals(output).videos
    nothing = not (answer or history or clips or rows)
    if as_json:  # times are POSIX seconds
        fields = {
            "video_id": video_id,
            "removed": removed,
            "answer": answer,
            # Named so since version 0.1: programs read it.
            "clips": [asdict(clip) | {"form": clip.encoding} for clip in clips],
            "history": history,
            "manifest": rows,
        }
        # JSON knows no infinity, the level of digital silence in decibels: pydantic writes null.
        print(json.dumps(json.loads(TypeAdapter(Any).dump_json(fields))), flush=True)
        return int(nothing)
    if nothing:
        console.show(
            f"{video_id}: nothing is known. It was not asked about yet, or it is not among"
            " the selected segments (`python -m ascc_async plan` shows the selection)."
        )
        return 1
    lines = [f"{video_id}  https://www.youtube.com/watch?v={video_id}"]
    if removed:
        lines.append("removals.txt names it: no run or rebuild takes it into the dataset")
    lines += _answer_lines(answer) if answer else ["license     not asked yet"]
    for clip in clips:
        lines += _clip_lines(clip, output)
    for row in rows:
        reason = f", {safe(row['reason'])}" if row["reason"] else ""
        lines.append(f"manifest    {safe(row['segment_id'])}: {safe(row['outcome'])}{reason}")
    if history:
        lines.append("earlier")
    for event in history:
        what = _join(event.at, event.kind, event.what, event.reason, event.source)
        lines.append(_with_detail(what, event.detail))
    console.show(*lines)
    return 0


def _manifest_rows(video_id: str, output: Path) -> list[dict[str, str]]:
    manifest = output / MANIFEST
    if not manifest.is_file():
        return []
    # It may be damaged: then this shows what is left of it.
    with manifest.open(encoding="utf-8", errors="replace", newline="") as file:
        header = next(csv.reader(file), [])
        # Millions of rows: only those that begin right are parsed. No field holds a line break.
        own = (line for line in file if line.startswith(f"{video_id}_"))
        return [dict.fromkeys(COLUMNS, "") | row for row in csv.DictReader(own, header, restval="")]


def _show_evidence(
    video_id: str, reader: Reader, output: Path, console: PlainConsole, *, as_json: bool
) -> int:
    """What YouTube answered about its license, where and when; 1 when that was not kept."""
    # Of use here only, and as slow to import as all the rest.
    from ascc_async.dataset.evidence import EVIDENCE_FILE, record_id
    from ascc_async.youtube.license_parser import read_again

    evidence = reader.evidence_of(video_id)
    record = record_id(evidence) if evidence else ""
    if not any(row.get("evidence") == record for row in _manifest_rows(video_id, output)):
        record = ""  # removed, or newer than the manifest
    if as_json:
        fields = asdict(evidence) | {"record": record} if evidence else None
        console.show(json.dumps({"video_id": video_id, "evidence": fields}))
        return int(evidence is None)
    if evidence is None:
        console.show(
            f"{video_id}: no evidence. Either no answer said Creative Commons, or an older version"
            " of this program got it, which kept none: a run that asks again keeps it."
        )
        return 1
    reading = read_again(evidence.received)
    lines = [
        f"{video_id}  https://www.youtube.com/watch?v={video_id}",
        f"license     {reading.license}",
        f"words       {safe(reading.text)} {safe(reading.link)}".rstrip(),
        f"title       {safe(reading.title)}",
        f"channel     {safe(reading.channel)} {safe(reading.channel_id)}".rstrip(),
        f"seen        {moment(evidence.seen_at)} by {safe(evidence.source)}",
        f"record      {record or 'none'} in dataset/{EVIDENCE_FILE}",
        f"asked       {safe(evidence.address)}",
        *([f"with        {safe(evidence.sent)}"] if evidence.sent else []),
        f"answer      {safe(evidence.received)}",
    ]
    console.show(*lines)
    return 0


# Texts of others (titles, YouTube's words) are made safe: they may hold control characters that
# would move the cursor or change the terminal's title.


def _answer_lines(answer: AnswerRow) -> Iterator[str]:
    before = f", before that {answer.previous_license}" if answer.previous_license else ""
    yield f"license     {answer.license}{before}"
    if answer.reason:
        yield _with_detail(f"reason      {answer.reason}", answer.detail)
    if answer.text or answer.link:
        yield f"evidence    {safe(answer.text)} {safe(answer.link)}".rstrip()
    times = "once," if answer.asks == 1 else f"{answer.asks} times, last"
    yield f"asked       {times} at {moment(answer.checked_at)} by {safe(answer.source)}"
    if answer.title or answer.channel:
        yield f"title       {safe(answer.title)}"
        yield f"channel     {safe(answer.channel)} {safe(answer.channel_id)}".rstrip()


def _clip_lines(clip: ClipRow, output_dir: Path) -> Iterator[str]:
    what = _join(clip.at, clip.outcome, clip.reason or "", counted(clip.attempts, "attempt"))
    yield f"segment     {clip.segment_id} as {clip.encoding}"
    yield _with_detail(f"  {what}", clip.detail)
    file = clip.clip
    if file is None:
        return
    # Whether it is whole takes hashing: that is for `verify`.
    missing = not (output_dir / file.path).is_file()
    remedy = "  (the file is missing: run `python -m ascc_async verify --repair`)"
    yield f"  file      {file.path}{remedy if missing else ''}"
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
