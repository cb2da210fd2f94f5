"""A request, read: which endpoint, of which videos, by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from aiohttp import web

_LOGIN_COOKIES = ("SAPISID", "__Secure-3PAPISID", "__Secure-1PAPISID")
KINDS = {
    "next": "pages", "player": "pages", "watch": "pages", "config": "pages", "media": "media",
    "data_api": "data_api", "metadata": "metadata",
}  # fmt: skip
"""The kind of request that limits and counters know an endpoint by; others are "other"."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request. `identity` is the account where signed in, else the proxy listener."""

    request: web.BaseRequest
    endpoint: str
    host: str
    listener: str
    identity: str
    signed_in: bool
    session_died: bool
    query: Mapping[str, str]
    videos: tuple[str, ...] = ()
    client: str = ""
    mask: str = ""

    def about(self, video_id: str) -> Incoming:
        """The same request, for another video."""
        query = dict(self.query) | ({"id": video_id} if self.endpoint == "data_api" else {})
        return replace(self, videos=(video_id,), query=query)


async def read_request(request: web.BaseRequest, listener: str, *, dead_sessions: bool) -> Incoming:
    """Read it. `dead_sessions`: login cookies no longer sign in."""
    host = request.headers.get("Host", "").lower()
    endpoint = _endpoint(host, request.path)
    # Parsing cookies is not free, and most requests have none.
    cookies: Mapping[str, str] = request.cookies if "Cookie" in request.headers else {}
    logins = [cookies[name] for name in _LOGIN_COOKIES if cookies.get(name)]
    account = None
    # YouTube, and yt-dlp after it, take cookies for a session only with both kinds.
    if "LOGIN_INFO" in cookies and logins:
        account = "account-" + blake2b(logins[0].encode(), digest_size=3).hexdigest()
    query: Mapping[str, str] = request.query
    body = await request.read() if request.method == "POST" else b""
    video_id = client = ""
    if body:
        try:
            sent: Any = json.loads(body)
            client = str(sent["context"]["client"].get("clientName", ""))
            video_id = str(sent.get("videoId", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # not an innertube request: answered as one without a video
    elif endpoint == "watch":
        video_id, client = query.get("v", ""), "WEB"
    elif endpoint == "media":
        video_id = query.get("id", "").removeprefix("o-A")
    videos = (video_id,) if video_id else ()
    return Incoming(
        request=request,
        endpoint=endpoint,
        host=host,
        listener=listener,
        identity=account if account and not dead_sessions else listener,
        signed_in=account is not None and not dead_sessions,
        session_died=account is not None and dead_sessions,
        query=query,
        videos=tuple(query.get("id", "").split(",")) if endpoint == "data_api" else videos,
        client=client,
        # Of the Data API's own `fields` its answer takes care.
        mask=(query.get("$fields") or query.get("fields") or "") if body else "",
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
