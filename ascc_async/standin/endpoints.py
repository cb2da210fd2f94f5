"""Which address is which endpoint, and the reply of each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web

from ascc_async.standin import replies, scripts
from ascc_async.standin.data_api import DataApiSite, error
from ascc_async.standin.identities import Identity
from ascc_async.standin.limits import Refusal
from ascc_async.standin.links import ForbiddenLink
from ascc_async.standin.media_answer import by_range, manifest
from ascc_async.standin.metadata_files import MetadataFiles
from ascc_async.standin.next_answer import VISITOR
from ascc_async.standin.player_answer import Asker
from ascc_async.standin.replies import Reply
from ascc_async.standin.site import Site, video_id_in
from ascc_async.standin.watch_page import render
from ascc_async.standin.wording import Words, words_for
from ascc_async.standin.world_settings import Fault

_CLEARED = (
    "LOGIN_INFO=; Domain=.youtube.com; Path=/; Secure; HttpOnly;"
    " Expires=Thu, 01 Jan 1970 00:00:00 GMT"
)


def name_endpoint(host: str, path: str) -> str:
    """The endpoint at this address; "other" for what belongs to no kind."""
    if path == "/youtubei/v1/next":
        return "next"
    if path == "/youtubei/v1/player":
        return "player"
    if host.endswith(".googlevideo.com"):
        return "media" if path == "/videoplayback" else "other"
    if host in ("www.googleapis.com", "youtube.googleapis.com"):
        return "data_api" if path == "/youtube/v3/videos" else "other"
    if host in ("storage.googleapis.com", "raw.githubusercontent.com"):
        return "metadata"
    if path == "/watch":
        return "watch"
    return "config" if path in ("/", "/tv") or path.startswith("/embed/") else "other"


@dataclass
class Asked:
    """One request, read: who asks what, of which videos, in whose words."""

    request: web.BaseRequest
    endpoint: str
    host: str
    who: Identity
    body: bytes
    session_died: bool = False
    videos: tuple[str, ...] = ()
    client: str = ""
    hl: str | None = None
    mask: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.query = self.query or self.request.query
        if self.body and not self.videos:
            video_id, client = video_id_in(self.body)
            self.videos = (video_id,) if video_id else ()
            self.client = str(client.get("clientName", ""))
            self.hl = client.get("hl")
            self.mask = self.query.get("$fields") or self.query.get("fields") or ""
        elif not self.videos:
            self.videos = self._videos_in_query()

    def _videos_in_query(self) -> tuple[str, ...]:
        if self.endpoint == "watch":
            return (self.query["v"],) if "v" in self.query else ()
        if self.endpoint == "media":
            return (self.query.get("id", "").removeprefix("o-A"),)
        if self.endpoint == "data_api":
            return tuple(self.query.get("id", "").split(","))
        return ()

    @property
    def words(self) -> Words:
        """The language to answer in."""
        hl = self.hl or self.query.get("hl")
        return words_for(hl, self.request.headers.get("Accept-Language"))

    def about(self, video_id: str) -> Asked:
        """The same request, for another video."""
        query = dict(self.query) | ({"id": video_id} if self.endpoint == "data_api" else {})
        return replace(self, videos=(video_id,), query=query)


class Endpoints:
    """Replies to what was asked. Built anew when settings change."""

    def __init__(self, site: Site, api: DataApiSite, metadata: MetadataFiles) -> None:
        self.site, self._api, self._metadata = site, api, metadata

    async def reply(self, asked: Asked, refusal: Refusal | None, fault: Fault | None) -> Reply:
        """The answer, or the refusal."""
        if refusal is not None:
            reply = self._refuse(asked, refusal)
        else:
            reply = await self._answer(asked, fault)
        if asked.session_died and asked.host.endswith("youtube.com"):
            return replace(reply, headers={**reply.headers, "Set-Cookie": _CLEARED})
        return reply

    async def _answer(self, asked: Asked, fault: Fault | None) -> Reply:
        match asked.endpoint:
            case "next":
                return self._next(asked)
            case "player":
                if self.site.is_quick(asked.videos, asked.mask):
                    return self._player(asked)
                return await asyncio.to_thread(self._player, asked)
            case "watch":
                return await asyncio.to_thread(self._watch, asked)
            case "data_api":
                return self._data_api(asked)
            case "media":
                return await asyncio.to_thread(self._media, asked, fault)
            case "metadata":
                return await asyncio.to_thread(self._metadata.reply, asked.request.path)
            case "config":
                return self._config(asked)
        return self._other(asked)

    def _refuse(self, asked: Asked, refusal: Refusal) -> Reply:
        url = str(asked.request.url)
        match refusal.style:
            case "bot_check" | "try_later" if asked.endpoint in ("next", "player", "watch"):
                return self._refuse_playing(asked, refusal.style)
            case "captcha":
                return replies.captcha(url)
            case "consent":
                return replies.consent(url)
            case "login_wall":
                return replies.login_wall(url, api=asked.request.method == "POST")
            case "forbidden":
                return replies.forbidden(asked.endpoint)
        after = {"Retry-After": refusal.retry_after} if refusal.retry_after else {}
        return replies.too_many(asked.endpoint, after)

    def _refuse_playing(self, asked: Asked, style: str) -> Reply:
        if asked.endpoint == "next":
            return self._next(asked, gone=True)
        if asked.endpoint == "player":
            return self._player(asked, refusal=style)
        return self._watch(asked, refusal=style)

    def _next(self, asked: Asked, *, gone: bool = False) -> Reply:
        if not asked.videos:
            return replies.api_error(
                400, "Request contains an invalid argument.", "badRequest", "INVALID_ARGUMENT"
            )
        return self.site.next(
            asked.videos[0],
            asked.words,
            mask=asked.mask,
            signed_in=asked.who.signed_in,
            gone=gone,
        )

    def _player(self, asked: Asked, *, refusal: str = "") -> Reply:
        if not asked.videos:
            return replies.api_error(
                400, "Request contains an invalid argument.", "badRequest", "INVALID_ARGUMENT"
            )
        return self.site.player(
            asked.videos[0], self._asker(asked, asked.client), mask=asked.mask, refusal=refusal
        )

    def _asker(self, asked: Asked, client: str) -> Asker:
        return Asker(
            client=client,
            words=asked.words,
            address=asked.who.door.address,
            signed_in=asked.who.signed_in,
            hls=self.site.settings.pages.hls,
        )

    def _watch(self, asked: Asked, *, refusal: str = "") -> Reply:
        if not asked.videos:
            return replies.redirect("https://www.youtube.com/")
        video_id, signed_in = asked.videos[0], asked.who.signed_in
        template, values = self.site.next_template(
            video_id, asked.words, "", signed_in, bool(refusal)
        )
        player = self.site.player_value(video_id, self._asker(asked, "WEB"), refusal=refusal)
        video = self.site.world.video(video_id)
        page = render(
            video, template.fill(values), player, hl=asked.words.language, signed_in=signed_in
        )
        return Reply(page, 200, replies.HTML)

    def _data_api(self, asked: Asked) -> Reply:
        key = asked.query.get("key") or asked.request.headers.get("X-Goog-Api-Key")
        return self._api.videos(self.site.world, asked.query, key or "")

    def _media(self, asked: Asked, fault: Fault | None) -> Reply:
        try:
            video_id, itag = self.site.links.check(asked.query, asked.who.door.address)
        except (ForbiddenLink, KeyError, ValueError):
            return replies.forbidden("media")
        stream = self.site.stream(self.site.world.video(video_id), itag)
        wanted = asked.request.headers.get("Range", "")
        if "range" in asked.query:
            wanted = "bytes=" + asked.query["range"]
        if fault is not None and fault.name == "range_ignored":
            wanted = ""
        head = asked.request.method == "HEAD"
        return by_range(stream, wanted, stream.mime.split(";")[0], head=head)

    def _config(self, asked: Asked) -> Reply:
        page = scripts.config_page(
            asked.host, asked.request.path, visitor=VISITOR, signed_in=asked.who.signed_in
        )
        return replies.html(page)

    def _other(self, asked: Asked) -> Reply:
        path = asked.request.path
        if asked.host == "manifest.googlevideo.com" and "/id/" in path:
            video = self.site.world.video(path.split("/id/")[1][:11])
            return manifest(video, "hls_variant" in path)
        if asked.host in ("www.googleapis.com", "youtube.googleapis.com"):
            return error("forbidden")
        return _FIXED.get((asked.host, path)) or _by_end(path)


def _by_end(path: str) -> Reply:
    if path.endswith(".js"):
        return Reply(scripts.BASE_JS.encode(), 200, "text/javascript")
    if path == "/sw.js_data":
        return Reply(scripts.sw_js_data(VISITOR).encode())
    return replies.html("<html><head><title>404 Not Found</title></head></html>", 404)


_FIXED: Mapping[tuple[str, str], Reply] = {
    ("www.youtube.com", "/iframe_api"): Reply(scripts.IFRAME_API.encode(), 200, "text/javascript"),
    ("www.google.com", "/sorry/index"): replies.SORRY_PAGE,
    ("consent.youtube.com", "/m"): replies.CONSENT_PAGE,
    ("accounts.google.com", "/ServiceLogin"): replies.LOGIN_PAGE,
}
