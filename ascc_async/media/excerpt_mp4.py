"""Excerpts of MP4 streams: fragments by their `sidx`, plain files by their sample table."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from ascc_async.errors import Rejected
from ascc_async.media.excerpt import (
    LARGEST_EXCERPT,
    Excerpt,
    Wanted,
    check_reach,
    estimate,
    excerpt_of,
    read_on,
    sequential_size,
    too_short,
)
from ascc_async.media.index import Index
from ascc_async.media.mp4_fragment import read_fragments
from ascc_async.media.mp4_head import Mp4Head, flat_index, goes_on
from ascc_async.media.mp4_index import Sidx
from ascc_async.media.mp4_table import read_table
from ascc_async.media.mp4_track import Mp4Track
from ascc_async.media.packets import Codec, Packets, corrupt
from ascc_async.media.ranges import Ranges, Span
from ascc_async.model import Reason, Track

log = logging.getLogger(__name__)

_MOST_EXTENSIONS = 5


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
    index = await flat_index(ranges, track, head.sidx, origin, low, high)
    short = wanted.end_ms > index.end * 1000 / index.timescale
    if short and await goes_on(ranges, track, index, head.total):
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
    raise Rejected(Reason.CORRUPT, "fragments that are not where the index says")


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
