"""Every error that aiohttp, aiohttp_socks, ssl or the system raises, turned into one of ours."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import zlib
from dataclasses import dataclass

import aiohttp
import aiohttp_socks
import python_socks
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from ascc_async.errors import NetworkFault, NetworkFaultKind, ServerFault

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

_PROXY_DOWN = (
    aiohttp.ClientProxyConnectionError,
    aiohttp_socks.ProxyConnectionError,
    aiohttp_socks.ProxyTimeoutError,
)
_RESET = (aiohttp.ServerDisconnectedError, ConnectionError, asyncio.IncompleteReadError)


class UnexpectedAnswer(ServerFault):
    """The server answered, but not as this address does: asking again at once is no use."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who asks whom, in words that are fit for logs: no query, no password."""

    identity: str
    host: str
    proxy: str | None = None


def fault_from(error: Exception, route: Route) -> NetworkFault | ServerFault:
    """Our error for a foreign one. The message names host or proxy, and the remedy if one helps."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _proxy_answer(error.status, route)
    if isinstance(error, aiohttp_socks.ProxyError | python_socks.ProxyError):
        return _socks_answer(error, route)
    if _is_not_an_answer(error):
        return ServerFault(f"{route.host} sends what cannot be read ({_short(error)})")
    return _network_fault(_kind_of(error, route), error, route)


def _proxy_answer(status: int, route: Route) -> NetworkFault:
    if status == 407:
        return _proxy_auth(route)
    return NetworkFault(
        f"identity {route.identity}: the proxy {route.proxy} answers {status}"
        f" instead of reaching {route.host}",
        kind="proxy",
    )


def _socks_answer(error: Exception, route: Route) -> NetworkFault:
    words = str(error).lower()
    if "authentication" in words:
        return _proxy_auth(route)
    return NetworkFault(
        f"identity {route.identity}: the proxy {route.proxy} cannot reach {route.host} ({words})",
        kind="proxy",
    )


def _proxy_auth(route: Route) -> NetworkFault:
    return NetworkFault(
        f"identity {route.identity}: the proxy {route.proxy} refuses user or password;"
        " correct them in network.proxy (or the identity's proxy)",
        kind="proxy_auth",
    )


def _is_not_an_answer(error: Exception) -> bool:
    """Headers or a compression that nobody can read: not the network's doing."""
    if isinstance(error, aiohttp.ClientPayloadError):
        return isinstance(error.__cause__, ContentEncodingError)
    unreadable = (aiohttp.ClientResponseError, HttpProcessingError, aiohttp.InvalidURL, zlib.error)
    return isinstance(error, unreadable)


def _kind_of(error: Exception, route: Route) -> NetworkFaultKind:
    if isinstance(error, ssl.SSLCertVerificationError | aiohttp.ClientConnectorCertificateError):
        return "certificate"
    if isinstance(error, _PROXY_DOWN):
        return "proxy"
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        return "proxy" if route.proxy else "dns"
    if isinstance(error, TimeoutError) or getattr(error, "errno", None) == errno.ETIMEDOUT:
        return "timeout"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "short_body"
    if isinstance(error, _RESET) and not isinstance(error, ConnectionRefusedError):
        return "reset"
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionRefusedError | ssl.SSLError):
        return "connect"
    return "reset" if isinstance(error, aiohttp.ClientOSError) else "other"


_SENTENCES: dict[NetworkFaultKind, str] = {
    "dns": "the name {host} is not known; check the network connection",
    "proxy": "the proxy {proxy} does not answer; start it or correct network.proxy",
    "certificate": (
        "the certificate of {host} is not trusted; behind a proxy that opens TLS,"
        " give its authority in network.ca_file"
    ),
    "connect": "{host} cannot be reached",
    "timeout": "{host} did not answer in time",
    "reset": "{host} closed the connection",
    "short_body": "{host} sent only part of the answer",
    "other": "asking {host} failed",
}


def _network_fault(kind: NetworkFaultKind, error: Exception, route: Route) -> NetworkFault:
    sentence = _SENTENCES.get(kind, _SENTENCES["other"])
    words = sentence.format(host=route.host, proxy=route.proxy)
    return NetworkFault(f"identity {route.identity}: {words} ({_short(error)})", kind=kind)


def _short(error: Exception) -> str:
    """The kind of error and the system's word for it; never its full text, which may hold a URL."""
    reason = getattr(error, "strerror", None) or getattr(error.__cause__, "strerror", None)
    return f"{type(error).__name__}: {reason}" if isinstance(reason, str) else type(error).__name__
