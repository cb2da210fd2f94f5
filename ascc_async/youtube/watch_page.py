"""Asks for the license by reading the watch page as a stream, no further than needed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ascc_async.errors import ServerFault
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.network.client import HttpResponse
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.permit import Permit
from ascc_async.youtube.json_reading import PLAYER_IN_PAGE, inside, parse_json, string
from ascc_async.youtube.license_parser import LicenseReading, read_watch_answer
from ascc_async.youtube.messages import Verdict, judge, refusal_in_page
from ascc_async.youtube.session import Call, Sessions

URL = "https://www.youtube.com/watch"
PAGE_BYTES = 6 << 20
_HEAD_BYTES = 64 << 10

_DATA = re.compile(rb"ytInitialData(?:[\"']\s*\])?\s*=\s*(?=\{)")
# All that is read of the data, which has up to a megabyte. What looks like a name in quotes is one:
# inside of JSON's strings quotes are escaped.
_RENDERERS = {
    "videoPrimaryInfoRenderer": re.compile(rb'"videoPrimaryInfoRenderer":\s*(?=\{)'),
    "videoSecondaryInfoRenderer": re.compile(rb'"videoSecondaryInfoRenderer":\s*(?=\{)'),
}
_ENDPOINT = re.compile(rb'"currentVideoEndpoint":\s*(?=\{)')
_LOGGED_IN = re.compile(rb'"(LOGGED_IN|loggedOut)":\s*(true|false)')
# `<` is escaped inside YouTube's JSON, so this ends the script and nothing else.
_SCRIPT_END = b"</script"

# With these nothing more can follow. The others' pages may still show the license.
_FINAL = frozenset(
    {Reason.REMOVED, Reason.PRIVATE, Reason.ACCOUNT_TERMINATED, Reason.COPYRIGHT_CLAIM}
)


class WatchPageSource:
    """One page a video, left as soon as the answer is certain."""

    name = "watch_page"
    batch_size = 1
    kind = RequestKind.PAGES

    def __init__(self, sessions: Sessions, *, wall: Callable[[], float] = time.time) -> None:
        self._sessions, self._wall = sessions, wall

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """An answer for every id, in order. Raises Refused, NetworkFault, ServerFault."""
        return [await self._ask_one(video_id, identity) for video_id in video_ids]

    async def _ask_one(self, video_id: str, identity: str | None) -> LicenseAnswer:
        identity = identity or self._sessions.sticky.identity_for(video_id, RequestKind.PAGES)
        # Age-restricted pages come without a question, and everything in English.
        query = {"v": video_id, "bpctr": "9999999999", "has_verified": "1", "hl": "en"}
        call = Call(RequestKind.PAGES, "GET", URL, identity, params=query, new_video=True)

        async def read_answer(response: HttpResponse, _: Permit) -> LicenseAnswer:
            # Inside of the request: a refusal found on the page slows the identity.
            page = await self._read(response)
            reading = page.reading
            if reading.license is License.CREATIVE_COMMONS and reading.is_about(video_id):
                self._sessions.sticky.note(video_id, response.identity)
            verdict, now = page.verdict, self._wall()
            # A page that shows the video but not its license has changed: that does not tell.
            if reading.license is License.UNKNOWN and not reading.shows_video:
                return reading.answer_without_video(
                    video_id, self.name, now, verdict, response.identity
                )
            return reading.answer(
                video_id,
                self.name,
                now,
                response.identity,
                detail=verdict.words or "the page did not tell",
                address=f"{URL}?{urlencode(query)}",
            )

        return await self._sessions.ask_open(call, read_answer)

    async def _read(self, response: HttpResponse) -> PageReading:
        """The page, as far as it is needed. Raises Refused and ServerFault for what is none."""
        reader = PageReader()
        page = None
        async for chunk in response.chunks():
            page = reader.feed(chunk)
            if page is not None or response.received > PAGE_BYTES:
                break
        page = page or reader.finish()
        self._sessions.note_login(response.identity, page.reading.logged_out)
        refusal = page.verdict.refusal
        if refusal is None and not page.is_watch_page:
            head = reader.head()
            if not head.strip():
                raise ServerFault("www.youtube.com answers a watch page with nothing")
            refusal = refusal_in_page(head)
        if refusal is not None:
            raise refusal
        return page


@dataclass(frozen=True, slots=True)
class PageReading:
    """What a page says, if it is a watch page at all. `is_certain`: more of it changes nothing."""

    reading: LicenseReading
    verdict: Verdict
    is_watch_page: bool
    is_certain: bool


class PageReader:
    """Feed it a page's bytes; it answers when nothing more of the page can change the answer."""

    def __init__(self) -> None:
        self._page = bytearray()
        self._next_look = 0  # at this length of the page

    def feed(self, chunk: bytes) -> PageReading | None:
        """Take more of the page; the reading, once it is certain."""
        self._page += chunk
        if len(self._page) < self._next_look:
            return None
        # Each look begins anew: a quarter apart, all together take five times as long as the last.
        self._next_look = len(self._page) * 5 // 4
        page = self.finish()
        return page if page.is_certain else None

    def finish(self) -> PageReading:
        """What the page has said so far."""
        player, data = self._object(PLAYER_IN_PAGE), _DATA.search(self._page)
        start = data.end() if data else len(self._page)
        data_ended = data is not None and self._page.find(_SCRIPT_END, start) >= 0
        renderers = {name: self._object(marker, start) for name, marker in _RENDERERS.items()}
        if None in renderers.values() and not data_ended:
            renderers = {}  # the one that is not there yet may say something else
        results = {"results": {"results": {"contents": [renderers]}}}
        details = inside(player, "videoDetails")
        reading = read_watch_answer(
            {
                "contents": {"twoColumnWatchNextResults": results},
                "currentVideoEndpoint": self._object(_ENDPOINT, start),
                "videoDetails": details,
            }
        )
        if match := _LOGGED_IN.search(self._page):
            reading.logged_out = (match[1] == b"loggedOut") is (match[2] == b"true")
        # What only the player's part of the page tells.
        microformat = inside(player, "microformat", "playerMicroformatRenderer")
        reading.title = reading.title or string(details.get("title"))
        reading.channel = reading.channel or string(details.get("author"))
        reading.channel_id = reading.channel_id or string(details.get("channelId"))
        reading.published = reading.published or string(microformat.get("publishDate"))
        verdict = judge(inside(player).get("playabilityStatus"))
        # A license alone is certain as soon as the page has said which video it is about.
        has_player, named = player is not None, bool(reading.video_id)
        is_certain = (
            verdict.reason in _FINAL
            or verdict.refusal is not None
            or (data_ended and (has_player or named))
            or (reading.license is not License.UNKNOWN and has_player and named)
        )
        is_watch_page = data is not None or PLAYER_IN_PAGE.search(self._page) is not None
        return PageReading(reading, verdict, is_watch_page, is_certain)

    def head(self) -> str:
        """The beginning of the page as text, for finding out what it is instead."""
        return self._page[:_HEAD_BYTES].decode("utf-8", "replace")

    def _object(self, marker: re.Pattern[bytes], begin: int = 0) -> Mapping[str, Any] | None:
        """The object after a marker; None as long as it is not there in full, or when broken."""
        match = marker.search(self._page, begin)
        if match is None:
            return None
        try:
            text = self._page[match.end() :].decode("utf-8", "replace")
            return inside(parse_json(text, rest_allowed=True))
        except ValueError:
            return None
