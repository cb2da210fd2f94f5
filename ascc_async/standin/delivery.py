"""How a reply travels: whole, or spoilt by a fault."""

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
_BOMB_BYTES = 200_000_000  # unpacked; under 2 MB on the way
_OVERSIZE_BYTES = 40_000_000


async def send(
    request: web.BaseRequest, reply: SiteReply, fault: Fault | None, record: Record
) -> web.StreamResponse:
    """Send the reply; `record` gets status and size before the last byte goes out."""
    name = fault.name if fault else ""
    if name:
        # In a thread: making a bomb takes a second.
        reply = await asyncio.to_thread(_spoilt, reply, name)
    body, status = reply.body, reply.status
    headers = {"Content-Type": reply.content_type, "Server": "standin", **reply.headers}
    cut = name in ("cut_before", "cut_body", "stall")
    if fault is None or not (cut or name == "slow_body"):
        record(status, len(body))
        return web.Response(body=body or None, status=status, headers=headers)
    response = web.StreamResponse(status=status, headers=headers)
    if name == "cut_before" or (name == "stall" and len(body) < 1000):
        record(0, 0)
        if name == "stall":
            await asyncio.sleep(fault.seconds)
        _cut(request, reset=True)
        return response
    size = len(body) // 2 if cut else len(body)
    record(status, size)
    response.content_length = len(body)  # promised whole, so that the client knows that it is cut
    await response.prepare(request)
    try:
        if cut:
            await response.write(body[:size])
        else:
            step = max(1, int(fault.bytes_per_second / 10))
            for first in range(0, size, step):
                await response.write(body[first : first + step])
                await asyncio.sleep(0.1)
        if name == "stall":
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
