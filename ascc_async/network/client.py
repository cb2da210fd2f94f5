"""The one HTTP client: an identity's own connections, proxy, cookies and trusted certificates."""

from __future__ import annotations

import base64
import math
import re
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp
import aiohttp_socks
import certifi
from aiohttp import hdrs
from yarl import URL

from ascc_async.errors import NetworkFault, ServerFault, SetupError, UnexpectedAnswer
from ascc_async.network.bandwidth import Bandwidth
from ascc_async.network.cookies import IdentityCookies, cookies_to_send
from ascc_async.network.errors import TRANSPORT_ERRORS, Route, raise_ours
from ascc_async.settings import without_password

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
# A host that is there accepts within a second or two, though its answer may take long.
_CONNECT_SECONDS = 15.0
_KEEP_ALIVE_SECONDS = 60.0
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", re.ASCII)
_MOST_DIGITS = 18  # no file is larger, and a number of thousands of digits is slow to read


class IdentityClient:
    """HTTP as one identity; a context manager. Raises NetworkFault and ServerFault only.

    `proxy` may hold user and password, which no message and no log shows. `cookies` are sent to
    YouTube alone. No request is repeated and no redirect followed here.
    """

    def __init__(
        self,
        trust: ssl.SSLContext,
        timeout_seconds: float,
        *,
        proxy: str | None = None,
        identity: str = "",
        cookies: IdentityCookies | None = None,
        headers: Mapping[str, str] | None = None,
        bandwidth: Bandwidth | None = None,
    ) -> None:
        self.identity, self._bandwidth = identity, bandwidth
        self.use_cookies(cookies)
        self._trust, self._proxy, self._headers = trust, proxy, headers
        self._proxy_headers = _proxy_headers(proxy)
        self._shown_proxy = without_password(proxy)
        connect = min(timeout_seconds, _CONNECT_SECONDS)
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=connect)
        # Of a long body each piece must come in time, however long the whole takes.
        self._timeout_of_long = aiohttp.ClientTimeout(
            total=None, sock_connect=connect, sock_read=timeout_seconds
        )

    async def __aenter__(self) -> Self:
        by_http = self._proxy is not None and self._proxy.startswith("http")
        self._session = aiohttp.ClientSession(
            connector=_connector(self._proxy, self._trust),
            # aiohttp would ask a jar and write the header for each of two million requests, a fifth
            # of what a request costs (measured), and would quote values that browsers do not.
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            proxy=self._shown_proxy if by_http else None,
            trust_env=False,
        )
        # A private name of aiohttp's: it sends a GET again by itself when a kept connection was
        # closed, but every request must pass the rate limiter. test_network_client.py
        # (`test_a_get_is_sent_once`) fails when this no longer works.
        self._session._retry_connection = False
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def use_cookies(self, cookies: IdentityCookies | None) -> None:
        """Send these cookies from now on, and no others."""
        self.cookies = cookies
        self._cookies_to_send = cookies_to_send(cookies)
        self._write_cookie_header()

    def _write_cookie_header(self) -> None:
        pairs = self._cookies_to_send.items()
        self._cookie_header = "; ".join(f"{name}={value}" for name, value in pairs if value)

    async def open(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        long: bool = False,
    ) -> HttpResponse:
        """Send a request; its answer, body unread: `async with await client.open(…) as response`.

        `long`: the time limit is for each piece of the body, not for the whole answer; what comes
        counts for the bandwidth.
        """
        try:
            address = URL(url)
        except ValueError as error:
            raise UnexpectedAnswer(f"{_without_query(url)} is not a web address") from error
        route = Route(address.host or "?", self._shown_proxy, self.identity)
        to_youtube = address.scheme == "https" and f".{address.host}".endswith(".youtube.com")
        if to_youtube and self._cookie_header:
            headers = {**(headers or {}), "Cookie": self._cookie_header}
        try:
            response = await self._session.request(
                method,
                address,
                params=params,
                data=data,
                headers=headers,
                proxy_headers=self._proxy_headers,
                allow_redirects=False,
                timeout=self._timeout_of_long if long else self._timeout,
            )
        except TRANSPORT_ERRORS as error:
            raise_ours(error, route)
        if to_youtube and hdrs.SET_COOKIE in response.headers:
            for name, morsel in response.cookies.items():
                ends = _posix_time(morsel["expires"])
                is_over = morsel["max-age"] == "0" or (ends is not None and ends < time.time())
                self._cookies_to_send[name] = "" if is_over else morsel.coded_value
            self._write_cookie_header()
        return HttpResponse(response, route, self._bandwidth if long else None)

    @asynccontextmanager
    async def get_file(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[HttpResponse]:
        """A file, however long, wherever redirects lead."""
        for _ in range(MOST_REDIRECTS):
            async with await self.open("GET", url, headers=headers, long=True) as response:
                if response.status not in REDIRECTS:
                    yield response
                    return
                url = redirect_target(url, response.headers)
        raise UnexpectedAnswer(f"{_without_query(url)} redirects more than {MOST_REDIRECTS} times")


class HttpResponse:
    """An answer whose body is still to be read; leaving it before the end drops the connection.

    `received`: bytes of the body that came, unpacked.
    """

    def __init__(
        self, response: aiohttp.ClientResponse, route: Route, bandwidth: Bandwidth | None
    ) -> None:
        self._response, self._route, self._bandwidth = response, route, bandwidth
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        self.identity, self.host = route.identity, route.host
        self.received = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            # Left before the end. Closing TLS as usual would wait for the server's closing
            # message while the rest of the body is still coming.
            connection.transport.abort()
        self._response.close()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece. Raises NetworkFault, ServerFault."""
        try:
            async for chunk in self._response.content.iter_any():
                self.received += len(chunk)
                if self._bandwidth is not None:
                    await self._bandwidth.spend(len(chunk))
                yield chunk
        except TRANSPORT_ERRORS as error:
            raise_ours(error, self._route)

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises UnexpectedAnswer when it is larger than `limit` once unpacked."""
        pieces = []
        try:
            # Not through `chunks`: for a small answer that costs as much as parsing it.
            while chunk := await self._response.content.readany():
                self.received += len(chunk)
                if self.received > limit:
                    raise UnexpectedAnswer(f"{self.host} sent more than {limit} bytes")
                pieces.append(chunk)
        except TRANSPORT_ERRORS as error:
            raise_ours(error, self._route)
        return b"".join(pieces)

    async def read_what_comes(self, limit: int) -> tuple[bytes, bool]:
        """At most `limit` bytes, and whether the body ended there. Raises when none came."""
        body = bytearray()
        try:
            async for chunk in self.chunks():
                body += chunk
                if len(body) > limit:
                    return bytes(body[:limit]), False
        except (NetworkFault, ServerFault):
            if not body:
                raise
            return bytes(body), False
        return bytes(body), True


def trusted_authorities(ca_file: Path | None) -> ssl.SSLContext:
    """The system's certificate authorities, and those of `network.ca_file`.

    Raises SetupError when that file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        # Some Pythons (python.org on macOS) come without the system's authorities.
        context.load_verify_locations(certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise SetupError(
                f"network.ca_file: {ca_file} cannot be used as a certificate authority"
                f" ({error.strerror or type(error).__name__}); it must be a PEM file"
            ) from error
    return context


def redirect_target(url: str, headers: Mapping[str, str]) -> str:
    """Where a redirect leads. Raises UnexpectedAnswer when that is nowhere."""
    try:
        address = urljoin(url, headers.get("Location", ""))
        if URL(address).scheme in ("https", "http") and address != url:
            return address
    except ValueError:  # `https://[`, or a port that is no number: nowhere
        pass
    raise UnexpectedAnswer(f"{_without_query(url)} redirects without a usable address")


def content_range(headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """First byte and size of the whole in `Content-Range`; None for what it does not tell."""
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return (whole_number(match[1]), whole_number(match[2])) if match else (None, None)


def whole_number(text: str | None) -> int | None:
    """The number that a server wrote, or None when it is none that a file can have."""
    if not text or len(text) > _MOST_DIGITS or not (text.isascii() and text.isdigit()):
        return None
    return int(text)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """`Retry-After` in seconds from `now` (POSIX), never negative; seconds or an HTTP date."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    try:
        seconds = float(value)
    except ValueError:
        moment = _posix_time(value)
        return None if moment is None or now is None else max(0.0, moment - now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _posix_time(date: str) -> float | None:
    """A date of a header's; None when it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError):
        return None
    # A date without a zone is in GMT, as HTTP wants all dates to be.
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _without_query(url: str) -> str:
    """An address fit for messages: the query may hold a key or a signature."""
    return url.partition("?")[0]


def _proxy_headers(proxy: str | None) -> dict[str, str] | None:
    """User and password for an http or https proxy.

    Not in its address, which aiohttp's errors show. aiohttp sends `Authorization` of these on as
    `Proxy-Authorization`; its `BasicAuth` for this purpose is deprecated.
    """
    parts = urlsplit(proxy or "")
    if not parts.scheme.startswith("http") or parts.username is None:
        return None
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Authorization": "Basic " + base64.b64encode(secret).decode()}


def _connector(proxy: str | None, trust: ssl.SSLContext) -> aiohttp.BaseConnector:
    # limit=0: how many at once is decided by the stages, how fast by the rate limiter.
    if proxy is None or proxy.startswith("http"):
        return aiohttp.TCPConnector(ssl=trust, limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
    parts = urlsplit(proxy)
    return aiohttp_socks.ProxyConnector(
        host=parts.hostname or "",
        port=parts.port or 1080,
        proxy_type=aiohttp_socks.ProxyType.SOCKS5,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or "") if parts.username else None,
        rdns=True,  # names are looked up where the proxy is, not here
        ssl=trust,
        limit=0,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
    )
