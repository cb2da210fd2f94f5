"""What goes back: an answer or one of Google's ways of not answering, and how it travels."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import quote

from aiohttp import web

from ascc_async.standin.world_settings import Fault

JSON = "application/json; charset=UTF-8"
HTML = "text/html; charset=utf-8"
Record = Callable[[int, int], None]
PIECE_BYTES = 65_536
_BOMB_BYTES = 200_000_000  # unpacked; under 2 MB on the way
_OVERSIZE_BYTES = 40_000_000


@dataclass(frozen=True, slots=True)
class SiteReply:
    """A whole answer."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def page(title: str, body: str = "", status: int = 200) -> SiteReply:
    """A page."""
    head = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>"
    return SiteReply(f"{head}{body}</body></html>".encode(), status, HTML)


def dumps(value: Any) -> bytes:
    """JSON as Google writes it: compact, not escaped to ASCII."""
    # Half surrogate pairs occur in real titles, and YouTube sends them as they are.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


_CODES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED",
    429: "RESOURCE_EXHAUSTED", 503: "INTERNAL",
}  # fmt: skip


def google_error(status: int, reason: str, message: str, domain: str = "global") -> SiteReply:
    """An error as Google's APIs word it."""
    # The reason is said twice, as Google does: older clients read `errors`, newer ones `status`.
    error = {
        "code": status,
        "message": message,
        "errors": [{"message": message, "domain": domain, "reason": reason}],
        "status": _CODES[status],
    }
    return SiteReply(dumps({"error": error}), status)


def bad_mask(mask: str) -> SiteReply:
    """400, as for any argument that cannot be read."""
    return google_error(400, "invalidParameter", f"Invalid field selection {mask[:60]}")


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
        return google_error(401, "required", message)
    if style in WALLS:
        address, _ = WALLS[style]
        location = f"{address}&continue={quote(url, safe='')}"
        return SiteReply(b"<TITLE>302 Moved</TITLE>", 302, HTML, {"Location": location})
    if endpoint == "data_api":
        # It says 403 where others say 429; only the reason tells it from «forbidden».
        message = "The request cannot be completed because you have exceeded your rate limit."
        reply = google_error(403, "rateLimitExceeded", message, "youtube.quota")
    elif api:
        message = "Resource has been exhausted (e.g. check quota)."
        reply = google_error(429, "rateLimitExceeded", message)
    else:
        reply = page("429 Too Many Requests", status=429)
    return replace(reply, headers={"Retry-After": retry_after} if retry_after else {})


FORBIDDEN = page("403 Forbidden", status=403)
FORBIDDEN_CALL = google_error(403, "forbidden", "The caller does not have permission")
NO_VIDEO = google_error(400, "badRequest", "Request contains an invalid argument.")
NOT_FOUND = page("404 Not Found", status=404)
WALLS = {
    "captcha": (
        "https://www.google.com/sorry/index?q=EgTLAHEFGOm",
        page(
            "Sorry...",
            "<p>Our systems have detected unusual traffic from your computer network. This page"
            " checks to see if it's really you sending the requests, and not a robot.</p>"
            '<form id="captcha-form" action="index"></form>',
            status=429,
        ),
    ),
    "consent": (
        "https://consent.youtube.com/m?gl=DE&m=0&pc=yt&cm=2&hl=en",
        page(
            "Before you continue to YouTube",
            '<form action="https://consent.youtube.com/save" method="POST"><button>Accept all'
            "</button></form>",
        ),
    ),
    "login_wall": (
        "https://accounts.google.com/ServiceLogin?service=youtube&passive=true",
        page("YouTube", '<form action="/v3/signin/identifier"><input type="email"></form>'),
    ),
}
"""Pages that need a person: where requests are sent, and what stands there."""


# -- how it travels ----------------------------------------------------------------------------


class Pipe:
    """Shares a total of `mbit` Mbit/s among all who send media; None: no limit."""

    def __init__(self, mbit: float | None) -> None:
        self._bytes_per_second = mbit * 125_000 if mbit else None
        self._free_at = 0.0

    async def wait(self, size: int) -> None:
        """Wait until `size` more bytes may be sent."""
        if self._bytes_per_second is None or not size:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + size / self._bytes_per_second
        await asyncio.sleep(self._free_at - now)


async def send(
    request: web.BaseRequest, reply: SiteReply, fault: Fault | None, record: Record, pipe: Pipe
) -> web.StreamResponse:
    """Send the reply; `record` gets status and size before the last byte goes out."""
    name = fault.name if fault else ""
    if name:
        # In a thread: making a bomb takes a second.
        reply = await asyncio.to_thread(_spoilt, reply, name)
    body, status = reply.body, reply.status
    headers = {"Content-Type": reply.content_type, "Server": "standin", **reply.headers}
    cut, slow = name in ("cut_before", "cut_body", "stall"), name == "slow_body"
    media = not reply.content_type.startswith(("text", "application"))
    if not (cut or slow or (media and len(body) > PIECE_BYTES)):
        record(status, len(body))
        return web.Response(body=body or None, status=status, headers=headers)
    response = web.StreamResponse(status=status, headers=headers)
    if name == "cut_before" or (name == "stall" and len(body) < 1000):
        record(0, 0)
        if fault and name == "stall":
            await asyncio.sleep(fault.seconds)
        _cut(request, reset=True)
        return response
    size = len(body) // 2 if cut else len(body)
    record(status, size)
    response.content_length = len(body)  # promised whole, so that the client knows that it is cut
    await response.prepare(request)
    step = max(1, int(fault.bytes_per_second / 10)) if fault and slow else PIECE_BYTES
    try:
        # In pieces, so that all who read media share the pipe.
        for first in range(0, size, step):
            piece = body[first : min(size, first + step)]
            await pipe.wait(len(piece) if media else 0)
            await response.write(piece)
            if slow:
                await asyncio.sleep(0.1)
        if fault and name == "stall":
            await asyncio.sleep(fault.seconds)
    except ConnectionError:
        return response  # the client went away; that is its right
    if cut:
        # Both ends that a network knows, each for some videos.
        _cut(request, reset=len(body) % 2 == 0)
    else:
        await response.write_eof()
    return response


def _cut(request: web.BaseRequest, *, reset: bool) -> None:
    """End the connection: with RST, or as if the other side had quietly gone."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if reset and raw is not None:
        # Lingering for no seconds makes the kernel send RST in place of FIN.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if reset:
        transport.abort()
    else:
        transport.close()


def _spoilt(reply: SiteReply, fault: str) -> SiteReply:
    """The reply as this fault leaves it; as it was for faults that show elsewhere."""
    match fault:
        case "server_error":
            return google_error(503, "backendError", "Internal error encountered.")
        case "empty":
            return SiteReply(b"", 200, reply.content_type)
        case "html":
            return page("Oops", "Something went wrong")
        case "truncated":
            return SiteReply(reply.body[: len(reply.body) // 2], reply.status, reply.content_type)
        case "gzip_bomb":
            return SiteReply(_bomb(), 200, reply.content_type, {"Content-Encoding": "gzip"})
        case "oversized":
            return SiteReply(reply.body + b" " * _OVERSIZE_BYTES, 200, reply.content_type)
    return reply


@cache
def _bomb() -> bytes:
    packer, piece = zlib.compressobj(1, wbits=31), b" " * 1_000_000
    packed = [packer.compress(piece) for _ in range(_BOMB_BYTES // len(piece))]
    return b"".join([*packed, packer.flush()])
