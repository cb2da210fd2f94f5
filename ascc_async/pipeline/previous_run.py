"""What is different from the last run: its settings, and what that means for clips at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Forgotten, Learned
from ascc_async.media.cut import form_of
from ascc_async.model import Outcome, Reason
from ascc_async.settings import ClipsSettings, Settings

_SETTINGS, _SHORT = "settings", "short/"
# What the dataset is, not how fast or by which way it came.
_TOLD = ("audioset", "classes", "sampling", "license", "clips")
_UNTOLD = ("license.api_keys", "audioset.metadata_dir")
_NOTHING_THERE = "before the segment starts"  # too short under any setting
_MOST = 60  # characters of a value that are shown


def changes(reader: Reader, settings: Settings) -> tuple[str, ...]:
    """The settings of the dataset that are not as in the last run, `key: before → now`."""
    before = reader.learned(_SETTINGS).get("")
    return tuple(_differences(before, _public(settings))) if isinstance(before, dict) else ()


def to_remember(settings: Settings) -> Learned:
    """What `changes` compares with in the next run."""
    return Learned(_SETTINGS, _public(settings))


def _public(settings: Settings) -> dict[str, Any]:
    public = settings.public()
    return {
        f"{section}.{key}": value
        for section in _TOLD
        for key, value in public[section].items()
        if f"{section}.{key}" not in _UNTOLD
    }


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if old != new:
            yield f"{key}: {_shown(old)} → {_shown(new)}"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    text = ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"


def short_clips(reader: Reader, clips: ClipsSettings) -> list[Forgotten | Learned]:
    """What the journal must be told when `shorter_than_segment` is another than it was.

    The clips of videos that end inside their segment were then kept, padded or left out in the
    other way: these few are made anew. All others are the same under either.
    """
    form, wanted = form_of(clips), clips.shorter_than_segment
    before = reader.learned(_SHORT + form).get("")
    if before == wanted:
        return []
    told: list[Forgotten | Learned] = [Learned(_SHORT + form, wanted)]
    if before is not None:
        why = f"made with shorter_than_segment: {before}"
        told += [Forgotten(segment_id, form, why) for segment_id in _short(reader, form)]
    return told


def _short(reader: Reader, form: str) -> Iterator[str]:
    for page in reader.clips(form):
        for row in page:
            noted = row.clip is not None and _is_short(row.clip.note)
            left_out = row.outcome is Outcome.REJECTED and row.reason is Reason.TOO_SHORT
            left_out = left_out and _NOTHING_THERE not in row.detail
            if noted or left_out:
                yield row.segment_id


def _is_short(note: str) -> bool:
    return "before the segment" in note or "silence, added" in note
