"""Looks through the clips of a journal, a page at a time, however many there are."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from typing import NamedTuple

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import ClipRow
from ascc_async.model import CLIPPED_SHARE, MOSTLY_SILENT_SHARE, QUIET_RMS_DBFS

# As in `quality.csv`. The note is what a clip is given whose sound ends inside the segment.
FLAGS = {
    "short": "note LIKE '%before the segment%'",
    "quiet": f"rms_dbfs < {QUIET_RMS_DBFS}",
    "mostly_silent": f"silence_share > {MOSTLY_SILENT_SHARE}",
    "clipped": f"clipping_share > {CLIPPED_SHARE}",
}
_CHUNK = 5000  # ids
_THERE = "outcome = 'clip' AND path IS NOT NULL"
# A clip without a title or channel of its own has that of the license answer.
_NAMES_OF_ANSWER = "(SELECT title || ' ' || channel FROM answers WHERE video_id = clips.video_id)"
_SAYS = (
    " OR ".join(rf"{text} LIKE ? ESCAPE '\'" for text in ("title", "channel", "segment_id"))
    + rf" OR (title = '' OR channel = '') AND {_NAMES_OF_ANSWER} LIKE ? ESCAPE '\'"
)

Keep = Callable[[Sequence[str]], Sequence[bool]]


@dataclass(frozen=True, slots=True)
class Search:
    """Which clips of an encoding: all of `words` in title, channel or id; how many seconds long."""

    encoding: str
    words: tuple[str, ...] = ()
    channel_id: str = ""
    flag: str = ""
    shortest: float | None = None
    longest: float | None = None


class Page(NamedTuple):
    """Some clips in the order of their segment ids, whether there are others on either side, and
    how many are found in all.
    """

    clips: list[ClipRow]
    earlier: bool
    later: bool
    total: int


def shown_encoding(reader: Reader, preferred: str) -> str:
    """The preferred encoding or, where no clip was made in it (as in a folder that was copied
    without its settings), that of the newest clip.
    """
    if reader.look_up(f"SELECT 1 FROM clips WHERE {_THERE} AND form = ? LIMIT 1", preferred):
        return preferred
    newest = reader.look_up(f"SELECT form FROM clips WHERE {_THERE} ORDER BY at DESC LIMIT 1")
    return str(newest[0][0]) if newest else preferred


def find(
    reader: Reader,
    search: Search,
    size: int,
    keep: Keep | None,
    *,
    after: str = "",
    before: str = "",
) -> Page:
    """The first clips after a segment id, or the last ones before one.

    `keep` says of segment ids, some thousand at a time and sorted, which of them count.
    """
    condition, values = _condition(search)
    # One more than is shown tells whether others follow.
    if keep is None:
        (total,) = reader.look_up(f"SELECT count(*) FROM clips WHERE {condition}", *values)[0]
        side, order = ("<", "DESC") if before else (">", "ASC")
        sql = f"{condition} AND segment_id {side} ? ORDER BY segment_id {order} LIMIT ?"
        ids = _ids(reader, sql, *values, before or after, size + 1) if total else []
    else:
        total, near = 0, deque[str](maxlen=size + 1 if before else None)
        for kept in _kept(reader, condition, values, keep):
            total += len(kept)
            if before:
                near.extendleft(each for each in kept if each < before)
            elif len(near) <= size:
                near.extend(each for each in kept if each > after)
        ids = list(islice(near, size + 1))
    more = len(ids) > size
    rows = (clip_of(reader, segment_id, search.encoding) for segment_id in sorted(ids[:size]))
    clips = [clip for clip in rows if clip]
    return Page(clips, more, True, total) if before else Page(clips, bool(after), more, total)


def clip_of(reader: Reader, segment_id: str, encoding: str) -> ClipRow | None:
    """What became of a segment in this encoding."""
    wanted = segment_id, encoding
    clips = reader.clips_of(segment_id[:11])
    return next((clip for clip in clips if (clip.segment_id, clip.encoding) == wanted), None)


def flags_of(reader: Reader, clips: Sequence[ClipRow]) -> dict[str, list[str]]:
    """The flags of clips of one encoding, by segment id."""
    ids = json.dumps([clip.segment_id for clip in clips])
    rows = reader.look_up(
        f"SELECT segment_id, {', '.join(FLAGS.values())} FROM clips"
        " WHERE segment_id IN (SELECT value FROM json_each(?)) AND form = ?",
        ids,
        clips[0].encoding if clips else "",
    )
    return {segment_id: list(compress(FLAGS, flags)) for segment_id, *flags in rows}


def _kept(
    reader: Reader, condition: str, values: Sequence[object], keep: Keep
) -> Iterator[list[str]]:
    last = ""
    sql = f"{condition} AND segment_id > ? ORDER BY segment_id LIMIT ?"
    while ids := _ids(reader, sql, *values, last, _CHUNK):
        yield list(compress(ids, keep(ids)))
        last = ids[-1]


def _ids(reader: Reader, condition: str, *values: object) -> list[str]:
    rows = reader.look_up(f"SELECT segment_id FROM clips WHERE {condition}", *values)
    return [segment_id for (segment_id,) in rows]


def _condition(search: Search) -> tuple[str, list[object]]:
    conditions = [_THERE, "form = ?"]
    values: list[object] = [search.encoding]
    for word in search.words:
        # SQLite knows capitals and small letters of ASCII only.
        spellings = {word} if word.isascii() else {word, word.lower(), word.upper(), word.title()}
        conditions.append(f"({' OR '.join([_SAYS] * len(spellings))})")
        values += [f"%{_literal(spelling)}%" for spelling in spellings for _ in range(4)]
    for condition, value in (
        ("channel_id = ?", search.channel_id or None),
        ("frames >= ? * sample_rate", search.shortest),
        ("frames <= ? * sample_rate", search.longest),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if search.flag:
        conditions.append(FLAGS[search.flag])
    return " AND ".join(conditions), values


def _literal(text: str) -> str:
    """The text as a pattern that only it fits."""
    return re.sub(r"[%_\\]", r"\\\g<0>", text)
