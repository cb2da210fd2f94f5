"""Finding one's way in an MP4 stream by ranged reads: what stands before the media, the index."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ascc_async.media.boxes import Box, boxes
from ascc_async.media.excerpt import HEAD, LARGEST_HEAD, read_on
from ascc_async.media.index import Fragment, Index, checked
from ascc_async.media.mp4_index import Sidx, read_sidx
from ascc_async.media.mp4_track import Mp4Track, read_tracks
from ascc_async.media.packets import corrupt
from ascc_async.media.ranges import Ranges, Span
from ascc_async.model import Track

_MOST_BOXES = 64
_DEEPEST_INDEX = 4


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


async def flat_index(
    ranges: Ranges, track: Track, sidx: Sidx, origin: int, low: float, high: float, depth: int = 0
) -> Index:
    """The index, with nested ones read where they cover the time from `low` to `high` ms."""
    shifted = [
        replace(part, start=part.start - origin, end=part.end - origin) for part in sidx.fragments
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
    inner = await flat_index(ranges, track, sidx, origin, low, high, depth + 1)
    return list(inner.fragments)


async def goes_on(ranges: Ranges, track: Track, index: Index, total: int | None) -> bool:
    """Whether fragments follow after the last one in the index.

    Some streams have an index in front of every fragment, for that fragment only.
    """
    at = index.fragments[-1].last + 1
    if total is None or at + 16 > total:
        return False
    box = next(boxes((await ranges.read(track, at, at + 15)).body), None)
    return box is not None and box.kind in (b"moof", b"sidx", b"styp")
