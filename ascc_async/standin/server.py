"""The stand-in as one running thing: proxies, the web server behind them, the control port."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

from aiohttp import web
from pydantic import ValidationError

from ascc_async.standin.delivery import Pipe, send
from ascc_async.standin.incoming import KINDS, read_request
from ascc_async.standin.limits import HiddenLimits, HowRefused, SeededFaults, retry_after
from ascc_async.standin.media import streams_of
from ascc_async.standin.metadata import write_world
from ascc_async.standin.proxy import ProxyServer, make_certificates
from ascc_async.standin.site import Site
from ascc_async.standin.world_settings import RefusalStyle, WorldSettings

_LOG_NAME = "requests.jsonl"
# Made at the start; another value could not be kept.
_UNCHANGEABLE = frozenset({"listeners", "seed", "videos"})
_COUNTERS = ("requests", "bytes", "refused", "answered", "faults", "videos", "connections")


class Standin:
    """`start()`, `stop()`; `apply(settings)` changes how it answers, while it runs."""

    def __init__(self, settings: WorldSettings, folder: Path) -> None:
        self._folder = folder
        self.settings = settings
        self._log = (folder / _LOG_NAME).open("a", encoding="utf-8")
        self._counters: dict[str, Counter[str]] = {name: Counter() for name in _COUNTERS}
        # Used quota outlives a change of settings, as a day does.
        self._quota: Counter[str] = Counter()
        self._arrivals: dict[tuple[object, object], str] = {}
        self._proxies: list[ProxyServer] = []
        self._control: web.ServerRunner | None = None
        self._web = web.Server(self._handle, access_log=None, keepalive_timeout=600)
        self._limits = HiddenLimits(settings.limits)
        self._faults = SeededFaults(settings.seed, settings.faults)
        self.streams = streams_of(settings)
        self.apply(settings)

    def apply(self, settings: WorldSettings) -> None:
        """Answer by these settings from now on; limits and faults are reset where they differ."""
        if settings.limits != self.settings.limits:
            # Only then: another change must not pardon who is paused.
            self._limits = HiddenLimits(settings.limits)
        if settings.faults != self.settings.faults:
            self._faults = SeededFaults(settings.seed, settings.faults)
        if settings.media != self.settings.media:
            self.streams = streams_of(settings)
        self.settings = settings
        self._site = Site(settings, self.streams, self._folder / "metadata", self._quota)
        self._pipe = Pipe(settings.media.total_mbit)

    async def start(self) -> dict[str, Any]:
        """Start every proxy listener; returns the addresses, ready for JSON."""
        ca_file, tls = make_certificates(self._folder)
        write_world(self._folder / "metadata", self._site.world.videos, seed=self.settings.seed)
        proxies: dict[str, str] = {}
        ports: dict[str, int] = {}
        for listener in self.settings.listeners:
            server = ProxyServer(listener, self._web, self._arrived, tls)
            self._proxies.append(server)
            port = ports[listener.name] = await server.start()
            user, password = quote(listener.user or "", safe=""), quote(listener.password, safe="")
            login = f"{user}:{password}@" if user else ""
            proxies[listener.name] = f"{listener.scheme}://{login}{listener.host}:{port}"
        self._control = web.ServerRunner(web.Server(self._handle_control, access_log=None))
        await self._control.setup()
        await web.TCPSite(self._control, "127.0.0.1", 0).start()
        address: Any = self._control.addresses[0]
        return {
            "proxies": proxies,
            "ca_file": str(ca_file),
            "control": f"127.0.0.1:{address[1]}",
            "log_file": str(self._folder / _LOG_NAME),
            "ports": ports,
        }

    async def stop(self) -> None:
        """Close everything; what is in flight is cut."""
        for server in self._proxies:
            server.close()
        await self._web.shutdown(0.1)
        if self._control is not None:
            await self._control.cleanup()
        self._log.close()

    def _arrived(self, transport: asyncio.Transport, listener: str) -> None:
        # The web server sees another transport object than the proxy; the ends stay the same.
        self._arrivals[_both_ends(transport)] = listener
        self._counters["connections"][listener] += 1

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: limits come first, then faults, then the site."""
        # First of all: what a limit counts is when a request is answered, not when it came.
        if self.settings.delay_seconds:
            await asyncio.sleep(self.settings.delay_seconds)
        # Without a transport the client went away while we waited.
        listener = self._arrivals.get(_both_ends(request.transport), "unknown")
        dead = self.settings.pages.dead_sessions
        incoming = await read_request(request, listener, dead_sessions=dead)
        endpoint = incoming.endpoint
        kind, identity = KINDS.get(endpoint, "other"), incoming.identity
        refusal = self._limits.judge(kind, identity, time.monotonic(), time.time())
        fault = None
        if refusal is None:
            fault = self._faults.draw(
                endpoint,
                incoming.videos,
                request.path,
                client=incoming.client,
                identity=identity,
            )
        if fault and fault.name in get_args(RefusalStyle):
            header = retry_after(fault.retry_after, fault.retry_after_seconds, time.time())
            refusal = HowRefused(fault.name, header)
        # As YouTube does to clients it distrusts: a sound answer, about something else.
        if fault and fault.name == "other_video":
            others = (video.video_id for video in self._site.world.videos)
            incoming = incoming.about(next(each for each in others if each not in incoming.videos))
        reply = await self._site.reply(incoming, refusal, fault)
        line = {
            "t": time.time(),
            "who": identity,
            "listener": listener,
            "host": incoming.host,
            "path": request.path,
            "endpoint": endpoint,
            "kind": kind,
            "method": request.method,
            "videos": incoming.videos,
            "client": incoming.client,
            "mask": incoming.mask,
            "range": request.headers.get("Range", ""),
            "fault": fault.name if fault else "",
            "refused": refusal.style if refusal else "",
            "signed_in": incoming.signed_in,
        }

        def record(status: int, size: int) -> None:
            counters = self._counters
            counters["requests"][endpoint] += 1
            counters["bytes"][kind] += size
            counters["videos"][endpoint] += len(incoming.videos)
            counters["refused" if refusal else "answered"][identity] += 1
            if fault:
                counters["faults"][fault.name] += 1
            if self.settings.log_requests:
                self._log.write(json.dumps(line | {"status": status, "size": size}) + "\n")
                self._log.flush()  # tests read it while the answer is on its way

        return await send(request, reply, fault, record, self._pipe)

    async def _handle_control(self, request: web.BaseRequest) -> web.Response:
        """`/settings` (merges what is posted), `/counters`, `/reset` and `/cut`."""
        match request.path:
            case "/settings":
                changes = json.loads(await request.read())
                if fixed := _UNCHANGEABLE & set(changes):
                    text = f"cannot change while running: {sorted(fixed)}"
                    return web.Response(status=400, text=text)
                data = self.settings.model_dump(mode="json")
                for key, value in changes.items():
                    merged = isinstance(value, dict) and isinstance(data.get(key), dict)
                    data[key] = data[key] | value if merged else value
                try:
                    self.apply(WorldSettings.model_validate(data))
                except ValidationError as error:
                    return web.Response(status=400, text=str(error))
                return web.Response(text=self.settings.model_dump_json())
            case "/counters":
                return web.json_response(self._counters | {"quota_used": self._quota})
            case "/reset":
                for counter in (*self._counters.values(), self._quota):
                    counter.clear()
            case "/cut":
                for server in self._proxies:
                    server.cut_all()
        return web.Response()


def _both_ends(transport: asyncio.BaseTransport | None) -> tuple[object, object]:
    """What tells a connection from others, before and after TLS took it over."""
    if transport is None:
        return None, None
    return transport.get_extra_info("peername"), transport.get_extra_info("sockname")
