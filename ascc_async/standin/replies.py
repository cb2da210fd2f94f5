"""What goes back: an answer, or one of Google's ways of not answering."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

JSON = "application/json; charset=UTF-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class SiteReply:
    """A whole answer."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def html(text: str, status: int = 200) -> SiteReply:
    """A page."""
    return SiteReply(text.encode(), status, HTML)


def dumps(value: Any) -> bytes:
    """JSON as Google writes it: compact, not escaped to ASCII."""
    # Half surrogate pairs occur in real titles, and YouTube sends them as they are.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def google_error(
    status: int, message: str, reason: str, code: str, domain: str = "global"
) -> SiteReply:
    """An error as Google's APIs word it."""
    # The reason is said twice, as Google does: older clients read `errors`, newer ones `status`.
    error = {
        "code": status,
        "message": message,
        "errors": [{"message": message, "domain": domain, "reason": reason}],
        "status": code,
    }
    return SiteReply(dumps({"error": error}), status)


def bad_mask(mask: str) -> SiteReply:
    """400, as for any argument that cannot be read."""
    message = f"Invalid field selection {mask[:60]}"
    return google_error(400, message, "invalidParameter", "INVALID_ARGUMENT")


def refused(style: str, endpoint: str, url: str, retry_after: str | None) -> SiteReply:
    """A refusal in the manner of the endpoint, but for those that `playability` words."""
    api = endpoint in ("next", "player", "data_api")
    if style == "forbidden":
        return FORBIDDEN_CALL if api else FORBIDDEN
    if style == "login_wall" and api:
        # Pages lead to the login; the APIs only say that it is missing.
        message = (
            "Request is missing required authentication credential. Expected OAuth 2 access token,"
            " login cookie or other valid authentication credential."
        )
        return google_error(401, message, "required", "UNAUTHENTICATED")
    if style in _WALLS:
        address = f"{_WALLS[style]}&continue={quote(url, safe='')}"
        return SiteReply(b"<TITLE>302 Moved</TITLE>", 302, HTML, {"Location": address})
    if endpoint == "data_api":
        # It says 403 where others say 429; only the reason tells it from «forbidden».
        message = "The request cannot be completed because you have exceeded your rate limit."
        reply = google_error(
            403, message, "rateLimitExceeded", "RESOURCE_EXHAUSTED", "youtube.quota"
        )
    elif api:
        message = "Resource has been exhausted (e.g. check quota)."
        reply = google_error(429, message, "rateLimitExceeded", "RESOURCE_EXHAUSTED")
    else:
        reply = html("<html><head><title>429 Too Many Requests</title></head></html>", 429)
    return replace(reply, headers={"Retry-After": retry_after} if retry_after else {})


# Pages that need a person, and where requests are sent to them.
_WALLS = {
    "captcha": "https://www.google.com/sorry/index?q=EgTLAHEFGOm",
    "consent": "https://consent.youtube.com/m?gl=DE&m=0&pc=yt&cm=2&hl=en",
    "login_wall": "https://accounts.google.com/ServiceLogin?service=youtube&passive=true",
}
FORBIDDEN = html("<html><head><title>403 Forbidden</title></head></html>", 403)
FORBIDDEN_CALL = google_error(
    403, "The caller does not have permission", "forbidden", "PERMISSION_DENIED"
)
NO_VIDEO = google_error(
    400, "Request contains an invalid argument.", "badRequest", "INVALID_ARGUMENT"
)
NOT_FOUND = html("<html><head><title>404 Not Found</title></head></html>", 404)
SORRY_PAGE = html(
    "<html><head><title>Sorry...</title></head><body><h1>We're sorry...</h1><p>Our systems have"
    " detected unusual traffic from your computer network. This page checks to see if it's really"
    ' you sending the requests, and not a robot.</p><form id="captcha-form" action="index">'
    '<div id="recaptcha" class="g-recaptcha"></div></form></body></html>',
    429,
)
CONSENT_PAGE = html(
    "<!DOCTYPE html><html><head><title>Before you continue to YouTube</title></head><body>"
    '<form action="https://consent.youtube.com/save" method="POST"><h1>Before you continue to'
    ' YouTube</h1><button aria-label="Accept all">Accept all</button></form></body></html>'
)
LOGIN_PAGE = html(
    "<!DOCTYPE html><html><head><title>YouTube</title></head><body><h1>Sign in</h1><form "
    'action="/v3/signin/identifier"><input type="email" name="identifier"></form></body></html>'
)
NONSENSE_PAGE = html(
    "<!DOCTYPE html><html><head><title>Oops</title></head><body>Something went wrong</body></html>"
)
