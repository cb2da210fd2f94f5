"""Every endpoint's reply, from the world's truth and the settings of now."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ascc_async.model import License
from ascc_async.standin import masks, next_answer, replies, web_pages
from ascc_async.standin.data_api import DataApiSite, data_api_error
from ascc_async.standin.incoming import Incoming, public_address
from ascc_async.standin.limits import HowRefused
from ascc_async.standin.links import PLAYER_SCRIPT, ForbiddenLink, Links
from ascc_async.standin.media import VideoStreams
from ascc_async.standin.media_layout import Stream
from ascc_async.standin.player_answer import Viewer, player_answer
from ascc_async.standin.replies import Reply
from ascc_async.standin.templates import Template
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import Fault, WorldSettings

_SESSION_CLEARED = (
    "LOGIN_INFO=; Domain=.youtube.com; Path=/; Secure; HttpOnly;"
    " Expires=Thu, 01 Jan 1970 00:00:00 GMT"
)
_METADATA_FOLDERS = ("/us_audioset/youtube_corpus/", "/audioset/ontology/")
_FILE_TYPES = {".csv": "text/csv", ".json": "text/plain; charset=utf-8"}
_MOST_MASKS = 200  # kept; a client of ours has two or three
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
_FIXED_PAGES: Mapping[tuple[str, str], Reply] = {
    ("www.youtube.com", "/iframe_api"): Reply(
        web_pages.IFRAME_API.encode(), 200, "text/javascript"
    ),
    ("www.google.com", "/sorry/index"): replies.SORRY_PAGE,
    ("consent.youtube.com", "/m"): replies.CONSENT_PAGE,
    ("accounts.google.com", "/ServiceLogin"): replies.LOGIN_PAGE,
}


class Site:
    """Replies to requests. Replaced by a new one when settings change.

    Answers are templates, kept per shape and mask, nothing per video: thousands of small ones a
    second leave the core to the client that is measured. `quota` outlives this object.
    """

    def __init__(
        self, settings: WorldSettings, streams: VideoStreams, metadata: Path, quota: Counter[str]
    ) -> None:
        self._pages, self.world, self._streams = settings.pages, World(settings), streams
        self._metadata = metadata
        self._api = DataApiSite(settings.data_api, quota)
        self._links = Links(b"%d" % settings.seed)
        self._templates: dict[tuple[Any, ...], Template] = {}
        self._masks: dict[str, masks.Mask] = {}

    async def reply(
        self, incoming: Incoming, refusal: HowRefused | None, fault: Fault | None
    ) -> Reply:
        """The answer, or the refusal."""
        try:
            if refusal is not None:
                reply = self._refuse(incoming, refusal)
            else:
                reply = await self._answer(incoming, fault)
        except masks.BadMask:
            reply = replies.bad_mask(incoming.mask)
        if incoming.session_died and incoming.host.endswith("youtube.com"):
            reply = replace(reply, headers={**reply.headers, "Set-Cookie": _SESSION_CLEARED})
        return reply

    async def _answer(self, incoming: Incoming, fault: Fault | None) -> Reply:
        """Blocking work goes to a thread: media is encoded, or read and put together."""
        match incoming.endpoint:
            case "next":
                return self._next(incoming)
            case "player":
                if self._needs_no_media(incoming):
                    return self._player(incoming)
                return await asyncio.to_thread(self._player, incoming)
            case "watch":
                return await asyncio.to_thread(self._watch, incoming)
            case "data_api":
                key = incoming.query.get("key") or incoming.request.headers.get("X-Goog-Api-Key")
                return self._api.videos(self.world, incoming.query, key or "")
            case "media":
                ignored = fault is not None and fault.name == "range_ignored"
                return await asyncio.to_thread(self._media, incoming, ignored)
            case "metadata":
                return await asyncio.to_thread(self._metadata_file, incoming.request.path)
            case "config":
                path, signed_in = incoming.request.path, incoming.signed_in
                return replies.html(web_pages.config_page(path, signed_in=signed_in))
        return self._other(incoming)

    def _refuse(self, incoming: Incoming, refusal: HowRefused) -> Reply:
        style, endpoint = refusal.style, incoming.endpoint
        if style in ("bot_check", "try_later") and endpoint in ("next", "player", "watch"):
            if endpoint == "next":
                return self._next(incoming, gone=True)
            if endpoint == "player":
                return self._player(incoming, refusal=style)
            return self._watch(incoming, refusal=style)
        if style in ("captcha", "consent", "login_wall"):
            api = incoming.request.method == "POST"
            return replies.wall(style, str(incoming.request.url), api=api)
        if style == "forbidden":
            return replies.forbidden(endpoint)
        return replies.too_many(endpoint, refusal.retry_after)

    def _next(self, incoming: Incoming, *, gone: bool = False) -> Reply:
        """`youtubei/v1/next`. `gone`: as if nothing were known of the video (a refusal)."""
        if not incoming.videos:
            return replies.NO_VIDEO
        mask = incoming.mask
        if mask and self._pages.mask == "refused":
            return replies.bad_mask(mask)
        mask = mask if self._pages.mask == "honoured" else ""
        video = self.world.video(incoming.videos[0])
        return Reply(self._next_body(video, mask, incoming.signed_in, gone))

    def _next_body(self, video: Video, mask: str, signed_in: bool, gone: bool) -> bytes:
        # To a client that is refused YouTube shows a page without the video, not an error.
        shape = "gone" if gone else next_answer.shape_of(video)
        members = next_answer.is_members_only(video)
        # All that an answer depends on, but for the holes.
        key = (shape, mask, signed_in, members)
        template = self._templates.get(key)
        if template is None:
            answer = next_answer.build(shape, self._pages, members=members, signed_in=signed_in)
            answer = masks.apply(answer, self._mask(mask))
            template = Template(answer, reordered=self._pages.reordered)
            self._templates[key] = template
        return template.fill(next_answer.values(video))

    def _needs_no_media(self, incoming: Incoming) -> bool:
        """Whether a player answer needs no look at media, so that it is not worth a thread."""
        mask = incoming.mask if self._pages.mask == "honoured" else ""
        if not incoming.videos or (mask and "streamingData" not in mask):
            return True
        return self.world.license(self.world.kind(incoming.videos[0])) is License.UNAVAILABLE

    def _player(self, incoming: Incoming, *, refusal: str = "") -> Reply:
        """`youtubei/v1/player`. `refusal`: "bot_check" or "try_later" in place of the truth."""
        if not incoming.videos:
            return replies.NO_VIDEO
        if incoming.mask and self._pages.mask == "refused":
            return replies.bad_mask(incoming.mask)
        chosen = self._mask(incoming.mask) if self._pages.mask == "honoured" else {}
        answer = self._player_answer(incoming, incoming.client, chosen, refusal)
        return Reply(replies.dumps(masks.apply(answer, chosen)))

    def _player_answer(
        self, incoming: Incoming, client: str, chosen: masks.Mask, refusal: str
    ) -> dict[str, Any]:
        """The answer before the mask; media is looked up only where the mask lets it through."""
        # Sizes and links of media cost far more than the rest of an answer.
        wanted = not chosen or "streamingData" in chosen or "*" in chosen
        streams = self._streams.of if wanted else _no_streams
        viewer = Viewer(client, public_address(incoming.listener), incoming.signed_in)
        video = self.world.video(incoming.videos[0])
        return player_answer(video, viewer, self._links, streams, refusal)

    def _watch(self, incoming: Incoming, *, refusal: str = "") -> Reply:
        if not incoming.videos:
            return replies.redirect("https://www.youtube.com/")
        video, signed_in = self.world.video(incoming.videos[0]), incoming.signed_in
        initial_data = self._next_body(video, "", signed_in, bool(refusal))
        player = self._player_answer(incoming, "WEB", {}, refusal)
        page = web_pages.watch_page(video, initial_data, player, signed_in=signed_in)
        return Reply(page, 200, replies.HTML)

    def _media(self, incoming: Incoming, range_ignored: bool) -> Reply:
        try:
            video_id, itag = self._links.check(incoming.query, public_address(incoming.listener))
        except (ForbiddenLink, KeyError, ValueError):  # expired, of another address, or mutilated
            return replies.forbidden("media")
        stream = self._streams.one(self.world.video(video_id), itag)
        wanted = incoming.request.headers.get("Range", "")
        # Apps name the range in the address; yt-dlp in the header.
        if "range" in incoming.query:
            wanted = "bytes=" + incoming.query["range"]
        return _by_range(
            stream, "" if range_ignored else wanted, head=incoming.request.method == "HEAD"
        )

    def _metadata_file(self, path: str) -> Reply:
        """AudioSet's files and the ontology at their public addresses."""
        file = self._metadata / path.rsplit("/", 1)[-1]
        if not path.startswith(_METADATA_FOLDERS) or not file.is_file():
            return replies.html("<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", 404)
        return Reply(file.read_bytes(), 200, _FILE_TYPES.get(file.suffix, "text/plain"))

    def _other(self, incoming: Incoming) -> Reply:
        path = incoming.request.path
        if incoming.host == "manifest.googlevideo.com" and "/id/" in path:
            return _hls_manifest(path.split("/id/")[1][:11], variant="hls_variant" in path)
        if incoming.host in ("www.googleapis.com", "youtube.googleapis.com"):
            return data_api_error("forbidden")
        if (incoming.host, path) in _FIXED_PAGES:
            return _FIXED_PAGES[incoming.host, path]
        # Every version of the player is the same script.
        if path.endswith(".js"):
            return Reply(PLAYER_SCRIPT.encode(), 200, "text/javascript")
        if path == "/sw.js_data":
            return Reply(web_pages.SERVICE_WORKER_DATA.encode())
        return replies.NOT_FOUND

    def _mask(self, text: str) -> masks.Mask:
        """A mask, read once. Raises `BadMask`."""
        if text not in self._masks:
            if len(self._masks) > _MOST_MASKS:  # someone tries them out: memory stays bounded
                self._masks.clear()
                self._templates.clear()
            self._masks[text] = masks.parse(text) if text else {}
        return self._masks[text]


def _no_streams(video: Video) -> Sequence[Stream]:
    return ()


def _by_range(stream: Stream, wanted: str, *, head: bool) -> Reply:
    """206 with the part asked for; 200 with everything; 416 beyond the end."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=21540"}
    kind, size = stream.mime.split(";")[0], stream.size
    # HEAD must not put a whole stream together only to measure it.
    if not wanted:
        return Reply(b"" if head else stream.whole(), 200, kind, headers, size)
    first, last = 0, size - 1
    match = _RANGE.match(wanted.strip())
    if match and match[1]:
        first, last = int(match[1]), min(int(match[2] or last), last)
    elif match and match[2]:
        first = size - min(int(match[2]), size)
    if first > last:
        return Reply(b"", 416, "text/plain", headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    body = b"" if head else stream.read(first, last)
    return Reply(body, 206, kind, headers, last + 1 - first)


def _hls_manifest(video_id: str, *, variant: bool) -> Reply:
    """A small HLS manifest, as yt-dlp reads one for each video it resolves as an app."""
    folder = f"https://manifest.googlevideo.com/api/manifest/hls_playlist/id/{video_id}"
    sound = [
        f'#EXT-X-MEDIA:URI="{folder}/itag/234/playlist/index.m3u8",TYPE=AUDIO,'
        'GROUP-ID="234",NAME="Default",DEFAULT=YES,AUTOSELECT=YES'
    ]
    lines = [
        "#EXTM3U",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *(sound if variant else []),
        '#EXT-X-STREAM-INF:BANDWIDTH=170000,CODECS="avc1.4D400C,mp4a.40.2",RESOLUTION=256x144,'
        'FRAME-RATE=12,AUDIO="234"',
        f"{folder}/itag/269/playlist/index.m3u8",
        "",
    ]
    return Reply("\n".join(lines).encode(), 200, "application/vnd.apple.mpegurl")
