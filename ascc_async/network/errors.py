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
_SOCKS_REFUSALS = aiohttp_socks.ProxyError | python_socks.ProxyError


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


def raise_our_error(error: Exception, route: Route) -> NoReturn:
    """Raise NetworkFault or ServerFault for one of `TRANSPORT_ERRORS`."""
    # The text of these holds the whole address, with an API key or a media link's signature:
    # `--debug` would write it into the log. What caused them says as much.
    shows_address = isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL)
    raise fault_from(error, route) from (error.__cause__ if shows_address else error)


def fault_from(error: Exception, route: Route) -> NetworkFault | ServerFault:
    """Our error for a foreign one. The message names host or proxy, and the remedy if one helps."""
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status != 407:
        text = f"the proxy {route.proxy} answers {error.status} instead of reaching {route.host}"
        return NetworkFault(_of(route) + text, kind="proxy")
    if isinstance(error, _SOCKS_REFUSALS) and "authentication" not in (
        refusal := str(error).lower()
    ):
        text = f"the proxy {route.proxy} cannot reach {route.host} ({refusal})"
        return NetworkFault(_of(route) + text, kind="proxy")
    if _is_unreadable_answer(error):
        return ServerFault(f"the answer of {route.host} cannot be read ({_short(error)})")
    kind = _kind_of(error, route)
    sentence = _SENTENCES[kind].format(host=route.host, proxy=route.proxy)
    return NetworkFault(f"{_of(route)}{sentence} ({_short(error)})", kind=kind)


def _of(route: Route) -> str:
    return f"identity {route.identity}: " if route.identity else ""


def _is_unreadable_answer(error: Exception) -> bool:
    """Headers or a compression that nobody can read: not the network's doing."""
    if isinstance(error, aiohttp.ClientPayloadError):
        return isinstance(error.__cause__, ContentEncodingError)
    unreadable = (aiohttp.ClientResponseError, HttpProcessingError, aiohttp.InvalidURL, zlib.error)
    return isinstance(error, unreadable) and not isinstance(error, aiohttp.ClientHttpProxyError)


def _kind_of(error: Exception, route: Route) -> NetworkFaultKind:
    # The order matters: many of these are OSErrors or ClientErrors of several kinds at once.
    proxy_refuses = (
        aiohttp.ClientHttpProxyError,
        aiohttp_socks.ProxyError,
        python_socks.ProxyError,
    )
    if isinstance(error, proxy_refuses):
        return "proxy_auth"
    if isinstance(error, ssl.SSLCertVerificationError | aiohttp.ClientConnectorCertificateError):
        return "certificate"
    if isinstance(
        error,
        aiohttp.ClientProxyConnectionError
        | aiohttp_socks.ProxyConnectionError
        | aiohttp_socks.ProxyTimeoutError,
    ):
        return "proxy"
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        return "proxy" if route.proxy else "dns"
    if isinstance(error, TimeoutError) or getattr(error, "errno", None) == errno.ETIMEDOUT:
        return "timeout"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "short_body"
    if isinstance(error, ConnectionRefusedError):
        return "connect"
    closed = (aiohttp.ServerDisconnectedError, ConnectionError, asyncio.IncompleteReadError)
    if isinstance(error, closed):
        return "reset"
    if isinstance(error, aiohttp.ClientConnectorError | ssl.SSLError):
        return "connect"
    return "reset" if isinstance(error, aiohttp.ClientOSError) else "other"


_SENTENCES: dict[NetworkFaultKind, str] = {
    "dns": "the address of {host} cannot be looked up; check the network connection",
    "proxy": "the proxy {proxy} does not answer; start it or correct network.proxy",
    "proxy_auth": (
        "the proxy {proxy} does not accept the user name or password;"
        " correct them in network.proxy (or the identity's proxy)"
    ),
    "certificate": (
        "the certificate of {host} is not trusted; if a proxy inspects TLS here, name the PEM file"
        " of its certificate authority in network.ca_file"
    ),
    "connect": "{host} cannot be reached",
    "timeout": "{host} did not answer in time",
    "reset": "{host} closed the connection",
    "short_body": "{host} sent only part of the answer",
    "other": "the request to {host} failed",
}


def _short(error: Exception) -> str:
    """The kind of error and the system's word for it; never its full text, which may hold a URL."""
    reason = getattr(error, "strerror", None) or getattr(error.__cause__, "strerror", None)
    return f"{type(error).__name__}: {reason}" if isinstance(reason, str) else type(error).__name__
