"""A client of the stand-in, as simple as can be."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from ascc_async.standin.process import StandinProcess


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Client:
    """Asks through a proxy, trusting its authority."""

    def __init__(self, youtube: StandinProcess) -> None:
        self._youtube = youtube
        self._tls = ssl.create_default_context(cafile=str(youtube.ca_file))

    async def __call__(
        self, url: str, *, listener: str = "main", proxy: str | None = None, **options: Any
    ) -> Answer:
        """GET, or POST where `json` is given. Redirects are not followed."""
        method = "POST" if "json" in options else "GET"
        timeout = aiohttp.ClientTimeout(total=20)
        unpack = options.pop("unpack", True)
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=unpack) as session,
            session.request(
                method,
                url,
                proxy=proxy or self._youtube.proxies[listener],
                ssl=self._tls,
                allow_redirects=False,
                **options,
            ) as answer,
        ):
            return Answer(answer.status, await answer.read(), dict(answer.headers))

    async def next(self, video_id: str, *, mask: str = "", **options: Any) -> Answer:
        """`youtubei/v1/next`."""
        client = {"clientName": "WEB", "clientVersion": "2.20260708.00.00", "hl": "en"}
        sent = {"context": {"client": client}, "videoId": video_id}
        params = {"prettyPrint": "false"} | ({"$fields": mask} if mask else {})
        url = "https://www.youtube.com/youtubei/v1/next"
        return await self(url, json=sent, params=params, **options)

    async def player(self, video_id: str, *, client: str = "VISIONOS", **options: Any) -> Answer:
        """`youtubei/v1/player`."""
        sent = {"context": {"client": {"clientName": client, "hl": "en"}}, "videoId": video_id}
        return await self("https://www.youtube.com/youtubei/v1/player", json=sent, **options)
