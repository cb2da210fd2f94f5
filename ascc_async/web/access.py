"""Who may look, and what a browser may do with what it is shown.

The page never acts, so all there is to keep safe is what it shows: from other people in the
network (a token), from other sites in the same browser (the Host header, the response headers), and
from titles and channels, which anybody on YouTube writes (the Content-Security-Policy).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from ascc_async.errors import SettingsError

HEADERS = {
    # Nothing but our own files is loaded or run; Plotly's script puts styles into the page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'"
    " 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self'; connect-src 'self';"
    " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_UNAUTHORIZED = """\
401: this page needs its token. Open the address that `serve` printed, which ends in ?token=…, or \
send the header «Authorization: Bearer TOKEN».
"""
_FOREIGN_HOST = """\
403: this page is not served under that name, which another site may have made up to read it. Open \
it by the address that `serve` printed; for a name of your own, give it with --listen NAME:PORT.
"""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the page is served."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Listen:
        """Raises SettingsError for what is not HOST:PORT."""
        found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]\s/]+):(\d{1,5})", text)
        if not found or int(found[2]) > 65535:
            raise SettingsError(
                f"--listen {text}: expected HOST:PORT such as localhost:8765, [::1]:8765 or"
                " 0.0.0.0:8765 (all addresses of this machine); port 0 takes any that is free"
            )
        return cls(found[1].strip("[]"), int(found[2]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        address = _address(self.host)
        return self.host == "localhost" if address is None else address.is_loopback

    def url(self, port: int, token: str | None) -> str:
        """The address to open in a browser on this machine or, where it can be reached, others."""
        host = self.host
        if (address := _address(host)) and address.is_unspecified:
            host = socket.gethostname()
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


class Access:
    """Judges each request before anything else does."""

    def __init__(self, listen: Listen, token: str | None) -> None:
        """Where `token` is empty one is made, and away from loopback where there is none."""
        if token is None and listen.is_loopback:
            self.token: str | None = None
        else:
            self.token = token or secrets.token_urlsafe(24)
        self._names = {"localhost", listen.host.lower()}
        if not listen.is_loopback:  # looking up one's full name may take seconds
            host = socket.gethostname().lower()
            self._names |= {host, f"{host}.local", socket.getfqdn().lower()}

    @property
    def middleware(self) -> Middleware:
        """401, 403 or the answer, all with the headers that keep a browser strict."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return self._refusal(request) or await handler(request)
            except web.HTTPException as error:
                # What is shown of an unknown address is text, whatever the address holds.
                error.content_type = "text/plain"
                raise

        return guarded

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        if not self._is_our_name(request.headers.get(hdrs.HOST, "")):
            return web.Response(status=403, text=_FOREIGN_HOST)
        if self.token is None:
            return None
        cookie = f"ascc_{hashlib.sha256(self.token.encode()).hexdigest()[:8]}"
        asked = request.query.get("token")
        scheme, _, bearer = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        bearer = bearer if scheme.lower() == "bearer" else ""
        given = [word for word in (asked, bearer, request.cookies.get(cookie)) if word]
        # In constant time: how long a comparison takes would tell how much of a guess is right.
        token = self.token.encode()
        if not any(hmac.compare_digest(word.encode("utf-8", "replace"), token) for word in given):
            headers = {hdrs.WWW_AUTHENTICATE: "Bearer"}
            return web.Response(status=401, text=_UNAUTHORIZED, headers=headers)
        if asked is None or "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
            return None
        # A browser keeps it as a cookie, out of the addresses that it shows and remembers.
        query = {key: value for key, value in request.query.items() if key != "token"}
        answer = web.HTTPSeeOther(request.rel_url.with_query(query))
        # Lax: with Strict it would not come along when a link in a mail or chat was followed.
        answer.set_cookie(cookie, self.token, httponly=True, samesite="Lax")
        raise answer

    def _is_our_name(self, host: str) -> bool:
        # Against DNS rebinding: a site whose name is made to lead to this machine. A bare address
        # cannot be made to, whatever port a tunnel puts in front of it.
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name in self._names or _address(name) is not None


async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer, also one that is an error, has the headers."""
    response.headers.update(HEADERS)
    response.headers[hdrs.SERVER] = "ascc_async"
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
