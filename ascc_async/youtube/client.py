"""Which client we say we are when asking YouTube's own API, and how that is kept fresh."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ascc_async.errors import Refused, ServerFault
from ascc_async.network.errors import UnexpectedAnswer
from ascc_async.youtube.exchange import Answer
from ascc_async.youtube.refusals import refusal_in

# Newest version known when this was written; a newer one in the installed yt-dlp is preferred.
WEB_VERSION = "2.20260708.00.00"
_IN_YTDLP = re.compile(r"'clientName': 'WEB',\s*'clientVersion': '([0-9.]+)'")


@dataclass(frozen=True)
class WebClient:
    """The WEB client: its headers, and the body of a request about one video."""

    version: str = WEB_VERSION
    headers: dict[str, str] = field(init=False)
    _before: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = {
            "Content-Type": "application/json",
            "Origin": "https://www.youtube.com",
            "X-YouTube-Client-Name": "1",
            "X-YouTube-Client-Version": self.version,
        }
        client = {
            "hl": "en",
            "gl": "US",
            "clientName": "WEB",
            "clientVersion": self.version,
            "utcOffsetMinutes": 0,
        }
        flags = {"context": {"client": client}, "contentCheckOk": True, "racyCheckOk": True}
        body = json.dumps(flags, separators=(",", ":"))[:-1] + ',"videoId":"'
        object.__setattr__(self, "headers", headers)
        object.__setattr__(self, "_before", body.encode())

    def body(self, video_id: str) -> bytes:
        """The request's body. Ids are of `[A-Za-z0-9_-]`: nothing to escape."""
        return b'%b%b"}' % (self._before, video_id.encode("ascii"))


def current_web_client() -> WebClient:
    """The WEB client in the newest version known here.

    yt-dlp is updated often, and its file is read as text: importing it takes a second.
    """
    versions = [WEB_VERSION, *_versions_in_ytdlp()]
    return WebClient(max(versions, key=lambda version: [int(n) for n in version.split(".")]))


def _versions_in_ytdlp() -> list[str]:
    found = importlib.util.find_spec("yt_dlp")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder, "extractor", "youtube", "_base.py")
        try:
            return _IN_YTDLP.findall(path.read_text("utf-8"))[:1]
        except OSError:
            continue
    return []


def json_object(answer: Answer, *, errors_too: bool = False) -> dict[str, Any]:
    """The JSON object in an answer. Raises Refused for a wall in its place, else ServerFault.

    An object that only reports an error is a ServerFault as well, unless `errors_too`.
    """
    try:
        value = _parsed(answer.body)
    except (ValueError, RecursionError):  # bad UTF-8 is one too; so deep is nobody's answer
        raise _not_json(answer) from None
    if not isinstance(value, dict):
        raise UnexpectedAnswer(f"{answer.url} answers JSON that is not an object")
    if "error" in value and not errors_too:
        raise ServerFault(f"{answer.url} answers an error with status {answer.status}")
    return value


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)  # a fifth of the time, two million times
    except orjson.JSONDecodeError:
        return without_halves(
            json.loads(body)
        )  # more forgiving: half of an emoji in a title, for one


def without_halves(value: Any) -> Any:
    """Parsed JSON with `?` for every half of a character: no file or database takes those.

    Raises ValueError, RecursionError.
    """
    return orjson.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _not_json(answer: Answer) -> Exception:
    if not answer.body.strip():
        return ServerFault(f"{answer.url} answers with nothing")
    text = answer.body[:65536].decode("utf-8", "replace")
    refusal = refusal_in(text=text) or wall_in(text)
    return refusal or ServerFault(f"{answer.url} answers something that is not JSON")


def wall_in(html: str) -> Refused | None:
    """The refusal when a page is a consent form or a login form instead of what was asked."""
    for address in ("https://consent.youtube.com/", "https://accounts.google.com/ServiceLogin"):
        if f'action="{address}' in html:
            return refusal_in(url=address)
    return None
