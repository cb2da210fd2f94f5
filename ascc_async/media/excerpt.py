"""The packets of a stream that a segment needs, fetched with as few bytes as possible."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async.errors import Rejected
from ascc_async.media.packets import Codec, Packets, corrupt
from ascc_async.media.ranges import Ranges, Span
from ascc_async.model import Reason, Track

HEAD = 4096
LARGEST_HEAD = 64 * 1024 * 1024
LARGEST_EXCERPT = 96 * 1024 * 1024
SPARE_MS = 60
FIRST_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """The time asked for, in milliseconds of the decoded stream."""

    start_ms: int
    end_ms: int

    def samples(self, rate: int) -> tuple[int, int]:
        """First sample and the one after the last; their difference is the exact length."""
        first = round(self.start_ms * rate / 1000)
        return first, first + round((self.end_ms - self.start_ms) * rate / 1000)

    def ticks(self, codec: Codec) -> tuple[int, int]:
        """The same in container ticks, never less than needed."""
        first, end = self.samples(codec.rate)
        low, high = first * codec.timescale // codec.rate, -(-end * codec.timescale // codec.rate)
        return low + codec.skip, high + codec.skip


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Packets that decode to the wanted time, run-in included.

    `first_sample` is the place of the first decoded sample in the fully decoded stream;
    negative when it is priming that the full decode leaves out.
    """

    codec: Codec
    packets: Packets

    @property
    def first_sample(self) -> int:
        """See above."""
        ticks = self.packets.start - self.codec.skip
        return round(ticks * self.codec.rate / self.codec.timescale)

    @property
    def end_sample(self) -> int:
        """The sample after the last one."""
        ticks = self.packets.end - self.codec.skip
        return round(ticks * self.codec.rate / self.codec.timescale)


def excerpt_of(codec: Codec, packets: Packets, wanted: Wanted) -> Excerpt:
    """Keep what decoding needs. Raises `Rejected(TOO_SHORT)` when the stream ends before."""
    first, end = wanted.ticks(codec)
    if packets.end <= first:
        raise too_short(wanted)
    spare = codec.timescale * SPARE_MS // 1000
    if codec.kind == "video":
        return Excerpt(codec, packets.from_key(first).covering(0, end + codec.timescale))
    return Excerpt(codec, packets.covering(first - codec.run_in, end + spare))


def check_reach(codec: Codec, packets: Packets, wanted: Wanted, stream_end_ms: float) -> None:
    """Raise `Rejected(CORRUPT)` when sound stops well before what the stream itself promises."""
    reached = (packets.end - codec.skip) * 1000 / codec.timescale
    if reached + 1000 < min(wanted.end_ms, stream_end_ms):
        corrupt(f"nothing after {reached / 1000:.3f} s, though the stream goes on")


def too_short(wanted: Wanted) -> Rejected:
    """The error for a stream that has nothing of the segment."""
    start = wanted.start_ms / 1000
    return Rejected(Reason.TOO_SHORT, f"the stream ends before the segment starts at {start:g} s")


async def read_on(ranges: Ranges, track: Track, have: Span, until: int, most: int) -> Span:
    """`have`, extended to byte `until` (exclusive). Raises `Rejected(CORRUPT)` beyond `most`."""
    if until - have.first > most:
        corrupt(f"the stream claims {until - have.first} bytes where at most {most} make sense")
    end = have.first + len(have.body)
    if until <= end:
        return have
    if have.total is not None and end >= have.total:
        corrupt("the stream ends too early")
    more = await ranges.read(track, end, until - 1)
    return Span(have.first, have.body + more.body, more.total)


def sequential_size(track: Track, end_ms: int) -> int:
    """Bytes from the start of a stream without index that probably reach `end_ms`."""
    if track.size and track.duration:
        share = min(1.0, (end_ms / 1000 + 2) / track.duration)
        # Never nothing, whatever size and length the player made up: who asks on would not end.
        return max(FIRST_PIECE, min(track.size, int(track.size * share) + FIRST_PIECE))
    return FIRST_PIECE


def estimate(size: int, share: float) -> int:
    """Bytes that most likely hold the first (or last) `share` of a fragment."""
    return min(size, int(size * share * 1.2) + 8192)
