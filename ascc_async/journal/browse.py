"""Looks through the clips of a journal, a page at a time, however many there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
# Where a clip has no title of its own it is shown with that of the license answer.
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
    """Some clips in the order of their segment ids, and whether there are others on either side."""

    clips: list[ClipRow]
    earlier: bool
    later: bool


def shown_encoding(reader: Reader, preferred: str) -> str:
    """The preferred encoding or, where no clip was made in it (as in a folder that was copied
    without its settings), that of the newest clip.
    """
    if reader.look_up(f"SELECT 1 FROM clips WHERE {_THERE} AND form = ? LIMIT 1", preferred):
        return preferred
    newest = reader.look_up(f"SELECT form FROM clips WHERE {_THERE} ORDER BY at DESC LIMIT 1")
    return str(newest[0][0]) if newest else preferred


def count(reader: Reader, search: Search, keep: Keep | None) -> int:
    """How many clips are found. `keep` says of segment ids, which come sorted, which count."""
    if keep is not None:
        return sum(map(len, _chunks(reader, search, keep, "", _CHUNK)))
    condition, values = _condition(search)
    return int(reader.look_up(f"SELECT count(*) FROM clips WHERE {condition}", *values)[0][0])


def find(
    reader: Reader,
    search: Search,
    size: int,
    keep: Keep | None,
    *,
    after: str = "",
    before: str = "",
) -> Page:
    """The first clips after a segment id, or the last ones before one."""
    chunks = _chunks(reader, search, keep, before or after, size + 1, backwards=bool(before))
    # One more than is shown tells whether others follow.
    found = list(islice((segment_id for chunk in chunks for segment_id in chunk), size + 1))
    more = len(found) > size
    clips = [
        _named(reader, clip)
        for segment_id in sorted(found[:size])
        for clip in reader.clips_of(segment_id[:11])
        if (clip.segment_id, clip.encoding) == (segment_id, search.encoding)
    ]
    return Page(clips, more, later=True) if before else Page(clips, bool(after), more)


def _chunks(
    reader: Reader,
    search: Search,
    keep: Keep | None,
    start: str,
    size: int,
    *,
    backwards: bool = False,
) -> Iterator[list[str]]:
    """The segment ids that are wanted from `start` on, until there are no more."""
    condition, values = _condition(search)
    side, order = ("<", "DESC") if backwards else (">", "ASC")
    sql = (
        f"SELECT segment_id FROM clips WHERE {condition} AND segment_id {side} ?"
        f" ORDER BY segment_id {order} LIMIT ?"
    )
    while True:
        ids = [segment_id for (segment_id,) in reader.look_up(sql, *values, start, size)]
        yield ids if keep is None else list(compress(ids, keep(ids)))
        if len(ids) < size:
            return
        start, size = ids[-1], _CHUNK


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


def _named(reader: Reader, clip: ClipRow) -> ClipRow:
    """With the title and channel that are searched."""
    answer = None if clip.title and clip.channel else reader.answer(clip.video_id)
    if answer is None:
        return clip
    return replace(clip, title=clip.title or answer.title, channel=clip.channel or answer.channel)


def _literal(text: str) -> str:
    """The text as a pattern that only it fits."""
    return re.sub(r"[%_\\]", r"\\\g<0>", text)
