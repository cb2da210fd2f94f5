"""Excerpts of WebM streams: clusters by their Cues."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ascc_async.media import ebml
from ascc_async.media.excerpt import (
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
from ascc_async.media.index import Fragment, Index
from ascc_async.media.packets import Packets, corrupt
from ascc_async.media.ranges import Ranges, Span
from ascc_async.media.webm_blocks import packets_of, read_blocks, read_tail
from ascc_async.media.webm_index import (
    CUES,
    NANOSECONDS,
    WebmHead,
    WebmTrack,
    read_cues,
    read_head,
)
from ascc_async.model import Track

log = logging.getLogger(__name__)

_MOST_READS = 8
_ROUNDING_MS = 2


async def read_webm_head(ranges: Ranges, track: Track, head: Span) -> tuple[WebmHead, Span]:
    """Tracks and Cues, wherever they stand; `cues` is None when the stream has none."""
    found = read_head(head.body)
    for _ in range(_MOST_READS):
        if found.missing_until is None or (found.tracks and found.cues):
            break
        head = await read_on(ranges, track, head, found.missing_until, LARGEST_HEAD)
        found = read_head(head.body)
    if not found.tracks:
        corrupt("a WebM stream without tracks")
    if not found.cues and found.cues_at is not None:
        await _late_cues(ranges, track, found)
    return found, head


async def _late_cues(ranges: Ranges, track: Track, found: WebmHead) -> None:
    assert found.cues_at is not None
    span = await ranges.read(track, found.cues_at, found.cues_at + 4095)
    element = ebml.element_at(span.body, 0)
    if element is None or element.kind != CUES:
        return
    span = await read_on(ranges, track, span, span.first + element.end, LARGEST_HEAD)
    found.cues = read_cues(span.body, element, {track.number for track in found.tracks})


@dataclass(frozen=True, slots=True)
class _Plan:
    """The fragments needed. Of the first only the last `tail` bytes, if `tail` is set."""

    fragments: tuple[Fragment, ...]
    tail: int
    until: int

    @property
    def first(self) -> int:
        """The first byte to read."""
        return self.fragments[0].last + 1 - self.tail if self.tail else self.fragments[0].first


async def indexed_excerpt(
    ranges: Ranges, track: Track, head: WebmHead, webm: WebmTrack, index: Index, wanted: Wanted
) -> Excerpt:
    """The excerpt of a stream with Cues."""
    if head.duration is not None and wanted.start_ms * 1_000_000 >= head.duration + NANOSECONDS:
        raise too_short(wanted)
    plan = _plan(webm, index, wanted)
    packets = await _packets(ranges, track, head, webm, plan, wanted)
    end = index.end if head.duration else index.fragments[-1].start
    check_reach(webm.codec, packets, wanted, end * 1000 / index.timescale)
    return excerpt_of(webm.codec, packets, wanted)


async def sequential_excerpt(
    ranges: Ranges, track: Track, head: WebmHead, webm: WebmTrack, wanted: Wanted
) -> Excerpt:
    """The excerpt of a stream without Cues: read from its start until it is there."""
    if head.first_cluster is None:
        corrupt("a WebM stream without clusters")
    log.info("no index, read from the start", extra={"format_id": track.format_id})
    end = wanted.ticks(webm.codec)[1]
    size = sequential_size(track, wanted.end_ms)
    span = Span(head.first_cluster, b"", None)
    while True:
        span = await read_on(ranges, track, span, span.first + size, LARGEST_EXCERPT)
        at_end = span.total is not None and span.first + len(span.body) >= span.total
        at_end = at_end or len(span.body) < size
        blocks, _ = read_blocks(memoryview(span.body), webm.number)
        packets = packets_of(blocks, head, webm) if blocks or at_end else None
        if packets is not None and (at_end or packets.end >= end):
            return excerpt_of(webm.codec, packets, wanted)
        size = len(span.body) * 2


def _plan(webm: WebmTrack, index: Index, wanted: Wanted) -> _Plan:
    run_in_ms = webm.codec.run_in * 1000 / webm.codec.timescale
    low = wanted.start_ms - run_in_ms - _ROUNDING_MS
    chosen = index.covering(low, wanted.end_ms + _ROUNDING_MS)
    first, last = chosen[0], chosen[-1]
    tail = 0
    if len(chosen) > 1 and webm.codec.kind == "audio":
        tail = estimate(first.size, _share(first, index, first.end - _ticks(index, low)))
        tail = tail if tail < first.size else 0
    ahead = _share(last, index, _ticks(index, wanted.end_ms + _ROUNDING_MS) - last.start)
    return _Plan(chosen, tail, last.first + estimate(last.size, ahead))


def _ticks(index: Index, milliseconds: float) -> float:
    return milliseconds * index.timescale / 1000


def _share(part: Fragment, index: Index, ticks: float) -> float:
    return min(1.0, max(0.0, ticks / max(1, part.end - part.start)))


async def _packets(
    ranges: Ranges, track: Track, head: WebmHead, webm: WebmTrack, plan: _Plan, wanted: Wanted
) -> Packets:
    last = plan.fragments[-1]
    span = await read_on(ranges, track, Span(plan.first, b"", None), plan.until, LARGEST_EXCERPT)
    packets, whole = _parsed(span, head, webm, plan)
    first, end = wanted.ticks(webm.codec)
    if plan.tail and packets.start > max(0, first - webm.codec.least_run_in):
        plan = _Plan(plan.fragments, 0, plan.until)
        before = await ranges.read(track, plan.first, span.first - 1)
        span = Span(plan.first, before.body + span.body, span.total)
        packets, whole = _parsed(span, head, webm, plan)
    if packets.end < end and (not whole or span.first + len(span.body) <= last.last):
        span = await read_on(ranges, track, span, last.last + 1, LARGEST_EXCERPT)
        packets, _ = _parsed(span, head, webm, plan)
    return packets


def _parsed(span: Span, head: WebmHead, webm: WebmTrack, plan: _Plan) -> tuple[Packets, bool]:
    data = memoryview(span.body)
    tail = read_tail(data[: plan.tail], webm.number, head.scale) if plan.tail else []
    blocks, whole = read_blocks(data[plan.tail :], webm.number)
    return packets_of(blocks, head, webm, tail), whole
