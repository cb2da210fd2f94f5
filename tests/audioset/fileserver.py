"""A small HTTP server of files with faults, for the tests of downloading."""

from __future__ import annotations

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
    requests: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        path = request.path.lstrip("/")
        self.requests.append(path)
        kind, value = self.faults.pop(0) if self.faults else ("", 0)
        if kind == "status":
            return web.Response(status=value)
        data = self.files.get(path)
        if data is None:
            return web.Response(status=404)
        response = web.StreamResponse()
        response.content_length = len(data)
        await response.prepare(request)
        await response.write(data[:value] if kind == "cut" else data)
        if kind == "cut" and request.transport is not None:
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
