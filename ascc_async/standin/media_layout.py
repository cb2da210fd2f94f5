"""What a container says of its bytes, and streams that are put together when they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

Range = tuple[int, int]
"""First and last byte."""


class IndexForm(StrEnum):
    """How the place of fragments is told. What a container does not know is NORMAL for it.

    WIDE: 64-bit `sidx`. GAP: something between index and fragments (`first_offset`, Void).
    NESTED: a `sidx` of `sidx`es (valid, but ffmpeg gives up on it: decode the same
    stream with NONE). TAIL: Cues at the end. UNKNOWN_SIZES: Segment and clusters of
    unknown size. NONE: no index at all.
    """

    NORMAL = "normal"
    WIDE = "wide"
    GAP = "gap"
    NESTED = "nested"
    TAIL = "tail"
    UNKNOWN_SIZES = "unknown_sizes"
    NONE = "none"


class Damage(StrEnum):
    """What is wrong with the media. The index always tells of whole media.

    GARBAGE: random bytes in every fragment. PARTLY: in every second one. TRUNCATED: the last
    two fifths are missing.
    """

    NONE = "none"
    GARBAGE = "garbage"
    PARTLY = "partly"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Part:
    """A run of bytes of known size; `payload_at`: where media begin in it (None: it has none)."""

    size: int
    build: Callable[[], bytes]
    payload_at: int | None = None


@dataclass(frozen=True, slots=True)
class Fragment:
    """Frames `first` to `first + len(sizes)` of a stream; `frames` fetches them."""

    first: int
    sizes: npt.NDArray[np.int64]
    frames: Callable[[], list[bytes]]


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole stream: its parts in order, and where its head and index are."""

    parts: tuple[Part, ...]
    init_range: Range
    index_range: Range | None


def fixed(data: bytes) -> Part:
    """A part that is there already."""
    return Part(len(data), lambda: data)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one video, as the server hands it out. Thread-safe; holds no media itself.

    `size` in bytes; ranges are (first, last) byte; `bitrate` is the average; `timecode_at_zero`
    is the time code in seconds of the first sample (or picture) that ffmpeg decodes.
    """

    itag: int
    mime: str
    duration_ms: int
    size: int
    init_range: Range
    index_range: Range | None
    bitrate: int
    sample_rate: int | None
    channels: int | None
    width: int | None
    height: int | None
    fps: int | None
    timecode_at_zero: float
    damage: Damage = field(repr=False)
    _parts: tuple[Part, ...] = field(repr=False)
    _starts: tuple[int, ...] = field(repr=False)

    def read(self, first: int = 0, last: int | None = None) -> bytes:
        """Bytes `first` to `last`, both included; fewer at the end of the stream."""
        end = min(self.size, self.size if last is None else last + 1)
        found = []
        for number, (begin, beyond) in enumerate(pairwise(self._starts)):
            if begin < end and beyond > first:
                found.append(self._part(number)[max(0, first - begin) : end - begin])
        return b"".join(found)

    def whole(self) -> bytes:
        """All bytes."""
        return self.read()

    def _part(self, number: int) -> bytes:
        part = self._parts[number]
        data = part.build()
        spoilt = self.damage is Damage.GARBAGE or (self.damage is Damage.PARTLY and number % 2)
        if part.payload_at is None or not spoilt:
            return data
        noise = np.random.default_rng(number).bytes(part.size - part.payload_at)
        return data[: part.payload_at] + noise


def starts_of(parts: tuple[Part, ...]) -> tuple[int, ...]:
    """Where each part begins, and where the last one ends."""
    return tuple(accumulate((part.size for part in parts), initial=0))
