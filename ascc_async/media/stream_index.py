"""Which container a stream is, and which of its bytes hold which seconds.

An MP4 says so in its `sidx`, a WebM in its Cues. A missing, damaged or odd index is no error
here: the stream is then fetched whole, and ffmpeg decides whether it can be decoded.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ascc_async.errors import Rejected
from ascc_async.media.ranges import Ranges
from ascc_async.model import Reason, Track

_HEAD = 4096  # holds head and index of nearly every stream of less than an hour
_LARGEST_HEAD = 4 * 1024 * 1024
_MP4_STARTS = (b"ftyp", b"moov", b"styp", b"free", b"mdat")
_WEBM_START = b"\x1a\x45\xdf\xa3"
_INFINITE = 1 << 62

_SEGMENT, _CLUSTER, _CUES, _INFO, _SEEK_HEAD = (
    0x18538067, 0x1F43B675, 0x1C53BB6B, 0x1549A966, 0x114D9B74,
)  # fmt: skip
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TIMESTAMP_SCALE, _DURATION = 0x2AD7B1, 0x4489
_CUE_POINT, _CUE_TIME, _CUE_POSITIONS, _CUE_CLUSTER = 0xBB, 0xB3, 0xB7, 0xF1


@dataclass(frozen=True, slots=True)
class IndexedFragment:
    """Bytes `first` … `last` (inclusive) hold `start` … `end` seconds of the stream's own clock."""

    first: int
    last: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class StreamIndex:
    """The fragments in order. `head`: the bytes that a decoder needs before any of them."""

    head: bytes
    fragments: tuple[IndexedFragment, ...]

    @property
    def end(self) -> float:
        """The second at which the stream ends, or at least one that it surely reaches."""
        last = self.fragments[-1]
        return last.end if last.end < math.inf else last.start

    def covering(self, start: float, end: float) -> tuple[IndexedFragment, ...]:
        """The fragments that hold any of this time; the last one when all end before it."""
        chosen = tuple(part for part in self.fragments if part.start < end and part.end > start)
        return chosen or self.fragments[-1:]


class StreamHead:
    """The first bytes of a stream, fetched further when more of them are needed."""

    def __init__(self, ranges: Ranges, track: Track) -> None:
        self.ranges, self.track = ranges, track
        self.data = b""
        self.total: int | None = None

    async def fetch_up_to(self, end: int) -> bool:
        """Whether the bytes before `end` are there, after fetching those that were missing."""
        have = len(self.data)
        at_end = self.total is not None and have >= self.total
        if have < end <= _LARGEST_HEAD and not at_end:
            span = await self.ranges.read(self.track, have, end - 1)
            self.data += span.body
            self.total = span.total
        return len(self.data) >= end


async def read_index(stream: StreamHead) -> tuple[str, StreamIndex | None]:
    """ffmpeg's name for the container, and its index, None where there is no usable one.

    Raises Rejected(CORRUPT) for another container, and what reading raises.
    """
    await stream.fetch_up_to(_HEAD)
    if stream.data[4:8] in _MP4_STARTS:
        return "mp4", await _read_sidx(stream)
    if stream.data.startswith(_WEBM_START):
        return "matroska", await _read_cues(stream)
    raise Rejected(Reason.CORRUPT, "neither MP4 nor WebM")


# -- MP4 ---------------------------------------------------------------------------------------


async def _read_sidx(stream: StreamHead) -> StreamIndex | None:
    """The index of a fragmented MP4; None also for an index of further indexes, never seen yet."""
    at = 0
    while await stream.fetch_up_to(at + 16):
        size, kind = struct.unpack_from(">I4s", stream.data, at)
        if size < 8 or kind in (b"moof", b"mdat"):
            return None
        if kind == b"sidx":
            break
        at += size
    else:
        return None
    if not await stream.fetch_up_to(at + size):
        return None
    data, (layout, rows) = stream.data, (">III", at + 32)
    if data[at + 8 : at + 9] == b"\1":
        layout, rows = ">IQQ", at + 40
    if len(data) < rows:
        return None
    timescale, ticks, offset = struct.unpack_from(layout, data, at + 16)
    count = int.from_bytes(data[rows - 2 : rows], "big")
    if not timescale or rows + 12 * count > at + size:
        return None
    fragments, byte = [], at + size + offset
    for length, duration, _ in struct.iter_unpack(">III", data[rows : rows + 12 * count]):
        if length >> 31:  # refers to a further index
            return None
        start, end = ticks / timescale, (ticks + duration) / timescale
        fragments.append(IndexedFragment(byte, byte + length - 1, start, end))
        byte, ticks = byte + length, ticks + duration
    # Without the sidx itself: its offsets would be wrong where fragments are left out.
    return _ordered(data[:at], fragments)


# -- WebM --------------------------------------------------------------------------------------


async def _read_cues(stream: StreamHead) -> StreamIndex | None:
    """The index of a WebM, in front of its clusters or wherever SeekHead says."""
    header = _element(stream.data, 0)
    segment = _element(stream.data, header.end) if header else None
    if segment is None or segment.kind != _SEGMENT:
        return None
    tick, duration, cues, cues_at = 1e-3, math.inf, None, None
    at = segment.body
    while await stream.fetch_up_to(at + 12):
        element = _element(stream.data, at)
        if element is None or element.kind == _CLUSTER:
            break
        if not await stream.fetch_up_to(element.end):
            return None
        content = stream.data[element.body : element.end]
        if element.kind == _CUES:
            cues = _cue_points(content)
            break
        if element.kind == _INFO:
            tick, duration = _clock(content)
        elif element.kind == _SEEK_HEAD:
            cues_at = _cues_position(content)
        at = element.end
    head = stream.data[:at]
    if cues is None and cues_at is not None and segment.body + cues_at < (stream.total or 0):
        first = segment.body + cues_at
        span = await stream.ranges.read(stream.track, first, first + _HEAD - 1)
        late, data = _element(span.body, 0), span.body
        if late is not None and late.kind == _CUES and late.end <= _LARGEST_HEAD:
            if late.end > len(data):
                begin, last = first + len(data), first + late.end - 1
                data += (await stream.ranges.read(stream.track, begin, last)).body
            cues = _cue_points(data[late.body : late.end])
    stop = segment.end if segment.end < _INFINITE else stream.total
    if not cues or stop is None:
        return None
    # A cluster is as long as until the next one, and the last one until the end of the segment.
    ends = [segment.body + position for position, _ in cues[1:]] + [stop]
    times = [time * tick for _, time in cues]
    # Without a length in the file the last cluster may hold any amount of sound.
    end = max(times[-1], duration) if 0 < duration < 1e9 else math.inf
    fragments = [
        IndexedFragment(segment.body + position, stop - 1, start, until)
        for (position, _), stop, start, until in zip(
            cues, ends, times, [*times[1:], end], strict=True
        )
    ]
    return _ordered(head, fragments)


def _ordered(head: bytes, fragments: Sequence[IndexedFragment]) -> StreamIndex | None:
    """An index, if there is any fragment and all of them run forwards in bytes and time."""
    forwards = all(
        before.last < after.first and before.start <= after.start
        for before, after in pairwise(fragments)
    )
    if not fragments or not forwards or any(part.last < part.first for part in fragments):
        return None
    return StreamIndex(head, tuple(fragments))


@dataclass(frozen=True, slots=True)
class _Element:
    """An EBML element, the alphabet of WebM: its content lies in bytes `body` … `end`."""

    kind: int
    body: int
    end: int


def _element(data: bytes, at: int) -> _Element | None:
    """The element that starts at `at`; None when its header is cut off or is none."""
    if at >= len(data):
        return None
    size_at = at + 9 - data[at].bit_length()
    if size_at - at > 4 or size_at >= len(data):
        return None
    length = 9 - data[size_at].bit_length()
    body, most = size_at + length, (1 << 7 * length) - 1
    if length > 8 or body > len(data):
        return None
    size = int.from_bytes(data[size_at:body], "big") & most
    # All ones: of unknown size, up to the next element of its level.
    end = _INFINITE if size == most else body + size
    return _Element(int.from_bytes(data[at:size_at], "big"), body, end)


def _inside(data: bytes, kind: int, *deeper: int) -> Iterator[bytes]:
    """The contents of the whole elements of a kind, or of those deeper in them."""
    at = 0
    while (element := _element(data, at)) and element.end <= len(data):
        if element.kind == kind:
            content = data[element.body : element.end]
            yield from _inside(content, *deeper) if deeper else (content,)
        at = element.end


def _number(content: bytes) -> int:
    return int.from_bytes(content[:8], "big")


def _clock(info: bytes) -> tuple[float, float]:
    """Seconds of one tick, and how many the stream lasts (infinite: not said)."""
    tick, ticks = 1e-3, math.inf
    for scale in _inside(info, _TIMESTAMP_SCALE):
        tick = _number(scale) / 1e9
    for duration in _inside(info, _DURATION):
        if len(duration) in (4, 8):
            (ticks,) = struct.unpack(">f" if len(duration) == 4 else ">d", duration)
    return tick, ticks * tick


def _cues_position(seek_head: bytes) -> int | None:
    for seek in _inside(seek_head, _SEEK):
        if _CUES in map(_number, _inside(seek, _SEEK_ID)):
            return next(map(_number, _inside(seek, _SEEK_POSITION)), None)
    return None


def _cue_points(cues: bytes) -> list[tuple[int, int]]:
    """Position (from the segment's start) and time in ticks of each cluster, in order."""
    times: dict[int, int] = {}
    for point in _inside(cues, _CUE_POINT):
        time = sum(map(_number, _inside(point, _CUE_TIME)))
        for position in _inside(point, _CUE_POSITIONS, _CUE_CLUSTER):
            times.setdefault(_number(position), time)
    return sorted(times.items())
