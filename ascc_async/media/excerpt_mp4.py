"""Excerpts of MP4 streams: fragments by their `sidx`, plain files by their sample table."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from ascc_async.media.boxes import Box, boxes
from ascc_async.media.excerpt import (
    HEAD,
    LARGEST_EXCERPT,
    LARGEST_HEAD,
    Excerpt,
    Wanted,
    check_reach,
    estimate,
    excerpt_of,
    read_on,
    sequential_size,
    too_short,
)
from ascc_async.media.index import Fragment, Index, checked
from ascc_async.media.mp4_fragment import read_fragments
from ascc_async.media.mp4_index import Sidx, read_sidx
from ascc_async.media.mp4_table import read_table
from ascc_async.media.mp4_track import Mp4Track, read_tracks
from ascc_async.media.packets import Codec, Packets, corrupt
from ascc_async.media.ranges import Ranges, Span
from ascc_async.model import Track

log = logging.getLogger(__name__)

_MOST_BOXES = 64
_DEEPEST_INDEX = 4
_MOST_EXTENSIONS = 5


@dataclass(slots=True)
class Mp4Head:
    """What stands before the media: tracks, the index, where the first fragment is."""

    tracks: list[Mp4Track]
    moov: bytes = b""
    sidx: Sidx | None = None
    fragmented: bool = False
    first_fragment: int | None = None
    total: int | None = None


async def read_mp4_head(ranges: Ranges, track: Track, head: Span) -> Mp4Head:
    """Step from box to box, reading no more than the boxes that matter."""
    found, at = Mp4Head([]), 0
    for _ in range(_MOST_BOXES):
        head = await _window(ranges, track, head, at, HEAD if at else 16)
        box = next(boxes(head.body, at - head.first), None)
        if box is None:
            break
        if box.kind == b"moof":
            found.first_fragment = at
            break
        if box.kind in (b"moov", b"sidx"):
            head = await read_on(ranges, track, head, head.first + box.end, LARGEST_HEAD)
            _take(found, head, box)
            if found.tracks and (found.sidx or not found.fragmented):
                break
        at = head.first + box.end
        if head.total is not None and at >= head.total:
            break
    if not found.tracks:
        corrupt("an MP4 stream without moov")
    found.total = head.total
    return found


async def _window(ranges: Ranges, track: Track, have: Span, at: int, size: int) -> Span:
    """Bytes that hold the box header at `at`: those at hand, or a few more."""
    end = have.first + len(have.body)
    if at + 16 <= end or (have.total is not None and end >= have.total and at < end):
        return have
    if at <= end:
        return await read_on(ranges, track, have, at + size, LARGEST_HEAD)
    return await ranges.read(track, at, at + size - 1)


def _take(found: Mp4Head, head: Span, box: Box) -> None:
    if box.end > len(head.body):
        corrupt("the stream ends within its head")
    if box.kind == b"sidx":
        found.sidx = read_sidx(head.body, box, head.first)
        return
    found.tracks = read_tracks(head.body, box)
    found.moov = bytes(head.body)
    found.fragmented = any(part.kind == b"mvex" for part in boxes(head.body, box.body, box.end))


async def fragmented_excerpt(
    ranges: Ranges, track: Track, head: Mp4Head, mp4: Mp4Track, wanted: Wanted
) -> Excerpt:
    """The excerpt of a fragmented stream with an index."""
    assert head.sidx is not None
    origin = _origin(mp4.codec, head.sidx)
    skip = mp4.codec.skip + origin * mp4.codec.timescale // head.sidx.timescale
    codec = replace(mp4.codec, skip=skip)
    run_in_ms = codec.run_in * 1000 / codec.timescale
    low, high = wanted.start_ms - run_in_ms, float(wanted.end_ms)
    index = await _flat_index(ranges, track, head.sidx, origin, low, high)
    short = wanted.end_ms > index.end * 1000 / index.timescale
    if short and await _goes_on(ranges, track, index, head.total):
        return await sequential_excerpt(ranges, track, head, mp4, wanted)
    if wanted.start_ms >= index.end * 1000 / index.timescale + 100:
        raise too_short(wanted)
    packets = await _covering_packets(ranges, track, replace(mp4, codec=codec), index, low, wanted)
    check_reach(codec, packets, wanted, index.end * 1000 / index.timescale)
    return excerpt_of(codec, packets, wanted)


def _origin(codec: Codec, sidx: Sidx) -> int:
    """The time of the stream's first packet on its clock, in ticks of `sidx`.

    Sound counts from its first packet, whatever the clock says. Pictures keep their small delay
    (reordering), so that they stay in step with the sound.
    """
    small = codec.kind == "video" and sidx.earliest < sidx.timescale
    return 0 if small else sidx.earliest


async def _goes_on(ranges: Ranges, track: Track, index: Index, total: int | None) -> bool:
    """Whether fragments follow after the last one in the index.

    Some streams have an index in front of every fragment, for that fragment only.
    """
    at = index.fragments[-1].last + 1
    if total is None or at + 16 > total:
        return False
    box = next(boxes((await ranges.read(track, at, at + 15)).body), None)
    return box is not None and box.kind in (b"moof", b"sidx", b"styp")


async def plain_excerpt(
    ranges: Ranges, track: Track, head: Mp4Head, mp4: Mp4Track, wanted: Wanted
) -> Excerpt:
    """The excerpt of a plain file: only the bytes from its first needed packet to the last."""
    codec = mp4.codec
    table = await asyncio.to_thread(read_table, head.moov, mp4.table)
    log.info("no index, sample table used", extra={"format_id": track.format_id})
    first, end = wanted.ticks(codec)
    if first >= table.times[-1] + table.durations[-1]:
        raise too_short(wanted)
    low, high = table.rows(first - codec.run_in, end + codec.timescale // 10)
    if codec.kind == "video":
        low, high = table.key_before(low), table.rows(first, end + codec.timescale)[1]
    place = int(table.places[low:high].min())
    until = int((table.places[low:high] + table.sizes[low:high]).max())
    if place < 0:
        corrupt("a sample table that points outside the stream")
    span = await read_on(ranges, track, Span(place, b"", None), until, LARGEST_EXCERPT)
    return excerpt_of(codec, table.packets(span.body, place, low, high), wanted)


async def sequential_excerpt(
    ranges: Ranges, track: Track, head: Mp4Head, mp4: Mp4Track, wanted: Wanted
) -> Excerpt:
    """The excerpt of a fragmented stream without index: read from its start until it is there."""
    start = head.first_fragment
    if start is None and head.sidx is not None:
        start = head.sidx.fragments[0].first
    if start is None:
        corrupt("an MP4 stream without fragments")
    log.info("no index, read from the start", extra={"format_id": track.format_id})
    end = wanted.ticks(mp4.codec)[1]
    size = sequential_size(track, wanted.end_ms)
    span = Span(start, b"", None)
    while True:
        span = await read_on(ranges, track, span, span.first + size, LARGEST_EXCERPT)
        at_end = span.total is not None and span.first + len(span.body) >= span.total
        at_end = at_end or len(span.body) < size
        packets, _ = read_fragments(span.body, span.first, mp4, 0, none_is_fine=not at_end)
        if at_end or (packets.data and packets.end >= end):
            return excerpt_of(mp4.codec, packets, wanted)
        size = len(span.body) * 2


async def _flat_index(
    ranges: Ranges, track: Track, sidx: Sidx, origin: int, low: float, high: float, depth: int = 0
) -> Index:
    """The index, with nested ones read where they cover the time from `low` to `high` ms."""
    shifted = [
        replace(part, start=part.start - origin, end=part.end - origin)
        for part in sidx.fragments
    ]
    index = checked(sidx.timescale, shifted)
    covering = index.covering(low, high)
    if not any(part.nested for part in covering):
        return index
    if depth == _DEEPEST_INDEX:
        corrupt("an index within an index without end")
    flat: list[Fragment] = []
    for part in index.fragments:
        if part.nested and part in covering:
            flat.extend(await _nested(ranges, track, index.timescale, part, low, high, depth))
        else:
            flat.append(part)
    return checked(index.timescale, flat)


async def _nested(
    ranges: Ranges,
    track: Track,
    timescale: int,
    part: Fragment,
    low: float,
    high: float,
    depth: int,
) -> list[Fragment]:
    span = await ranges.read(track, part.first, min(part.last, part.first + HEAD - 1))
    box = next(boxes(span.body), None)
    if box is None or box.kind != b"sidx":
        corrupt("the index points to an index that is not there")
    span = await read_on(ranges, track, span, part.first + box.end, LARGEST_HEAD)
    sidx = read_sidx(span.body, box, span.first)
    if sidx.timescale != timescale:
        corrupt("an index with two clocks")
    origin = sidx.earliest - part.start
    inner = await _flat_index(ranges, track, sidx, origin, low, high, depth + 1)
    return list(inner.fragments)


async def _covering_packets(
    ranges: Ranges, track: Track, mp4: Mp4Track, index: Index, low: float, wanted: Wanted
) -> Packets:
    """Read the fragments that the index names, and their neighbours should those be needed too.

    Indexes differ in whether their times count the priming; the fragments themselves are exact.
    """
    chosen = index.covering(low, wanted.end_ms)
    share = (wanted.end_ms * index.timescale / 1000 - chosen[-1].start) / max(1, chosen[-1].length)
    until = chosen[-1].first + estimate(chosen[-1].size, max(0.0, share))
    span = Span(chosen[0].first, b"", None)
    first, end = wanted.ticks(mp4.codec)
    for _ in range(_MOST_EXTENSIONS):
        span = await read_on(ranges, track, span, until, LARGEST_EXCERPT)
        packets, whole = read_fragments(span.body, span.first, mp4, _expected(mp4, index, span))
        before, after = index.beside(span.first, until)
        if before is not None and not _runs_in(packets, mp4.codec, first):
            more = await ranges.read(track, before.first, span.first - 1)
            span = Span(before.first, more.body + span.body, span.total)
        elif after is not None and packets.end < end:
            until = after.last + 1
        elif not whole and packets.end < end:
            corrupt("a fragment is larger than the index says")
        else:
            return packets
    corrupt("fragments that are not where the index says")


def _expected(mp4: Mp4Track, index: Index, span: Span) -> int:
    """The time of the fragment at the span's start, by the index."""
    start = next(part.start for part in index.fragments if part.first == span.first)
    return start * mp4.codec.timescale // index.timescale + mp4.codec.skip


def _runs_in(packets: Packets, codec: Codec, first: int) -> bool:
    """Whether decoding from the first packet on is right at tick `first`."""
    if codec.kind == "video":
        key = packets.from_key(first)
        return bool(packets.keys) and min(key.shown_at()) <= first
    return packets.start <= first - codec.least_run_in
