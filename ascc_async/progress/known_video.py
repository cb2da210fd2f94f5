"""All that is known of one video, for `status VIDEO_ID`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ascc_async.journal.records import AnswerRow, ClipRow, Event
from ascc_async.model import ClipFile
from ascc_async.progress.words import moment, safe, size


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


def video_lines(known: KnownVideo, output_dir: Path) -> Iterator[str]:
    """For people: evidence, history, attempts, file."""
    if known.nothing:
        yield (
            f"{known.video_id}: nothing is known. It was not asked about yet, or it is not among"
            " the selected segments (`plan` shows the selection)."
        )
        return
    yield f"{known.video_id}  https://www.youtube.com/watch?v={known.video_id}"
    if known.removed:
        yield "removals.txt names it: no run or rebuild takes it into the dataset"
    yield from _answer(known.answer)
    for clip in known.clips:
        yield from _clip(clip, output_dir)
    for row in known.rows:
        yield from _row(row)
    if known.history:
        yield "earlier"
        for event in known.history:
            yield _line(
                _when(event.at, event.kind, event.what, event.reason, event.source), event.detail
            )


def video_fields(known: KnownVideo) -> dict[str, Any]:
    """For programs. Times are POSIX seconds; a level of digital silence is null."""
    return {
        "video_id": known.video_id,
        "removed": known.removed,
        "answer": asdict(known.answer) if known.answer else None,
        "clips": [_finite(asdict(clip)) for clip in known.clips],
        "history": [asdict(event) for event in known.history],
        "manifest": [dict(row) for row in known.rows],
    }


def _answer(answer: AnswerRow | None) -> Iterator[str]:
    if answer is None:
        yield "license     not asked yet"
        return
    before = f", before that {answer.previous_license}" if answer.previous_license else ""
    yield f"license     {answer.license}{before}"
    if answer.reason:
        yield _line(f"reason      {answer.reason}", answer.detail)
    if answer.text or answer.link:
        yield f"evidence    {safe(answer.text)} {safe(answer.link)}".rstrip()
    times = "once" if answer.asks == 1 else f"{answer.asks} times"
    yield f"asked       {times}, last at {moment(answer.checked_at)} by {safe(answer.source)}"
    if answer.title or answer.channel:
        yield f"title       {safe(answer.title)}"
        yield f"channel     {safe(answer.channel)} {safe(answer.channel_id)}".rstrip()


def _clip(clip: ClipRow, output_dir: Path) -> Iterator[str]:
    tries = "1 attempt" if clip.attempts == 1 else f"{clip.attempts} attempts"
    told = _when(clip.at, clip.outcome, clip.reason or "", tries)
    yield f"segment     {clip.segment_id} as {clip.form}"
    yield _line(f"  {told}", clip.detail)
    if clip.clip is not None:
        yield from _file(clip.clip, output_dir)


def _file(file: ClipFile, output_dir: Path) -> Iterator[str]:
    gone = "" if (output_dir / file.path).is_file() else "  (the file is missing: run `verify`)"
    yield f"  file      {file.path}{gone}"
    yield (
        f"  sound     {file.duration_seconds:.3f} s, {file.sample_rate} Hz, {file.channels}"
        f" channels, {size(file.bytes)}, from {safe(file.source_format)}"
    )
    yield f"  sha256    {file.sha256}"
    if file.note:
        yield f"  note      {safe(file.note)}"


def _row(row: Mapping[str, str]) -> Iterator[str]:
    reason = f", {safe(row['reason'])}" if row["reason"] else ""
    yield f"manifest    {safe(row['segment_id'])}: {safe(row['outcome'])}{reason}"


def _when(at: float, *words: str) -> str:
    return f"{moment(at)}  " + ", ".join(safe(word) for word in words if word)


def _line(text: str, detail: str) -> str:
    return f"{text}: {safe(detail)}" if detail else text


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
