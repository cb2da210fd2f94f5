"""One exchange with a server: what is asked, what comes back, and how far it may be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from ascc_async.errors import ServerFault
from ascc_async.network.errors import TRANSPORT_ERRORS, Route, UnexpectedAnswer, fault_from
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.refusals import refusal_in

ANSWER_BYTES = 8 << 20
PIECE_BYTES = 16 << 20
ERROR_BYTES = 64 << 10
CHUNK_BYTES = 1 << 16
MOVED = frozenset({301, 302, 303, 307, 308})


# These three are made for every request, and a frozen one costs three times as much to make.
@dataclass(slots=True)
class Answer:
    """A whole answer. `url` is without its query; `received` counts bytes as they were sent."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    identity: str
    url: str
    received: int


@dataclass(slots=True)
class Piece:
    """What came of a ranged read; `complete` is false when the body was cut before its end."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool
    identity: str


@dataclass(slots=True)
class Call:
    """One request, as often as it is tried."""

    kind: RequestKind
    method: str
    url: str
    identity: str | None = None
    data: bytes | None = field(default=None, repr=False)
    params: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    new_video: bool = False
    limit_bytes: int = ANSWER_BYTES
    allow_status: Collection[int] = ()


class Stream:
    """An answer that is read as it comes. `received` counts bytes handed out so far."""

    def __init__(self, response: aiohttp.ClientResponse, route: Route) -> None:
        self._response, self._route = response, route
        self.identity = route.identity
        self.status = response.status
        self.received = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece. Raises NetworkFault, ServerFault."""
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK_BYTES):
                self.received += len(chunk)
                yield chunk
        except TRANSPORT_ERRORS as error:
            raise fault_from(error, self._route) from None


async def check(response: aiohttp.ClientResponse, route: Route, call: Call, now: float) -> None:
    """Raise what a status or a redirect says; return when the body is worth reading."""
    status, text, address = response.status, "", call.url
    if status in call.allow_status or 200 <= status < 300:
        return
    if status in MOVED:
        address = target(call, response.headers)
    else:
        body, _ = await read_what_comes(response, route, ERROR_BYTES)
        text = body.decode("utf-8", "replace")
    refusal = refusal_in(status=status, headers=response.headers, text=text, url=address, now=now)
    if refusal is not None:
        raise refusal
    if status >= 500:
        raise ServerFault(f"{route.host} answers {status}")
    if status not in MOVED or call.method != "GET":
        raise UnexpectedAnswer(f"{route.host} answers {status}")


async def read_whole(response: aiohttp.ClientResponse, route: Route, limit: int) -> bytes:
    """The whole body, unpacked. Raises UnexpectedAnswer when it is larger than `limit`."""
    pieces: list[bytes] = []
    size = 0
    try:
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > limit:
                raise UnexpectedAnswer(f"{route.host} sends more than {limit} bytes")
            pieces.append(chunk)
    except TRANSPORT_ERRORS as error:
        raise fault_from(error, route) from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def read_what_comes(
    response: aiohttp.ClientResponse, route: Route, limit: int
) -> tuple[bytes, bool]:
    """At most `limit` bytes, and whether the body ended there. NetworkFault when none came."""
    body = bytearray()
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > limit:
                return bytes(body[:limit]), False
    except TRANSPORT_ERRORS as error:
        if not body:
            raise fault_from(error, route) from None
        return bytes(body), False
    return bytes(body), True


def drop(response: aiohttp.ClientResponse) -> None:
    """Close the connection at once, whatever is still on its way.

    Saying farewell, as TLS does, would wait for the server to answer, and it may still be sending.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    response.close()


def host(url: str) -> str:
    """The host of an address, fit for messages."""
    return urlsplit(url).hostname or "?"


def target(call: Call, headers: Mapping[str, str]) -> str:
    """Where a redirect leads. Raises UnexpectedAnswer when that is nowhere."""
    try:
        address = urljoin(call.url, headers.get("Location", ""))
        if URL(address).scheme in ("https", "http") and address != call.url:
            return address
    except ValueError:  # «https://[», a port that is none
        pass
    raise UnexpectedAnswer(f"{host(call.url)} redirects to nowhere")
