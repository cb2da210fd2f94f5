"""YouTube's own API: which client we say we are, and answers masked to the few fields needed."""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from ascc_async.network.errors import UnexpectedAnswer
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.session import Answer, Call, Sessions

log = logging.getLogger(__name__)

_API = "https://www.youtube.com/youtubei/v1/"
# Small parts that a server adds to every answer are no sign that it ignores the mask.
_ALWAYS_THERE = frozenset({"responseContext", "trackingParams"})
# Newest version known when this was written; a newer one in the installed yt-dlp is preferred.
WEB_VERSION = "2.20260708.00.00"
_VIDEO_ID = "VIDEO-ID"
_IN_YTDLP = re.compile(r"'clientName': 'WEB',\s*'clientVersion': '([0-9.]+)'")

T = TypeVar("T")


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
            versions += _IN_YTDLP.findall(path.read_text("utf-8"))[:1]
    return WebClient(max(versions, key=lambda version: [int(n) for n in version.split(".")]))


class MaskSyntax(StrEnum):
    """How a field mask is written, in the order tried. NewPipe uses `$fields` in production."""

    DOTTED = "$fields"
    SLASHED = "fields"
    NONE = "none"


_FROM = {syntax: tuple(MaskSyntax)[index:] for index, syntax in enumerate(MaskSyntax)}


class MaskedEndpoint:
    """One endpoint of the API, asked for a few fields in whatever syntax it takes.

    A syntax is given up when YouTube refuses or ignores it, said once in the log; then the next one
    is used, and in the end none. `proven`: the syntax in use has let a license's evidence through.
    """

    def __init__(
        self, sessions: Sessions, client: WebClient, endpoint: str, paths: Sequence[str]
    ) -> None:
        self._sessions, self._client, self._endpoint = sessions, client, endpoint
        self._urls = {syntax: masked_url(endpoint, paths, syntax) for syntax in MaskSyntax}
        self._expected = {path.partition(".")[0] for path in paths} | _ALWAYS_THERE
        self.syntax, self.proven = MaskSyntax.DOTTED, False

    async def ask(
        self,
        video_id: str,
        read: Callable[[Mapping[str, Any], str], T],
        *,
        identity: str | None,
        new_video: bool = False,
    ) -> tuple[MaskSyntax, T]:
        """The syntax that brought an answer, and what `read(answer, identity)` makes of it.

        Raises Refused, NetworkFault, ServerFault, and what `read` raises.
        """
        first = self.syntax
        for syntax in _FROM[first]:
            result = await self.ask_with(
                syntax, video_id, read, identity=identity, new_video=new_video
            )
            if result is not None:
                # Only now: when no syntax works, the mask is not to blame.
                if syntax is not first:
                    self.give_up(first, syntax, why="refused")
                return syntax, result
            new_video = False
        raise UnexpectedAnswer(f"www.youtube.com answers 400 to every {self._endpoint} request")

    async def ask_with(
        self,
        syntax: MaskSyntax,
        video_id: str,
        read: Callable[[Mapping[str, Any], str], T],
        *,
        identity: str | None,
        new_video: bool = False,
    ) -> T | None:
        """What `read` makes of the answer to this syntax; None when YouTube refuses it (400)."""

        def read_answer(answer: Answer) -> T | None:
            if answer.status == 400:
                return None
            value = answer.json_object()
            # Fields that were not asked for: the answer came in full, 320 KB instead of one.
            if syntax is not MaskSyntax.NONE and not self._expected.issuperset(value):
                self.give_up(syntax, _FROM[syntax][1], why="ignored")
            return read(value, answer.identity)

        call = Call(
            RequestKind.PAGES,
            "POST",
            self._urls[syntax],
            identity,
            data=self._client.body(video_id),
            headers=self._client.headers,
            new_video=new_video,
            allow_status=(400,),
        )
        return await self._sessions.ask(call, read_answer)

    def others_than(self, syntax: MaskSyntax) -> tuple[MaskSyntax, ...]:
        """Those that are tried when this one fails."""
        return _FROM[syntax][1:]

    def give_up(self, syntax: MaskSyntax, following: MaskSyntax, *, why: str) -> None:
        """Go over to the following one; once, however many requests bring the same news."""
        if self.syntax is not syntax:
            return
        self.syntax, self.proven = following, False
        log.warning(
            "YouTube gives no compact answers; using full pages (slower)"
            if following is MaskSyntax.NONE
            else "YouTube gives no compact answers this way; trying another way",
            extra={"endpoint": self._endpoint, "way": syntax.value, "why": why},
        )


def masked_url(endpoint: str, paths: Sequence[str], syntax: MaskSyntax) -> str:
    """The endpoint's address with a mask in this syntax."""
    url, mask = f"{_API}{endpoint}?prettyPrint=false", ",".join(paths)
    if syntax is MaskSyntax.NONE:
        return url
    return f"{url}&{syntax.value}={mask if syntax is MaskSyntax.DOTTED else mask.replace('.', '/')}"
