"""Every error that aiohttp, aiohttp_socks, ssl or the system raises, turned into one of ours."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import zlib
from dataclasses import dataclass
from typing import NoReturn

import aiohttp
import aiohttp_socks
import python_socks
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from ascc_async.errors import NetworkFault, NetworkFaultKind, ServerFault, UnexpectedAnswer

# What may come out of a request: nothing else is caught, so that our own bugs stay visible.
TRANSPORT_ERRORS: tuple[type[Exception], ...] = (
    aiohttp.ClientError,
    HttpProcessingError,
    OSError,
    TimeoutError,
    EOFError,
    asyncio.LimitOverrunError,
    aiohttp_socks.ProxyError,
    aiohttp_socks.ProxyConnectionError,
    aiohttp_socks.ProxyTimeoutError,
    python_socks.ProxyError,
    UnicodeError,
    zlib.error,
)
_SOCKS_REFUSALS = (aiohttp_socks.ProxyError, python_socks.ProxyError)
_UNREADABLE = (aiohttp.ClientResponseError, HttpProcessingError, aiohttp.InvalidURL, zlib.error)
# The first line that fits counts: many of these are OSErrors or ClientErrors of several kinds.
_KINDS: tuple[tuple[tuple[type[Exception], ...], NetworkFaultKind], ...] = (
    ((aiohttp.ClientHttpProxyError, *_SOCKS_REFUSALS), "proxy_auth"),
    ((ssl.SSLCertVerificationError, aiohttp.ClientConnectorCertificateError), "certificate"),
    ((aiohttp.ClientProxyConnectionError, aiohttp_socks.ProxyConnectionError), "proxy"),
    ((aiohttp_socks.ProxyTimeoutError,), "proxy"),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), "dns"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientPayloadError,), "short_body"),
    ((ConnectionRefusedError,), "connect"),
    ((aiohttp.ServerDisconnectedError, ConnectionError, asyncio.IncompleteReadError), "reset"),
    ((aiohttp.ClientConnectorError, ssl.SSLError), "connect"),
    ((aiohttp.ClientOSError,), "reset"),
)
_SENTENCES: dict[NetworkFaultKind, str] = {
    "dns": "the address of {host} cannot be looked up; check the network connection",
    "proxy": (
        "the proxy {proxy} does not answer; start it, or correct network.proxy"
        " (or the identity's proxy)"
    ),
    "proxy_auth": (
        "the proxy {proxy} does not accept the user name or password;"
        " correct them in network.proxy (or the identity's proxy)"
    ),
    "certificate": (
        "the certificate of {host} is not trusted; if a proxy inspects TLS here, name the PEM file"
        " of its certificate authority in network.ca_file"
    ),
    "connect": "{host} cannot be reached; check the network connection",
    "timeout": "{host} did not answer in time",
    "reset": "{host} closed the connection",
    "short_body": "{host} sent only part of the answer",
    "other": "the request to {host} failed",
}


@dataclass(frozen=True, slots=True)
class Route:
    """Who asks whom, fit for logs: no query, no password. `identity` is empty for downloads."""

    host: str
    proxy: str | None = None
    identity: str = ""


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later."""
    if isinstance(error, NetworkFault):
        # A wrong password or an untrusted certificate will not be right in a second.
        return error.kind not in ("proxy_auth", "certificate")
    return isinstance(error, ServerFault) and not isinstance(error, UnexpectedAnswer)


def raise_ours(error: Exception, route: Route) -> NoReturn:
    """Raise NetworkFault or ServerFault for one of `TRANSPORT_ERRORS` that a request raised."""
    # The text of these holds the whole address, with an API key or a media link's signature:
    # `--debug` would write it into the log. What caused them says as much.
    shows_address = isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL)
    raise _fault_from(error, route) from (error.__cause__ if shows_address else error)


def sentence(kind: NetworkFaultKind, host: str, proxy: str | None) -> str:
    """What happened, and the remedy if one helps."""
    return _SENTENCES[kind].format(host=host, proxy=proxy)


def _fault_from(error: Exception, route: Route) -> NetworkFault | ServerFault:
    kinds = (kind for types, kind in _KINDS if isinstance(error, types))
    kind: NetworkFaultKind = next(kinds, "other")
    refusal = ""
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status != 407:
        refusal = f"the proxy {route.proxy} answers {error.status} instead of reaching {route.host}"
    elif isinstance(error, _SOCKS_REFUSALS) and "authentication" not in str(error).lower():
        refusal = f"the proxy {route.proxy} cannot reach {route.host} ({str(error).lower()})"
    if refusal:
        return NetworkFault(refusal, kind="proxy")
    # The system's words, else the kind of error; never its full text, which may hold a URL.
    reason = getattr(error, "strerror", None) or getattr(error.__cause__, "strerror", None)
    why = reason if isinstance(reason, str) else type(error).__name__
    # Headers or a compression that nobody can read: not the network's doing.
    bad_encoding = isinstance(error.__cause__, ContentEncodingError)
    if (kind == "short_body" and bad_encoding) or (
        isinstance(error, _UNREADABLE) and kind != "proxy_auth"
    ):
        return ServerFault(f"the answer of {route.host} cannot be read ({why})")
    if kind == "dns" and route.proxy:
        kind = "proxy"  # it is the proxy's name that was looked up
    elif kind in ("connect", "reset", "other") and getattr(error, "errno", 0) == errno.ETIMEDOUT:
        kind = "timeout"
    return NetworkFault(f"{sentence(kind, route.host, route.proxy)} ({why})", kind=kind)
