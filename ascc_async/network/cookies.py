"""An identity's cookies: read in every form that browsers export, checked, never written back."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.cookiejar import Cookie, MozillaCookieJar
from http.cookies import CookieError, Morsel
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from ascc_async.errors import SetupError

YOUTUBE = URL("https://www.youtube.com/")
EXAMPLE_MARK = "REPLACE-ME"
HOW_TO = (
    "export the cookies of youtube.com from a signed-in browser (see cookies.example.txt)"
    " and name that file in network.cookies_file"
)
_LARGEST_FILE = 4 << 20
_SOON_SECONDS = 3 * 86400.0
_YOUTUBES_DOMAINS = frozenset({"www.youtube.com", ".www.youtube.com", ".youtube.com"})
_HTTP_ONLY = "#HttpOnly_"  # what curl and browsers write before a line, so that it is no comment
_PAIR = r"[^\s=;,<>{}\[\]\"]+=[^;\n]*"
_HEADER = re.compile(rf"^(?:cookie:\s*)?{_PAIR}(?:;\s*{_PAIR})*;?\s*$", re.I)
# Where these are, an account is signed in: so decides yt-dlp too. The second group signs requests.
_SESSION = "LOGIN_INFO"
_SIGNERS = (
    ("SAPISIDHASH", ("SAPISID", "__Secure-3PAPISID")),
    ("SAPISID1PHASH", ("__Secure-1PAPISID",)),
    ("SAPISID3PHASH", ("__Secure-3PAPISID",)),
)
_LOGIN_NAMES = frozenset({_SESSION, "SAPISID", "__Secure-1PAPISID", "__Secure-3PAPISID"})


@dataclass(frozen=True)
class IdentityCookies:
    """The cookies of one identity that YouTube gets to see and that have not expired.

    `warnings`: what the user should know. `edition` rises each time the file is read again.
    """

    path: Path
    jar: MozillaCookieJar = field(repr=False)  # its own text shows every value
    warnings: tuple[str, ...] = ()
    edition: int = 0

    @property
    def signed_in(self) -> bool:
        """Whether the login cookies of an account are there."""
        return bool(self._value(_SESSION)) and self.authorization(0.0) is not None

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

    def _value(self, name: str) -> str:
        return next((cookie.value or "" for cookie in self.jar if cookie.name == name), "")


def load_cookies(path: Path, *, now: float | None = None, edition: int = 0) -> IdentityCookies:
    """Read and check a cookie file. Raises SetupError that names the file and the remedy."""
    now = int(time.time() if now is None else now)
    text = _read_text(path)
    if EXAMPLE_MARK in text:
        raise SetupError(f"{path} is the example file with made-up cookies; {HOW_TO}")
    try:
        cookies = list(_cookies_in(text))
    except _NotCookies as error:
        raise SetupError(f"{path} cannot be used as cookies: {error}; {HOW_TO}") from error
    ours = [cookie for cookie in cookies if cookie.domain in _YOUTUBES_DOMAINS]
    if not ours:
        sites = sorted({cookie.domain.removeprefix(".") for cookie in cookies})
        only = ", ".join(sites[:3]) or "no site"
        raise SetupError(f"{path} holds no cookie for youtube.com, only for {only}; {HOW_TO}")
    logins = [cookie for cookie in ours if cookie.name in _LOGIN_NAMES]
    # A browser drops expired cookies one by one. What ends the sign-in is that all its cookies did.
    deciding = logins or ours
    if all(cookie.is_expired(now) for cookie in deciding):
        day = _day(max(cookie.expires or 0 for cookie in deciding))
        raise SetupError(f"the cookies in {path} expired on {day}; {HOW_TO}")
    jar = MozillaCookieJar()
    for cookie in ours:
        if not cookie.is_expired(now):
            jar.set_cookie(cookie)
    loaded = IdentityCookies(path, jar, edition=edition)
    return replace(loaded, warnings=tuple(_warnings(loaded, now)))


def fill_jar(jar: aiohttp.CookieJar, cookies: IdentityCookies | None) -> None:
    """Put the identity's cookies in place of what a client's jar holds."""
    jar.clear()
    held = {cookie.name: cookie.value or "" for cookie in cookies.jar} if cookies else {}
    for cookie in cookies.jar if cookies else ():
        morsel: Morsel[str] = Morsel()
        try:
            morsel.set(cookie.name, cookie.value or "", cookie.value or "")
        except CookieError:  # a name that no header can hold
            continue
        if cookie.domain.startswith("."):
            morsel["domain"] = cookie.domain[1:]
        morsel["path"] = cookie.path
        if cookie.secure:
            morsel["secure"] = True
        jar.update_cookies([(cookie.name, morsel)], YOUTUBE)
    # Without consent Europe gets a consent page instead of an answer. A signed-in browser has given
    # (or refused) its own already: leave that alone.
    signed_in = cookies is not None and cookies.signed_in
    if not signed_in and held.get("SOCS", "CAA").startswith("CAA"):
        jar.update_cookies({"SOCS": "CAI"}, YOUTUBE)
    if "PREF" not in held:
        jar.update_cookies({"PREF": "hl=en&tz=UTC"}, YOUTUBE)


class _NotCookies(ValueError):
    """The text is in none of the three forms; the message says what it looks like."""


def _read_text(path: Path) -> str:
    try:
        if path.is_dir():
            raise SetupError(f"network.cookies_file: {path} is a folder; name the file itself")
        if path.stat().st_size > _LARGEST_FILE:
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
        # The error's own text would show bytes of the file.
        raise SetupError(f"{path} is not text in UTF-8; {HOW_TO}") from None


def _cookies_in(text: str) -> Iterator[Cookie]:
    """Netscape lines, a JSON array, or one `Cookie:` header: recognised by content, not by name."""
    bare = text.strip()
    if not bare:
        raise _NotCookies("it is empty")
    if bare.startswith("<"):
        raise _NotCookies("it is a web page, not cookies")
    if bare[0] in "[{":
        return _from_json(bare)
    if "\n" not in bare and "\t" not in bare and _HEADER.match(bare):
        pairs = re.sub(r"^cookie:\s*", "", bare, flags=re.I).split(";")
        named = (pair.strip().partition("=") for pair in pairs if "=" in pair)
        return (_cookie(name, value, ".youtube.com") for name, _, value in named)
    return _from_netscape(text)


def _from_netscape(text: str) -> Iterator[Cookie]:
    # MozillaCookieJar's own reader wants a first line that many exports lack, takes no spaces for
    # tabs, and puts the cookie's value into its error.
    damaged, read = 0, 0
    for number, line in enumerate(text.splitlines(), start=1):
        http_only = line.startswith(_HTTP_ONLY)
        if not line.strip() or (line.lstrip()[0] in "#$" and not http_only):
            continue
        line = line.removeprefix(_HTTP_ONLY)
        fields = line.split("\t")
        if len(fields) < 6:
            fields = line.split(None, 6)  # copied out of a terminal, tabs become spaces
        if len(fields) not in (6, 7) or "." not in fields[0] or not fields[2].startswith("/"):
            damaged = damaged or number
            continue
        domain, wide, path, secure, expires, name, value = (*map(str.strip, fields), "")[:7]
        read += 1
        yield _cookie(
            name,
            value,
            f".{domain.removeprefix('.')}" if wide.upper() == "TRUE" else domain,
            path=path,
            secure=secure.upper() == "TRUE",
            http_only=http_only,
            expires=expires,
        )
    if damaged and not read:
        raise _NotCookies(
            f"line {damaged} is not in a form that browsers export cookies in (seven fields,"
            " separated by tabs)"
        )
    if not read:
        raise _NotCookies("it holds no cookie, only comments")


def _from_json(text: str) -> Iterator[Cookie]:
    """An array as browser extensions copy it, or Playwright's `{"cookies": [...]}`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        at = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "its text"
        # Not `from error`: a JSONDecodeError carries the whole file.
        raise _NotCookies(f"it begins like JSON, but {at} is not (was it cut off?)") from None
    entries = data.get("cookies") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise _NotCookies("it is JSON, but not an array of cookies")
    for entry in entries:
        if not isinstance(entry, dict) or not {"name", "value", "domain"} <= entry.keys():
            raise _NotCookies("it is a JSON array, but not of cookies (name, value, domain)")
        domain = str(entry["domain"])
        host_only = entry.get("hostOnly", not domain.startswith("."))
        yield _cookie(
            str(entry["name"]),
            str(entry["value"]),
            domain.removeprefix(".") if host_only else f".{domain.removeprefix('.')}",
            path=str(entry.get("path") or "/"),
            secure=bool(entry.get("secure", True)),
            http_only=bool(entry.get("httpOnly", False)),
            expires=entry.get("expirationDate", entry.get("expires")),
        )


def _cookie(
    name: str,
    value: str,
    domain: str,
    *,
    path: str = "/",
    secure: bool = True,
    http_only: bool = False,
    expires: Any = None,
) -> Cookie:
    """A cookie; with a leading dot `domain` covers all its hosts."""
    try:
        seconds = float(expires)
    except (TypeError, ValueError):
        seconds = 0.0
    # 0, -1 and nothing mean that the cookie ends with the browser session.
    ends = int(seconds) if seconds > 0 and math.isfinite(seconds) else None
    domain = domain.lower()
    wide = domain.startswith(".")
    more = {"HTTPOnly": ""} if http_only else {}
    return Cookie(
        0, name, value, None, False, domain, wide, wide, path, True, secure, ends, ends is None,
        None, None, more,
    )  # fmt: skip


def _warnings(cookies: IdentityCookies, now: float) -> Iterator[str]:
    path = cookies.path
    if not cookies.signed_in:
        yield f"{path}: these cookies hold no sign-in; asking YouTube as a guest"
    if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        yield f"{path}: other users of this machine can read it; run `chmod 600 {path}`"
    ends = [cookie.expires for cookie in cookies.jar if cookie.name in _LOGIN_NAMES]
    first = min((end for end in ends if end is not None), default=None)
    if first is not None and first - now < _SOON_SECONDS:
        yield f"{path}: the sign-in expires on {_day(first)}; export the cookies again soon"


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
