"""The cookie jar of an identity's connections: aiohttp's, with its header written once."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import BaseCookie, Morsel, SimpleCookie
from typing import Protocol

import aiohttp
from aiohttp.typedefs import LooseCookies
from yarl import URL

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
