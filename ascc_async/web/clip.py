"""`/clips/<segment_id>`: all that is known of a segment, its sound, and its picture."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from ascc_async.dataset.credits import Attribution, attribution_of
from ascc_async.dataset.eligibility import Decision, Terms, credits_of, decide
from ascc_async.dataset.evidence import record_id
from ascc_async.dataset.manifest import manifest_row
from ascc_async.dataset.reasons import REASON_FACTS
from ascc_async.dataset.removals import read_removals
from ascc_async.errors import Rejected
from ascc_async.exports.joined import strong_events, strong_files
from ascc_async.journal import browse
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import AnswerRow, ClipRow, Event
from ascc_async.media.encoding import encoding_of
from ascc_async.model import ClipFile, Evidence, Outcome, Segment
from ascc_async.settings import ClipsSettings
from ascc_async.web.clips import SOUND_TYPES, sound_of
from ascc_async.web.labels import LABELS, Labels
from ascc_async.web.pictures import HEIGHT, WIDTH, band_heights, draw
from ascc_async.web.shown_folder import SHOWN, ShownFolder
from ascc_async.youtube.license_parser import LicenseReading, read_again

_ADDRESS = "/clips/{segment_id:[A-Za-z0-9_-]{11}_[0-9]{1,9}}"
_HERTZ = (500, 1000, 2000, 4000, 8000)
_NOT_DRAWN = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"><text x="20" y="40" \
fill="gray" font-family="sans-serif">This clip does not decode: its file is damaged.</text></svg>
"""
_MARKS = dict(zip(_HERTZ, band_heights(_HERTZ), strict=True))


async def page(request: web.Request) -> web.Response:
    """Everything about it, and a player."""
    shown, segment_id = request.app[SHOWN], request.match_info["segment_id"]
    labels = await request.app[LABELS].labels()
    known = await shown.read(partial(_look, shown, segment_id, labels))
    if known is None:
        problem = (
            f"Nothing is known of {segment_id}: no run has asked about it yet, or it is not among"
            " the selected segments."
        )
        return shown.page(request, "problem.html", status=404, title=segment_id, problem=problem)
    return shown.page(request, "clip.html", names=labels.names, **known)


def _look(
    shown: ShownFolder, segment_id: str, labels: Labels, reader: Reader
) -> dict[str, Any] | None:
    """What the template shows; None where nothing is known."""
    video_id = segment_id[:11]
    (segment,) = labels.segments([segment_id])
    clips = [clip for clip in reader.clips_of(video_id) if clip.segment_id == segment_id]
    if segment is None and not clips:
        return None
    answer, removals = reader.answer(video_id), read_removals(shown.output)
    encoding = browse.shown_encoding(reader, encoding_of(shown.settings.clips))
    clip = browse.clip_of(reader, segment_id, encoding)
    terms = Terms(encoding, time.time(), shown.settings.license.recheck_after_days, removals)
    # Of a dataset that was finished long ago nothing is gone because its evidence grew old.
    ageless = replace(terms, recheck_after_days=math.inf)
    decision = decide(segment_id, answer, clip, ageless)
    credited = credits_of(answer, clip)
    common = {
        "segment_id": segment_id,
        "video_id": video_id,
        "start_seconds": int(segment_id[12:]) / 1000,
        "decision": decision,
        "title": segment_id,
    }
    if decision.removed:
        return common
    file = clip.clip if clip and clip.outcome is Outcome.CLIP else None
    evidence = reader.evidence_of(video_id)
    return common | {
        "title": credited.title or segment_id,
        "credited": credited,
        "segment": segment,
        "answer": answer,
        "outdated": answer is not None and terms.outdated(answer.checked_at),
        "clip": clip,
        "file": file,
        "there": file is not None and sound_of(shown.output, file) is not None,
        "flags": browse.flags_of(reader, [clip])[segment_id] if clip else [],
        "facts": REASON_FACTS.get(decision.reason) if decision.reason else None,
        "credit": _credit(segment_id, answer, clip, decision, shown.settings.clips),
        "evidence": evidence,
        "reading": _reading(evidence),
        "record": record_id(evidence) if evidence else "",
        "attempts": _attempts(reader.history(video_id), answer, clips),
        "strong": _strong(shown.output, file),
        "marks": _MARKS,
        "step": 1 if file is None else max(1, round(file.duration_seconds / 10)),
        "width": WIDTH,
        "height": HEIGHT,
    }


def _attempts(
    history: Sequence[Event], answer: AnswerRow | None, clips: Sequence[ClipRow]
) -> list[Event]:
    """What was said of it, the newest first: history keeps what newer words replaced."""
    events = list(history)
    if answer is not None:
        what = (answer.license, answer.reason or "", answer.source, answer.detail)
        events.append(Event(answer.checked_at, "license", *what))
    for clip in clips:
        source = clip.clip.source_format if clip.clip else ""
        events.append(Event(clip.at, "clip", clip.outcome, clip.reason or "", source, clip.detail))
    return sorted(events, key=lambda event: event.at, reverse=True)


def _credit(
    segment_id: str,
    answer: AnswerRow | None,
    clip: ClipRow | None,
    decision: Decision,
    settings: ClipsSettings,
) -> Attribution | None:
    """As the dataset gives it; None for what does not belong to it now."""
    if clip is None or clip.clip is None or decision.outcome != Outcome.CLIP:
        return None
    start_ms = int(segment_id[12:])
    end_ms = start_ms + round(1000 * clip.clip.duration_seconds)
    segment = Segment(clip.video_id, start_ms, end_ms, split="", labels=())
    row = manifest_row(segment, answer, clip, decision)
    media, form, *_ = clip.clip.encoding.split("/")
    made_with = settings.model_copy(
        update={"media": media} | ({"format": form} if media == "audio" else {})
    )
    return attribution_of(row, clip.clip.note, made_with)


def _reading(evidence: Evidence | None) -> LicenseReading | None:
    """What today's parser reads in it, as `verify` does."""
    try:
        return read_again(evidence.received) if evidence else None
    except (ValueError, RecursionError):
        return None  # damaged


def _strong(output: Path, file: ClipFile | None) -> list[tuple[str, list[tuple[float, float]]]]:
    """What is heard when in the clip, as shares of its length, by the sound's name."""
    if file is None:
        return []
    try:
        files = tuple((path, path.stat().st_mtime_ns) for path in strong_files(output))
        events = _strong_events(files).get(file.path, ())
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        return []  # damaged: the same `join` again writes it again
    heard: dict[str, list[tuple[float, float]]] = {}
    for event in events:
        onset, offset = (min(event[key] / file.duration_seconds, 1) for key in ("onset", "offset"))
        heard.setdefault(event["event_label"], []).append((onset, offset - onset))
    return sorted(heard.items(), key=lambda item: item[1][0])


@lru_cache(maxsize=1)
def _strong_events(files: tuple[tuple[Path, int], ...]) -> Mapping[str, list[dict[str, Any]]]:
    return strong_events(path for path, _ in files)


async def media(request: web.Request) -> web.StreamResponse:
    """The clip itself, or the part of it that a player asks for."""
    path, _ = await _file(request)
    name = request.match_info["segment_id"] + path.suffix
    headers = {
        hdrs.CONTENT_TYPE: SOUND_TYPES[path.suffix],
        hdrs.CONTENT_DISPOSITION: f'inline; filename="{name}"',
        # A clip may be made anew: a browser asks whether its copy still holds.
        hdrs.CACHE_CONTROL: "private, no-cache",
    }
    try:
        _ = request.http_range
    except ValueError:  # not one range: whoever asks for more than that is sent the whole file
        whole = await request.app[SHOWN].work(path.read_bytes)
        return web.Response(body=whole, headers=headers)
    return web.FileResponse(path, headers=headers)


async def picture(request: web.Request) -> web.Response:
    """Waveform and spectrogram."""
    path, sha256 = await _file(request)
    headers = {hdrs.ETAG: f'"{sha256}"', hdrs.CACHE_CONTROL: "private, no-cache"}
    if any(tag.value == sha256 for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    try:
        drawn = await request.app[SHOWN].draw(draw, path)
    except Rejected:
        return web.Response(text=_NOT_DRAWN, content_type="image/svg+xml")
    return web.Response(body=drawn, content_type="image/png", headers=headers)


async def _file(request: web.Request) -> tuple[Path, str]:
    """Where the clip is, and its hash. Raises HTTPNotFound."""
    shown, segment_id = request.app[SHOWN], request.match_info["segment_id"]

    def look(reader: Reader) -> tuple[Path | None, str]:
        encoding = browse.shown_encoding(reader, encoding_of(shown.settings.clips))
        clip = browse.clip_of(reader, segment_id, encoding)
        if clip is None or clip.clip is None or clip.outcome is not Outcome.CLIP:
            return None, ""
        credited = credits_of(reader.answer(clip.video_id), clip)
        removals = read_removals(shown.output)
        removed = removals.cover(segment_id, credited.channel_id, credited.channel)
        return (None if removed else sound_of(shown.output, clip.clip)), clip.clip.sha256

    path, sha256 = await shown.read(look)
    if path is None:
        raise web.HTTPNotFound(text=f"There is no clip of {segment_id}.")
    return path, sha256


ROUTES = [
    web.get(_ADDRESS, page),
    web.get(f"{_ADDRESS}/sound", media),
    web.get(f"{_ADDRESS}/picture.png", picture),
]
