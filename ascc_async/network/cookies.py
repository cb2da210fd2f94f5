"""Every identity's cookies: read in each form that browsers export, checked, watched for changes.

The user's files are never written, and no copy of them is made.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ascc_async.errors import SetupError
from ascc_async.settings import NetworkSettings

log = logging.getLogger(__name__)

EXAMPLE_MARK = "REPLACE-ME"
HOW_TO = (
    "export the cookies of youtube.com from a signed-in browser (cookies.example.txt says how; get"
    " it with `python -m ascc_async init`) and name that file in network.cookies_file"
)
_SOON_SECONDS = 3 * 86400.0
_YOUTUBES_DOMAINS = ("youtube.com", "www.youtube.com")
_HTTP_ONLY = "#HttpOnly_"  # what curl and browsers write before a line, so that it is no comment
_PAIR = r"[^\s=;,<>{}\[\]\"]+=[^;\n]*"
_HEADER = re.compile(rf"(?:cookie:\s*)?({_PAIR}(?:;\s*{_PAIR})*;?)\s*", re.I)
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
    """The cookies of one identity that YouTube gets to see and that have not expired, by name.

    `warnings`: what the user should know.
    """

    values: Mapping[str, str] = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def signed_in(self) -> bool:
        """Whether the login cookies of an account are there."""
        return bool(self.values.get(_SESSION)) and self.authorization(0.0) is not None

    def authorization(self, now: float) -> str | None:
        """The header that YouTube's API wants besides an account's cookies; None for guests."""
        parts = []
        for scheme, names in _SIGNERS:
            secret = next(filter(None, map(self.values.get, names)), "")
            if secret:
                signed = f"{int(now)} {secret} https://www.youtube.com".encode()
                digest = hashlib.sha1(signed, usedforsecurity=False).hexdigest()
                parts.append(f"{scheme} {int(now)}_{digest}")
        return " ".join(parts) or None

    def as_netscape(self) -> str:
        """The text of a cookie file, for yt-dlp."""
        cookies = self.values.items()
        lines = [f".youtube.com\tTRUE\t/\tTRUE\t0\t{name}\t{value}" for name, value in cookies]
        return "\n".join(("# Netscape HTTP Cookie File", *lines, ""))


def cookies_to_send(cookies: IdentityCookies | None) -> dict[str, str]:
    """Names and values as YouTube is to get them from this identity; None: from a guest."""
    values = dict(cookies.values) if cookies is not None else {}
    # Without consent Europe gets a consent page instead of an answer. A signed-in browser has given
    # (or refused) its own already: leave that alone.
    signed_in = cookies is not None and cookies.signed_in
    if not signed_in and values.get("SOCS", "CAA").startswith("CAA"):
        values["SOCS"] = "CAI"
    values.setdefault("PREF", "hl=en&tz=UTC")
    return values


class CookieStore:
    """Every identity's cookies, by name in `jars`. Raises SetupError for a file that is no use.

    It reads files: make and refresh it in a thread while a loop runs.
    """

    def __init__(self, network: NetworkSettings) -> None:
        self._files = {
            identity.name: identity.cookies_file
            for identity in network.all_identities()
            if identity.cookies_file is not None
        }
        self._states = {name: _state_of(path) for name, path in self._files.items()}
        self.jars = {name: load_cookies(path) for name, path in self._files.items()}
        for name, cookies in self.jars.items():
            for warning in cookies.warnings:
                log.warning(warning, extra={"identity": name})

    def refresh(self) -> Mapping[str, IdentityCookies]:
        """Read changed files again: the new cookies by identity (empty when nothing changed).

        A file that became unusable is said once; the former cookies stay in use.
        """
        renewed: dict[str, IdentityCookies] = {}
        for name, path in self._files.items():
            state = _state_of(path)
            if state == self._states[name]:
                continue
            # Noted before it is read: a bad file is reported once, not at every look.
            self._states[name] = state
            try:
                cookies = load_cookies(path)
            except SetupError as error:
                log.warning(
                    "the changed cookie file cannot be used; going on with the former cookies",
                    extra={"identity": name, "why": str(error)},
                )
                continue
            log.info(
                "the cookie file changed: using the new cookies",
                extra={"identity": name, "signed_in": cookies.signed_in},
            )
            renewed[name] = self.jars[name] = cookies
        return renewed


def _state_of(path: Path) -> tuple[int, ...]:
    """What changes when a file does; empty where there is none."""
    try:
        state = path.stat()
    except OSError:
        return ()
    return (state.st_mtime_ns, state.st_size, state.st_ino)


# Reading a file


def load_cookies(path: Path, *, now: float | None = None) -> IdentityCookies:
    """Read and check a cookie file. Raises SetupError that names the file and the remedy."""
    now = time.time() if now is None else now
    try:
        text = path.read_text(encoding="utf-8-sig")
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise SetupError(f"network.cookies_file: cannot read {path}: {why}; {HOW_TO}") from error
    except UnicodeDecodeError:
        # The error's own text would show bytes of the file.
        raise SetupError(f"{path} is not text in UTF-8: save it as UTF-8, or {HOW_TO}") from None
    if EXAMPLE_MARK in text:
        raise SetupError(f"{path} is the example file with made-up cookies; {HOW_TO}")
    try:
        cookies = list(_cookies_in(text))
    except _NotCookies as error:
        raise SetupError(f"{path} cannot be used as cookies: {error}; {HOW_TO}") from error
    ours = [
        cookie
        for cookie in cookies
        # A line break would end the header that it is sent in.
        if cookie.domain in _YOUTUBES_DOMAINS and f"{cookie.name}{cookie.value}".isprintable()
    ]
    if not ours:
        sites = sorted({cookie.domain for cookie in cookies})
        only = ", ".join(sites[:3]) or "no site"
        raise SetupError(f"{path} holds no cookie for youtube.com, only for {only}; {HOW_TO}")
    # A browser drops expired cookies one by one. What ends the sign-in is that all its cookies did.
    deciding = [cookie for cookie in ours if cookie.name in _LOGIN_NAMES] or ours
    if all(cookie.is_over(now) for cookie in deciding):
        day = _day(max(cookie.ends or 0 for cookie in deciding))
        raise SetupError(f"the cookies in {path} expired on {day}; {HOW_TO}")
    kept = [cookie for cookie in ours if not cookie.is_over(now)]
    loaded = IdentityCookies({cookie.name: cookie.value for cookie in kept})
    return replace(loaded, warnings=tuple(_warnings(path, mode, loaded, kept, now)))


def _warnings(
    path: Path, mode: int, loaded: IdentityCookies, cookies: Sequence[_Cookie], now: float
) -> Iterator[str]:
    if not loaded.signed_in:
        yield f"{path}: these cookies hold no sign-in; asking YouTube as a guest"
    if mode & 0o077:
        yield f"{path}: other users of this machine can read it; run `chmod 600 {path}`"
    ends = [each.ends for each in cookies if each.name in _LOGIN_NAMES and each.ends]
    if ends and min(ends) - now < _SOON_SECONDS:
        yield f"{path}: the sign-in expires on {_day(min(ends))}; export the cookies again soon"


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


class _Cookie(NamedTuple):
    """One of a file, of any site. `ends`: POSIX time; None: with the browser's session."""

    name: str
    value: str
    domain: str
    ends: float | None

    def is_over(self, now: float) -> bool:
        return self.ends is not None and self.ends <= now


class _NotCookies(ValueError):
    """The text is in none of the three forms; the message says what it looks like."""


def _cookies_in(text: str) -> Iterable[_Cookie]:
    """Netscape lines, a JSON array, or one `Cookie:` header: recognised by content, not by name."""
    bare = text.strip()
    if not bare:
        raise _NotCookies("it is empty")
    if bare.startswith("<"):
        raise _NotCookies("it is a web page, not cookies")
    if bare[0] in "[{":
        return _from_json(bare)
    if "\t" not in bare and (header := _HEADER.fullmatch(bare)):
        named = (pair.strip().partition("=") for pair in header[1].split(";") if "=" in pair)
        return (_cookie(name, value, "youtube.com") for name, _, value in named)
    return _from_netscape(text)


def _from_netscape(text: str) -> list[_Cookie]:
    # MozillaCookieJar's own reader wants a first line that many exports lack, takes no spaces for
    # tabs, calls cookies of the session expired, and puts the cookie's value into its error.
    cookies, damaged = [], 0
    for number, whole_line in enumerate(text.splitlines(), start=1):
        line = whole_line.removeprefix(_HTTP_ONLY)
        if not line.strip() or line.lstrip()[0] in "#$":
            continue
        fields = line.split("\t")
        if len(fields) < 6:
            fields = line.split(None, 6)  # copied out of a terminal, tabs become spaces
        if len(fields) not in (6, 7) or "." not in fields[0] or not fields[2].startswith("/"):
            damaged = damaged or number
            continue
        domain, _, _, _, expires, name, value = (*map(str.strip, fields), "")[:7]
        cookies.append(_cookie(name, value, domain, expires))
    if damaged and not cookies:
        form = "a form that browsers export cookies in (seven fields, separated by tabs)"
        raise _NotCookies(f"line {damaged} is not in {form}")
    if not cookies:
        raise _NotCookies("it holds no cookie, only comments")
    return cookies


def _from_json(text: str) -> Iterator[_Cookie]:
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
        name, value, domain = (str(entry[key]) for key in ("name", "value", "domain"))
        yield _cookie(name, value, domain, entry.get("expirationDate", entry.get("expires")))


def _cookie(name: str, value: str, domain: str, expires: Any = None) -> _Cookie:
    try:
        ends = float(expires)
    except (TypeError, ValueError, OverflowError):
        ends = 0.0
    # 0, -1 and nothing mean that the cookie ends with the browser session.
    session = not (ends > 0 and math.isfinite(ends))
    return _Cookie(name, value, domain.lower().removeprefix("."), None if session else ends)
