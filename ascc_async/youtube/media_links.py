"""Media over our own connections: ranges of a link, as the identity that resolved it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from ascc_async.errors import ItemError, LinkExpired, Refused, UnexpectedAnswer
from ascc_async.media.ranges import RangeAnswer
from ascc_async.model import Reason, Resolved
from ascc_async.network.client import HttpResponse, content_range, whole_number
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.permit import Permit
from ascc_async.youtube.messages import REFUSAL_TEXTS
from ascc_async.youtube.session import Call, Sessions

_GONE = frozenset({403, 404, 410})
# 429 is a refusal and 5xx a fault wherever they come from; the rest is judged here.
_JUDGED_HERE = frozenset(range(400, 500)) - {429}
# Fresh links of one video refused this often, while other videos were served in between each
# time: then it is the video.
_ROUNDS = 3


@dataclass(slots=True)
class _ForbiddenVideo:
    """A video whose fresh links are refused: since when, and how often others were served since."""

    since: float
    rounds: int = 0


class MediaLinks:
    """Makes the source of each video's bytes, and tells a dead link from a refused identity.

    A link that answers 403 may just be old: `LinkExpired`. When a fresh one (`again`) answers 403
    as well, YouTube refuses the identity (`Refused`, kind `media_forbidden`), unless others are
    served all the while: then this video cannot be had that way (`tool_failed`).
    """

    def __init__(self, sessions: Sessions, *, wall: Callable[[], float] = time.time) -> None:
        self.sessions, self.wall = sessions, wall
        self._served: defaultdict[str, float] = defaultdict(float)
        self._forbidden: dict[str, _ForbiddenVideo] = {}

    def source(self, resolved: Resolved, *, again: bool = False) -> MediaLink:
        """Where this video's bytes come from. `again`: its last link was `LinkExpired`."""
        return MediaLink(self, resolved, again=again)

    def note_served(self, video_id: str, identity: str, began: float) -> None:
        """Media began to come at `began`."""
        self._served[identity] = max(self._served[identity], began)
        self._forbidden.pop(video_id, None)

    def raise_for_gone(self, video_id: str, identity: str, url: str, *, again: bool) -> None:
        """Raise what a 403, 404 or 410 of this link means."""
        now = self.wall()
        if not again or is_past_its_end(url, now):
            raise LinkExpired("the media link no longer works")
        video = self._forbidden.setdefault(video_id, _ForbiddenVideo(now))
        if self._served[identity] > video.since:
            video.since, video.rounds = now, video.rounds + 1
        if video.rounds >= _ROUNDS:
            del self._forbidden[video_id]
            words = "YouTube gives no media for this video's links, while others are served"
            raise ItemError(Reason.TOOL_FAILED, words)
        raise Refused(REFUSAL_TEXTS["media_forbidden"], kind="media_forbidden")


class MediaLink:
    """A `RangeSource`: one video's links, read as the identity that resolved them."""

    def __init__(self, sources: MediaLinks, resolved: Resolved, *, again: bool) -> None:
        self._sources, self._again = sources, again
        self._video_id, self._identity = resolved.video_id, resolved.identity

    async def read(
        self, url: str, headers: Mapping[str, str], first: int, last: int
    ) -> RangeAnswer:
        """Bytes `first` … `last` (inclusive) of a link.

        Requests without an answer are tried again here. Raises LinkExpired, Refused, NetworkFault
        (nothing came), ServerFault, ItemError (`tool_failed`).
        """
        sources, identity = self._sources, self._identity
        wanted = {
            **headers,
            "Range": f"bytes={first}-{last}",
            # Ranges count the bytes that are sent: they must be those of the file.
            "Accept-Encoding": "identity",
        }
        call = Call(
            RequestKind.MEDIA, "GET", url, identity, headers=wanted, allow_status=_JUDGED_HERE
        )

        async def read_answer(response: HttpResponse, _: Permit) -> RangeAnswer:
            # Inside of the request: a refusal raised here slows the identity.
            if response.status in _GONE:
                sources.raise_for_gone(self._video_id, identity, url, again=self._again)
            if response.status not in (200, 206, 416):
                raise UnexpectedAnswer(f"the media server answers {response.status}")
            # A server that ignores the range begins at 0: then more than the piece is needed.
            began = sources.wall()
            body, complete = await response.read_what_comes(last + 1)
            sources.note_served(self._video_id, identity, began)
            return range_answer(response.status, response.headers, body, complete, first, last)

        return await sources.sessions.ask_open(call, read_answer)


def range_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    complete: bool,
    first: int,
    last: int,
) -> RangeAnswer:
    """What came, with its place in the stream as the server said it.

    `complete` false: the connection was cut, or more was sent than was read.
    """
    start, total = content_range(headers)
    if status == 416:
        return RangeAnswer(416, first, total, b"", True)
    if status == 206:
        all_there = len(body) == last - first + 1
        return RangeAnswer(
            206, first if start is None else start, total, body, complete or all_there
        )
    # More than `last` is not read of a 200: what is wanted is there all the same.
    all_there = len(body) > last
    size = whole_number(headers.get("Content-Length"))
    return RangeAnswer(200, 0, size, body, complete or all_there)


def is_past_its_end(url: str, now: float) -> bool:
    """True when the link says itself (`expire=`, POSIX seconds) that it no longer works."""
    expires = whole_number(parse_qs(urlsplit(url).query).get("expire", [""])[0])
    return expires is not None and expires <= now
