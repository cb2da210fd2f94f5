"""One identity's way out: its own connections, cookie jar, proxy and trusted authorities."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from http.cookies import BaseCookie, Morsel, SimpleCookie
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiohttp
import aiohttp_socks
import certifi
from aiohttp.typedefs import LooseCookies
from yarl import URL

from ascc_async.errors import SetupError
from ascc_async.settings import IdentitySettings, without_password

USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/149.0.0.0 Safari/537.36"
)
CONNECT_SECONDS = 15.0
_HEADERS_KEPT = 64
YOUTUBE = URL("https://www.youtube.com/")


class Cookies(Protocol):
    """What an identity's cookies can do; `cookies.Jar` is the one."""

    @property
    def signed_in(self) -> bool: ...

    def fill(self, jar: aiohttp.CookieJar) -> None: ...

    def authorization(self, now: float | None = None) -> str | None: ...


class SteadyJar(aiohttp.CookieJar):
    """A cookie jar that writes its `Cookie` header once, not for each of two million requests.

    aiohttp asks `filter_cookies` and builds the header anew each time: it gets nothing from there,
    and `header` is sent instead. Every Set-Cookie is kept as ever, and renews the header.
    """

    def __init__(self) -> None:
        super().__init__(quote_cookie=False)
        self._headers_made: dict[tuple[str, str | None, str], str] = {}

    def filter_cookies(self, request_url: URL = YOUTUBE) -> BaseCookie[str]:
        """Nothing: see `header`."""
        return SimpleCookie()

    def update_cookies(self, cookies: LooseCookies, response_url: URL = YOUTUBE) -> None:
        """Keep these cookies."""
        self._headers_made.clear()
        super().update_cookies(cookies, response_url)

    def clear(self, predicate: Callable[[Morsel[str]], bool] | None = None) -> None:
        """Forget the cookies."""
        self._headers_made.clear()
        super().clear(predicate)

    def header(self, url: URL) -> str:
        """The `Cookie` header for an address; empty when there is none to send."""
        place = (url.scheme, url.host, url.path)
        made = self._headers_made.get(place)
        if made is None:
            held = super().filter_cookies(url)
            made = "; ".join(f"{name}={morsel.coded_value}" for name, morsel in held.items())
            if len(self._headers_made) > _HEADERS_KEPT:
                self._headers_made.clear()
            self._headers_made[place] = made
        return made


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


def open_client(
    identity: IdentitySettings,
    trust: ssl.SSLContext,
    timeout: aiohttp.ClientTimeout,
    cookies: SteadyJar,
) -> aiohttp.ClientSession:
    """The identity's session: keep-alive connections, cookies, proxy. Close it when done."""
    by_http = identity.proxy is not None and identity.proxy.startswith("http")
    client = aiohttp.ClientSession(
        connector=_connector(identity.proxy, trust),
        cookie_jar=cookies,
        timeout=timeout,
        headers={"User-Agent": USER_AGENT, "Accept-Language": "en", "Accept-Encoding": "gzip"},
        proxy=without_password(identity.proxy) if by_http else None,
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
        sock_read=seconds,
    )


def cookie_jar(cookies: Cookies | None) -> SteadyJar:
    """A jar with the identity's cookies, consent given, language English."""
    jar = SteadyJar()
    fill(jar, cookies)
    return jar


def fill(jar: SteadyJar, cookies: Cookies | None) -> None:
    """Put the identity's cookies in place of what the jar holds."""
    jar.clear()
    if cookies is not None:
        cookies.fill(jar)
    held = {morsel.key: morsel.value for morsel in jar}
    consent = held.get("SOCS", "CAA")
    # Without this, Europe gets a consent page instead of an answer. A signed-in browser has
    # given (or refused) its consent already: leave that alone.
    if not (cookies and cookies.signed_in) and consent[:3] == "CAA":
        jar.update_cookies({"SOCS": "CAI"}, YOUTUBE)
    if "PREF" not in held:
        jar.update_cookies({"PREF": "hl=en&tz=UTC"}, YOUTUBE)


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
