"""Reads TFRecord files and the SequenceExample records in them, without TensorFlow.

A record is its length (8 bytes), a checksum of that (4), its content, a checksum of that (4). The
checksums are CRC-32C, rotated and shifted («masked»).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Uint32s = NDArray[np.uint32]

_LONGEST = 1 << 20  # bytes; a record of AudioSet's features has 1,500
_HEAD, _FOOT = 12, 4
_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected
_WIDTH_STEP = 64


@dataclass(frozen=True, slots=True)
class Record:
    """The content of a record, not parsed yet, and the two checksums with what they are of."""

    head: bytes
    content: bytes
    foot: bytes


class DamagedRecord(ValueError):
    """The record of this number (from 0) is cut off, or its bytes are not those of its checksum."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(problem)
        self.number = number


def split_records(content: bytes) -> list[Record]:
    """The records of a whole file, not checked yet. Raises DamagedRecord where it is cut off."""
    records: list[Record] = []
    place, end = 0, len(content)
    while place < end:
        head = content[place : place + _HEAD]
        length = int.from_bytes(head[:8], "little")
        after = place + _HEAD + length
        if len(head) < _HEAD or not 4 <= length <= _LONGEST or after + _FOOT > end:
            raise DamagedRecord(len(records), "cut off, or its length is damaged")
        record = Record(head, content[place + _HEAD : after], content[after : after + _FOOT])
        records.append(record)
        place = after + _FOOT
    return records


def check(records: Sequence[Record]) -> None:
    """Compare all checksums, many records at a time. Raises DamagedRecord for the first wrong."""
    heads = np.frombuffer(b"".join(record.head for record in records), "<u4").reshape(-1, 3)
    found = _masked(crc32c([record.head[:8] for record in records])) == heads[:, 2]
    feet = np.frombuffer(b"".join(record.foot for record in records), "<u4")
    found &= _masked(crc32c([record.content for record in records])) == feet
    if not found.all():
        raise DamagedRecord(int(np.argmin(found)), "does not agree with its checksum")


def _masked(crc: Uint32s) -> Uint32s:
    masked: Uint32s = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)
    return masked


def crc32c(texts: Sequence[bytes]) -> Uint32s:
    """The CRC-32C of each of these texts, of four bytes or more.

    Texts of about one length are rows of a table, and every step takes four bytes of all of them.
    """
    result = np.empty(len(texts), np.uint32)
    of_width: dict[int, list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        of_width[-(-len(text) // _WIDTH_STEP) * _WIDTH_STEP].append(index)
    for width, indices in of_width.items():
        # Zeros in front change nothing while the register is 0. It begins with all bits set,
        # which is the same as turning the first four bytes over.
        joined = b"".join(texts[index].rjust(width, b"\0") for index in indices)
        rows = np.frombuffer(joined, np.uint8).reshape(-1, width).copy()
        first = width - np.array([len(texts[index]) for index in indices])
        rows[np.arange(len(rows))[:, None], first[:, None] + np.arange(4)] ^= 0xFF
        register = np.zeros(len(rows), "<u4")
        for words in np.ascontiguousarray(rows.view("<u4").T):
            halves = (register ^ words).view("<u2").reshape(-1, 2)
            register = _LOW.take(halves[:, 0]) ^ _HIGH.take(halves[:, 1])
        result[indices] = ~register
    return result


def _tables() -> tuple[Uint32s, Uint32s]:
    """What the lower and the upper half of the register become when four bytes have passed."""
    step = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        step = np.where(step & 1, (step >> 1) ^ np.uint32(_POLYNOMIAL), step >> 1)
    after = [step]  # by one byte, two, three, four
    for _ in range(3):
        after.append(step[after[-1] & 0xFF] ^ (after[-1] >> 8))
    halves = np.arange(1 << 16)
    low, high = halves & 0xFF, halves >> 8
    return after[3][low] ^ after[2][high], after[1][low] ^ after[0][high]


_LOW, _HIGH = _tables()
