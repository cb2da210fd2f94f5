"""Asks for the license by reading the watch page as a stream, no further than needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ascc_async.errors import ServerFault
from ascc_async.model import License, LicenseAnswer
from ascc_async.network.errors import UnexpectedAnswer
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.client import wall_in
from ascc_async.youtube.exchange import Stream
from ascc_async.youtube.license_sources import SourceSnapshot, Tally
from ascc_async.youtube.page_reader import PageReader, PageReading
from ascc_async.youtube.refusals import refusal_in, refusal_in_playability
from ascc_async.youtube.session import Sessions

URL = "https://www.youtube.com/watch"
PAGE_BYTES = 6 << 20


class WatchPageSource:
    """One page a video, left as soon as the answer is certain."""

    name = "watch_page"
    batch_size = 1
    kind = RequestKind.PAGES

    def __init__(
        self,
        sessions: Sessions,
        *,
        wall: Callable[[], float] = time.time,
        limit_bytes: int = PAGE_BYTES,
    ) -> None:
        self._sessions, self._wall, self._limit = sessions, wall, limit_bytes
        self._tally = Tally()

    def snapshot(self) -> SourceSnapshot:
        """What was asked and received (unpacked bytes) so far."""
        mine = self._tally
        return SourceSnapshot(self.name, mine.asked, mine.requests, mine.received)

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """An answer for every id, in order. Raises Refused, NetworkFault, ServerFault."""
        return [await self._ask_one(video_id, identity) for video_id in video_ids]

    async def _ask_one(self, video_id: str, identity: str | None) -> LicenseAnswer:
        self._tally.asked += 1
        identity = identity or self._sessions.sticky.whom(video_id, RequestKind.PAGES)

        async def attempt(again: bool) -> LicenseAnswer:
            return await self._read_page(video_id, identity, new_video=not again)

        return await self._sessions.persist(attempt, identity=identity)

    async def _read_page(
        self, video_id: str, identity: str | None, *, new_video: bool
    ) -> LicenseAnswer:
        query = {"v": video_id, "bpctr": "9999999999", "has_verified": "1", "hl": "en"}
        asked = self._sessions.stream(
            RequestKind.PAGES, "GET", URL, identity=identity, params=query, new_video=new_video
        )
        async with asked as stream:
            reader = PageReader(video_id)
            try:
                page = await self._read(stream, reader)
            except RecursionError:
                raise UnexpectedAnswer("www.youtube.com nests its JSON too deep") from None
            finally:
                self._tally.add(stream.received)
            self._sessions.saw_login(stream.identity, page.reading.logged_out)
            _raise_if_refused(page, reader)
        answer = self._answer(video_id, page)
        if answer.license is License.CREATIVE_COMMONS:
            self._sessions.sticky.note(video_id, stream.identity)
        return answer

    async def _read(self, stream: Stream, reader: PageReader) -> PageReading:
        async for chunk in stream.chunks():
            page = reader.feed(chunk)
            if page is not None:
                return page
            if stream.received > self._limit:
                break
        return reader.finish()

    def _answer(self, video_id: str, page: PageReading) -> LicenseAnswer:
        reading, license_, reason, detail = page.reading, page.reading.license, None, ""
        if reading.video_id not in ("", video_id):
            detail = f"the page was about {reading.video_id}"
            return LicenseAnswer(video_id, License.UNKNOWN, self.name, self._wall(), detail=detail)
        if license_ is License.UNKNOWN:
            detail = page.playability.words or "the page did not tell"
            # A page that shows the video but not its license has changed: that does not tell.
            if page.reason is not None and not reading.there:
                license_, reason = License.UNAVAILABLE, page.reason
        return LicenseAnswer(
            video_id=video_id,
            license=license_,
            source=self.name,
            checked_at=self._wall(),
            reason=reason,
            text=reading.text,
            link=reading.link,
            title=reading.title,
            channel=reading.channel,
            channel_id=reading.channel_id,
            published=reading.published,
            detail=detail,
        )


def _raise_if_refused(page: PageReading, reader: PageReader) -> None:
    refusal = refusal_in_playability(page.playability)
    if refusal is None and not page.markers:
        head = reader.head()
        refusal = wall_in(head) or refusal_in(text=head)
    if refusal is not None:
        raise refusal
    if not page.markers and not reader.head().strip():
        raise ServerFault("www.youtube.com answers a watch page with nothing")
