"""Streams as YouTube serves them, of any fragments: fragmented MP4 for AAC, WebM for Opus.

Containers are written by hand, not by ffmpeg: a stream of any length is then ready in a
millisecond and takes no memory, where a muxer would cost a process of 50 ms and megabytes for
each video that is resolved. Benchmarks would measure that instead of the client.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from ascc_async.standin.media_masters import AAC_FRAME, OPUS_PRE_SKIP

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


Layout = tuple[tuple[ByteRun, ...], ByteRange, ByteRange | None]
"""A stream's runs of bytes in order, and where its head and its index are."""

_GAP_BYTES = 64  # between index and fragments in IndexForm.GAP


def mp4_layout(
    head: bytes, sample_rate: int, fragments: Sequence[CodecFrames], form: IndexForm
) -> Layout:
    """`ftyp moov sidx moof mdat moof mdat …`, as in ISO/IEC 14496-12. The head is ffmpeg's."""
    media = [_mp4_fragment(number, fragment) for number, fragment in enumerate(fragments, 1)]
    if form is IndexForm.NONE:
        return (ByteRun.of(head), *media), (0, len(head) - 1), None
    wide, gap = form is IndexForm.WIDE, b""
    if form is IndexForm.GAP:
        gap = _box(b"free", bytes(_GAP_BYTES - 8))
    # The fragments' offset counts from the end of the index.
    times = struct.pack(">QQ" if wide else ">II", 0, len(gap))
    body = struct.pack(">II", 1, sample_rate) + times + struct.pack(">HH", 0, len(media))
    for fragment, run in zip(fragments, media, strict=True):
        ticks = len(fragment.sizes) * AAC_FRAME
        body += struct.pack(">III", run.size, ticks, 0x90000000)  # begins with a sync sample
    sidx = _full_box(b"sidx", int(wide), 0, body)
    runs = (ByteRun.of(head), ByteRun.of(sidx + gap), *media)
    return runs, (0, len(head) - 1), (len(head), len(head) + len(sidx) - 1)


def _mp4_fragment(number: int, fragment: CodecFrames) -> ByteRun:
    count, payload = len(fragment.sizes), int(fragment.sizes.sum())
    mfhd = _full_box(b"mfhd", 0, 0, struct.pack(">I", number))
    # Offsets count from `moof`; every frame is as long and decodes alone; sizes stand in `trun`.
    tfhd = _full_box(b"tfhd", 0, 0x020028, struct.pack(">III", 1, AAC_FRAME, 0x02000000))
    tfdt = _full_box(b"tfdt", 1, 0, struct.pack(">Q", fragment.first * AAC_FRAME))
    moof_size = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + 20 + 4 * count
    sizes = struct.pack(">Ii", count, moof_size + 8) + fragment.sizes.astype(">u4").tobytes()
    traf = _box(b"traf", tfhd, tfdt, _full_box(b"trun", 0, 0x201, sizes))
    header = _box(b"moof", mfhd, traf) + struct.pack(">I4s", payload + 8, b"mdat")

    def build() -> bytes:
        return header + b"".join(fragment.frames())

    return ByteRun(len(header) + payload, build, len(header))


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full_box(kind: bytes, version: int, flags: int, content: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), content)


_FRAME_MS = 20
_SEGMENT, _CUES, _CLUSTER = 0x18538067, 0x1C53BB6B, 0x1F43B675
_UNKNOWN_LENGTH = b"\x01" + b"\xff" * 7


def webm_layout(
    channels: int, fragments: Sequence[CodecFrames], duration_ms: float, form: IndexForm
) -> Layout:
    """Head, Cues (at the front unless TAIL), a cluster for each fragment; frames last 20 ms.

    Lengths take eight bytes and positions four, whatever they are: then nothing moves when they
    become known.
    """
    clusters = [_cluster(fragment, form) for fragment in fragments]
    clusters_size = sum(cluster.size for cluster in clusters)
    clock, duration = _element(0x2AD7B1, 1_000_000), _element(0x4489, _double(duration_ms))
    info = _element(0x1549A966, clock, duration)
    tracks = _opus_tracks(channels)
    gap = _element(0xEC, bytes(_GAP_BYTES - 9)) if form is IndexForm.GAP else b""
    cues_size = 0 if form is IndexForm.NONE else len(_cues(fragments, clusters, 0))
    # Positions count from the Segment's content.
    head_size = len(_seek_head(0)) + len(info + tracks + gap)
    at_end = form is IndexForm.TAIL
    cues_at = head_size + (clusters_size if at_end else 0)
    cues = _cues(fragments, clusters, head_size + (0 if at_end else cues_size))[:cues_size]
    length = _length(head_size + cues_size + clusters_size)
    if form is IndexForm.UNKNOWN_SIZES:
        length = _UNKNOWN_LENGTH
    start = _element(0x1A45DFA3, _element(0x4282, b"webm")) + _id(_SEGMENT) + length
    head = start + _seek_head(cues_at) + info + tracks
    index = [ByteRun.of(cues)]
    runs = [*clusters, *index] if at_end else [*index, *clusters]
    at = len(start) + cues_at
    return (
        (ByteRun.of(head + gap), *runs),
        (0, len(head) - 1),
        (at, at + cues_size - 1) if cues else None,
    )


def _seek_head(cues_at: int) -> bytes:
    seek = _element(0x53AB, _id(_CUES)) + _element(0x53AC, cues_at.to_bytes(4, "big"))
    return _element(0x114D9B74, _element(0x4DBB, seek))


def _opus_tracks(channels: int) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, channels, OPUS_PRE_SKIP, 48_000, 0, 0)
    # What the decoder throws away at the start, and what it needs before a seek, in nanoseconds.
    pre_skip = _element(0x56AA, OPUS_PRE_SKIP * 1_000_000_000 // 48_000)
    preroll = _element(0x56BB, 80_000_000)
    sound = _element(0xE1, _element(0xB5, _double(48_000)), _element(0x9F, channels))
    names = _element(0xD7, 1) + _element(0x73C5, 1) + _element(0x83, 2) + _element(0x86, b"A_OPUS")
    return _element(
        0x1654AE6B, _element(0xAE, names, _element(0x63A2, head), pre_skip, preroll, sound)
    )


def _cues(fragments: Sequence[CodecFrames], clusters: Sequence[ByteRun], first: int) -> bytes:
    """Cues for clusters that stand one after another from `first` on."""
    positions = accumulate((cluster.size for cluster in clusters), initial=first)
    points = b""
    for fragment, at in zip(fragments, positions, strict=False):  # one more than clusters
        where = _element(0xB7, _element(0xF7, 1), _element(0xF1, at.to_bytes(4, "big")))
        points += _element(0xBB, _time(0xB3, fragment), where)
    return _element(_CUES, points)


def _cluster(fragment: CodecFrames, form: IndexForm) -> ByteRun:
    """A cluster of SimpleBlocks, each with a head of seven bytes, all of them key frames."""
    time = _time(0xE7, fragment)
    size = len(time) + int(fragment.sizes.sum()) + 7 * len(fragment.sizes)
    length = _UNKNOWN_LENGTH if form is IndexForm.UNKNOWN_SIZES else _length(size)
    header = _id(_CLUSTER) + length + time

    def build() -> bytes:
        return header + b"".join(
            struct.pack(">BHBhB", 0xA3, 0x4000 | len(frame) + 4, 0x81, number * _FRAME_MS, 0x80)
            + frame
            for number, frame in enumerate(fragment.frames())
        )

    return ByteRun(len(header) - len(time) + size, build, len(header))


def _time(name: int, fragment: CodecFrames) -> bytes:
    return _element(name, (fragment.first * _FRAME_MS).to_bytes(4, "big"))


def _id(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def _length(size: int) -> bytes:
    return (1 << 56 | size).to_bytes(8, "big")


def _double(value: float) -> bytes:
    return struct.pack(">d", value)


def _element(name: int, *content: bytes | int) -> bytes:
    """An element of EBML; numbers in as few bytes as they need."""
    body = b"".join(part if isinstance(part, bytes) else _id(part) for part in content)
    return _id(name) + _length(len(body)) + body
