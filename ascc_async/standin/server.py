"""The stand-in as one running thing: proxies, and the web server behind them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import get_args
from urllib.parse import quote

from aiohttp import web

from ascc_async.standin.incoming import read_request
from ascc_async.standin.limits import HiddenLimits, HowRefused, SeededFaults, retry_after
from ascc_async.standin.metadata import write_world
from ascc_async.standin.proxy import ProxyServer, make_tls
from ascc_async.standin.replies import Pipe, send
from ascc_async.standin.site import Site
from ascc_async.standin.world_settings import LOG_FILE, RefusalStyle, WorldSettings

_COUNTERS = ("requests", "bytes", "refused", "answered", "faults", "videos", "connections")

# Of a request, besides when it came and how it went.
_LOGGED = (
    "identity", "listener", "host", "path", "endpoint", "kind", "videos", "client", "mask",
    "signed_in",
)  # fmt: skip


class Standin:
    """`start()` starts it, `obey(…)` changes how it answers while it runs."""

    def __init__(self, settings: WorldSettings, folder: Path) -> None:
        self._folder, self._settings = folder, settings
        self._log = (folder / LOG_FILE).open("a", encoding="utf-8")
        self._counters: dict[str, Counter[str]] = {name: Counter() for name in _COUNTERS}
        # Used quota outlives a change of settings, as a day does.
        self._quota: Counter[str] = Counter()
        self._proxies: list[ProxyServer] = []
        self._limits = HiddenLimits(settings.limits)
        self._faults = SeededFaults(settings.seed, settings.faults)
        self._apply(settings)

    async def start(self) -> dict[str, str]:
        """Start every proxy listener; returns their addresses by name."""
        tls = make_tls(self._folder)
        write_world(self._folder / "metadata", self._site.world.videos, seed=self._settings.seed)
        addresses = {}
        for listener in self._settings.listeners:
            server = ProxyServer(listener, self._connected, tls)
            self._proxies.append(server)
            port = await server.start()
            user, password = quote(listener.user or "", safe=""), quote(listener.password, safe="")
            login = f"{user}:{password}@" if user else ""
            addresses[listener.name] = f"{listener.scheme}://{login}{listener.host}:{port}"
        return addresses

    def obey(self, command: str, settings: object = None) -> object:
        """`settings` (all of them), `counters`, `reset` (of counters) or `cut` (connections)."""
        match command:
            case "settings":
                self._apply(WorldSettings.model_validate(settings))
            case "counters":
                return self._counters | {"quota_used": self._quota}
            case "reset":
                for counter in (*self._counters.values(), self._quota):
                    counter.clear()
            case "cut":
                for server in self._proxies:
                    server.cut_all()
        return None

    def _apply(self, settings: WorldSettings) -> None:
        """Answer by these settings from now on; limits and faults are reset where they differ."""
        if settings.limits != self._settings.limits:
            # Only then: another change must not pardon who is paused.
            self._limits = HiddenLimits(settings.limits)
        if settings.faults != self._settings.faults:
            self._faults = SeededFaults(settings.seed, settings.faults)
        self._settings = settings
        self._site = Site(settings, self._folder / "metadata", self._quota)
        self._pipe = Pipe(settings.media.total_mbit)

    def _connected(self, listener: str) -> asyncio.Protocol:
        """The web server's protocol for a connection that came through this listener."""
        self._counters["connections"][listener] += 1
        # A server to each connection: its requests do not say where they came in.
        handle = partial(self._handle, listener)
        return web.Server(handle, access_log=None, keepalive_timeout=600)()

    async def _handle(self, listener: str, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: limits come first, then faults, then the site."""
        # First of all: what a limit counts is when a request is answered, not when it came.
        if self._settings.delay_seconds:
            await asyncio.sleep(self._settings.delay_seconds)
        dead = self._settings.pages.dead_sessions
        incoming = await read_request(request, listener, dead_sessions=dead)
        refusal = self._limits.judge(incoming.kind, incoming.identity, time.monotonic())
        fault = None if refusal else self._faults.draw(incoming)
        if fault and fault.name in get_args(RefusalStyle):
            header = retry_after(fault.retry_after, fault.retry_after_seconds)
            refusal = HowRefused(fault.name, header)
        # As YouTube does to clients it distrusts: a sound answer, about something else.
        if fault and fault.name == "other_video":
            others = (video.video_id for video in self._site.world.videos)
            other = next(each for each in others if each not in incoming.videos)
            incoming = incoming._replace(videos=(other,))
        reply = await self._site.reply(incoming, refusal, fault)
        line = {
            "t": time.time(),
            "fault": fault.name if fault else "",
            "refused": refusal.style if refusal else "",
            **{name: getattr(incoming, name) for name in _LOGGED},
        }

        def record(status: int, size: int) -> None:
            counters = self._counters
            counters["requests"][incoming.endpoint] += 1
            counters["bytes"][incoming.kind] += size
            counters["videos"][incoming.endpoint] += len(incoming.videos)
            counters["refused" if refusal else "answered"][incoming.identity] += 1
            if fault:
                counters["faults"][fault.name] += 1
            if self._settings.log_requests:
                self._log.write(json.dumps(line | {"status": status, "size": size}) + "\n")
                self._log.flush()  # tests read it while the answer is on its way

        return await send(request, reply, fault, record, self._pipe)
