"""The LAME tag of an MP3 file, by which decoders find its exact end."""

from __future__ import annotations

from pathlib import Path

from ascc_async.media.packets import corrupt

FLUSH = 1152
_SEARCHED = 4096
_TAG_FIELDS = ((0x1, 4), (0x2, 4), (0x4, 100), (0x8, 4))
_DELAYS, _CHECKSUM = 21, 34


def trim_end(path: Path, samples: int) -> None:
    """Make decoders leave out `samples` more at the end. Raises `Rejected(CORRUPT)` without tag.

    LAME may leave less padding than a decoder's own delay; then mpg123 plays a few samples too
    many. So the clip is encoded with some silence after it, which this takes away again.
    """
    with path.open("r+b") as file:
        head = bytearray(file.read(_SEARCHED))
        start = max(head.find(b"Xing"), head.find(b"Info"))
        if start < 0:
            corrupt("an MP3 file without its tag")
        flags = int.from_bytes(head[start + 4 : start + 8], "big")
        lame = start + 8 + sum(size for bit, size in _TAG_FIELDS if flags & bit)
        place = slice(lame + _DELAYS, lame + _DELAYS + 3)
        delays = int.from_bytes(head[place], "big") + samples
        if (delays & 0xFFF) < samples:
            corrupt("an MP3 file with more padding than its tag can hold")
        head[place] = delays.to_bytes(3, "big")
        end = lame + _CHECKSUM
        head[end : end + 2] = checksum(head[:end]).to_bytes(2, "big")
        file.seek(0)
        file.write(head)


def checksum(data: bytes | bytearray) -> int:
    """CRC-16 (polynomial 0x8005, mirrored) as the LAME tag holds it."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value
