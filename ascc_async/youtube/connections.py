"""One identity's way out: its own connections, cookie jar, proxy and trusted authorities."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import aiohttp
import aiohttp_socks
import certifi
from yarl import URL

from ascc_async.errors import SetupError
from ascc_async.network.errors import TRANSPORT_ERRORS, Route, fault_from
from ascc_async.network.steady_jar import Cookies, SteadyJar, cookie_jar, fill
from ascc_async.settings import IdentitySettings, without_password
from ascc_async.youtube.exchange import Call

USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/149.0.0.0 Safari/537.36"
)
CONNECT_SECONDS = 15.0
_ROUTES_KEPT = 100  # media hosts are many
ORIGIN = "https://www.youtube.com"
_INNERTUBE = ORIGIN + "/youtubei/"


def trusted_authorities(ca_file: Path | None) -> ssl.SSLContext:
    """The system's certificate authorities, and those of `network.ca_file`.

    Raises SetupError when that file cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        # Some Pythons (python.org on macOS) come without the system's authorities.
        context.load_verify_locations(certifi.where())
    if ca_file is not None:
        _trust(context, ca_file)
    return context


def _trust(context: ssl.SSLContext, ca_file: Path) -> None:
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise SetupError(
            f"network.ca_file: {ca_file} cannot be used as a certificate authority"
            f" ({error.strerror or type(error).__name__}); it must be a PEM file"
        ) from error


class IdentityClient:
    """One identity's way to YouTube; a context manager. Raises our errors only."""

    def __init__(
        self,
        identity: IdentitySettings,
        trust: ssl.SSLContext,
        timeout_seconds: float,
        cookies: Cookies | None,
    ) -> None:
        self._identity, self._trust, self._cookies = identity, trust, cookies
        self._timeouts = timeouts(timeout_seconds)
        self._timeouts_of_media = timeouts(timeout_seconds, whole=False)
        self._proxy = without_password(identity.proxy)
        self._proxy_headers = proxy_headers(identity.proxy)
        self._routes: dict[str, Route] = {}

    async def __aenter__(self) -> Self:
        self._jar = cookie_jar(self._cookies)
        self._client = _open_client(self._identity.proxy, self._trust, self._timeouts, self._jar)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    @property
    def signed_in(self) -> bool:
        """Whether an account's cookies are sent."""
        return self._cookies is not None and self._cookies.signed_in

    def use_cookies(self, cookies: Cookies) -> None:
        """Send these cookies from now on, and no others."""
        self._cookies = cookies
        fill(self._jar, cookies)

    async def open(
        self, call: Call, now: float, *, whole: bool = True
    ) -> tuple[aiohttp.ClientResponse, Route]:
        """Send a request, once. `whole`: the time limit is for the whole answer.

        The response is the caller's to close. Raises NetworkFault, ServerFault.
        """
        url = URL(call.url)
        route = self._route(url.host or "?")
        try:
            response = await self._client.request(
                call.method,
                url,
                params=call.params,
                data=call.data,
                headers=self._headers(call, url, now),
                proxy_headers=self._proxy_headers,
                allow_redirects=False,
                timeout=self._timeouts if whole else self._timeouts_of_media,
            )
            return response, route
        except TRANSPORT_ERRORS as error:
            fault = fault_from(error, route)
        # Outside of `except`: the foreign error holds addresses and passwords; let it go.
        raise fault

    def _route(self, name: str) -> Route:
        route = self._routes.get(name)
        if route is None:
            if len(self._routes) >= _ROUTES_KEPT:
                self._routes.clear()
            self._routes[name] = route = Route(self._identity.name, name, self._proxy)
        return route

    def _headers(self, call: Call, url: URL, now: float) -> Mapping[str, str]:
        """With the cookies, and an account's authorization where the address needs it besides."""
        headers = dict(call.headers or ())
        cookies = self._jar.header(url)
        if cookies:
            headers["Cookie"] = cookies
        if self._cookies is not None and call.method == "POST" and call.url.startswith(_INNERTUBE):
            authorization = self._cookies.authorization(now)
            if authorization is not None:
                headers |= {"Authorization": authorization, "X-Origin": ORIGIN}
                headers["X-Goog-AuthUser"] = "0"
        return headers


def _open_client(
    proxy: str | None, trust: ssl.SSLContext, timeout: aiohttp.ClientTimeout, jar: SteadyJar
) -> aiohttp.ClientSession:
    by_http = proxy is not None and proxy.startswith("http")
    client = aiohttp.ClientSession(
        connector=_connector(proxy, trust),
        cookie_jar=jar,
        timeout=timeout,
        headers={"User-Agent": USER_AGENT, "Accept-Language": "en", "Accept-Encoding": "gzip"},
        proxy=without_password(proxy) if by_http else None,
        trust_env=False,
    )
    # aiohttp would send a GET again by itself when the server hung up; every try passes the gate.
    client._retry_connection = False
    return client


def timeouts(seconds: float, *, whole: bool = True) -> aiohttp.ClientTimeout:
    """At most `seconds` for an answer, or (`whole` false) for each piece of a long one."""
    return aiohttp.ClientTimeout(
        total=seconds if whole else None,
        sock_connect=min(seconds, CONNECT_SECONDS),
        # Beside a limit for the whole it could never strike first, and costs a timer a piece.
        sock_read=None if whole else seconds,
    )


def proxy_headers(proxy: str | None) -> dict[str, str] | None:
    """What an http or https proxy is told with every connection: user and password."""
    parts = urlsplit(proxy or "")
    if not parts.scheme.startswith("http") or parts.username is None:
        return None
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + base64.b64encode(secret).decode()}


def _connector(proxy: str | None, trust: ssl.SSLContext) -> aiohttp.BaseConnector:
    # No limit here: how many at once is decided by the stages, how fast by the gate.
    if proxy is None or proxy.startswith("http"):
        return aiohttp.TCPConnector(ssl=trust, limit=0, keepalive_timeout=60)
    parts = urlsplit(proxy)
    return aiohttp_socks.ProxyConnector(
        host=parts.hostname or "",
        port=parts.port or 1080,
        proxy_type=aiohttp_socks.ProxyType.SOCKS5,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or "") if parts.username else None,
        rdns=True,  # names are looked up where the proxy is
        ssl=trust,
        limit=0,
        keepalive_timeout=60,
    )
