"""A request, read: which endpoint, of which videos, by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from aiohttp import web

_LOGIN_COOKIES = ("SAPISID", "__Secure-3PAPISID", "__Secure-1PAPISID")
_KINDS = {
    "next": "pages", "player": "pages", "watch": "pages", "config": "pages", "media": "media",
    "data_api": "data_api", "metadata": "metadata",
}  # fmt: skip


class Incoming(NamedTuple):
    """One request. `identity` is the account where signed in, else the proxy listener."""

    endpoint: str
    listener: str
    identity: str
    videos: tuple[str, ...] = ()
    host: str = ""
    path: str = ""
    url: str = ""
    query: Mapping[str, str] = {}
    range: str = ""
    client: str = ""
    mask: str = ""
    signed_in: bool = False
    session_died: bool = False

    @property
    def kind(self) -> str:
        """The kind of request that limits and counters know the endpoint by."""
        return _KINDS.get(self.endpoint, "other")


async def read_request(request: web.BaseRequest, listener: str, *, dead_sessions: bool) -> Incoming:
    """Read it. `dead_sessions`: login cookies no longer sign in."""
    host = request.headers.get("Host", "").lower()
    endpoint = _endpoint(host, request.path)
    # Parsing cookies is not free, and most requests have none.
    cookies: Mapping[str, str] = request.cookies if "Cookie" in request.headers else {}
    logins = [cookies[name] for name in _LOGIN_COOKIES if cookies.get(name)]
    # YouTube, and yt-dlp after it, take cookies for a session only with both kinds.
    session = "LOGIN_INFO" in cookies and bool(logins)
    signed_in = session and not dead_sessions
    account = blake2b(logins[0].encode(), digest_size=3).hexdigest() if signed_in else ""
    query: Mapping[str, str] = request.query
    body = await request.read() if request.method == "POST" else b""
    videos, client = [""], ""
    if body:
        try:
            sent: Any = json.loads(body)
            client = str(sent["context"]["client"].get("clientName", ""))
            videos = [str(sent.get("videoId", ""))]
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # not an innertube request: answered as one without a video
    elif endpoint == "watch":
        videos, client = [query.get("v", "")], "WEB"
    elif endpoint == "media":
        videos = [query.get("id", "").removeprefix("o-A")]
    elif endpoint == "data_api":
        videos = query.get("id", "").split(",")
    return Incoming(
        endpoint,
        listener,
        f"account-{account}" if account else listener,
        tuple(filter(None, videos)),
        host=host,
        path=request.path,
        url=str(request.url),
        query=query,
        range=request.headers.get("Range", ""),
        client=client,
        # Of the Data API's own `fields` its answer takes care.
        mask=(query.get("$fields") or query.get("fields") or "") if body else "",
        signed_in=signed_in,
        session_died=session and dead_sessions,
    )


def _endpoint(host: str, path: str) -> str:
    """The endpoint at this address; "other" for what belongs to no kind."""
    if path == "/youtubei/v1/next":
        return "next"
    if path == "/youtubei/v1/player":
        return "player"
    if host.endswith(".googlevideo.com"):
        return "media" if path == "/videoplayback" else "other"
    if host == "www.googleapis.com":
        return "data_api" if path == "/youtube/v3/videos" else "other"
    if host in ("storage.googleapis.com", "raw.githubusercontent.com"):
        return "metadata"
    if path == "/watch":
        return "watch"
    return "config" if path in ("/", "/tv") or path.startswith("/embed/") else "other"
