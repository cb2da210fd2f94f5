"""Asks for the license by reading the watch page as a stream, no further than needed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ascc_async.errors import ServerFault, UnexpectedAnswer
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.network.client import REDIRECTS, HttpResponse
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.json_reading import inside, parse_json, string
from ascc_async.youtube.license_parser import LicenseReading, read_watch_answer
from ascc_async.youtube.messages import (
    Playability,
    playability_in,
    reason_in_playability,
    refusal_in,
    refusal_in_playability,
    wall_in,
)
from ascc_async.youtube.session import Call, Sessions

URL = "https://www.youtube.com/watch"
PAGE_BYTES = 6 << 20
_HEAD_BYTES = 64 << 10

_PLAYER = re.compile(rb"ytInitialPlayerResponse(?:[\"']\s*\])?\s*=\s*(?=\{)")
_DATA = re.compile(rb"ytInitialData(?:[\"']\s*\])?\s*=\s*(?=\{)")
_PRIMARY = b'"videoPrimaryInfoRenderer":'
_SECONDARY = b'"videoSecondaryInfoRenderer":'
_LOGGED_IN = re.compile(rb'"LOGGED_IN":\s*(true|false)')
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
        identity = identity or self._sessions.sticky.whom(video_id, RequestKind.PAGES)
        # Age-restricted pages come without a question, and everything in English.
        query = {"v": video_id, "bpctr": "9999999999", "has_verified": "1", "hl": "en"}
        call = Call(RequestKind.PAGES, "GET", URL, identity, params=query, new_video=True)

        async def attempt(again: bool) -> LicenseAnswer:
            # Read inside of the request: a refusal found on the page slows the identity.
            async with self._sessions.open(replace(call, new_video=not again)) as response:
                if response.status in REDIRECTS:
                    raise UnexpectedAnswer(f"{response.host} answers {response.status}")
                page = await self._read(response)
            reading = page.reading
            # A page that shows the video but not its license has changed: that does not tell.
            gone = reading.license is License.UNKNOWN and not reading.there
            reason = reason_in_playability(page.playability) if gone else None
            if reading.license is License.CREATIVE_COMMONS and reading.is_about(video_id):
                self._sessions.sticky.note(video_id, response.identity)
            detail = page.playability.words or "the page did not tell"
            return reading.answer(video_id, self.name, self._wall(), gone=reason, detail=detail)

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
        refusal = refusal_in_playability(page.playability)
        if refusal is None and not page.is_watch_page:
            head = reader.head()
            if not head.strip():
                raise ServerFault("www.youtube.com answers a watch page with nothing")
            # Only of other pages: on a watch page a title may quote any wall's words.
            refusal = wall_in(head) or refusal_in(text=head)
        if refusal is not None:
            raise refusal
        return page


@dataclass(frozen=True, slots=True)
class PageReading:
    """What a page says, if it is a watch page at all."""

    reading: LicenseReading
    playability: Playability
    is_watch_page: bool


class PageReader:
    """Feed it a page's bytes; it answers when nothing more of the page can change the answer."""

    def __init__(self) -> None:
        self._page = bytearray()
        self._searched = 0
        self._starts: dict[re.Pattern[bytes], int] = {}
        self._player: Mapping[str, Any] | None = None
        self._data: Mapping[str, Any] | None = None
        self._early: LicenseReading | None = None

    def feed(self, chunk: bytes) -> PageReading | None:
        """Take more of the page; the reading, once it is certain."""
        # A marker may lie across the border of two chunks.
        self._searched = max(0, len(self._page) - _LONGEST_MARKER)
        self._page += chunk
        if self._player is None:
            self._player = self._script(_PLAYER)
        if self._data is None:
            self._data = self._script(_DATA)
        if self._data is None and _DATA in self._starts and self._early is None:
            self._early = self._read_ahead()
        if self._player is not None:
            playability = self._playability()
            final = reason_in_playability(playability) in _FINAL
            if final or self._data is not None or refusal_in_playability(playability):
                return self.finish()
        # The license alone is certain as soon as the page has said which video it is about.
        license_read = self._data is not None or (self._player is not None and self._early)
        return self.finish() if license_read and self._video_id() else None

    def finish(self) -> PageReading:
        """What the page has said so far."""
        reading = self._early or LicenseReading(License.UNKNOWN, there=False)
        if self._data is not None:
            reading = read_watch_answer(self._data)
        details = inside(self._player, "videoDetails")
        microformat = inside(self._player, "microformat", "playerMicroformatRenderer")
        if reading.logged_out is None and (match := _LOGGED_IN.search(self._page)):
            reading.logged_out = match[1] == b"false"
        # What only the player's part of the page tells.
        reading.video_id = self._video_id()
        reading.title = reading.title or string(details.get("title"))
        reading.channel = reading.channel or string(details.get("author"))
        reading.channel_id = reading.channel_id or string(details.get("channelId"))
        reading.published = reading.published or string(microformat.get("publishDate"))
        return PageReading(reading, self._playability(), is_watch_page=bool(self._starts))

    def head(self) -> str:
        """The beginning of the page as text, for finding out what it is instead."""
        return self._page[:_HEAD_BYTES].decode("utf-8", "replace")

    def _script(self, marker: re.Pattern[bytes]) -> Mapping[str, Any] | None:
        """The object assigned in a script, once it is there in full."""
        if marker not in self._starts:
            match = marker.search(self._page, self._searched)
            if match is None:
                return None
            self._starts[marker] = match.end()
        start = self._starts[marker]
        if self._page.find(_SCRIPT_END, max(start, self._searched)) < 0:
            return None
        return self._object_at(start)

    def _read_ahead(self) -> LicenseReading | None:
        """The reading out of the two parts that matter, long before the data is complete."""
        parts = []
        for name in (_SECONDARY, _PRIMARY):
            at = self._page.find(name, self._starts[_DATA])
            part = self._object_at(at + len(name)) if at >= 0 else None
            if part is None:
                return None
            parts.append({name.decode().strip('":'): part})
        results = {"results": {"results": {"contents": parts}}}
        reading = read_watch_answer({"contents": {"twoColumnWatchNextResults": results}})
        return None if reading.license is License.UNKNOWN else reading

    def _object_at(self, start: int) -> Mapping[str, Any] | None:
        """The JSON object that begins there, or None when it is broken or not yet complete."""
        try:
            text = self._page[start:].decode("utf-8", "replace").lstrip()
            value = parse_json(text, rest_allowed=True)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def _playability(self) -> Playability:
        return playability_in(inside(self._player).get("playabilityStatus"))

    def _video_id(self) -> str:
        """The video that the page is about, as far as it has said so."""
        named = inside(self._player, "videoDetails").get("videoId")
        if isinstance(named, str):
            return named
        return read_watch_answer(self._data).video_id if self._data is not None else ""
