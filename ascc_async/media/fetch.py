"""The way in: from a track and a time to the packets that decode to it."""

from __future__ import annotations

import logging

from ascc_async.errors import Rejected
from ascc_async.media import excerpt_mp4, excerpt_webm
from ascc_async.media.excerpt import HEAD, LARGEST_HEAD, Excerpt, Wanted
from ascc_async.media.mp4_head import read_mp4_head
from ascc_async.media.ranges import Ranges, Span
from ascc_async.model import Reason, Track

log = logging.getLogger(__name__)


async def fetch_excerpt(ranges: Ranges, track: Track, start_ms: int, end_ms: int) -> Excerpt:
    """Fetch what decoding `start_ms` … `end_ms` of a track needs, and little more.

    Raises Rejected (CORRUPT, TOO_SHORT, NO_AUDIO) and what reading raises: LinkExpired, Refused,
    NetworkFault, ServerFault.
    """
    wanted = Wanted(start_ms, end_ms)
    head = await ranges.read(track, 0, _head_size(track) - 1)
    if head.body[4:8] in (b"ftyp", b"moov", b"styp", b"free", b"mdat"):
        return await _mp4(ranges, track, head, wanted)
    if head.body[:4] == b"\x1a\x45\xdf\xa3":
        return await _webm(ranges, track, head, wanted)
    raise Rejected(Reason.CORRUPT, "neither MP4 nor WebM")


def _head_size(track: Track) -> int:
    """Up to the end of the index where YouTube said where that is."""
    if track.index_range is None:
        return HEAD
    return max(16, min(track.index_range[1] + 1, LARGEST_HEAD))


async def _mp4(ranges: Ranges, track: Track, head: Span, wanted: Wanted) -> Excerpt:
    found = await read_mp4_head(ranges, track, head)
    tracks = [mp4 for mp4 in found.tracks if mp4.codec.kind == track.kind]
    if not tracks:
        raise Rejected(Reason.NO_AUDIO, f"no {track.kind} in the stream")
    if found.sidx is not None:
        return await excerpt_mp4.fragmented_excerpt(ranges, track, found, tracks[0], wanted)
    if found.fragmented:
        return await excerpt_mp4.sequential_excerpt(ranges, track, found, tracks[0], wanted)
    return await excerpt_mp4.plain_excerpt(ranges, track, found, tracks[0], wanted)


async def _webm(ranges: Ranges, track: Track, head: Span, wanted: Wanted) -> Excerpt:
    found, head = await excerpt_webm.read_webm_head(ranges, track, head)
    tracks = [webm for webm in found.tracks if webm.codec.kind == track.kind]
    if not tracks:
        raise Rejected(Reason.NO_AUDIO, f"no {track.kind} in the stream")
    webm = tracks[0]
    index = found.index(webm.codec, head.total if head.total is not None else track.size)
    if index is None:
        return await excerpt_webm.sequential_excerpt(ranges, track, found, webm, wanted)
    return await excerpt_webm.indexed_excerpt(ranges, track, found, webm, index, wanted)
