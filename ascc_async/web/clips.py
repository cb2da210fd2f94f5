"""`/clips`."""

from __future__ import annotations

from aiohttp import web

from ascc_async.web.site import SITE


async def page(request: web.Request) -> web.Response:
    """Not there yet."""
    return request.app[SITE].page(request, "clips.html", title="Clips")


ROUTES = [web.get("/clips", page)]
