"""How a reply travels: whole, at the pipe's pace, or spoilt by a fault."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Callable
from functools import cache

from aiohttp import web

from ascc_async.standin.replies import NONSENSE_PAGE, SiteReply, google_error
from ascc_async.standin.world_settings import Fault

Record = Callable[[int, int], None]
PIECE_BYTES = 65_536
_BOMB_BYTES = 200_000_000  # unpacked; under 2 MB on the way
_OVERSIZE_BYTES = 40_000_000


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
            return google_error(503, "Internal error encountered.", "backendError", "INTERNAL")
        case "empty":
            return SiteReply(b"", 200, reply.content_type)
        case "html":
            return NONSENSE_PAGE
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
