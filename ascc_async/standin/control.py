"""The control port: settings, faults and counters, over plain HTTP on loopback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from ascc_async.standin.front import Front
from ascc_async.standin.world_settings import WorldSettings

_FIXED = frozenset({"doors", "seed", "videos"})


def control_app(front: Front, cut: Callable[[], None], stop: Callable[[], None]) -> web.Application:
    """GET /settings, POST /settings (merged in), GET /counters, POST /reset, /cut, /stop."""

    async def show(request: web.Request) -> web.Response:
        return web.Response(text=front.settings.model_dump_json(), content_type="application/json")

    async def change(request: web.Request) -> web.Response:
        sent = await request.json()
        fixed = _FIXED & set(sent)
        if fixed:
            return web.Response(status=400, text=f"cannot change while running: {sorted(fixed)}")
        try:
            front.apply(changed(front.settings, sent))
        except ValidationError as error:
            return web.Response(status=400, text=str(error))
        return await show(request)

    async def counters(request: web.Request) -> web.Response:
        return web.json_response(
            front.log.counters()
            | {"breaches": front.limits.breaches(), "quota_used": dict(front.quota)}
        )

    async def reset(request: web.Request) -> web.Response:
        front.log.reset()
        front.quota.clear()
        return web.Response(text="ok")

    async def act(request: web.Request) -> web.Response:
        {"cut": cut, "stop": stop}[request.match_info["what"]]()
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/settings", show)
    app.router.add_post("/settings", change)
    app.router.add_get("/counters", counters)
    app.router.add_post("/reset", reset)
    app.router.add_post("/{what:cut|stop}", act)
    return app


def changed(settings: WorldSettings, sent: dict[str, Any]) -> WorldSettings:
    """The settings with what was sent merged in: sections by key, everything else replaced."""
    data = settings.model_dump(mode="json")
    for key, value in sent.items():
        if isinstance(value, dict) and isinstance(data.get(key), dict):
            data[key] |= value
        else:
            data[key] = value
    return WorldSettings.model_validate(data)
