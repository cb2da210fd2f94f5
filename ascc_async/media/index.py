"""What the index of a stream says: where its fragments lie, in bytes and in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ascc_async.media.packets import corrupt

MOST_FRAGMENTS = 200_000


@dataclass(frozen=True, slots=True)
class Fragment:
    """Bytes `first` … `last` (inclusive) hold ticks `start` … `end` of the decoded stream.

    `nested` fragments hold a further index instead of sound.
    """

    first: int
    last: int
    start: int
    end: int
    nested: bool = False

    @property
    def size(self) -> int:
        """Bytes of the fragment."""
        return self.last - self.first + 1

    @property
    def length(self) -> int:
        """Ticks of the fragment."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Index:
    """All fragments in order; times in ticks of `timescale` a second, from the stream's start."""

    timescale: int
    fragments: tuple[Fragment, ...]

    @property
    def end(self) -> int:
        """The tick after the last one."""
        return self.fragments[-1].end

    def covering(self, first_ms: float, end_ms: float) -> tuple[Fragment, ...]:
        """The fragments that hold a part of this time; the last one when all end before it."""
        first, end = (ms * self.timescale / 1000 for ms in (first_ms, end_ms))
        chosen = [part for part in self.fragments if part.start < end and part.end > first]
        return tuple(chosen or self.fragments[-1:])

    def beside(self, first: int, end: int) -> tuple[Fragment | None, Fragment | None]:
        """The fragment before byte `first`, and the one that holds byte `end`, if there are."""
        before = [part for part in self.fragments if part.first < first]
        after = [part for part in self.fragments if part.last >= end]
        return (before[-1] if before else None), (after[0] if after else None)


def checked(timescale: int, fragments: Sequence[Fragment]) -> Index:
    """An `Index` whose fragments run forwards; otherwise raises `Rejected(CORRUPT)`."""
    if timescale <= 0 or not fragments:
        corrupt("an index without fragments")
    if len(fragments) > MOST_FRAGMENTS:
        corrupt(f"an index of {len(fragments)} fragments")
    for before, after in pairwise(fragments):
        if after.first <= before.last or after.start < before.start:
            corrupt("an index that points backwards")
    if any(part.size <= 0 or part.first < 0 for part in fragments):
        corrupt("an index that points outside the stream")
    return Index(timescale, tuple(fragments))
