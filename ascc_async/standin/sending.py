"""How a reply travels: whole, at the pipe's pace, or spoilt by a fault."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from functools import cache

from aiohttp import web

from ascc_async.standin.media_answer import PIECE, Pipe
from ascc_async.standin.replies import NONSENSE_PAGE, Reply, api_error
from ascc_async.standin.world_settings import Fault

Record = Callable[[int, int], None]
_BOMB_BYTES = 200_000_000
_OVERSIZE_BYTES = 40_000_000
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


async def send(
    request: web.BaseRequest, reply: Reply, fault: Fault | None, record: Record, pipe: Pipe
) -> web.StreamResponse:
    """Send the reply; `record` hears of status and size before the last byte goes out."""
    name = fault.name if fault else ""
    if fault is not None and name in _BROKEN:
        return await _send_broken(request, reply, fault, record)
    if name in _CHANGED:
        reply = await asyncio.to_thread(_CHANGED[name], reply)
    elif name == "server_error" and fault is not None:
        reply = api_error(fault.status, "Internal error encountered.", "backendError", "INTERNAL")
    if request.method == "HEAD":
        return await _send_head(request, reply, record)
    if len(reply.body) > PIECE and not reply.content_type.startswith(("text", "application")):
        return await _send_pieces(request, reply, pipe.pieces(reply.body), record)
    record(reply.status, len(reply.body))
    return web.Response(body=reply.body, status=reply.status, headers=_headers(reply))


def _headers(reply: Reply) -> dict[str, str]:
    return {"Content-Type": reply.content_type, "Server": "standin", **reply.headers}


async def _send_head(request: web.BaseRequest, reply: Reply, record: Record) -> web.StreamResponse:
    record(reply.status, 0)
    size = len(reply.body) if reply.whole_size is None else reply.whole_size
    headers = _headers(reply) | {"Content-Length": str(size)}
    return web.Response(status=reply.status, headers=headers)


async def _send_pieces(
    request: web.BaseRequest, reply: Reply, pieces: AsyncIterator[bytes], record: Record
) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=_headers(reply))
    response.content_length = len(reply.body)
    await response.prepare(request)
    record(reply.status, len(reply.body))
    try:
        async for piece in pieces:
            await response.write(piece)
    except ConnectionError:
        return response  # the client went away; that is its right
    await response.write_eof()
    return response


async def _send_broken(
    request: web.BaseRequest, reply: Reply, fault: Fault, record: Record
) -> web.StreamResponse:
    """Half of the body, then what the fault says; nothing of it where `cut_before`."""
    response = web.StreamResponse(status=reply.status, headers=_headers(reply))
    if fault.name == "cut_before" or (fault.name == "stall" and len(reply.body) < 1000):
        record(0, 0)
        if fault.name == "stall":
            await asyncio.sleep(fault.seconds)
        _cut(request, reset=True)
        return response
    half = len(reply.body) // 2
    record(reply.status, len(reply.body) if fault.name == "slow_body" else half)
    response.content_length = len(reply.body)
    await response.prepare(request)
    try:
        if fault.name == "slow_body":
            return await _drip(response, reply.body, fault.bytes_per_second)
        await response.write(reply.body[:half])
        if fault.name == "stall":
            await asyncio.sleep(fault.seconds)
    except ConnectionError:
        return response
    _cut(request, reset=len(reply.body) % 2 == 0)
    return response


async def _drip(
    response: web.StreamResponse, body: bytes, bytes_per_second: float
) -> web.StreamResponse:
    step = max(1, int(bytes_per_second / 10))
    for first in range(0, len(body), step):
        await response.write(body[first : first + step])
        await asyncio.sleep(0.1)
    await response.write_eof()
    return response


def _cut(request: web.BaseRequest, *, reset: bool) -> None:
    """End the connection: with RST, or as if the other side had quietly gone."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if reset and raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    if reset:
        transport.abort()
    else:
        transport.close()


@cache
def _bomb() -> bytes:
    packer, piece = zlib.compressobj(1, wbits=31), b" " * 1_000_000
    packed = [packer.compress(piece) for _ in range(_BOMB_BYTES // len(piece))]
    return b"".join([*packed, packer.flush()])


def _empty(reply: Reply) -> Reply:
    return Reply(b"", 200, reply.content_type)


def _nonsense(reply: Reply) -> Reply:
    return NONSENSE_PAGE


def _truncated(reply: Reply) -> Reply:
    return Reply(reply.body[: len(reply.body) // 2], reply.status, reply.content_type)


def _gzip_bomb(reply: Reply) -> Reply:
    return Reply(_bomb(), 200, reply.content_type, {"Content-Encoding": "gzip"})


def _oversized(reply: Reply) -> Reply:
    return Reply(reply.body + b" " * _OVERSIZE_BYTES, 200, reply.content_type)


_BROKEN = frozenset({"cut_before", "cut_body", "stall", "slow_body"})
_CHANGED: dict[str, Callable[[Reply], Reply]] = {
    "empty": _empty,
    "html": _nonsense,
    "truncated": _truncated,
    "gzip_bomb": _gzip_bomb,
    "oversized": _oversized,
}
