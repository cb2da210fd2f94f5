"""Every endpoint's reply, from the world's truth and the settings of now."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ascc_async.model import License
from ascc_async.standin import masks, replies, web_pages
from ascc_async.standin.data_api import list_videos
from ascc_async.standin.incoming import Incoming
from ascc_async.standin.limits import HowRefused, drawn_by_hash
from ascc_async.standin.links import PLAYER_SCRIPT, Links
from ascc_async.standin.media import Stream, stream_of, streams_of
from ascc_async.standin.next_answer import next_answer, written
from ascc_async.standin.playability import REFUSALS
from ascc_async.standin.player_answer import player_answer
from ascc_async.standin.replies import SiteReply
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import Fault, WorldSettings

_SESSION_CLEARED = (
    "LOGIN_INFO=; Domain=.youtube.com; Path=/; Secure; HttpOnly;"
    " Expires=Thu, 01 Jan 1970 00:00:00 GMT"
)
_METADATA_FOLDERS = ("/us_audioset/youtube_corpus/", "/audioset/ontology/")
# yt-dlp reads one for each video that it resolves as an app.
_HLS_MANIFEST = """#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:URI="{folder}/itag/234/playlist/index.m3u8",TYPE=AUDIO,GROUP-ID="234",NAME="Default"
#EXT-X-STREAM-INF:BANDWIDTH=170000,CODECS="avc1.4D400C,mp4a.40.2",RESOLUTION=256x144,AUDIO="234"
{folder}/itag/269/playlist/index.m3u8
"""
_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


class Site:
    """Replies to requests. Replaced by a new one when settings change; `quota` outlives it."""

    def __init__(self, settings: WorldSettings, metadata: Path, quota: Counter[str]) -> None:
        self._settings, self._quota, self.world = settings, quota, World(settings)
        self._metadata = metadata
        self._links = Links(b"%d" % settings.seed)
        self._asked: Counter[str] = Counter()  # by video, where its answers differ

    async def reply(
        self, incoming: Incoming, refusal: HowRefused | None, fault: Fault | None
    ) -> SiteReply:
        """The answer, or the refusal."""
        worded = refusal.style if refusal and refusal.style in REFUSALS else ""
        try:
            if incoming.endpoint in ("next", "player", "watch") and (worded or not refusal):
                reply = await self._about_video(incoming, worded)
            elif refusal:
                url, header = incoming.url, refusal.retry_after
                reply = replies.refused(refusal.style, incoming.endpoint, url, header)
            else:
                reply = await self._answer(incoming, fault)
        except masks.BadMask:
            reply = replies.bad_mask(incoming.mask)
        if incoming.session_died and incoming.host.endswith("youtube.com"):
            reply = replace(reply, headers={**reply.headers, "Set-Cookie": _SESSION_CLEARED})
        return reply

    async def _about_video(self, incoming: Incoming, refusal: str) -> SiteReply:
        """`next`, `player` or the watch page; `refusal`: what it says in place of the truth."""
        if not incoming.videos:
            return replies.NO_VIDEO
        if incoming.mask and self._settings.pages.mask == "refused":
            return replies.bad_mask(incoming.mask)
        mask = masks.parse(incoming.mask if self._settings.pages.mask == "honoured" else "")
        video = self.world.video(incoming.videos[0])
        if incoming.endpoint == "next":
            return SiteReply(self._next(video, mask, incoming, bool(refusal)))
        # Sizes and links of media cost far more than the rest of an answer: they are looked up
        # only where the mask lets them through, and then in a thread, as media may be encoded.
        streams: Sequence[Stream] = ()
        if (not mask or "streamingData" in mask) and video.license is not License.UNAVAILABLE:
            streams = await asyncio.to_thread(streams_of, video, self._settings.media)
        player = player_answer(video, incoming, self._links, streams, refusal)
        if incoming.endpoint == "player":
            return SiteReply(replies.dumps(masks.apply(player, mask)))
        initial_data = self._next(video, {}, incoming, bool(refusal))
        page = web_pages.watch_page(video, initial_data, player, signed_in=incoming.signed_in)
        return SiteReply(page, 200, replies.HTML)

    def _next(self, video: Video, mask: masks.Mask, incoming: Incoming, refused: bool) -> bytes:
        pages = self._settings.pages
        row_gone = incoming.listener in pages.license_row_gone_for
        if pages.license_row_missing:
            self._asked[video.video_id] += 1
            drawn = drawn_by_hash(f"license row {video.video_id} {self._asked[video.video_id]}")
            row_gone = row_gone or drawn < pages.license_row_missing
        if row_gone:
            pages = pages.model_copy(update={"license_row": "gone"})
        answer = next_answer(video, pages, signed_in=incoming.signed_in, refused=refused)
        return written(masks.apply(answer, mask), pages)

    async def _answer(self, incoming: Incoming, fault: Fault | None) -> SiteReply:
        path = incoming.path
        match incoming.endpoint:
            case "data_api":
                return list_videos(self.world, incoming, self._settings.data_api, self._quota)
            case "media":
                whole = fault is not None and fault.name == "range_ignored"
                return await asyncio.to_thread(self._media, incoming, whole)
            case "metadata":
                file = self._metadata / path.rsplit("/", 1)[-1]
                if not path.startswith(_METADATA_FOLDERS) or not file.is_file():
                    return replies.NOT_FOUND
                return SiteReply(await asyncio.to_thread(file.read_bytes), 200, "text/plain")
            case "config":
                return web_pages.config_page(path, signed_in=incoming.signed_in)
        if incoming.host == "manifest.googlevideo.com" and "/id/" in path:
            folder = path.split("/source/")[0].replace("hls_variant", "hls_playlist")
            manifest = _HLS_MANIFEST.format(folder=f"https://{incoming.host}{folder}")
            return SiteReply(manifest.encode(), 200, "application/vnd.apple.mpegurl")
        # Every version of the player is the same script.
        if path.endswith(".js"):
            return SiteReply(PLAYER_SCRIPT.encode(), 200, "text/javascript")
        if path == "/iframe_api":
            return SiteReply(web_pages.IFRAME_API.encode(), 200, "text/javascript")
        at = f"https://{incoming.host}{path}?"
        walls = (page for address, page in replies.WALLS.values() if address.startswith(at))
        return next(walls, replies.NOT_FOUND)

    def _media(self, incoming: Incoming, whole: bool) -> SiteReply:
        """206 with the part asked for; 200 with everything; 416 beyond the end."""
        link = self._links.check(incoming)
        if link is None:  # expired, of another listener, not solved, or mutilated
            return replies.FORBIDDEN
        video_id, itag = link
        stream = stream_of(self.world.video(video_id), itag, self._settings.media)
        headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=21540"}
        kind, size = stream.mime.split(";")[0], stream.size
        match = _RANGE.match(incoming.range.strip())
        if whole or not match:
            return SiteReply(stream.read(), 200, kind, headers)
        first, last = int(match[1]), min(int(match[2] or size), size - 1)
        if first > last:
            return SiteReply(b"", 416, "text/plain", headers | {"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return SiteReply(stream.read(first, last), 206, kind, headers)
