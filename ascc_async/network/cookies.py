"""An identity's cookies: read, checked, and never written back to the user's file."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import CookieError, Morsel
from pathlib import Path

import aiohttp

from ascc_async.errors import SetupError
from ascc_async.network.cookie_formats import HTTP_ONLY, Cookie, NotCookies, read_cookie_text
from ascc_async.network.steady_jar import YOUTUBE

EXAMPLE_MARK = "REPLACE-ME"
HOW_TO = (
    "export the cookies of youtube.com from a signed-in browser (see cookies.example.txt)"
    " and name that file in network.cookies_file"
)
_LARGEST = 4 << 20
_SOON_DAYS = 3.0
# Where these are, the account is signed in: so decides yt-dlp too. The second group signs requests.
_SESSION = "LOGIN_INFO"
_SIGNERS = (
    ("SAPISIDHASH", ("SAPISID", "__Secure-3PAPISID")),
    ("SAPISID1PHASH", ("__Secure-1PAPISID",)),
    ("SAPISID3PHASH", ("__Secure-3PAPISID",)),
)
_LOGIN_NAMES = frozenset({_SESSION, "SAPISID", "__Secure-1PAPISID", "__Secure-3PAPISID"})


@dataclass(frozen=True)
class Jar:
    """The cookies of one identity that are for YouTube and not expired.

    `warnings`: what the user should know. `edition` rises each time the file is read again.
    """

    path: Path
    cookies: tuple[Cookie, ...] = field(repr=False)
    warnings: tuple[str, ...] = ()
    edition: int = 0

    @property
    def signed_in(self) -> bool:
        """Whether the login cookies of an account are there."""
        return bool(self._value(_SESSION)) and self.authorization(0.0) is not None

    def fill(self, jar: aiohttp.CookieJar) -> None:
        """Put the cookies into aiohttp's jar."""
        for cookie in self.cookies:
            morsel = _morsel(cookie)
            if morsel is not None:
                jar.update_cookies([(cookie.name, morsel)], YOUTUBE)

    def authorization(self, now: float | None = None) -> str | None:
        """The header that YouTube's API wants besides an account's cookies; None for guests."""
        stamp = str(int(time.time() if now is None else now))
        parts = []
        for scheme, names in _SIGNERS:
            secret = next((value for name in names if (value := self._value(name))), "")
            if secret:
                signed = f"{stamp} {secret} https://www.youtube.com".encode()
                digest = hashlib.sha1(signed, usedforsecurity=False).hexdigest()
                parts.append(f"{scheme} {stamp}_{digest}")
        return " ".join(parts) or None

    def netscape(self) -> str:
        """The cookies as a Netscape file, as yt-dlp reads it."""
        lines = ["# Netscape HTTP Cookie File", "# Private copy made by ascc_async.", ""]
        lines += [_netscape_line(cookie) for cookie in self.cookies]
        return "\n".join(lines) + "\n"

    def _value(self, name: str) -> str:
        return next((one.value for one in self.cookies if one.name == name), "")


def load_cookies(path: Path, *, now: float | None = None, edition: int = 0) -> Jar:
    """Read and check a cookie file. Raises SetupError that names the file and the remedy."""
    moment = time.time() if now is None else now
    text = _read(path)
    if EXAMPLE_MARK in text:
        raise SetupError(f"{path} is the example file with made-up cookies; {HOW_TO}")
    try:
        found = read_cookie_text(text)
    except NotCookies as error:
        raise SetupError(f"{path} cannot be used as cookies: {error}; {HOW_TO}") from None
    mine = [cookie for cookie in found if cookie.for_youtube]
    if not mine:
        sites = ", ".join(sorted({cookie.domain for cookie in found})[:3]) or "no site"
        raise SetupError(f"{path} holds no cookie for youtube.com, only for {sites}; {HOW_TO}")
    valid = tuple(cookie for cookie in mine if not cookie.is_expired(moment))
    _refuse_expired(path, mine, valid)
    jar = Jar(path, valid, edition=edition)
    return Jar(path, valid, tuple(_warnings(jar, moment)), edition)


def _read(path: Path) -> str:
    try:
        if path.is_dir():
            raise SetupError(f"network.cookies_file: {path} is a folder; name the file itself")
        if path.stat().st_size > _LARGEST:
            raise SetupError(f"{path} is too large for a cookie file; {HOW_TO}")
        content = path.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SetupError(f"network.cookies_file: cannot read {path}: {why}; {HOW_TO}") from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in content[:200]:
        raise SetupError(f"{path} is in UTF-16 (PowerShell's > writes it so); save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SetupError(f"{path} is not text in UTF-8; {HOW_TO}") from None


def _refuse_expired(path: Path, mine: list[Cookie], valid: tuple[Cookie, ...]) -> None:
    login = [cookie for cookie in mine if cookie.name in _LOGIN_NAMES]
    if valid and (not login or any(cookie.name in _LOGIN_NAMES for cookie in valid)):
        return
    ends = [cookie.expires for cookie in login or mine if cookie.expires is not None]
    day = datetime.fromtimestamp(max(ends), UTC).date() if ends else "an unknown day"
    raise SetupError(f"the cookies in {path} expired on {day}; {HOW_TO}")


def _warnings(jar: Jar, now: float) -> list[str]:
    notes = []
    if not jar.signed_in:
        notes.append(f"{jar.path}: these cookies are not of a signed-in account; used as a guest's")
    mode = stat.S_IMODE(os.stat(jar.path).st_mode)
    if mode & 0o077:
        notes.append(f"{jar.path}: others on this machine can read it; chmod 600 {jar.path}")
    ends = [one.expires for one in jar.cookies if one.name in _LOGIN_NAMES and one.expires]
    if ends and min(ends) - now < _SOON_DAYS * 86400:
        day = datetime.fromtimestamp(min(ends), UTC).date()
        notes.append(f"{jar.path}: the sign-in expires on {day}; export the cookies again soon")
    return notes


def _morsel(cookie: Cookie) -> Morsel[str] | None:
    morsel: Morsel[str] = Morsel()
    try:
        morsel.set(cookie.name, cookie.value, cookie.value)
    except CookieError:
        return None
    if not cookie.host_only:
        morsel["domain"] = cookie.domain
    morsel["path"] = cookie.path
    if cookie.secure:
        morsel["secure"] = True
    return morsel


def _netscape_line(cookie: Cookie) -> str:
    domain = cookie.domain if cookie.host_only else "." + cookie.domain
    flags = ("FALSE" if cookie.host_only else "TRUE", cookie.path, _yes(cookie.secure))
    ends = str(int(cookie.expires or 0))
    prefix = HTTP_ONLY if cookie.http_only else ""
    return prefix + "\t".join((domain, *flags, ends, cookie.name, cookie.value))


def _yes(value: bool) -> str:
    return "TRUE" if value else "FALSE"
