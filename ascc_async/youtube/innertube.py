"""Asks YouTube's own `next` endpoint, masked to about 1 KB, for a video's license.

A video that is not there costs one more small request, to `player`, which tells why.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ascc_async.errors import Refused, RefusedAlone, ServerFault, UnexpectedAnswer
from ascc_async.model import License, LicenseAnswer
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.permit import Permit
from ascc_async.youtube.evidence import WATCH_PATHS
from ascc_async.youtube.json_reading import inside
from ascc_async.youtube.license_parser import LicenseReading, read_watch_answer
from ascc_async.youtube.messages import Verdict, judge
from ascc_async.youtube.session import Answer, Call, Sessions

log = logging.getLogger(__name__)

_API = "https://www.youtube.com/youtubei/v1/"
NEXT_PATHS = (*WATCH_PATHS, "responseContext.mainAppWebResponseContext.loggedOut")
PLAYER_PATHS = ("playabilityStatus", "videoDetails.videoId")
# Small parts that a server adds to every answer are no sign that it ignores the mask.
_ALWAYS_THERE = frozenset({"responseContext", "trackingParams"})

# Newest version known when this was written; a newer one in the installed yt-dlp is preferred.
WEB_VERSION = "2.20260708.00.00"
_VERSION_IN_YTDLP = re.compile(r"'clientName': 'WEB',\s*'clientVersion': '([0-9.]+)'")
_VIDEO_ID = "VIDEO-ID"

# So many videos in a row not shown, and the player refuses: then pages are refused, too, though
# they do not say so. One in six is gone, and those that are asked again come together.
_MANY_HIDDEN = 10
_PATIENCE = 10.0  # seconds that a license waits for a player that refuses: it may do so for a day

T = TypeVar("T")


class PlayerEndpoint:
    """Asks the player why a video is not there, for `playabilityStatus` alone."""

    def __init__(
        self, sessions: Sessions, client: WebClient, *, patience: float = math.inf
    ) -> None:
        """`patience`: see `RateLimiter.permit`."""
        kind, paths = RequestKind.PLAYER, PLAYER_PATHS
        self._endpoint = MaskedEndpoint(sessions, client, "player", kind, paths, patience)

    async def verdict(self, video_id: str, *, identity: str | None = None) -> tuple[Verdict, str]:
        """The player's verdict, and to whom.

        Raises Refused (the bot check too; RefusedAlone at the end of patience), NetworkFault,
        ServerFault.
        """

        def read(value: Mapping[str, Any], answer: Answer) -> tuple[Verdict, str]:
            verdict = judge(value.get("playabilityStatus"))
            # Before all else: a bot check in place of a reason says nothing about the video.
            if verdict.refusal is not None:
                raise verdict.refusal
            if inside(value, "videoDetails").get("videoId") not in (None, video_id):
                raise ServerFault("the player answers about another video")
            if not verdict.playable and verdict.reason is None:
                answer.permit.no_verdict()  # blocked identities are told such words, too
            return verdict, answer.identity

        _, result = await self._endpoint.ask(video_id, read, identity=identity)
        return result


class InnertubeSource:
    """One small request a video; one more, to the player, for a video that is not there."""

    name = "innertube"
    batch_size = 1
    kind = RequestKind.PAGES

    def __init__(self, sessions: Sessions, *, wall: Callable[[], float] = time.time) -> None:
        self._sessions, self._wall = sessions, wall
        self._client = current_web_client()
        self.next = MaskedEndpoint(sessions, self._client, "next", self.kind, NEXT_PATHS)
        # An identity that was shown nothing yet has no good news to its name.
        self._hidden = defaultdict[str, int](lambda: _MANY_HIDDEN - 1)
        self.player = PlayerEndpoint(sessions, self._client, patience=_PATIENCE)

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """An answer for every id, in order. Raises Refused, NetworkFault, ServerFault."""
        return [await self._ask_one(video_id, identity) for video_id in video_ids]

    async def _ask_one(self, video_id: str, identity: str | None) -> LicenseAnswer:
        url, (reading, permit) = await self.next.ask(
            video_id, self._read, identity=identity, new_video=True
        )
        asked_by = permit.identity
        if reading.license is License.STANDARD:
            # Only a container without a row shows that the mask cuts no evidence away.
            self.next.proven = True
        else:  # there will be further requests for this video
            self._sessions.sticky.note(video_id, asked_by)
        silent = reading.license is License.UNKNOWN and reading.is_about(video_id)
        if silent and not reading.shows_video:
            # No video at all: it may be gone, and only the player says why. Where it refuses this
            # identity, it may tell another.
            told = None if self._player_refuses(asked_by) else asked_by
            try:
                verdict, told = await self.player.verdict(video_id, identity=told)
            except RefusedAlone:
                verdict = Verdict("the player refuses to say why it is not there")
            # In a block `next` shows nothing: what it did not show then may be there, whatever the
            # player, which answers again, says of it.
            tells = verdict.playable or verdict.reason is not None
            if tells and self._sessions.limiter.was_refused(RequestKind.PLAYER, permit):
                return await self._ask_one(video_id, told)
            if not verdict.playable:
                return reading.answer_without_video(
                    video_id, self.name, self._wall(), verdict, told or asked_by
                )
        if silent and not self.next.proven:
            # Until the mask has let evidence through, its silence may be its own doing.
            for other in self.next.urls_after(url):
                result = await self.next.ask_once(other, video_id, self._read, identity=asked_by)
                if result is not None and result[0].license is not License.UNKNOWN:
                    self.next.go_over_to(other, "leaves out the license")
                    url, reading = other, result[0]
                    break
        answer = reading.answer(
            video_id,
            self.name,
            self._wall(),
            asked_by,
            detail="the answer did not tell",
            address=url,
            sent=self._client.body(video_id).decode() if reading.read_from else "",
        )
        if answer.license is License.UNKNOWN and self._player_refuses(asked_by):
            return replace(answer, shown=False)  # the watch page would be refused, too
        return answer

    def _player_refuses(self, identity: str) -> bool:
        return self._sessions.limiter.is_refused(RequestKind.PLAYER, identity)

    def _read(self, value: Mapping[str, Any], answer: Answer) -> tuple[LicenseReading, Permit]:
        identity, reading = answer.identity, read_watch_answer(value)
        self._sessions.note_login(identity, reading.logged_out)
        self._hidden[identity] = 0 if reading.shows_video else self._hidden[identity] + 1
        if not reading.shows_video:
            answer.permit.no_verdict()  # blocked identities are shown no video, too
            if self._hidden[identity] >= _MANY_HIDDEN and self._player_refuses(identity):
                message = "YouTube's pages show no video any more, and its player refuses"
                raise Refused(message, kind="other")
        return reading, answer.permit


# Masked requests to YouTube's own API


class WebClient:
    """The website's client: its headers, and the body of a request about one video."""

    def __init__(self, version: str = WEB_VERSION) -> None:
        self.version = version
        self.headers = {
            "Content-Type": "application/json",
            "Origin": "https://www.youtube.com",
            "X-YouTube-Client-Name": "1",
            "X-YouTube-Client-Version": version,
        }
        # English words, wherever the request comes from: the tables of words are fullest there.
        client = {
            "hl": "en",
            "gl": "US",
            "clientName": "WEB",
            "clientVersion": version,
            "utcOffsetMinutes": 0,
        }
        # The checks: content that wants a click first comes without one.
        request = {
            "context": {"client": client},
            "contentCheckOk": True,
            "racyCheckOk": True,
            "videoId": _VIDEO_ID,
        }
        self._body = json.dumps(request)

    def body(self, video_id: str) -> bytes:
        """The request's body."""
        # Written once: an id is made of `[A-Za-z0-9_-]` and needs no escaping, two million times.
        return self._body.replace(_VIDEO_ID, video_id).encode("ascii")


def current_web_client() -> WebClient:
    """The client in the newest version known here: ours, or that of the yt-dlp installed.

    yt-dlp is updated often. Its file is read as text, since importing it takes a second; where it
    no longer holds the version, ours is used.
    """
    versions = [WEB_VERSION]
    spec = importlib.util.find_spec("yt_dlp")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, "extractor", "youtube", "_base.py")
        if path.is_file():
            versions += _VERSION_IN_YTDLP.findall(path.read_text("utf-8"))[:1]
    return WebClient(max(versions, key=lambda version: [int(n) for n in version.split(".")]))


class MaskedEndpoint:
    """One endpoint of the API, asked for a few fields by a mask, as long as YouTube takes it.

    A mask can be spelled in two ways: NewPipe uses the first with YouTube, Google documents the
    second. One that YouTube refuses or ignores is given up, and the log says so once. `proven`: the
    one in use has let a license's evidence through.
    """

    def __init__(
        self,
        sessions: Sessions,
        client: WebClient,
        endpoint: str,
        kind: RequestKind,
        paths: Sequence[str],
        patience: float = math.inf,
    ) -> None:
        self._sessions, self._client = sessions, client
        self._endpoint, self._kind, self._patience = endpoint, kind, patience
        self._urls = endpoint_urls(endpoint, paths)
        self._expected = {path.partition(".")[0] for path in paths} | _ALWAYS_THERE
        self.url, self.proven = self._urls[0], False

    async def ask(
        self,
        video_id: str,
        read: Callable[[Mapping[str, Any], Answer], T],
        *,
        identity: str | None,
        new_video: bool = False,
    ) -> tuple[str, T]:
        """The address that was answered, and what `read(value, answer)` makes of its JSON.

        Raises Refused, NetworkFault, ServerFault, and what `read` raises.
        """
        first = self.url
        for url in (first, *self.urls_after(first)):
            # The pause between videos was kept at the first try.
            new = new_video and url is first
            result = await self.ask_once(url, video_id, read, identity=identity, new_video=new)
            if result is not None:
                # Only now: when none is answered, the mask is not to blame.
                self.go_over_to(url, "refused")
                return url, result
        raise UnexpectedAnswer(f"www.youtube.com answers 400 to every {self._endpoint} request")

    async def ask_once(
        self,
        url: str,
        video_id: str,
        read: Callable[[Mapping[str, Any], Answer], T],
        *,
        identity: str | None,
        new_video: bool = False,
    ) -> T | None:
        """What `read` makes of the answer; None when YouTube refuses the request (400)."""

        def read_answer(answer: Answer) -> T | None:
            if answer.status == 400:
                return None
            value = answer.json_object()
            # Fields that were not asked for: the answer came in full, 320 KB instead of one.
            if not self._expected.issuperset(value) and (others := self.urls_after(url)):
                self.go_over_to(others[0], "ignored")
            return read(value, answer)

        call = Call(
            self._kind,
            "POST",
            url,
            identity,
            data=self._client.body(video_id),
            headers=self._client.headers,
            new_video=new_video,
            patience=self._patience,
            video_id=video_id if self._kind is RequestKind.PLAYER else "",
            allow_status=(400,),
        )
        return await self._sessions.ask(call, read_answer)

    def urls_after(self, url: str) -> tuple[str, ...]:
        """What is left to try when this one does not work; the last one is without a mask."""
        return self._urls[self._urls.index(url) + 1 :]

    def go_over_to(self, url: str, why: str) -> None:
        """Use this one from now on; once, however many requests bring the same news."""
        if url not in self.urls_after(self.url):
            return
        self.url, self.proven = url, False
        log.warning(
            "YouTube gives no compact answers this way; trying another way"
            if self.urls_after(url)
            else "YouTube gives no compact answers; using full pages (slower)",
            extra={"endpoint": self._endpoint, "why": why},
        )


def endpoint_urls(endpoint: str, paths: Sequence[str]) -> tuple[str, str, str]:
    """The endpoint's address with a mask for these fields in both spellings, and without one."""
    url, mask = f"{_API}{endpoint}?prettyPrint=false", ",".join(paths)
    return f"{url}&$fields={mask}", f"{url}&fields={mask.replace('.', '/')}", url
