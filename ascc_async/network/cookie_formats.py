"""The three forms in which browsers hand out cookies, told apart by content, not by name."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

HTTP_ONLY = "#HttpOnly_"
_PAIR = r"[^\s=;,<>{}\[\]\"]+=[^;\n]*"
_HEADER = re.compile(rf"^(?:cookie:\s*)?{_PAIR}(?:;\s*{_PAIR})*;?\s*$", re.I)


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie. `domain` has no leading dot; `expires`: POSIX seconds, None: with the session."""

    name: str
    value: str = field(repr=False)
    domain: str
    host_only: bool = False
    path: str = "/"
    secure: bool = True
    http_only: bool = False
    expires: float | None = None

    @property
    def for_youtube(self) -> bool:
        """Whether www.youtube.com gets to see it."""
        if self.host_only:
            return self.domain == "www.youtube.com"
        return self.domain in ("youtube.com", "www.youtube.com")

    def is_expired(self, now: float) -> bool:
        """Whether a browser would have dropped it by `now`."""
        return self.expires is not None and self.expires <= now


class NotCookies(ValueError):
    """The text is none of the three forms; the message says what it looks like."""


def read_cookie_text(text: str) -> list[Cookie]:
    """Cookies out of Netscape lines, a JSON array, or one `Cookie:` header. Raises NotCookies."""
    bare = text.strip()
    if not bare:
        raise NotCookies("it is empty")
    if bare.startswith("<"):
        raise NotCookies("it is a web page, not cookies")
    if bare[0] in "[{":
        return _from_json(bare)
    if "\n" not in bare and "\t" not in bare and _HEADER.match(bare):
        return _from_header(bare)
    return _from_netscape(bare)


def _from_netscape(text: str) -> list[Cookie]:
    lines = [line for line in text.splitlines() if line.strip() and not _is_comment(line)]
    cookies = [cookie for line in lines if (cookie := _netscape_cookie(line)) is not None]
    if lines and not cookies:
        raise NotCookies("it is not in a form that browsers export cookies in")
    if not lines:
        raise NotCookies("it holds no cookie, only comments")
    return cookies


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "$")) and not line.startswith(HTTP_ONLY)


def _netscape_cookie(line: str) -> Cookie | None:
    http_only = line.startswith(HTTP_ONLY)
    parts = line.removeprefix(HTTP_ONLY).rstrip("\r\n").split("\t")
    if len(parts) < 6:
        # Copied out of a terminal, tabs become spaces.
        parts = line.removeprefix(HTTP_ONLY).split(None, 6)
    if len(parts) not in (6, 7) or "." not in parts[0] or not parts[2].startswith("/"):
        return None
    domain, wide, path, secure, expires, name, *value = parts
    return Cookie(
        name=name.strip(),
        value=value[0].strip() if value else "",
        domain=domain.strip().lower().removeprefix("."),
        host_only=wide.strip().upper() == "FALSE" and not domain.startswith("."),
        path=path,
        secure=secure.strip().upper() == "TRUE",
        http_only=http_only,
        expires=_moment(expires),
    )


def _from_json(text: str) -> list[Cookie]:
    try:
        data = json.loads(text)
    except ValueError:
        raise NotCookies("it begins like JSON, but is not (was it cut off?)") from None
    entries = data.get("cookies") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise NotCookies("it is JSON, but not an array of cookies")
    return list(_json_cookies(entries))


def _json_cookies(entries: list[Any]) -> Iterator[Cookie]:
    for entry in entries:
        if not isinstance(entry, dict) or not {"name", "value", "domain"} <= entry.keys():
            raise NotCookies("it is a JSON array, but not of cookies (name, value, domain)")
        domain = str(entry["domain"]).lower()
        yield Cookie(
            name=str(entry["name"]),
            value=str(entry["value"]),
            domain=domain.removeprefix("."),
            host_only=bool(entry.get("hostOnly", not domain.startswith("."))),
            path=str(entry.get("path") or "/"),
            secure=bool(entry.get("secure", True)),
            http_only=bool(entry.get("httpOnly", False)),
            expires=_moment(entry.get("expirationDate", entry.get("expires"))),
        )


def _from_header(line: str) -> list[Cookie]:
    pairs = re.sub(r"^cookie:\s*", "", line, flags=re.I).split(";")
    named = [pair.strip().partition("=") for pair in pairs if "=" in pair]
    return [Cookie(name, value, domain="youtube.com") for name, _, value in named]


def _moment(value: object) -> float | None:
    """Seconds since 1970; 0, -1 and nothing mean that the cookie ends with the browser session."""
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if seconds > 0 and math.isfinite(seconds) else None
