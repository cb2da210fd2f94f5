"""`/clips`: the clips, searched, a page at a time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

from ascc_async.dataset.eligibility import Credits, credits_of
from ascc_async.dataset.removals import read_removals
from ascc_async.dataset.text import one_line
from ascc_async.journal import browse
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import ClipRow
from ascc_async.media.encoding import encoding_of
from ascc_async.model import ClipFile, Segment
from ascc_async.web.labels import LABELS
from ascc_async.web.shown_folder import SHOWN

# What a clip may be: a file of another kind is not sent, whatever the journal says.
SOUND_TYPES = {
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
}
_ROWS = 50
_FIELDS = ("q", "class", "channel", "flag", "shortest", "longest")
_SEGMENT_ID = re.compile(r"[A-Za-z0-9_-]{11}_[0-9]{1,9}")
_LONGEST_FIELD, _MOST_WORDS, _MOST_CLASSES = 200, 20, 12


@dataclass(frozen=True, slots=True)
class ListedClip:
    """A clip in the list. `there`: its file is. `removed`: removals.txt names it, so nothing of it
    is shown.
    """

    clip: ClipRow
    credited: Credits
    segment: Segment | None
    flags: list[str]
    there: bool
    removed: bool


async def page(request: web.Request) -> web.Response:
    """The form, what it finds, and a player for the chosen row."""
    shown, query = request.app[SHOWN], request.query
    given = {name: one_line(query.get(name, ""))[:_LONGEST_FIELD].strip() for name in _FIELDS}
    sides = {side: query[side] for side in ("after", "before") if side in query}
    sides = {side: key for side, key in sides.items() if _SEGMENT_ID.fullmatch(key)}
    labels = await request.app[LABELS].labels()

    def look(reader: Reader) -> tuple[list[ListedClip], browse.Page]:
        search = browse.Search(
            browse.shown_encoding(reader, encoding_of(shown.settings.clips)),
            tuple(given["q"].split()[:_MOST_WORDS]),
            given["channel"],
            given["flag"] if given["flag"] in browse.FLAGS else "",
            _seconds(given["shortest"]),
            _seconds(given["longest"]),
        )
        keep = labels.having(given["class"]) if given["class"] else None
        found = browse.find(reader, search, _ROWS, keep, **sides)
        flags, removals = browse.flags_of(reader, found.clips), read_removals(shown.output)
        answers = reader.answers_of([clip.video_id for clip in found.clips])
        segments = labels.segments([clip.segment_id for clip in found.clips])
        rows = []
        for clip, segment in zip(found.clips, segments, strict=True):
            credited = credits_of(answers.get(clip.video_id), clip)
            there = clip.clip is not None and sound_of(shown.output, clip.clip) is not None
            removed = removals.cover(clip.segment_id, credited.channel_id, credited.channel)
            rows.append(ListedClip(clip, credited, segment, flags[clip.segment_id], there, removed))
        return rows, found

    rows, found = await shown.read(look)
    words = given["q"].casefold()
    alike = [mid for mid, name in labels.names.items() if words and words in name.casefold()]
    return shown.page(
        request,
        "clips.html",
        title="Clips",
        rows=rows,
        earlier=found.earlier and rows,
        later=found.later and rows,
        total=found.total,
        given=given,
        searched=any(given.values()),
        names=labels.names,
        alike=alike[:_MOST_CLASSES],
        flags=browse.FLAGS,
        address=partial(_address, given),
    )


def sound_of(output: Path, file: ClipFile) -> Path | None:
    """A clip's file where it is in `clips/` and may be sent; a journal may come from anybody."""
    path, clips = (output / file.path).resolve(), (output / "clips").resolve()
    sendable = path.suffix in SOUND_TYPES and path.is_relative_to(clips)
    return path if sendable and path.is_file() else None


def _address(given: dict[str, str], **changes: str) -> str:
    """This search with other values; "" takes one away. Without a side it is the first page."""
    wanted = {name: value for name, value in (given | changes).items() if value}
    return f"/clips?{urlencode(wanted)}" if wanted else "/clips"


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


ROUTES = [web.get("/clips", page)]
