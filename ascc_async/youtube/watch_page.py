"""Asks for the license by reading the watch page as a stream, no further than needed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from ascc_async.errors import ServerFault, UnexpectedAnswer
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.network.client import REDIRECTS, HttpResponse
from ascc_async.throttle.bucket import RequestKind
from ascc_async.youtube.json_reading import PLAYER_IN_PAGE, inside, parse_json, string
from ascc_async.youtube.license_parser import LicenseReading, read_watch_answer
from ascc_async.youtube.messages import Verdict, judge, playability_in, refusal_in_page
from ascc_async.youtube.session import Call, Sessions

URL = "https://www.youtube.com/watch"
PAGE_BYTES = 6 << 20
_HEAD_BYTES = 64 << 10

_DATA = re.compile(rb"ytInitialData(?:[\"']\s*\])?\s*=\s*(?=\{)")
# All that is read of the data, which has up to a megabyte.
_RENDERERS = ("videoPrimaryInfoRenderer", "videoSecondaryInfoRenderer")
_ENDPOINT = "currentVideoEndpoint"
_LOGGED_IN = re.compile(rb'"(LOGGED_IN|loggedOut)":\s*(true|false)')
_LONGEST_MARKER = 64
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

        async def attempt(again: bool) -> LicenseAnswer:
            # Read inside of the request: a refusal found on the page slows the identity.
            opening = self._sessions.open(replace(call, new_video=not again))
            async with opening as (response, _):
                if response.status in REDIRECTS:
                    raise UnexpectedAnswer(f"{response.host} answers {response.status}")
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

        return await self._sessions.with_retries(attempt, identity=identity)

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
    """What a page says, if it is a watch page at all."""

    reading: LicenseReading
    verdict: Verdict
    is_watch_page: bool


@dataclass(slots=True)
class _Part:
    """A JSON object in the page: what stands before it, and what it holds once it is all there."""

    marker: re.Pattern[bytes]
    start: int = -1
    value: Mapping[str, Any] | None = None
    next_try: int = 0  # at this length of the page


class PageReader:
    """Feed it a page's bytes; it answers when nothing more of the page can change the answer."""

    def __init__(self) -> None:
        self._page = bytearray()
        self._searched = 0
        self._player, self._data = _Part(PLAYER_IN_PAGE), _Part(_DATA)
        # Quotes are escaped inside JSON's strings: what looks like a name in quotes is one.
        self._parts = {
            name: _Part(re.compile(rb'"%b":\s*(?=\{)' % name.encode()))
            for name in (*_RENDERERS, _ENDPOINT)
        }
        self._data_ended = False

    def feed(self, chunk: bytes) -> PageReading | None:
        """Take more of the page; the reading, once it is certain."""
        # A marker may lie across the border of two chunks.
        self._searched = max(0, len(self._page) - _LONGEST_MARKER)
        self._page += chunk
        self._read_parts()
        player_read = self._player.value is not None
        if player_read:
            verdict = self._verdict()
            if verdict.reason in _FINAL or verdict.refusal or self._data_ended:
                return self.finish()
        elif not self._data_ended:
            return None
        # The license alone is certain as soon as the page has said which video it is about.
        reading = self._reading()
        certain = self._data_ended or reading.license is not License.UNKNOWN
        return self.finish() if certain and reading.video_id else None

    def finish(self) -> PageReading:
        """What the page has said so far."""
        self._read_parts(last_time=True)
        reading = self._reading()
        if match := _LOGGED_IN.search(self._page):
            reading.logged_out = (match[1] == b"loggedOut") is (match[2] == b"true")
        # What only the player's part of the page tells.
        details = inside(self._player.value, "videoDetails")
        microformat = inside(self._player.value, "microformat", "playerMicroformatRenderer")
        reading.title = reading.title or string(details.get("title"))
        reading.channel = reading.channel or string(details.get("author"))
        reading.channel_id = reading.channel_id or string(details.get("channelId"))
        reading.published = reading.published or string(microformat.get("publishDate"))
        is_watch_page = self._player.start >= 0 or self._data.start >= 0
        return PageReading(reading, self._verdict(), is_watch_page)

    def head(self) -> str:
        """The beginning of the page as text, for finding out what it is instead."""
        return self._page[:_HEAD_BYTES].decode("utf-8", "replace")

    def _read_parts(self, *, last_time: bool = False) -> None:
        self._read(self._player, 0, last_time)
        if self._has_begun(self._data, 0):
            start = self._data.start
            for part in self._parts.values():
                self._read(part, start, last_time)
            end = self._page.find(_SCRIPT_END, max(start, self._searched))
            self._data_ended = self._data_ended or end >= 0

    def _read(self, part: _Part, begin: int, last_time: bool) -> None:
        """Read the part once it is there in full; half of it, or a broken one, is not there."""
        if part.value is not None or not self._has_begun(part, begin):
            return
        if len(self._page) < part.next_try and not last_time:
            return
        try:
            text = self._page[part.start :].decode("utf-8", "replace")
            part.value = inside(parse_json(text, rest_allowed=True))
        except ValueError:
            # Not at every chunk: only when twice as much is there, since a step must be short.
            part.next_try = 2 * len(self._page) - part.start

    def _has_begun(self, part: _Part, begin: int) -> bool:
        if part.start < 0:
            match = part.marker.search(self._page, max(begin, self._searched))
            part.start = match.end() if match else -1
        return part.start >= 0

    def _reading(self) -> LicenseReading:
        """What both renderers say, once both are there or no more will come, and about whom."""
        parts = [self._parts[name] for name in _RENDERERS]
        renderers = [{name: self._parts[name].value} for name in _RENDERERS]
        if any(part.value is None and (part.start >= 0 or not self._data_ended) for part in parts):
            renderers = []  # the one that is not there in full may say something else
        results = {"results": {"results": {"contents": renderers}}}
        contents = {"contents": {"twoColumnWatchNextResults": results}}
        named = {_ENDPOINT: self._parts[_ENDPOINT].value}
        details = inside(self._player.value, "videoDetails")
        return read_watch_answer({**contents, **named, "videoDetails": details})

    def _verdict(self) -> Verdict:
        return judge(playability_in(inside(self._player.value).get("playabilityStatus")))
