"""Packets of one stream, with their exact place in time: what both containers are read into."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, NoReturn

from ascc_async.errors import Rejected
from ascc_async.model import Reason

Buffer = bytes | memoryview

OPUS_RATE = 48_000
AAC_RUN_IN_FRAMES = 2
AAC_FRAME = 1024


def corrupt(message: str) -> NoReturn:
    """Raise the one error that every reader of bytes from the network may raise."""
    raise Rejected(Reason.CORRUPT, message)


@dataclass(frozen=True, slots=True)
class Codec:
    """How to decode a stream.

    `entry` is a whole MP4 sample entry that resets no sample at the start. `rate` is the rate
    after decoding; `timescale` counts ticks per second of packet times. `skip` ticks at the
    start of the stream are never heard (priming, pre-skip): decoded sample 0 lies after them.
    """

    kind: Literal["audio", "video"]
    name: str
    entry: bytes
    timescale: int
    rate: int
    channels: int
    skip: int
    width: int = 0
    height: int = 0

    @property
    def run_in(self) -> int:
        """Ticks to decode before the first sample that counts.

        Half a second makes Opus decode to the very samples of a full decode; 80 ms (`least_run_in`)
        would leave errors of a few per cent. AAC overlaps one frame with the next.
        """
        if self.name == "opus":
            return self.timescale // 2
        if self.name == "aac":
            frames = AAC_RUN_IN_FRAMES * AAC_FRAME * self.timescale
            return -(-frames // self.rate)
        return self.timescale

    @property
    def least_run_in(self) -> int:
        """Ticks of run-in without which the start would be audibly wrong."""
        return self.timescale * 80 // 1000 if self.name == "opus" else self.run_in

    def ticks(self, milliseconds: int) -> int:
        """Container ticks of a time in the decoded stream."""
        return milliseconds * self.timescale // 1000 + self.skip


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets in decoding order, without gaps.

    `start` is the first packet's time in ticks, `durations` ticks of each packet. `discard` ticks
    at the end of the last packet are not to be heard. For pictures, `shown` is the delay from
    decoding to showing, `keys` the places of key frames.
    """

    data: Sequence[Buffer]
    durations: Sequence[int]
    start: int
    discard: int = 0
    shown: Sequence[int] = ()
    keys: Sequence[int] = ()

    @property
    def end(self) -> int:
        """The tick after the last one heard."""
        return self.start + sum(self.durations) - self.discard

    @property
    def bytes(self) -> int:
        """Size of all packets."""
        return sum(len(packet) for packet in self.data)

    def covering(self, first: int, end: int) -> Packets:
        """Only the packets that hold a tick of `first` … `end`; at least one if there are any."""
        times = list(accumulate(self.durations, initial=self.start))
        last = len(self.data) - 1
        low = min(max(bisect_right(times, first) - 1, 0), last)
        high = max(bisect_left(times, end), low + 1)
        return self._slice(low, min(high, last + 1), times[low])

    def from_key(self, tick: int) -> Packets:
        """From the last key packet shown at or before `tick` on; from the first one at worst."""
        times = list(accumulate(self.durations, initial=self.start))
        before = [key for key in self.keys if times[key] + self._delay(key) <= tick]
        low = before[-1] if before else self.keys[0] if self.keys else 0
        return self._slice(low, len(self.data), times[low])

    def shown_at(self) -> list[int]:
        """When each packet is shown, in ticks, in the order of decoding."""
        times = list(accumulate(self.durations, initial=self.start))[:-1]
        return [time + self._delay(number) for number, time in enumerate(times)]

    def _delay(self, number: int) -> int:
        return self.shown[number] if self.shown else 0

    def _slice(self, low: int, high: int, start: int) -> Packets:
        whole = high == len(self.data)
        return replace(
            self,
            data=self.data[low:high],
            durations=self.durations[low:high],
            start=start,
            discard=self.discard if whole else 0,
            shown=self.shown[low:high],
            keys=[key - low for key in self.keys if low <= key < high],
        )


def joined(parts: Sequence[Packets]) -> Packets:
    """Several runs of packets, one after the other. Raises `Rejected(CORRUPT)` when empty."""
    parts = [part for part in parts if part.data]
    if not parts:
        corrupt("no packets where the index points to")
    places = [sum(len(part.data) for part in parts[:number]) for number in range(len(parts))]
    return Packets(
        data=[packet for part in parts for packet in part.data],
        durations=[ticks for part in parts for ticks in part.durations],
        start=parts[0].start,
        discard=parts[-1].discard,
        shown=[delay for part in parts for delay in part.shown],
        keys=[place + key for place, part in zip(places, parts, strict=True) for key in part.keys],
    )
