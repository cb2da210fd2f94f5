"""What a container says of its bytes, and streams that are put together when they are read.

Containers are written by hand, not by ffmpeg: a stream of any length is then ready in a
millisecond and takes no memory, where a muxer would cost a process of 50 ms and megabytes for
each video that is resolved. Benchmarks would measure that instead of the client.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

ByteRange = tuple[int, int]
"""First and last byte."""


class IndexForm(StrEnum):
    """How the container says where fragments are. A form it does not know is NORMAL for it.

    WIDE: 64-bit `sidx`. GAP: something between index and fragments (`first_offset`, Void).
    TAIL: Cues at the end. UNKNOWN_SIZES: Segment and clusters of unknown size. NONE: no index.
    """

    NORMAL = "normal"
    WIDE = "wide"
    GAP = "gap"
    TAIL = "tail"
    UNKNOWN_SIZES = "unknown_sizes"
    NONE = "none"


class Damage(StrEnum):
    """What is wrong with the media. The index is always that of whole media.

    GARBAGE: random bytes in every fragment. PARTLY: in every second one. TRUNCATED: the last
    two fifths are missing.
    """

    NONE = "none"
    GARBAGE = "garbage"
    PARTLY = "partly"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class ByteRun:
    """Bytes of known size; `payload_at`: where media begin in them (None: they hold none)."""

    size: int
    build: Callable[[], bytes]
    payload_at: int | None = None

    @classmethod
    def of(cls, data: bytes) -> ByteRun:
        """Bytes that are there already."""
        return cls(len(data), lambda: data)


@dataclass(frozen=True, slots=True)
class CodecFrames:
    """The frames of one fragment, `first` and on in their stream; `frames` fetches them."""

    first: int
    sizes: npt.NDArray[np.int64]
    frames: Callable[[], list[bytes]]


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole stream: its runs of bytes in order, and where its head and index are."""

    runs: tuple[ByteRun, ...]
    init_range: ByteRange
    index_range: ByteRange | None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one video, as the server hands it out. Thread-safe; holds no media itself.

    `bitrate` is the average; `timecode_at_zero` is the time code in seconds of the first sample
    (or picture) that ffmpeg decodes.
    """

    itag: int
    mime: str
    duration_ms: int
    layout: Layout = field(repr=False)
    timecode_at_zero: float
    damage: Damage = Damage.NONE
    sample_rate: int | None = None
    channels: int | None = None
    width: int | None = None
    height: int | None = None
    fps: int | None = None

    @property
    def init_range(self) -> ByteRange:
        """Where its head is."""
        return self.layout.init_range

    @property
    def index_range(self) -> ByteRange | None:
        """Where its index is, if it has one."""
        return self.layout.index_range

    @property
    def size(self) -> int:
        """All its bytes."""
        whole = self._whole_size
        # The index names what is beyond the end: as where an upload broke off.
        return whole * 3 // 5 if self.damage is Damage.TRUNCATED else whole

    @property
    def bitrate(self) -> int:
        """Average bits a second, of the whole media."""
        # Measured, not the encoder's target: silence compresses to almost nothing.
        return round(8000 * self._whole_size / self.duration_ms)

    @property
    def _whole_size(self) -> int:
        return sum(run.size for run in self.layout.runs)

    def read(self, first: int = 0, last: int | None = None) -> bytes:
        """Bytes `first` to `last`, both included; fewer at the end of the stream."""
        end = self.size if last is None else min(self.size, last + 1)
        pieces, begin = [], 0
        for number, run in enumerate(self.layout.runs):
            if begin < end and begin + run.size > first:
                data = run.build()
                # Headers stay whole, or clients would see another fault than damaged sound.
                if run.payload_at is not None and self._is_spoilt(number):
                    # Seeded: overlapping ranges must agree, however often they are read.
                    noise = np.random.default_rng(number).bytes(run.size - run.payload_at)
                    data = data[: run.payload_at] + noise
                pieces.append(data[max(0, first - begin) : end - begin])
            begin += run.size
        return b"".join(pieces)

    def whole(self) -> bytes:
        """All bytes."""
        return self.read()

    def _is_spoilt(self, number: int) -> bool:
        return self.damage is Damage.GARBAGE or (self.damage is Damage.PARTLY and number % 2 == 1)
