"""The part of a stream that a segment needs, with as few bytes and requests as possible."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from ascc_async.errors import Rejected
from ascc_async.media.ranges import PIECE, Ranges
from ascc_async.media.stream_index import (
    HEAD,
    StreamHead,
    StreamIndex,
    read_cues,
    read_sidx,
)
from ascc_async.model import Reason, Track

log = logging.getLogger(__name__)

# AAC overlaps one frame with the next; Opus decodes to the very samples of a full decode only
# after half a second (with the 80 ms that its specification asks for, some are a little off).
_PREROLL = 0.5
_MARGIN = 0.1  # the index rounds, and resampling looks ahead
_LARGEST_EXCERPT = 96 * 1024 * 1024
_LARGEST_STREAM = 4 * 1024 * 1024 * 1024
_OPUS_GRID = 2.5e-3  # seconds of the shortest Opus frame: all frames start at a multiple of it
_MP4_STARTS = (b"ftyp", b"moov", b"styp", b"free", b"mdat")
_WEBM_START = b"\x1a\x45\xdf\xa3"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What ffmpeg gets to read, as it came: `data` for its pipe, or the file at `path`.

    `start` is when the segment begins on the clock that ffmpeg sees; `stream_end` when, by its
    index, the whole stream ends (both in seconds, None: not known).
    """

    container: str
    data: bytes | None
    path: Path | None
    start: float
    stream_end: float | None
    whole: bool

    def arguments(self, *, keep_clock: bool = True) -> list[str]:
        """ffmpeg's options for this input."""
        # The demuxer is named and may open nothing else: bytes from the network choose neither.
        safe = ["-protocol_whitelist", "file,pipe", "-f", self.container]
        clock = [] if self.whole and not keep_clock else ["-copyts"]
        if self.path is None:
            return [*clock, *safe, "-i", "pipe:0"]
        # What was left out of an excerpt must not be looked for in it.
        seekable = [] if self.whole else ["-seekable", "0"]
        return [*clock, *safe, *seekable, "-i", f"file:{self.path}"]

    async def saved(self, path: Path) -> Excerpt:
        """The same in a file, for ffmpeg has but one pipe."""
        if self.data is None:
            return self
        await asyncio.to_thread(path.write_bytes, self.data)
        return replace(self, data=None, path=path)


async def fetch_excerpt(
    ranges: Ranges, track: Track, start_ms: int, end_ms: int, scratch: Path
) -> Excerpt:
    """Fetch what decoding `start_ms` … `end_ms` needs; a stream without index whole, to `scratch`.

    Raises Rejected (CORRUPT, TOO_SHORT), OSError from writing, and what reading raises.
    """
    start, end = start_ms / 1000, end_ms / 1000
    stream = StreamHead(ranges, track)
    # YouTube says where the index is. One at the far end is found by the head's own pointer.
    index_end = track.index_range[1] + 1 if track.index_range else HEAD
    await stream.reaches(index_end if HEAD < index_end <= 64 * HEAD else HEAD)
    if stream.data[4:8] in _MP4_STARTS:
        container, index = "mp4", await read_sidx(stream, start - _PREROLL, end + _MARGIN)
    elif stream.data[:4] == _WEBM_START:
        container, index = "matroska", await read_cues(stream)
    else:
        raise Rejected(Reason.CORRUPT, "neither MP4 nor WebM")
    if index is not None and _origin(index, track.kind) + end > index.end:
        # Some streams have one sidx for every fragment: what goes on behind it is not indexed.
        goes_on = stream.total is not None and index.fragments[-1].last + 1 < stream.total
        index = None if goes_on else index
    if index is None:
        log.debug("no usable index: stream fetched whole", extra={"format_id": track.format_id})
        await _download(stream, scratch)
        return Excerpt(container, None, scratch, start, None, whole=True)

    origin, rounding = _origin(index, track.kind), 0.0
    chosen = index.covering(origin + start - _PREROLL, origin + end + _MARGIN)
    if track.kind == "audio" and b"A_OPUS" in index.head:
        # Matroska rounds times to milliseconds, and ffmpeg counts from the first that it reads.
        origin = _on_opus_grid(origin)
        rounding = chosen[0].start - _on_opus_grid(chosen[0].start)
    stream_end = index.end - origin
    if start >= stream_end:
        raise Rejected(
            Reason.TOO_SHORT, f"the stream ends before the segment starts at {start:g} s"
        )
    size = chosen[-1].last + 1 - chosen[0].first
    if size > _LARGEST_EXCERPT:
        raise Rejected(Reason.CORRUPT, f"the index asks for {size} bytes for one segment")
    span = await ranges.read(track, chosen[0].first, chosen[-1].last)
    if len(span.body) < size:
        raise Rejected(Reason.CORRUPT, "the stream ends before its index does")
    data = index.head + span.body
    return Excerpt(container, data, None, origin + rounding + start, stream_end, whole=False)


def _origin(index: StreamIndex, kind: str) -> float:
    """When the stream starts on its own clock.

    Sound counts from its first sample, whatever the clock says (that of a recorded broadcast
    starts anywhere). Pictures keep their small delay, so that they stay in step with the sound.
    """
    first = index.fragments[0].start
    return 0.0 if kind == "video" and first < 1 else first


def _on_opus_grid(seconds: float) -> float:
    return round(seconds / _OPUS_GRID) * _OPUS_GRID


async def _download(stream: StreamHead, path: Path) -> None:
    """Write the whole stream to a file, without asking again for the head."""
    at = len(stream.data)
    with path.open("wb") as file:
        await asyncio.to_thread(file.write, stream.data)
        while at != stream.total:
            if at > _LARGEST_STREAM:
                raise Rejected(Reason.CORRUPT, f"a stream of more than {_LARGEST_STREAM} bytes")
            span = await stream.ranges.read(stream.track, at, at + PIECE - 1)
            await asyncio.to_thread(file.write, span.body)
            at += len(span.body)
            if len(span.body) < PIECE:
                return  # the end, also where the server does not say how long the stream is
