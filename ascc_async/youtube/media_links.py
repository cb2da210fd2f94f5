"""Media over our own connections: ranges of a link, as the identity that resolved it."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from ascc_async.errors import ItemError, LinkExpired, Refused, ServerFault
from ascc_async.media.ranges import RangeAnswer
from ascc_async.model import Reason, Resolved
from ascc_async.youtube.exchange import PIECE_BYTES, Piece
from ascc_async.youtube.session import Sessions

ANSWERS = frozenset({200, 206, 416})
GONE = frozenset({403, 404, 410})
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", re.ASCII)
_MOST_DIGITS = 18  # of a number that a server names: more is none, and costs much to read
# Fresh links of one video refused this often, while other videos were served in between each
# time: then it is the video.
_ROUNDS = 3


@dataclass(slots=True)
class _Forbidden:
    since: float
    rounds: int = 0


class MediaSources:
    """Makes the source of each video's bytes, and tells a dead link from a refused identity.

    A link that answers 403 may just be old: `LinkExpired`. When a fresh one (`again`) answers 403
    as well, YouTube refuses the identity (`Refused`, kind `media_forbidden`), unless others are
    served all the while: then this video cannot be had that way (`tool_failed`).
    """

    def __init__(self, sessions: Sessions, *, wall: Callable[[], float] = time.time) -> None:
        self._sessions, self._wall = sessions, wall
        self._served: defaultdict[str, float] = defaultdict(float)
        self._forbidden: dict[str, _Forbidden] = {}

    def source(self, resolved: Resolved, *, again: bool = False) -> MediaSource:
        """Where this video's bytes come from. `again`: its last link was `LinkExpired`."""
        return MediaSource(self, self._sessions, resolved, again=again)

    def now(self) -> float:
        """POSIX time."""
        return self._wall()

    def note_served(self, video_id: str, identity: str, began: float) -> None:
        """A request that began at `began` was answered with media."""
        self._served[identity] = max(self._served[identity], began)
        self._forbidden.pop(video_id, None)

    def raise_for_gone(self, video_id: str, identity: str, url: str, *, again: bool) -> None:
        """Raise what a 403, 404 or 410 of this link means."""
        now = self._wall()
        if not again or is_past_its_end(url, now):
            raise LinkExpired("the media link no longer works")
        known = self._forbidden.setdefault(video_id, _Forbidden(now))
        if self._served[identity] > known.since:
            known.since, known.rounds = now, known.rounds + 1
        if known.rounds >= _ROUNDS:
            del self._forbidden[video_id]
            words = "YouTube gives no media for this video's links, while others are served"
            raise ItemError(Reason.TOOL_FAILED, words)
        raise Refused("YouTube no longer gives out media (403)", kind="media_forbidden")


class MediaSource:
    """A `RangeSource`: one video's links, read as the identity that resolved them."""

    def __init__(
        self, sources: MediaSources, sessions: Sessions, resolved: Resolved, *, again: bool
    ) -> None:
        self._sources, self._sessions = sources, sessions
        self._video_id, self._identity = resolved.video_id, resolved.identity
        self._again = again

    async def read(
        self, url: str, headers: Mapping[str, str], first: int, last: int | None
    ) -> RangeAnswer:
        """Bytes `first` … `last` (inclusive; None: to the end) of a link.

        Requests without an answer are tried again here. Raises LinkExpired, Refused, NetworkFault
        (nothing came), ServerFault, ItemError (`tool_failed`).
        """
        piece = await self._sessions.persist(
            lambda _: self._read(url, headers, first, last), identity=self._identity
        )
        if piece.status not in ANSWERS:
            raise ServerFault(f"the media server answers {piece.status}")
        return range_answer(piece, first, last)

    async def _read(
        self, url: str, headers: Mapping[str, str], first: int, last: int | None
    ) -> Piece:
        began = self._sources.now()
        # A server that ignores the range begins at 0: then more than the piece is needed.
        limit = PIECE_BYTES if last is None else last + 1
        piece = await self._sessions.read_range(
            url,
            headers,
            first,
            last,
            identity=self._identity,
            limit_bytes=limit,
            judge=lambda answered: self._judge(answered, url),
        )
        if piece.status in ANSWERS:
            self._sources.note_served(self._video_id, self._identity, began)
        return piece

    def _judge(self, piece: Piece, url: str) -> None:
        """Called inside the gate's entry, so that a refusal raised here slows the identity."""
        if piece.status in GONE:
            self._sources.raise_for_gone(self._video_id, self._identity, url, again=self._again)


def range_answer(piece: Piece, first: int, last: int | None) -> RangeAnswer:
    """What came, with its place in the stream as the server said it."""
    start, total = place_in(piece.headers)
    if piece.status == 206:
        wanted = None if last is None else last - first + 1
        begins = first if start is None else start
        complete = piece.complete or len(piece.body) == wanted
        return RangeAnswer(206, begins, total, piece.body, complete)
    if piece.status == 416:
        return RangeAnswer(416, first, total, b"", True)
    told = piece.headers.get("Content-Length", "")
    # More than `last` is not read of a 200: what is wanted is there all the same.
    complete = piece.complete or (last is not None and len(piece.body) > last)
    return RangeAnswer(200, 0, _number(told), piece.body, complete)


def place_in(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """First byte and size of the stream in `Content-Range`; None for what it does not tell."""
    told = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if told is None:
        return None, None
    start, total = told.groups()
    return _number(start), _number(total)


def is_past_its_end(url: str, now: float) -> bool:
    """True when the link says itself (`expire=`, POSIX seconds) that it no longer works."""
    told = parse_qs(urlsplit(url).query).get("expire", [""])[0]
    expires = _number(told)
    return expires is not None and expires <= now


def _number(told: str | None) -> int | None:
    if not told or len(told) > _MOST_DIGITS or not (told.isascii() and told.isdigit()):
        return None
    return int(told)
