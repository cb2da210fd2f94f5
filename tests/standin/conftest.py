"""One stand-in for all tests of this folder; each test leaves it as it found it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import DataApi, Pages, ProxyDoor, WorldSettings

SETTINGS = WorldSettings(
    doors=(
        ProxyDoor(),
        ProxyDoor(name="locked", user="anna", password="p w:ö"),
        ProxyDoor(name="socks", scheme="socks5", user="anna", password="pw"),
    )
)


@pytest.fixture(scope="session")
def _running() -> Iterator[StandinProcess]:
    with StandinProcess(SETTINGS) as youtube:
        yield youtube


@pytest.fixture
def youtube(_running: StandinProcess) -> Iterator[StandinProcess]:
    """The stand-in with plain settings and counters at nothing."""
    _running.reset_counters()
    yield _running
    _running.set(
        faults=(),
        limits=(),
        pages=Pages(),
        data_api=DataApi(),
        licenses_changed=False,
        media=SETTINGS.media,
        log_requests=True,
    )


@dataclass
class Got:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Asker:
    """Asks the stand-in as any client would: through a proxy, trusting its authority."""

    def __init__(self, youtube: StandinProcess) -> None:
        self._youtube = youtube
        self._tls = ssl.create_default_context(cafile=str(youtube.ca_file))

    async def __call__(
        self, url: str, *, door: str = "main", proxy: str | None = None, **options: Any
    ) -> Got:
        """GET, or POST where `json` is given. Redirects are not followed."""
        method = options.pop("method", "POST" if "json" in options else "GET")
        timeout = aiohttp.ClientTimeout(total=20)
        unpack = options.pop("unpack", True)
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=unpack) as session,
            session.request(
                method,
                url,
                proxy=proxy or self._youtube.proxies[door],
                ssl=self._tls,
                allow_redirects=False,
                **options,
            ) as answer,
        ):
            return Got(answer.status, await answer.read(), dict(answer.headers))

    async def next(self, video_id: str, *, hl: str = "en", mask: str = "", **options: Any) -> Got:
        """`youtubei/v1/next`."""
        client = {"clientName": "WEB", "clientVersion": "2.20260708.00.00", "hl": hl}
        sent = {"context": {"client": client}, "videoId": video_id}
        params = {"prettyPrint": "false"} | ({"$fields": mask} if mask else {})
        url = "https://www.youtube.com/youtubei/v1/next"
        return await self(url, json=sent, params=params, **options)

    async def player(
        self, video_id: str, *, client: str = "VISIONOS", hl: str = "en", **options: Any
    ) -> Got:
        """`youtubei/v1/player`."""
        sent = {"context": {"client": {"clientName": client, "hl": hl}}, "videoId": video_id}
        return await self("https://www.youtube.com/youtubei/v1/player", json=sent, **options)


@pytest.fixture
def ask(youtube: StandinProcess) -> Asker:
    """A client of the stand-in."""
    return Asker(youtube)
