"""The part of a stream that a segment needs, with as few bytes and requests as possible."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path

import aiofiles

from ascc_async.errors import Rejected
from ascc_async.media.edit_list import sound_delay, sound_delay_in
from ascc_async.media.ranges import PIECE, Ranges
from ascc_async.media.stream_index import StreamHead, StreamIndex, read_index
from ascc_async.model import Reason, Track

log = logging.getLogger(__name__)

# AAC overlaps one frame with the next; Opus decodes to the very samples of a full decode only
# after half a second (with the 80 ms that its specification asks for, some are a little off).
_PREROLL = 0.5
_MARGIN = 0.1  # the index rounds, and resampling looks ahead
# Where a segment ends within a fragment is estimated by its share of the time: loud sound takes
# more bytes than quiet. Too few cost a further request and a second cut, too many only bytes.
_ESTIMATE_FACTOR, _ESTIMATE_EXTRA = 1.1, 12 * 1024
_LEAST_SAVED = 8 * 1024  # for less it is not worth the risk of having to ask again
_LARGEST_EXCERPT = 96 * 1024 * 1024
_LARGEST_STREAM = 4 * 1024 * 1024 * 1024
_OPUS_GRID = 2.5e-3  # seconds of the shortest Opus frame: all frames start at a multiple of it


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What ffmpeg gets to read, as it came, in the file at `path`.

    `start` is when the segment begins on the clock that ffmpeg sees; `stream_end` when, by its
    index, the whole stream ends (both in seconds, None: not known). `indexed`: the head and the
    fragments that an index names, not the stream from its first byte on. `left_out`: first and
    last of the bytes at its end that are probably not needed (None: nothing is left out).
    `delay`: seconds that the sound waits, by its edit list, before its first sample is played.
    """

    container: str
    path: Path
    start: float
    stream_end: float | None
    indexed: bool
    left_out: tuple[int, int] | None = None
    delay: float = 0.0

    def arguments(self, *, keep_clock: bool = True) -> list[str]:
        """ffmpeg's options for this input."""
        # The demuxer is named and may open nothing else: bytes from the network choose neither.
        options = ["-protocol_whitelist", "file", "-f", self.container]
        if self.indexed or keep_clock:
            options.append("-copyts")
        if self.left_out is not None:
            # The last packet is cut off: it counts as the end, not as an error.
            options += ["-fflags", "+discardcorrupt"]
        if self.indexed:
            # What is between the head and the fragments must not be looked for.
            options += ["-seekable", "0"]
        return [*options, "-i", f"file:{self.path}"]

    async def completed(self, ranges: Ranges, track: Track) -> Excerpt:
        """The same with what was left out. Raises as `fetch_excerpt` does."""
        if self.left_out is None:
            return self
        first, last = self.left_out
        log.debug(
            "sound ended before the segment: fetching the rest",
            extra={"format_id": track.format_id, "more_bytes": last + 1 - first},
        )
        await _append(ranges, track, self.path, first, last)
        return replace(self, left_out=None)


async def fetch_excerpt(
    ranges: Ranges, track: Track, start_ms: int, end_ms: int, scratch: Path
) -> Excerpt:
    """Fetch to `scratch` what decoding `start_ms` … `end_ms` needs.

    Raises Rejected (CORRUPT, TOO_SHORT), OSError from writing, and what reading raises.
    """
    start, end = start_ms / 1000, end_ms / 1000
    stream = StreamHead(ranges, track)
    container, index = await read_index(stream)
    if index is not None and _origin(index, track.kind) + end > index.end:
        # Some streams have one sidx for every fragment: what goes on behind it is not indexed.
        goes_on = stream.total is not None and index.fragments[-1].last + 1 < stream.total
        index = None if goes_on else index
    if index is not None and track.kind == "audio":
        # Makers differ on whether an index counts the delay. Blocks of Vorbis vary in length and
        # WebM rounds their times: only from the first one on can samples be counted.
        counted_from_first = sound_delay(index.head) or b"A_VORBIS" in index.head
        index = None if counted_from_first else index
    if index is None:
        return await _fetch_from_start(stream, container, start, end, scratch)
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
    first, last = chosen[0].first, chosen[-1]
    size = last.last + 1 - first
    if size > _LARGEST_EXCERPT:
        raise Rejected(Reason.CORRUPT, f"the index asks for {size} bytes for one segment")
    until = last.first + _enough(
        track,
        last.last + 1 - last.first,
        origin + end + _MARGIN - last.start,
        last.end - last.start,
    )
    await asyncio.to_thread(scratch.write_bytes, index.head)
    await _append(ranges, track, scratch, first, until - 1)
    return Excerpt(
        container, scratch, origin + rounding + start, stream_end,
        indexed=True, left_out=(until, last.last) if until <= last.last else None,
    )  # fmt: skip


async def _fetch_from_start(
    stream: StreamHead, container: str, start: float, end: float, scratch: Path
) -> Excerpt:
    """Without a usable index: what the stream holds from its first byte on."""
    ranges, track = stream.ranges, stream.track
    have, total, left_out = len(stream.data), stream.total, None
    if total is not None:
        enough = max(have, _enough(track, total, end + _MARGIN, track.duration or math.nan))
        left_out = (enough, total - 1) if enough < total else None
    log.debug(
        "no usable index: stream fetched from its start",
        extra={"format_id": track.format_id, "to_its_end": left_out is None},
    )
    await asyncio.to_thread(scratch.write_bytes, stream.data)
    if have != total:
        await _append(ranges, track, scratch, have, left_out[0] - 1 if left_out else None)
    whole = Excerpt(container, scratch, start, None, indexed=False, left_out=left_out)
    if container != "mp4" or track.kind == "video":
        return whole
    delay = await asyncio.to_thread(sound_delay_in, scratch)
    if delay is None:  # its head is at its end: without it nothing can be decoded
        whole = await whole.completed(ranges, track)
        delay = await asyncio.to_thread(sound_delay_in, scratch)
    return replace(whole, delay=delay or 0.0)


def _enough(track: Track, size: int, seconds: float, length: float) -> int:
    """How many of `size` bytes, `length` seconds of sound, probably hold the first `seconds`.

    All of them when that is not known, or when little would be saved. Pictures are always read
    to the end: unlike with sound, nobody would notice that the last ones are missing.
    """
    if track.kind != "audio" or not 0 < length < math.inf:
        return size
    share = min(1.0, max(0.0, seconds / length))
    enough = int(size * share * _ESTIMATE_FACTOR) + _ESTIMATE_EXTRA
    return enough if enough + _LEAST_SAVED <= size else size


def _origin(index: StreamIndex, kind: str) -> float:
    """When the stream starts on its own clock.

    Sound counts from its first sample, whatever the clock says (that of a recorded broadcast
    starts anywhere). Pictures keep their small delay, so that they stay in step with the sound.
    """
    first = index.fragments[0].start
    return 0.0 if kind == "video" and first < 1 else first


def _on_opus_grid(seconds: float) -> float:
    return round(seconds / _OPUS_GRID) * _OPUS_GRID


async def _append(ranges: Ranges, track: Track, path: Path, first: int, last: int | None) -> None:
    """Write bytes `first` … `last` (None: to the end) of a stream to the end of a file."""
    begin = first
    async with aiofiles.open(path, "ab") as file:
        while last is None or first <= last:
            if first - begin > _LARGEST_STREAM:
                raise Rejected(Reason.CORRUPT, f"a stream of more than {_LARGEST_STREAM} bytes")
            stop = first + PIECE - 1 if last is None else min(last, first + PIECE - 1)
            span = await ranges.read(track, first, stop)
            await file.write(span.body)
            first += len(span.body)
            # Servers that do not say how long a stream is end it with a short answer.
            if first <= stop or first == span.total:
                if last is not None and first <= last:
                    raise Rejected(Reason.CORRUPT, "the stream ends before its index or size says")
                return
