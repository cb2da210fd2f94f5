"""Opus packets written as an Ogg file: a clip cut without re-encoding, exact to the sample."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from ascc_async.media.packets import Codec, Packets, corrupt

_SERIAL = 0x61736363
_MOST_SEGMENTS = 255
_FIRST, _LAST = 2, 4
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
MOST_PRE_SKIP = 65535


def ogg_opus_file(codec: Codec, packets: Packets, first: int, count: int) -> bytes:
    """An Ogg Opus file of which exactly `count` samples (48 kHz), from `first` on, are heard.

    What comes before `first` becomes pre-skip, what comes after is cut off by the last page's
    position: both as RFC 7845 has it. Raises `Rejected(CORRUPT)` for packets too large for Ogg.
    """
    pages = [_page(_opus_head(codec, first), 0, 0, _FIRST), _page(_tags(), 0, 1, 0)]
    bodies = list(_bodies(packets))
    for number, (lacing, body, position) in enumerate(bodies):
        last = number == len(bodies) - 1
        position = min(position, first + count) if last else position
        pages.append(_raw_page(lacing, body, position, number + 2, _LAST if last else 0))
    return b"".join(pages)


def _opus_head(codec: Codec, pre_skip: int) -> bytes:
    place = codec.entry.find(b"dOps")
    if place < 0:
        corrupt("no Opus settings")
    version, channels, _, rate, gain, family = struct.unpack_from(">BBHIhB", codec.entry, place + 4)
    table = codec.entry[place + 15 :] if family else b""
    head = struct.pack("<BBHIhB", version + 1, channels, pre_skip, rate, gain, family)
    return b"OpusHead" + head + table


def _tags() -> bytes:
    return b"OpusTags" + struct.pack("<I", 4) + b"ascc" + struct.pack("<I", 0)


def _bodies(packets: Packets) -> Iterator[tuple[bytes, bytes, int]]:
    """Lacing, content and end position of each page, as many packets as fit in each."""
    lacing, body, position = bytearray(), bytearray(), 0
    for packet, duration in zip(packets.data, packets.durations, strict=True):
        sizes = _lacing(len(packet))
        if len(lacing) + len(sizes) > _MOST_SEGMENTS:
            yield bytes(lacing), bytes(body), position
            lacing, body = bytearray(), bytearray()
        lacing += sizes
        body += packet
        position += duration
    yield bytes(lacing), bytes(body), position


def _lacing(size: int) -> bytes:
    if size >= _MOST_SEGMENTS * 255:
        corrupt("an Opus packet too large for one page")
    return b"\xff" * (size // 255) + bytes([size % 255])


def _page(packet: bytes, position: int, number: int, flags: int) -> bytes:
    return _raw_page(_lacing(len(packet)), packet, position, number, flags)


def _raw_page(lacing: bytes, body: bytes, position: int, number: int, flags: int) -> bytes:
    head = struct.pack("<4sBBQII", b"OggS", 0, flags, position, _SERIAL, number)
    tail = bytes([len(lacing)]) + lacing + body
    return head + struct.pack("<I", checksum(head + bytes(4) + tail)) + tail


def checksum(page: bytes) -> int:
    """Ogg's CRC-32: zlib's with the bits of every byte, and of the result, in reverse."""
    value = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)
