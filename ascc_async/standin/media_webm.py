"""WebM as YouTube's Opus streams are: head, Cues at the front, clusters of about ten seconds."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate

from ascc_async.standin.media_codecs import OPUS_PRE_SKIP
from ascc_async.standin.media_layout import Fragment, IndexForm, Layout, Part, fixed

FRAME_MS = 20
_CLUSTER, _CUES, _SEGMENT, _VOID = 0x1F43B675, 0x1C53BB6B, 0x18538067, 0xEC
_SEEK_HEAD, _INFO, _TRACKS = 0x114D9B74, 0x1549A966, 0x1654AE6B
_UNKNOWN = b"\x01" + b"\xff" * 7
_GAP = 64  # bytes of Void before the Cues in IndexForm.GAP


def webm_layout(
    channels: int, fragments: Sequence[Fragment], duration_ms: float, form: IndexForm
) -> Layout:
    """The stream made of these fragments; their frames last 20 ms each."""
    clusters = [_cluster(fragment, form) for fragment in fragments]
    seek_head_size = len(_seek_head(0, 0, 0))
    info, tracks = _info(duration_ms), _tracks(channels)
    void = _element(_VOID, bytes(_GAP - 9)) if form is IndexForm.GAP else b""
    head_size = seek_head_size + len(info) + len(tracks)
    first = head_size + len(void)  # of the Cues or, without them at the front, of the clusters
    media_size = sum(cluster.size for cluster in clusters)
    cues_size = 0 if form is IndexForm.NONE else len(_cues(fragments, clusters, 0))
    at_front = form is not IndexForm.TAIL
    cues = _cues(fragments, clusters, first + cues_size if at_front else first)[:cues_size]
    seek_head = _seek_head(
        seek_head_size, seek_head_size + len(info), first if at_front else first + media_size
    )
    start = _start(head_size + len(void) + cues_size + media_size, form)
    front = [fixed(start + seek_head + info + tracks), *([fixed(void)] if void else [])]
    index = [fixed(cues)] if cues else []
    parts = [*front, *index, *clusters] if at_front else [*front, *clusters, *index]
    index_at = len(start) + (first if at_front else first + media_size)
    index_range = (index_at, index_at + cues_size - 1) if cues else None
    return Layout(tuple(parts), (0, len(start) + head_size - 1), index_range)


def _start(size: int, form: IndexForm) -> bytes:
    """EBML header and the head of the Segment that holds `size` bytes."""
    fields = [(0x4286, 1), (0x42F7, 1), (0x42F2, 4), (0x42F3, 8), (0x4287, 4), (0x4285, 2)]
    ebml = b"".join(_number(name, value) for name, value in fields)
    header = _element(0x1A45DFA3, ebml + _element(0x4282, b"webm"))
    length = _UNKNOWN if form is IndexForm.UNKNOWN_SIZES else _length(size)
    return header + _id(_SEGMENT) + length


def _seek_head(info: int, tracks: int, cues: int) -> bytes:
    places = [(_INFO, info), (_TRACKS, tracks), (_CUES, cues)]
    seeks = [
        _element(0x4DBB, _element(0x53AB, _id(name)) + _fixed_number(0x53AC, place))
        for name, place in places
    ]
    return _element(_SEEK_HEAD, b"".join(seeks))


def _info(duration_ms: float) -> bytes:
    duration = _element(0x4489, struct.pack(">d", duration_ms))
    names = _element(0x4D80, b"google/video-file") + _element(0x5741, b"")
    return _element(_INFO, _number(0x2AD7B1, 1_000_000) + duration + names)


def _tracks(channels: int) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, channels, OPUS_PRE_SKIP, 48_000, 0, 0)
    numbers = [(0xD7, 1), (0x73C5, 1), (0x83, 2)]
    delays = [(0x56AA, OPUS_PRE_SKIP * 1_000_000_000 // 48_000), (0x56BB, 80_000_000)]
    sound = _element(0xB5, struct.pack(">d", 48_000)) + _number(0x9F, channels)
    entry = b"".join(_number(name, value) for name, value in numbers)
    entry += _element(0x86, b"A_OPUS") + _element(0x63A2, head)
    entry += b"".join(_number(name, value) for name, value in delays) + _element(0xE1, sound)
    return _element(_TRACKS, _element(0xAE, entry))


def _cues(fragments: Sequence[Fragment], clusters: Sequence[Part], first: int) -> bytes:
    """Cues for clusters that stand one after another from `first` on, within the Segment."""
    places = accumulate((cluster.size for cluster in clusters), initial=first)
    points = [
        _element(
            0xBB,
            _fixed_number(0xB3, fragment.first * FRAME_MS)
            + _element(0xB7, _number(0xF7, 1) + _fixed_number(0xF1, place)),
        )
        for fragment, place in zip(fragments, places, strict=False)
    ]
    return _element(_CUES, b"".join(points))


def _cluster(fragment: Fragment, form: IndexForm) -> Part:
    time = _fixed_number(0xE7, fragment.first * FRAME_MS)
    content = len(time) + int(fragment.sizes.sum()) + 7 * len(fragment.sizes)
    length = _UNKNOWN if form is IndexForm.UNKNOWN_SIZES else _length(content)
    header = _id(_CLUSTER) + length + time

    def build() -> bytes:
        return header + b"".join(
            struct.pack(">BHBhB", 0xA3, 0x4000 | len(frame) + 4, 0x81, number * FRAME_MS, 0x80)
            + frame
            for number, frame in enumerate(fragment.frames())
        )

    return Part(len(header) - len(time) + content, build, len(header))


def _id(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def _length(size: int) -> bytes:
    """In eight bytes, so that it never changes its own length."""
    return (1 << 56 | size).to_bytes(8, "big")


def _element(name: int, content: bytes) -> bytes:
    return _id(name) + _length(len(content)) + content


def _number(name: int, value: int) -> bytes:
    return _small(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _fixed_number(name: int, value: int) -> bytes:
    return _small(name, value.to_bytes(4, "big"))


def _small(name: int, content: bytes) -> bytes:
    return _id(name) + bytes([0x80 | len(content)]) + content
