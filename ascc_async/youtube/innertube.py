"""Asks YouTube's own `next` endpoint, masked to about 1 KB, for a video's license."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ascc_async.model import License, LicenseAnswer
from ascc_async.network.errors import UnexpectedAnswer
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.client import WebClient, current_web_client, json_object
from ascc_async.youtube.exchange import Answer, Call
from ascc_async.youtube.license_parser import Reading, read_watch_answer
from ascc_async.youtube.license_sources import SourceSnapshot, Tally
from ascc_async.youtube.masks import FieldMask, Form
from ascc_async.youtube.playability import PlayabilityAsker
from ascc_async.youtube.session import Sessions

_RESULTS = "contents.twoColumnWatchNextResults.results.results.contents"
_OWNER = f"{_RESULTS}.videoSecondaryInfoRenderer.owner.videoOwnerRenderer"
PATHS = (
    f"{_RESULTS}.videoPrimaryInfoRenderer.title.runs.text",
    f"{_RESULTS}.videoPrimaryInfoRenderer.title.simpleText",
    f"{_RESULTS}.videoPrimaryInfoRenderer.dateText.simpleText",
    f"{_OWNER}.title.runs.text",
    f"{_OWNER}.attributedTitle.content",
    f"{_OWNER}.title.runs.navigationEndpoint.browseEndpoint.browseId",
    f"{_OWNER}.navigationEndpoint.browseEndpoint.browseId",
    # The whole container: a part of it that was renamed must be seen, not masked away.
    f"{_RESULTS}.videoSecondaryInfoRenderer.metadataRowContainer",
    "currentVideoEndpoint.watchEndpoint.videoId",
    "responseContext.mainAppWebResponseContext.loggedOut",
)


class InnertubeSource:
    """One small request a video; one more, to the player, for a video that is not there."""

    name = "innertube"
    batch_size = 1
    kind = RequestKind.PAGES

    def __init__(
        self,
        sessions: Sessions,
        *,
        client: WebClient | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._sessions, self._wall = sessions, wall
        self._client = client or current_web_client()
        self.mask = FieldMask("next", PATHS)
        self.asker = PlayabilityAsker(sessions, self._client)
        self._tally = Tally()

    def snapshot(self) -> SourceSnapshot:
        """What was asked and received so far, those of the player included."""
        mine, players = self._tally, self.asker.tally
        return SourceSnapshot(
            self.name,
            mine.asked,
            mine.requests + players.requests,
            mine.received + players.received,
            mask=self.mask.form.value,
        )

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """An answer for every id, in order. Raises Refused, NetworkFault, ServerFault."""
        return [await self._ask_one(video_id, identity) for video_id in video_ids]

    async def _ask_one(self, video_id: str, identity: str | None) -> LicenseAnswer:
        self._tally.asked += 1
        form, reading, by = await self._next(video_id, self.mask.forms_left(), identity)
        if reading.license is not License.STANDARD:  # the others are asked for again
            self._sessions.sticky.note(video_id, by)
        if reading.license is License.UNKNOWN and _is_about(reading, video_id):
            if not reading.there:
                gone = await self._why_not_there(video_id, by)
                if gone is not None:
                    return gone
            if not self.mask.proven and form is not Form.NONE:
                reading = await self._without_this_mask(video_id, form, reading, by)
        elif reading.license is License.STANDARD:
            # Only a container without a row shows that the mask cuts no evidence away.
            self.mask.proven = True
        return self._answer(video_id, reading)

    async def _next(
        self, video_id: str, forms: Sequence[Form], identity: str | None, new_video: bool = True
    ) -> tuple[Form, Reading, str]:
        """The reading, the mask's form that brought it, and the identity that asked."""
        for form in forms:
            told = await self._try(video_id, form, identity, new_video)
            if told is not None:
                if form is not forms[0]:
                    self.mask.use(form, instead_of=forms[0], why="refused")
                return form, *told
            new_video = False
        raise UnexpectedAnswer("www.youtube.com answers 400 to every next request")

    async def _try(
        self, video_id: str, form: Form, identity: str | None, new_video: bool
    ) -> tuple[Reading, str] | None:
        def read(answer: Answer) -> tuple[Reading, str] | None:
            self._tally.add(answer.received)
            if answer.status == 400:
                return None
            value = json_object(answer)
            self.mask.notice(form, value)
            reading = read_watch_answer(value)
            self._sessions.saw_login(answer.identity, reading.logged_out)
            return reading, answer.identity

        call = Call(
            RequestKind.PAGES,
            "POST",
            self.mask.url(form),
            identity,
            self._client.body(video_id),
            None,
            self._client.headers,
            new_video=new_video,
            allow_status=(400,),
        )
        return await self._sessions.ask(call, read)

    async def _why_not_there(self, video_id: str, identity: str) -> LicenseAnswer | None:
        """The answer for a video that is gone; None when the player says that it is there."""
        verdict = await self.asker.ask(video_id, identity=identity)
        if verdict.playable:
            return None
        license_ = License.UNKNOWN if verdict.reason is None else License.UNAVAILABLE
        return LicenseAnswer(
            video_id, license_, self.name, self._wall(), verdict.reason, detail=verdict.words
        )

    async def _without_this_mask(
        self, video_id: str, form: Form, reading: Reading, identity: str
    ) -> Reading:
        """Until a mask has let evidence through, its silence may be the mask's own doing."""
        for other in self.mask.forms_after(form):
            told = await self._try(video_id, other, identity, False)
            if told is not None and told[0].license is not License.UNKNOWN:
                self.mask.use(other, instead_of=form, why="cuts the evidence away")
                return told[0]
        return reading

    def _answer(self, video_id: str, reading: Reading) -> LicenseAnswer:
        if not _is_about(reading, video_id):
            detail = f"the answer was about {reading.video_id}"
            return LicenseAnswer(video_id, License.UNKNOWN, self.name, self._wall(), detail=detail)
        detail = "the answer did not tell" if reading.license is License.UNKNOWN else ""
        return LicenseAnswer(
            video_id=video_id,
            license=reading.license,
            source=self.name,
            checked_at=self._wall(),
            text=reading.text,
            link=reading.link,
            title=reading.title,
            channel=reading.channel,
            channel_id=reading.channel_id,
            published=reading.published,
            detail=detail,
        )


def _is_about(reading: Reading, video_id: str) -> bool:
    return reading.video_id in ("", video_id)
