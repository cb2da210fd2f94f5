"""Records as rows of the journal's tables, and back.

A bit that flips on the disk inside a value is nothing that SQLite can see. A word that is in no
list then counts as not known, so that it is asked or fetched again: never as a "no".
"""

from __future__ import annotations

import json
import logging
import struct
import zlib
from dataclasses import fields
from operator import attrgetter
from typing import Any

from ascc_async.journal.records import AnswerRow, ClipRow, Minute, Permitted
from ascc_async.model import (
    ClipFile,
    Evidence,
    License,
    LicenseAnswer,
    Outcome,
    Quality,
    Reason,
)

log = logging.getLogger(__name__)

# Columns are named as the fields of the records that they keep.
ANSWER_COLUMNS = tuple(field.name for field in fields(LicenseAnswer) if field.compare)
_SEGMENT_FIELDS = (
    "segment_id", "video_id", "encoding", "outcome", "at", "reason", "detail", "title", "channel",
    "channel_id",
)  # fmt: skip
_FILE_COLUMNS = (
    "path", "sha256", "bytes", "frames", "sample_rate", "channels", "source_format", "fetched_at",
    "note",
)  # fmt: skip
_QUALITY_COLUMNS = tuple(field.name for field in fields(Quality))
# The column is called `form` since version 0.1, whose journals must stay readable.
_SEGMENT_COLUMNS = tuple(name.replace("encoding", "form") for name in _SEGMENT_FIELDS)
CLIP_COLUMNS = (*_SEGMENT_COLUMNS, *_FILE_COLUMNS, *_QUALITY_COLUMNS)
MINUTE_COLUMNS = ("at", "answers", "clips", "fetched_bytes", "requests", "refusals")
# What an `AnswerRow` has besides, and the journal does not keep.
READ_ANSWER_COLUMNS = (
    *ANSWER_COLUMNS, "'' AS asked_by", "1 AS shown", "NULL AS evidence", "asks", "previous_license",
)  # fmt: skip
READ_CLIP_COLUMNS = (*CLIP_COLUMNS, "attempts")

_license_of = {name.value: name for name in License}.get
_reason_of = {name.value: name for name in Reason}.get
_outcome_of = {name.value: name for name in Outcome}.get

# Of `minutes.limits`: rate (negative: resting), ceiling (0: none), refusals. Half floats have three
# digits.
_LIMIT = struct.Struct("<eeI")
_MOST_RATE = 65504.0  # that a half float holds

answer_values = attrgetter(*ANSWER_COLUMNS)
minute_values = attrgetter(*MINUTE_COLUMNS)
_segment_values = attrgetter(*_SEGMENT_FIELDS)
_file_values = attrgetter(*_FILE_COLUMNS)
_quality_values = attrgetter(*_QUALITY_COLUMNS)


def answer_row(row: tuple[Any, ...]) -> AnswerRow:
    """The answer in a row of `READ_ANSWER_COLUMNS`."""
    # By position: two million rows take a third of the time that names would.
    values = list(row)
    values[1] = _license_of(row[1], License.UNKNOWN)
    values[4] = _reason_of(row[4])
    values[-1] = _license_of(row[-1])
    return AnswerRow(*values)


def clip_values(record: ClipRow) -> tuple[object, ...]:
    """The values of `CLIP_COLUMNS`."""
    file: tuple[object, ...] = (None,) * (len(_FILE_COLUMNS) + len(_QUALITY_COLUMNS))
    if record.clip is not None:
        file = (*_file_values(record.clip), *_quality_values(record.clip.quality))
    return (*_segment_values(record), *file)


def clip_row(row: tuple[Any, ...]) -> ClipRow:
    """What became of a segment, by a row of `READ_CLIP_COLUMNS`."""
    values = dict(zip((*_SEGMENT_FIELDS, *_FILE_COLUMNS), row, strict=False))
    file = {name: values.pop(name) for name in _FILE_COLUMNS}
    values["outcome"] = _outcome_of(values["outcome"], Outcome.PENDING)
    values["reason"] = _reason_of(values["reason"])
    clip = None
    if file["path"] is not None:
        quality = Quality(*row[-1 - len(_QUALITY_COLUMNS) : -1])
        clip = ClipFile(values["segment_id"], encoding=values["encoding"], quality=quality, **file)
    return ClipRow(**values, attempts=row[-1], clip=clip)


def evidence_values(evidence: Evidence) -> tuple[object, ...]:
    """The values of all columns of `evidence`."""
    exchange = json.dumps([evidence.address, evidence.sent, evidence.received])
    return evidence.video_id, evidence.source, evidence.seen_at, zlib.compress(exchange.encode())


def evidence_row(row: tuple[Any, ...]) -> Evidence | None:
    """The evidence in a row; None where it is damaged."""
    video_id, source, seen_at, packed = row
    try:
        return Evidence(video_id, source, seen_at, *json.loads(zlib.decompress(packed)))
    except (zlib.error, ValueError, TypeError):
        log.warning(
            "the evidence of a license is damaged; going on without it", extra={"video": video_id}
        )
        return None


def packed_limits(minute: Minute) -> tuple[str, bytes]:
    """Whose limits a minute has, as it stands in `limits_of`, and the limits."""
    names = json.dumps([(each.identity, each.kind) for each in minute.identities])
    limits = (
        _LIMIT.pack(
            min(each.rate, _MOST_RATE) * (-1 if each.resting else 1),
            min(each.ceiling or 0.0, _MOST_RATE),
            each.refusals,
        )
        for each in minute.identities
    )
    return names, b"".join(limits)


def unpacked_limits(names: str, packed: bytes) -> tuple[Permitted, ...]:
    """The limits of a minute; none where they are damaged."""
    try:
        return tuple(
            Permitted(identity, kind, abs(rate), ceiling or None, rate < 0, refusals)
            for (identity, kind), (rate, ceiling, refusals) in zip(
                json.loads(names), _LIMIT.iter_unpack(packed), strict=True
            )
        )
    except (struct.error, ValueError, TypeError):
        log.warning("a minute of the history is damaged; going on without its rates")
        return ()
