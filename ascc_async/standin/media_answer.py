"""Media bytes by range, HLS manifests, and the pipe whose width all of them share."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

from ascc_async.standin.media_layout import Stream
from ascc_async.standin.replies import Reply
from ascc_async.standin.world import Video

PIECE = 65_536
_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


class Pipe:
    """Shares a total of `mbit` Mbit/s among all who send media; None: no limit."""

    def __init__(self, mbit: float | None) -> None:
        self._bytes_per_second = mbit * 125_000 if mbit else None
        self._free_at = 0.0

    async def wait(self, size: int) -> None:
        """Wait until `size` more bytes may be sent."""
        if self._bytes_per_second is None:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + size / self._bytes_per_second
        await asyncio.sleep(self._free_at - now)

    async def pieces(self, body: bytes) -> AsyncIterator[bytes]:
        """The body in pieces, at the pace of the pipe."""
        for first in range(0, len(body), PIECE):
            piece = body[first : first + PIECE]
            await self.wait(len(piece))
            yield piece


def by_range(stream: Stream, wanted: str, content_type: str, *, head: bool = False) -> Reply:
    """206 with the part asked for; 200 with everything; 416 beyond the end."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=21540"}
    whole = stream.size
    if not wanted:
        return Reply(b"" if head else stream.whole(), 200, content_type, headers, whole)
    bounds = _bounds(wanted, whole)
    if bounds is None:
        return Reply(b"", 416, "text/plain", headers | {"Content-Range": f"bytes */{whole}"})
    first, last = bounds
    headers["Content-Range"] = f"bytes {first}-{last}/{whole}"
    body = b"" if head else stream.read(first, last)
    return Reply(body, 206, content_type, headers, last + 1 - first)


def _bounds(wanted: str, whole: int) -> tuple[int, int] | None:
    match = _RANGE.match(wanted.strip())
    if match is None or not (match[1] or match[2]):
        return 0, whole - 1
    if not match[1]:
        count = min(int(match[2]), whole)
        return (whole - count, whole - 1) if count else None
    first = int(match[1])
    last = min(int(match[2]) if match[2] else whole - 1, whole - 1)
    return (first, last) if first <= last else None


def manifest(video: Video, variant: bool) -> Reply:
    """A small HLS manifest, as yt-dlp reads one for each video it resolves as an app."""
    lines = ["#EXTM3U", "#EXT-X-INDEPENDENT-SEGMENTS"]
    place = f"https://manifest.googlevideo.com/api/manifest/hls_playlist/id/{video.video_id}"
    if variant:
        lines += [
            f'#EXT-X-MEDIA:URI="{place}/itag/234/playlist/index.m3u8",TYPE=AUDIO,'
            'GROUP-ID="234",NAME="Default",DEFAULT=YES,AUTOSELECT=YES',
        ]
    lines += [
        "#EXT-X-STREAM-INF:BANDWIDTH=170000,CODECS="
        + ('"avc1.4D400C,mp4a.40.2",RESOLUTION=256x144,FRAME-RATE=12,AUDIO="234"'),
        f"{place}/itag/269/playlist/index.m3u8",
    ]
    return Reply("\n".join([*lines, ""]).encode(), 200, "application/vnd.apple.mpegurl")
