"""The stand-in as one running thing: proxies, web server, control port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from ascc_async.standin import certificates
from ascc_async.standin.control import control_app
from ascc_async.standin.front import Front
from ascc_async.standin.metadata import write_world
from ascc_async.standin.proxy import Inside, ProxyServer
from ascc_async.standin.request_log import RequestLog
from ascc_async.standin.world_settings import ProxyDoor, WorldSettings

LOG_NAME = "requests.jsonl"


@dataclass(frozen=True, slots=True)
class Ready:
    """Where the stand-in listens."""

    proxies: Mapping[str, str]
    ca_file: str
    control_url: str
    log_file: str
    ports: Mapping[str, int]

    def text(self) -> str:
        """As JSON, with the first proxy once more as `proxy`."""
        first = next(iter(self.proxies.values()))
        return json.dumps(
            {
                "proxy": first,
                "proxies": dict(self.proxies),
                "ca_file": self.ca_file,
                "control_url": self.control_url,
                "log_file": self.log_file,
                "ports": dict(self.ports),
            }
        )


class Standin:
    """`start()`, `ready`, `stop()`. `ports` fixes ports by door name ("control" for control)."""

    def __init__(
        self, settings: WorldSettings, folder: Path, ports: Mapping[str, int] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._ports = folder, dict(ports or {})
        self.log = RequestLog(folder / LOG_NAME)
        self.front = Front(settings, folder, self.log)
        self._doors: dict[str, tuple[ProxyDoor, ProxyServer]] = {}
        self._runner: web.AppRunner | None = None
        self._web: web.Server | None = None
        self.stopping = asyncio.Event()

    async def start(self) -> Ready:
        """Open every door."""
        tls = certificates.server_context(self._folder)
        settings = self.front.settings
        if settings.metadata_dir is None:
            videos = self.front.endpoints.site.world.videos
            write_world(self._folder / "metadata", videos, seed=settings.seed)
        self._web = web.Server(self.front.handle, access_log=None, keepalive_timeout=600)
        inside = Inside(self._web, self.front.arrived, tls)
        for door in settings.doors:
            server = ProxyServer(door, inside)
            await server.start(self._ports.get(door.name, 0))
            self._doors[door.name] = door, server
        control_port = await self._start_control()
        return Ready(
            proxies={name: _url(door, server.port) for name, (door, server) in self._doors.items()},
            ca_file=str(certificates.ca_file(self._folder)),
            control_url=f"http://127.0.0.1:{control_port}",
            log_file=str(self._folder / LOG_NAME),
            ports={name: server.port for name, (_, server) in self._doors.items()}
            | {"control": control_port},
        )

    async def _start_control(self) -> int:
        app = control_app(self.front, self.cut_connections, self.stopping.set)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._ports.get("control", 0))
        await site.start()
        address: Any = self._runner.addresses[0]
        return int(address[1])

    def cut_connections(self) -> None:
        """Cut every connection that is open now."""
        for _, server in self._doors.values():
            server.cut_all()

    async def stop(self) -> None:
        """Close everything."""
        for _, server in self._doors.values():
            server.close()
        if self._web is not None:
            await self._web.shutdown(0.1)
        if self._runner is not None:
            await self._runner.cleanup()
        self.log.close()


def _url(door: ProxyDoor, port: int) -> str:
    who = f"{quote(door.user, safe='')}:{quote(door.password, safe='')}@" if door.user else ""
    return f"{door.scheme}://{who}127.0.0.1:{port}"
