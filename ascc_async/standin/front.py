"""The web server behind the proxies: who asks for what, may they, and what goes wrong."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from ascc_async.standin.data_api import DataApiSite
from ascc_async.standin.endpoints import Asked, Endpoints, name_endpoint
from ascc_async.standin.faults import Faults
from ascc_async.standin.identities import Door, Identity, account_of
from ascc_async.standin.limits import Limits, Refusal, retry_after
from ascc_async.standin.links import Links
from ascc_async.standin.media_answer import Pipe
from ascc_async.standin.metadata_files import MetadataFiles
from ascc_async.standin.request_log import RequestLog, Seen
from ascc_async.standin.sending import send
from ascc_async.standin.site import Site
from ascc_async.standin.streams import Streams
from ascc_async.standin.world_settings import Fault, RefusalStyle, WorldSettings

KINDS = {
    "next": "pages", "player": "pages", "watch": "pages", "config": "pages", "media": "media",
    "data_api": "data_api", "metadata": "metadata",
}  # fmt: skip
_STYLES: Mapping[str, RefusalStyle] = {
    "refuse": "429",
    "bot_check": "bot_check",
    "try_later": "try_later",
    "captcha": "captcha",
    "consent": "consent",
    "login_wall": "login_wall",
    "forbidden": "forbidden",
}


class Front:
    """Handles every request. `apply(settings)` changes how, while it runs."""

    def __init__(self, settings: WorldSettings, folder: Path, log: RequestLog) -> None:
        self.log, self.settings = log, settings
        self._folder = folder
        self.quota: Counter[str] = Counter()
        self._doors: dict[tuple[object, object], Door] = {}
        self.limits = Limits(settings.limits)
        self.faults = Faults(settings.seed, settings.faults)
        self.streams = streams_of(settings)
        self.pipe = Pipe(settings.media.total_mbit)
        self.endpoints = self._endpoints()

    def apply(self, settings: WorldSettings) -> None:
        """Answer by these settings from now on; limits and faults begin anew where they differ."""
        if settings.limits != self.settings.limits:
            self.limits = Limits(settings.limits)
        if settings.faults != self.settings.faults:
            self.faults = Faults(settings.seed, settings.faults)
        if settings.media != self.settings.media:
            self.streams = streams_of(settings)
        self.settings = settings
        self.endpoints = self._endpoints()
        self.pipe = Pipe(settings.media.total_mbit)

    def _endpoints(self) -> Endpoints:
        settings = self.settings
        links = Links(
            b"%d" % settings.seed,
            lifetime=settings.media.link_seconds,
            bound=settings.media.bind_links,
        )
        return Endpoints(
            Site(settings, links, self.streams),
            DataApiSite(settings.data_api, self.quota),
            MetadataFiles(settings.metadata_dir or self._folder / "metadata"),
        )

    def arrived(self, transport: asyncio.Transport, door: Door) -> None:
        """A connection came through this door."""
        self._doors[_ends(transport)] = door
        self.log.connections[door.name] += 1

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        if self.settings.delay_seconds:
            await asyncio.sleep(self.settings.delay_seconds)
        asked = await self._ask(request)
        refusal = self.limits.judge(
            KINDS.get(asked.endpoint, "other"), asked.who.name, time.monotonic(), time.time()
        )
        fault = None
        if refusal is None:
            fault = self.faults.draw(asked.endpoint, asked.videos, request.path, asked.who.name)
            refusal = _as_refusal(fault)
        if fault and fault.name == "other_video":
            asked = self._about_another(asked)
        reply = await self.endpoints.reply(asked, refusal, fault)
        seen = self._seen(request, asked, fault, refusal)
        record = self._recorder(seen)
        return await send(request, reply, fault, record, self.pipe)

    async def _ask(self, request: web.BaseRequest) -> Asked:
        transport = request.transport
        door = self._doors.get(_ends(transport)) if transport else None
        account = account_of(request.cookies) if "Cookie" in request.headers else None
        dead = account is not None and self.settings.pages.dead_sessions
        who = Identity(door or Door.named("unknown"), None if dead else account)
        host = request.headers.get("Host", "").lower()
        endpoint = name_endpoint(host, request.path)
        body = await request.read() if request.method == "POST" else b""
        return Asked(request, endpoint, host, who, body, session_died=dead)

    def _about_another(self, asked: Asked) -> Asked:
        videos = self.endpoints.site.world.videos
        other = next(
            (video.video_id for video in videos if video.video_id not in asked.videos),
            "jNQXAC9IVRw",
        )
        return asked.about(other)

    def _seen(
        self,
        request: web.BaseRequest,
        asked: Asked,
        fault: Fault | None,
        refusal: Refusal | None,
    ) -> Seen:
        return Seen(
            who=asked.who.name,
            door=asked.who.door.name,
            host=asked.host,
            path=request.path,
            endpoint=asked.endpoint,
            kind=KINDS.get(asked.endpoint, "other"),
            method=request.method,
            videos=asked.videos,
            client=asked.client,
            mask=asked.mask,
            range=request.headers.get("Range", ""),
            fault=fault.name if fault else "",
            refused=refusal.style if refusal else "",
            signed_in=asked.who.signed_in,
        )

    def _recorder(self, seen: Seen) -> Recorder:
        return Recorder(self.log, seen, self.settings.log_requests)


class Recorder:
    """Writes a request's line once its status and size are known."""

    def __init__(self, log: RequestLog, seen: Seen, written: bool) -> None:
        self._log, self._seen, self._written = log, seen, written

    def __call__(self, status: int, size: int) -> None:
        self._seen.status, self._seen.size = status, size
        self._log.add(self._seen, written=self._written)


def _ends(transport: asyncio.BaseTransport) -> tuple[object, object]:
    return transport.get_extra_info("peername"), transport.get_extra_info("sockname")


def _as_refusal(fault: Fault | None) -> Refusal | None:
    if fault is None or fault.name not in _STYLES:
        return None
    header = retry_after(fault.retry_after, fault.retry_after_seconds, time.time())
    return Refusal(_STYLES[fault.name], header)


def streams_of(settings: WorldSettings) -> Streams:
    """The streams that a stand-in with these settings serves; tests compare clips with them."""
    own = f"ascc-standin-{os.getuid()}"
    folder = settings.media.folder or Path(tempfile.gettempdir()) / own
    media = settings.media
    return Streams(folder, pictures=media.pictures, damaged=media.damaged)
