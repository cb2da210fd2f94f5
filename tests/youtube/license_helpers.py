"""What the tests of sessions and sources share: raw servers, a tunnel, a small HTTPS YouTube."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from ascc_async.network.retry import Bounds, RetrySettings
from ascc_async.settings import NetworkSettings, ThrottleSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.session import Sessions

RECORDED = Path(__file__).parents[3] / "shared" / "youtube_responses"
AT_ONCE = RetrySettings(network=Bounds(3, 0), server=Bounds(3, 0))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answers = Callable[[web.Request], web.StreamResponse]


def recorded(name: str) -> dict[str, Any]:
    """A recorded answer's `response`; skips where the recordings are not there."""
    path = RECORDED / f"{name}.json"
    if not path.exists():
        pytest.skip(f"recorded answers are not here: {path}")
    response: dict[str, Any] = json.loads(path.read_text("utf-8"))["response"]
    return response


def fast_limiter(*identities: str, rate: float = 1000.0) -> RateLimiter:
    """A rate limiter that is never in the way."""
    throttle = ThrottleSettings(requests_per_second=rate, max_requests_per_second=rate, burst=1000)
    return RateLimiter(throttle, identities or ("main",))


def counts(limiter: RateLimiter, kind: RequestKind = RequestKind.PAGES) -> BucketSnapshot:
    """What the rate limiter counted of one kind of request."""
    return next(bucket for bucket in limiter.snapshot().buckets if bucket.kind is kind)


@asynccontextmanager
async def sessions_for(
    network: NetworkSettings, *, limiter: RateLimiter | None = None, jars: Any = None
) -> AsyncIterator[Sessions]:
    """Sessions that try again at once."""
    names = [identity.name for identity in network.all_identities()]
    async with Sessions(
        network, limiter or fast_limiter(*names), jars, retries=AT_ONCE
    ) as sessions:
        yield sessions


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(talk: Talk, **options: Any) -> AsyncIterator[int]:
    """A TCP server that talks as it is told; gives its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def saying(head: bytes, body: bytes = b"", *, abort: bool = False) -> Talk:
    """Reads a request's head, says these bytes, closes (`abort`: with a reset)."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + body)
        await writer.drain()
        if abort:
            writer.transport.abort()

    return talk


def tunnel(port: int) -> Talk:
    """A CONNECT proxy that leads everything to one local port."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                group.create_task(pipe(reader, back_writer))
                group.create_task(pipe(back_reader, writer))
        finally:
            # A pipe cancelled before its first step closes nothing.
            back_writer.close()

    return talk


@dataclass
class YouTube:
    """A small YouTube over HTTPS behind a tunnel: answers as the test's handler says."""

    network: NetworkSettings
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def paths(self) -> list[str]:
        """The last part of every path asked, in order."""
        return [request.path.rpartition("/")[2] for request in self.requests]


@functools.cache
def certificates() -> tuple[trustme.CA, ssl.SSLContext]:
    """An authority, and a server's TLS with a certificate of its for YouTube's names."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("www.youtube.com", "www.googleapis.com").configure_cert(context)
    return authority, context


@asynccontextmanager
async def youtube(handler: Handler, tmp_path: Path, **network: Any) -> AsyncIterator[YouTube]:
    """Run one; `network` settings for it are in what it gives."""
    authority, context = certificates()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    seen = YouTube(NetworkSettings(ca_file=ca_file))

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.requests.append(request)
        seen.bodies.append(await request.json() if request.can_read_body else None)
        return await handler(request)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = int(runner.addresses[0][1])
    try:
        async with raw_server(tunnel(port)) as proxy_port:
            proxy = f"http://127.0.0.1:{proxy_port}"
            seen.network = NetworkSettings(proxy=proxy, ca_file=ca_file, **network)
            yield seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def youtube_and_sessions(
    answers: Answers, tmp_path: Path, limiter: RateLimiter | None = None
) -> AsyncIterator[tuple[YouTube, Sessions]]:
    """A small YouTube that answers at once, and sessions that ask it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return answers(request)

    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, limiter=limiter) as sessions,
    ):
        yield site, sessions


def text_answer(body: str | bytes, status: int = 200, **headers: str) -> Answers:
    """Always the same answer."""
    content = body.encode() if isinstance(body, str) else body
    return lambda request: web.Response(
        body=content, status=status, headers=headers, content_type="text/html"
    )


LINK = "https://www.youtube.com/t/creative_commons"
WORDS = "Creative Commons Attribution license (reuse allowed)"


def license_row(words: str = WORDS, link: str = LINK) -> dict[str, Any]:
    """The row of a Creative Commons video, as recorded."""
    endpoint = {
        "commandMetadata": {"webCommandMetadata": {"url": link}},
        "urlEndpoint": {"url": link},
    }
    run = {"text": words, "navigationEndpoint": endpoint}
    title = {"runs": [{"text": "License"}]}
    return {"metadataRowRenderer": {"title": title, "contents": [{"runs": [run]}]}}


def container(rows: list[Any] | None) -> dict[str, Any]:
    """The place for rows."""
    renderer: dict[str, Any] = {"collapsedItemCount": 0, "trackingParams": "x"}
    if rows is not None:
        renderer["rows"] = rows
    return {"metadataRowContainerRenderer": renderer}


_UNSET: Any = object()


def next_answer(
    video_id: str = "M4gD1WSo5mA",
    *,
    rows: list[Any] | None = None,
    place: Any = _UNSET,
    owner: Any = None,
    title: str = "A title",
) -> dict[str, Any]:
    """A `next` answer of the recorded shape. `place` stands for the whole container."""
    channel = {"browseEndpoint": {"browseId": "UC123"}}
    renderer = {"title": {"runs": [{"text": "A channel"}]}, "navigationEndpoint": channel}
    primary = {"title": {"runs": [{"text": title}]}, "dateText": {"simpleText": "Jan 28, 2015"}}
    secondary = {
        "owner": {"videoOwnerRenderer": owner or renderer},
        "metadataRowContainer": container(rows) if place is _UNSET else place,
    }
    parts = [
        {"videoPrimaryInfoRenderer": primary},
        {"videoSecondaryInfoRenderer": secondary},
        {"itemSectionRenderer": {"contents": []}},
    ]
    return {
        "responseContext": {"mainAppWebResponseContext": {"loggedOut": True}},
        "contents": {"twoColumnWatchNextResults": {"results": {"results": {"contents": parts}}}},
        "currentVideoEndpoint": {"watchEndpoint": {"videoId": video_id}},
    }


def not_there(video_id: str = "M4gD1WSo5mA") -> dict[str, Any]:
    """A `next` answer that shows no video."""
    answer = next_answer(video_id)
    answer["contents"]["twoColumnWatchNextResults"] = {}
    return answer


def player_answer(
    status: str = "OK", reason: str = "", *, video_id: str = "M4gD1WSo5mA"
) -> dict[str, Any]:
    """A `player` answer, masked."""
    answer: dict[str, Any] = {"playabilityStatus": {"status": status, "reason": reason}}
    if status == "OK":
        answer["videoDetails"] = {"videoId": video_id}
    return answer
