"""EBML elements, the alphabet of WebM: walking them in bytes that may be cut short or hostile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ascc_async.media.packets import Buffer, corrupt

UNKNOWN = 1 << 62


@dataclass(frozen=True, slots=True)
class Element:
    """One element: `first` … `end` in its buffer, its content from `body` on.

    `end` may lie beyond the buffer; it is `UNKNOWN` or more for an element of unknown size.
    """

    kind: int
    first: int
    body: int
    end: int

    @property
    def unknown_size(self) -> bool:
        """Whether the element ends only where another of its level begins."""
        return self.end >= UNKNOWN


def _vint(data: Buffer, at: int, longest: int, keep_marker: bool) -> tuple[int, int] | None:
    """A number of variable length and the place after it; None where the bytes end."""
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > longest:
        corrupt(f"not an EBML number at {at}")
    if at + length > len(data):
        return None
    value = int.from_bytes(data[at : at + length], "big")
    marker = 1 << 7 * length
    if keep_marker:
        return value, at + length
    value -= marker
    return (UNKNOWN if value == marker - 1 else value), at + length


def element_at(data: Buffer, at: int) -> Element | None:
    """The element whose header starts at `at`; None when the header is cut off."""
    kind = _vint(data, at, 4, keep_marker=True)
    size = _vint(data, kind[1], 8, keep_marker=False) if kind else None
    if kind is None or size is None:
        return None
    return Element(kind[0], at, size[1], size[1] + size[0])


def elements(data: Buffer, first: int = 0, end: int | None = None) -> Iterator[Element]:
    """Elements one after another; an element of unknown size is the last one given."""
    limit = len(data) if end is None else min(end, len(data))
    while first < limit:
        element = element_at(data, first)
        if element is None:
            return
        yield element
        first = element.end


def whole(data: Buffer, parent: Element) -> Iterator[Element]:
    """The children of an element. Raises `Rejected(CORRUPT)` when one reaches beyond it."""
    for child in elements(data, parent.body, parent.end):
        if child.end > min(parent.end, len(data)):
            corrupt("an EBML element larger than its parent")
        yield child


def unsigned(data: Buffer, element: Element) -> int:
    """The element's number. Raises `Rejected(CORRUPT)` for one of more than 8 bytes."""
    if element.end - element.body > 8 or element.end > len(data):
        corrupt("an EBML number of more than 8 bytes")
    return int.from_bytes(data[element.body : element.end], "big")
