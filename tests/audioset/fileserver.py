"""A small HTTP server of files with ranges and faults, for the tests of downloading."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class FileServer:
    """`files` by path; `faults` are used up one a request: a status, or bytes to cut off after."""

    files: dict[str, bytes]
    faults: list[tuple[str, int]] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    etag: str | None = '"one"'
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        path = request.path.lstrip("/")
        self.requests.append((path, request.headers.get("Range")))
        kind, value = self.faults.pop(0) if self.faults else ("", 0)
        if kind == "status":
            return web.Response(status=value)
        data = self.files.get(path)
        if data is None:
            return web.Response(status=404)
        return await self._send(request, data, value if kind == "cut" else None)

    async def _send(self, request: web.Request, data: bytes, cut: int | None) -> web.StreamResponse:
        first = 0
        asked = request.headers.get("Range")
        if asked and request.headers.get("If-Range") == self.etag:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
        headers = {"ETag": self.etag} if self.etag else {}
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        response = web.StreamResponse(status=206 if first else 200, headers=headers)
        response.content_length = len(data) - first
        await response.prepare(request)
        await response.write(data[first : len(data) if cut is None else first + cut])
        if cut is not None and request.transport is not None:
            # What is still in flight when the connection breaks may be lost.
            await self.arrived.wait()
            self.arrived.clear()
            request.transport.close()
        return response


@asynccontextmanager
async def serving(
    server: FileServer, trust: ssl.SSLContext | None = None
) -> AsyncIterator[FileServer]:
    """Run it on a free port of this machine."""
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=trust)
        await site.start()
        start = "https://localhost" if trust else "http://127.0.0.1"
        server.url = f"{start}:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
