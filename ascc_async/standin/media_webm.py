"""WebM as YouTube's Opus streams are: head, Cues at the front, clusters of about ten seconds.

ffmpeg's muxer would do it for whole streams only, so elements are written here. Lengths take
eight bytes and positions four, whatever they are: then nothing moves when they become known.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate

from ascc_async.standin.media_layout import ByteRun, CodecFrames, IndexForm, Layout
from ascc_async.standin.media_masters import OPUS_PRE_SKIP

FRAME_MS = 20
_SEGMENT, _SEEK_HEAD, _INFO, _TRACKS = 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B
_CUES, _CLUSTER, _VOID = 0x1C53BB6B, 0x1F43B675, 0xEC
_UNKNOWN_LENGTH = b"\x01" + b"\xff" * 7
_GAP_BYTES = 64  # of Void before the Cues in IndexForm.GAP


def webm_layout(
    channels: int, fragments: Sequence[CodecFrames], duration_ms: float, form: IndexForm
) -> Layout:
    """The stream made of these fragments; their frames last 20 ms each."""
    info, tracks = _info(duration_ms), _tracks(channels)
    head_size = len(_seek_head(0, 0, 0)) + len(info) + len(tracks)
    gap = _element(_VOID, bytes(_GAP_BYTES - 9)) if form is IndexForm.GAP else b""
    clusters = [_cluster(fragment, form) for fragment in fragments]
    clusters_size = sum(cluster.size for cluster in clusters)
    cues_size = 0 if form is IndexForm.NONE else len(_cues(fragments, clusters, 0))
    # Positions count from the Segment's content.
    at_end = form is IndexForm.TAIL
    cues_at = head_size + len(gap) + (clusters_size if at_end else 0)
    clusters_at = head_size + len(gap) + (0 if at_end else cues_size)
    cues = _cues(fragments, clusters, clusters_at) if cues_size else b""
    seek_head = _seek_head(head_size - len(info) - len(tracks), head_size - len(tracks), cues_at)
    segment = _id(_SEGMENT) + (
        _UNKNOWN_LENGTH
        if form is IndexForm.UNKNOWN_SIZES
        else _length(head_size + len(gap) + cues_size + clusters_size)
    )
    start = _ebml_header() + segment
    head = ByteRun.of(start + seek_head + info + tracks)
    before = [ByteRun.of(data) for data in (gap, b"" if at_end else cues) if data]
    after = [ByteRun.of(cues)] if at_end else []
    index_at = len(start) + cues_at
    return Layout(
        (head, *before, *clusters, *after),
        (0, head.size - 1),
        (index_at, index_at + cues_size - 1) if cues else None,
    )


def _ebml_header() -> bytes:
    versions_and_limits = ((0x4286, 1), (0x42F7, 1), (0x42F2, 4), (0x42F3, 8))
    doctype = _element(0x4282, b"webm") + _number(0x4287, 4) + _number(0x4285, 2)
    return _element(0x1A45DFA3, _numbers(*versions_and_limits) + doctype)


def _seek_head(info_at: int, tracks_at: int, cues_at: int) -> bytes:
    seeks = [
        _element(0x4DBB, _element(0x53AB, _id(name)) + _position(0x53AC, at))
        for name, at in ((_INFO, info_at), (_TRACKS, tracks_at), (_CUES, cues_at))
    ]
    return _element(_SEEK_HEAD, b"".join(seeks))


def _info(duration_ms: float) -> bytes:
    """Times in milliseconds, the duration as a double, the names of the programs."""
    duration = _element(0x4489, struct.pack(">d", duration_ms))
    names = _element(0x4D80, b"google/video-file") + _element(0x5741, b"")
    return _element(_INFO, _number(0x2AD7B1, 1_000_000) + duration + names)


def _tracks(channels: int) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, channels, OPUS_PRE_SKIP, 48_000, 0, 0)
    # What the decoder throws away at the start, and what it needs before a seek, in nanoseconds.
    delays = _numbers((0x56AA, OPUS_PRE_SKIP * 1_000_000_000 // 48_000), (0x56BB, 80_000_000))
    sound = _element(0xE1, _element(0xB5, struct.pack(">d", 48_000)) + _number(0x9F, channels))
    entry = _numbers((0xD7, 1), (0x73C5, 1), (0x83, 2)) + _element(0x86, b"A_OPUS")
    return _element(_TRACKS, _element(0xAE, entry + _element(0x63A2, head) + delays + sound))


def _cues(fragments: Sequence[CodecFrames], clusters: Sequence[ByteRun], first: int) -> bytes:
    """Cues for clusters that stand one after another from `first` on."""
    positions = accumulate((cluster.size for cluster in clusters), initial=first)
    points = [
        _element(
            0xBB,
            _position(0xB3, fragment.first * FRAME_MS)
            + _element(0xB7, _number(0xF7, 1) + _position(0xF1, at)),
        )
        for fragment, at in zip(fragments, positions, strict=False)  # one more than clusters
    ]
    return _element(_CUES, b"".join(points))


def _cluster(fragment: CodecFrames, form: IndexForm) -> ByteRun:
    """A cluster of SimpleBlocks, each with a head of seven bytes, all of them key frames."""
    time = _position(0xE7, fragment.first * FRAME_MS)
    size = len(time) + int(fragment.sizes.sum()) + 7 * len(fragment.sizes)
    length = _UNKNOWN_LENGTH if form is IndexForm.UNKNOWN_SIZES else _length(size)
    header = _id(_CLUSTER) + length + time

    def build() -> bytes:
        return header + b"".join(
            struct.pack(">BHBhB", 0xA3, 0x4000 | len(frame) + 4, 0x81, number * FRAME_MS, 0x80)
            + frame
            for number, frame in enumerate(fragment.frames())
        )

    return ByteRun(len(header) - len(time) + size, build, len(header))


def _id(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def _length(size: int) -> bytes:
    return (1 << 56 | size).to_bytes(8, "big")


def _element(name: int, content: bytes) -> bytes:
    return _id(name) + _length(len(content)) + content


def _number(name: int, value: int) -> bytes:
    content = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return _id(name) + bytes([0x80 | len(content)]) + content


def _numbers(*pairs: tuple[int, int]) -> bytes:
    return b"".join(_number(name, value) for name, value in pairs)


def _position(name: int, value: int) -> bytes:
    return _id(name) + b"\x84" + value.to_bytes(4, "big")
