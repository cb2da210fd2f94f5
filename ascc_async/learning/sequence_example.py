"""Google's features of one segment, out of the `SequenceExample` message that holds them.

The message is in the form of protocol buffers: fields, each with its number and a value. Of the
numbers only these are met: `SequenceExample` has a context (1) and feature lists (2), both maps of
entries (1) with key (1) and value (2); a feature is a list (of any kind) of values (1).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

BANDS = 128
# The context's `video_id`, a text of eleven bytes, as it is written: each part with its length.
_ID = re.compile(rb"\x0a\x08video_id\x12\x0f\x0a\x0d\x0a\x0b(.{11})", re.DOTALL)
_VARINT, _LENGTH_AND_BYTES = 0, 2
_FIXED = {1: 8, 5: 4}
_Key = TypeVar("_Key", int, bytes)


@dataclass(frozen=True)
class SegmentFeatures:
    """`labels` are indices of the class list; `embeddings` has a row of 128 bytes for a second."""

    video_id: str
    start_ms: int
    labels: tuple[int, ...]
    embeddings: NDArray[np.uint8]


class NotFeatures(ValueError):
    """A message is cut off or another one."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not a record of AudioSet's features ({why})")


def video_id_in(content: bytes) -> bytes | None:
    """The video id, found without parsing; None where it is not written in the usual way."""
    found = _ID.search(content)
    return found[1] if found else None


def parse(content: bytes) -> SegmentFeatures:
    """The features in a message. Raises NotFeatures for one that is not such a message."""
    message = dict(_fields(content))
    context, lists = _map(_part(message, 1)), _map(_part(message, 2))
    video_id, start, labels = (
        b"".join(_values(_part(context, name)))
        for name in (b"video_id", b"start_time_seconds", b"labels")
    )
    rows = [
        row for _, feature in _fields(_part(lists, b"audio_embedding")) for row in _values(feature)
    ]
    if len(start) != struct.calcsize("<f") or not video_id.isascii():
        raise NotFeatures("its id or start is none")
    (start_seconds,) = struct.unpack("<f", start)
    if not math.isfinite(start_seconds) or any(len(row) != BANDS for row in rows):
        raise NotFeatures(f"its start is no number, or a second has not {BANDS} bytes")
    embeddings = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), BANDS)
    return SegmentFeatures(
        video_id.decode("ascii"), round(start_seconds * 1000), tuple(_varints(labels)), embeddings
    )


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and value of every field; a varint as the bytes it is written in."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            _, end = _varint(message, place)
        elif kind == _LENGTH_AND_BYTES:
            length, place = _varint(message, place)
            end = place + length
        elif kind in _FIXED:
            end = place + _FIXED[kind]
        else:
            raise NotFeatures(f"a field of kind {kind}")
        if end > len(message):
            raise NotFeatures("cut off")
        yield tag >> 3, message[place:end]
        place = end


def _map(message: bytes) -> dict[bytes, bytes]:
    entries = (dict(_fields(entry)) for _, entry in _fields(message))
    return {_part(entry, 1): _part(entry, 2) for entry in entries}


def _part(message: Mapping[_Key, bytes], name: _Key) -> bytes:
    if name not in message:
        raise NotFeatures(f"{name!r} is missing")
    return message[name]


def _values(feature: bytes) -> list[bytes]:
    """The values in a feature; numbers may come several in one, «packed»."""
    lists = [values for _, values in _fields(feature)]
    if len(lists) != 1:
        raise NotFeatures(f"a feature of {len(lists)} lists")
    return [value for _, value in _fields(lists[0])]


def _varints(packed: bytes) -> Iterator[int]:
    place = 0
    while place < len(packed):
        number, place = _varint(packed, place)
        yield number


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and the place after it."""
    number = shift = 0
    while place < len(message):
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7
    raise NotFeatures("cut off")
