"""Fragmented MP4 as YouTube's DASH streams are: `ftyp moov sidx moof mdat moof mdat …`.

The head (`ftyp moov`) is ffmpeg's; index and fragments are written here, ISO/IEC 14496-12 beside.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ascc_async.standin.media_layout import ByteRun, CodecFrames, IndexForm, Layout

_GAP_BYTES = 52  # between index and fragments in IndexForm.GAP
# Sample flags: one that decodes alone, and one that needs others.
_SYNC, _DEPENDENT = 0x02000000, 0x01010000


@dataclass(frozen=True, slots=True)
class Mp4Frames:
    """Ticks a second (as the head has them), ticks to a frame, and whether only key frames are
    sync samples."""

    timescale: int
    frame_ticks: int
    pictures: bool = False


def mp4_layout(
    head: bytes, frames: Mp4Frames, fragments: Sequence[CodecFrames], form: IndexForm
) -> Layout:
    """The stream made of these fragments."""
    media = [_fragment(frames, number, piece) for number, piece in enumerate(fragments, 1)]
    index: list[ByteRun] = []
    if form is not IndexForm.NONE:
        gap = [ByteRun.of(_box(b"free", bytes(_GAP_BYTES - 8)))] if form is IndexForm.GAP else []
        index = [ByteRun.of(_sidx(frames, fragments, media, form)), *gap]
    index_range = (len(head), len(head) + index[0].size - 1) if index else None
    return Layout((ByteRun.of(head), *index, *media), (0, len(head) - 1), index_range)


def _sidx(
    frames: Mp4Frames,
    fragments: Sequence[CodecFrames],
    media: Sequence[ByteRun],
    form: IndexForm,
) -> bytes:
    wide = form is IndexForm.WIDE
    # The fragments' offset counts from the end of the index.
    times = struct.pack(">QQ" if wide else ">II", 0, _GAP_BYTES if form is IndexForm.GAP else 0)
    body = struct.pack(">II", 1, frames.timescale) + times + struct.pack(">HH", 0, len(media))
    for fragment, run in zip(fragments, media, strict=True):
        ticks = len(fragment.sizes) * frames.frame_ticks
        body += struct.pack(">III", run.size, ticks, 0x90000000)  # begins with a sync sample
    return _full_box(b"sidx", int(wide), 0, body)


def _fragment(frames: Mp4Frames, number: int, fragment: CodecFrames) -> ByteRun:
    count = len(fragment.sizes)
    first_tick = fragment.first * frames.frame_ticks
    others = _DEPENDENT if frames.pictures else _SYNC
    # tfhd: offsets count from `moof`; every frame lasts as long and has these flags …
    tfhd = _full_box(b"tfhd", 0, 0x020028, struct.pack(">III", 1, frames.frame_ticks, others))
    tfdt = _full_box(b"tfdt", 1, 0, struct.pack(">Q", first_tick))
    mfhd = _full_box(b"mfhd", 0, 0, struct.pack(">I", number))
    # … but for the first one, whose flags stand in trun, before the sizes.
    moof_size = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + 24 + 4 * count
    trun = struct.pack(">IiI", count, moof_size + 8, _SYNC) + fragment.sizes.astype(">u4").tobytes()
    traf = _box(b"traf", tfhd, tfdt, _full_box(b"trun", 0, 0x205, trun))
    payload = int(fragment.sizes.sum())
    header = _box(b"moof", mfhd, traf) + struct.pack(">I4s", payload + 8, b"mdat")

    def build() -> bytes:
        return header + b"".join(fragment.frames())

    return ByteRun(len(header) + payload, build, len(header))


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full_box(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)
