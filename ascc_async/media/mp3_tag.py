"""The LAME tag of an MP3 file, by which decoders find its exact end."""

from __future__ import annotations

from pathlib import Path

from ascc_async.media.packets import corrupt

_SEARCHED = 4096
_FRAMES_TOLD = 0x1
_TAG_FIELDS = ((_FRAMES_TOLD, 4), (0x2, 4), (0x4, 100), (0x8, 4))
_DELAYS, _CHECKSUM = 21, 34


def set_length(path: Path, samples: int) -> None:
    """Make decoders play exactly `samples` samples. Raises `Rejected(CORRUPT)` without a tag.

    ffmpeg writes at most 1681 samples of padding into the tag though LAME may add up to 1727:
    such a file plays a few samples too many.
    """
    with path.open("r+b") as file:
        head = bytearray(file.read(_SEARCHED))
        _correct(head, samples)
        file.seek(0)
        file.write(head)


def _correct(head: bytearray, samples: int) -> None:
    start = max(head.find(b"Xing"), head.find(b"Info"))
    flags = int.from_bytes(head[start + 4 : start + 8], "big")
    if start < 0 or not flags & _FRAMES_TOLD:
        corrupt("an MP3 file without its tag")
    frames = int.from_bytes(head[start + 8 : start + 12], "big")
    lame = start + 8 + sum(size for bit, size in _TAG_FIELDS if flags & bit)
    place = slice(lame + _DELAYS, lame + _DELAYS + 3)
    delay = int.from_bytes(head[place], "big") >> 12
    padding = frames * _samples_per_frame(head, start) - delay - samples
    if not 0 <= padding <= 0xFFF:
        corrupt(f"an MP3 file with {padding} samples of padding")
    head[place] = (delay << 12 | padding).to_bytes(3, "big")
    end = lame + _CHECKSUM
    head[end : end + 2] = checksum(head[:end]).to_bytes(2, "big")


def _samples_per_frame(head: bytearray, tag: int) -> int:
    """1152 in MPEG 1, half of that in MPEG 2 and 2.5. The tag stands in the first frame."""
    frame = head.rfind(b"\xff", 0, tag)
    while frame >= 0 and head[frame + 1] & 0xE0 != 0xE0:
        frame = head.rfind(b"\xff", 0, frame)
    if frame < 0:
        corrupt("an MP3 file without a frame")
    return 1152 if head[frame + 1] >> 3 & 3 == 3 else 576


def checksum(data: bytes | bytearray) -> int:
    """CRC-16 (polynomial 0x8005, mirrored) as the LAME tag holds it."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value
