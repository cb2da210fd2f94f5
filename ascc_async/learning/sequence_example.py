"""Google's features of one segment, out of the `SequenceExample` message that holds them.

The message is in the form of protocol buffers: fields, each with its number and a value. Of the
numbers only these are met: `SequenceExample` has a context (1) and feature lists (2), both maps of
entries (1) with key (1) and value (2); a feature is a list (of any kind) of values (1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BANDS = 128
# The context's `video_id`, a text of eleven bytes, as it is written: each part with its length.
_ID = re.compile(rb"\x0a\x08video_id\x12\x0f\x0a\x0d\x0a\x0b(.{11})", re.DOTALL)
_VARINT, _LENGTH_AND_BYTES = 0, 2
_FIXED = {1: 8, 5: 4}


@dataclass(frozen=True)
class SegmentFeatures:
    """`labels` are indices of the class list; `embeddings` has a row of 128 bytes for a second."""

    video_id: str
    start_ms: int
    labels: tuple[int, ...]
    embeddings: NDArray[np.uint8]


def video_id_in(content: bytes) -> bytes | None:
    """The video id, found without parsing; None where it is not written in the usual way."""
    found = _ID.search(content)
    return found[1] if found else None


def parse(content: bytes) -> SegmentFeatures:
    """The features in a message. Raises ValueError for one that is not such a message."""
    try:
        message = dict(_fields(content))
        context, lists = _map(message[1]), _map(message[2])
        (video_id,) = _values(context[b"video_id"])
        (start,) = np.frombuffer(b"".join(_values(context[b"start_time_seconds"])), "<f4")
        labels = b"".join(_values(context[b"labels"]))
        seconds = [
            np.frombuffer(row, np.uint8)
            for _, feature in _fields(lists[b"audio_embedding"])
            for row in _values(feature)
        ]
        embeddings = np.array(seconds, np.uint8).reshape(len(seconds), BANDS)
        start_ms = round(float(start) * 1000)
        return SegmentFeatures(
            video_id.decode("ascii"), start_ms, tuple(_varints(labels)), embeddings
        )
    except (IndexError, KeyError, OverflowError, ValueError) as error:
        raise ValueError(f"not a record of AudioSet's features ({error!r})") from error


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
        else:
            end = place + _FIXED[kind]
        if end > len(message):
            raise ValueError("cut off")
        yield tag >> 3, message[place:end]
        place = end


def _map(message: bytes) -> dict[bytes, bytes]:
    entries = (dict(_fields(entry)) for _, entry in _fields(message))
    return {entry[1]: entry[2] for entry in entries}


def _values(feature: bytes) -> list[bytes]:
    """The values in a feature; numbers may come several in one, «packed»."""
    ((_, values),) = _fields(feature)
    return [value for _, value in _fields(values)]


def _varints(packed: bytes) -> Iterator[int]:
    place = 0
    while place < len(packed):
        number, place = _varint(packed, place)
        yield number


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and the place after it."""
    number = shift = 0
    while True:
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7
