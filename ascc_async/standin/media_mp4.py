"""Fragmented MP4 as YouTube's DASH streams are: `ftyp moov sidx moof mdat moof mdat …`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ascc_async.standin.media_layout import Fragment, IndexForm, Layout, Part, fixed

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_GAP = 52  # bytes between index and fragments in IndexForm.GAP
_NESTED = 4  # fragments to an inner index


@dataclass(frozen=True, slots=True)
class Mp4Track:
    """`timescale` and `frame_duration` in its units; `skip`: what an edit list cuts off, if any.

    `entry` is the sample description.
    """

    timescale: int
    frame_duration: int
    entry: bytes
    skip: int | None = None
    width: int = 0
    height: int = 0


def aac_entry(sample_rate: int, channels: int, bitrate: int) -> bytes:
    """Sample description of AAC LC."""
    config = 2 << 11 | _AAC_RATES.index(sample_rate) << 7 | channels << 3
    specific = b"\x05\x02" + config.to_bytes(2, "big")
    decoder = struct.pack(">BBBB3xII", 4, 13 + len(specific), 0x40, 0x15, bitrate, bitrate)
    inner = struct.pack(">HB", 0, 0) + decoder + specific + b"\x06\x01\x02"
    esds = _full(b"esds", 0, 0, b"\x03" + bytes([len(inner)]) + inner)
    head = struct.pack(">6xH8xHHHHI", 1, channels, 16, 0, 0, sample_rate << 16)
    return _box(b"mp4a", head, esds)


def avc_entry(parameter_sets: Sequence[bytes], width: int, height: int) -> bytes:
    """Sample description of H.264 from its SPS and PPS."""
    sps, pps = parameter_sets
    config = b"\x01" + sps[1:4] + b"\xff\xe1" + struct.pack(">H", len(sps)) + sps
    config += b"\x01" + struct.pack(">H", len(pps)) + pps
    head = struct.pack(">6xH16xHH", 1, width, height)
    head += struct.pack(">III", 0x480000, 0x480000, 0) + struct.pack(">H32xHh", 1, 24, -1)
    return _box(b"avc1", head, _box(b"avcC", config))


def mp4_layout(track: Mp4Track, fragments: Sequence[Fragment], form: IndexForm) -> Layout:
    """The stream made of these fragments."""
    head = _ftyp() + _moov(track, sum(len(fragment.sizes) for fragment in fragments))
    media = [_fragment_part(track, number, piece) for number, piece in enumerate(fragments, 1)]
    index, body = _indexed(track, fragments, media, form)
    parts = (fixed(head), *index, *body)
    index_range = (len(head), len(head) + index[0].size - 1) if index else None
    return Layout(parts, (0, len(head) - 1), index_range)


def _indexed(
    track: Mp4Track, fragments: Sequence[Fragment], media: list[Part], form: IndexForm
) -> tuple[list[Part], list[Part]]:
    """What stands before the fragments, and the fragments (with inner indexes between them)."""
    durations = [len(fragment.sizes) * track.frame_duration for fragment in fragments]
    sizes = [part.size for part in media]
    references = list(zip(sizes, durations, strict=True))
    if form is IndexForm.NONE:
        return [], media
    if form is IndexForm.NESTED:
        return _nested(track, media, references)
    gap = [fixed(_box(b"free", bytes(_GAP - 8)))] if form is IndexForm.GAP else []
    index = _sidx(track, references, wide=form is IndexForm.WIDE, offset=_GAP if gap else 0)
    return [fixed(index), *gap], media


def _nested(
    track: Mp4Track, media: list[Part], references: list[tuple[int, int]]
) -> tuple[list[Part], list[Part]]:
    body: list[Part] = []
    outer, begin = [], 0
    for at in range(0, len(media), _NESTED):
        group = references[at : at + _NESTED]
        inner = _sidx(track, group, begin=begin)
        duration = sum(reference[1] for reference in group)
        outer.append((len(inner) + sum(reference[0] for reference in group), duration))
        body += [fixed(inner), *media[at : at + _NESTED]]
        begin += duration
    return [fixed(_sidx(track, outer, to_index=True))], body


def _sidx(
    track: Mp4Track,
    references: Sequence[tuple[int, int]],
    *,
    begin: int = 0,
    offset: int = 0,
    wide: bool = False,
    to_index: bool = False,
) -> bytes:
    times = struct.pack(">QQ" if wide else ">II", begin, offset)
    body = struct.pack(">II", 1, track.timescale) + times + struct.pack(">HH", 0, len(references))
    for size, duration in references:
        body += struct.pack(">III", size | to_index << 31, duration, 0x90000000)
    return _full(b"sidx", int(wide), 0, body)


def _fragment_part(track: Mp4Track, number: int, fragment: Fragment) -> Part:
    moof = _moof(track, number, fragment)
    payload = int(fragment.sizes.sum())
    header = moof + struct.pack(">I4s", payload + 8, b"mdat")

    def build() -> bytes:
        return header + b"".join(fragment.frames())

    return Part(len(header) + payload, build, len(header))


def _moof(track: Mp4Track, number: int, fragment: Fragment) -> bytes:
    count = len(fragment.sizes)
    # data offset, first sample's flags, sizes: the first sample is a sync sample, video's only one
    tfhd = _full(b"tfhd", 0, 0x020028, struct.pack(">III", 1, track.frame_duration, _others(track)))
    tfdt = _full(b"tfdt", 1, 0, struct.pack(">Q", fragment.first * track.frame_duration))
    mfhd = _full(b"mfhd", 0, 0, struct.pack(">I", number))
    size = 8 + len(mfhd) + 8 + len(tfhd) + len(tfdt) + 24 + 4 * count
    trun = struct.pack(">IiI", count, size + 8, 0x02000000)
    trun += fragment.sizes.astype(">u4").tobytes()
    traf = _box(b"traf", tfhd, tfdt, _full(b"trun", 0, 0x205, trun))
    return _box(b"moof", mfhd, traf)


def _others(track: Mp4Track) -> int:
    """Flags of samples that are not first: sound's are sync samples, pictures depend on others."""
    return 0x01010000 if track.width else 0x02000000


def _ftyp() -> bytes:
    return _box(b"ftyp", b"dash", bytes(4), b"iso6avc1mp41")


def _moov(track: Mp4Track, frames: int) -> bytes:
    duration = frames * track.frame_duration
    times = struct.pack(">IIII", 0, 0, track.timescale, 0)
    tail = struct.pack(">IH10x", 0x10000, 0x100) + _MATRIX + bytes(24) + struct.pack(">I", 2)
    mvhd = _full(b"mvhd", 0, 0, times + tail)
    mehd = _full(b"mehd", 1, 0, struct.pack(">Q", duration))
    trex = _full(b"trex", 0, 0, struct.pack(">IIIII", 1, 1, 0, 0, 0))
    return _box(b"moov", mvhd, _trak(track), _box(b"mvex", mehd, trex))


def _trak(track: Mp4Track) -> bytes:
    volume = 0 if track.width else 0x100
    tkhd = struct.pack(">III4xI8xHHH2x", 0, 0, 1, 0, 0, 0, volume) + _MATRIX
    tkhd += struct.pack(">II", track.width << 16, track.height << 16)
    mdhd = struct.pack(">IIIIHH", 0, 0, track.timescale, 0, 0x55C4, 0)
    kind, name = (b"vide", b"VideoHandler") if track.width else (b"soun", b"SoundHandler")
    hdlr = struct.pack(">I4s12x", 0, kind) + name + b"\0"
    media = _full(b"mdhd", 0, 0, mdhd) + _full(b"hdlr", 0, 0, hdlr) + _minf(track)
    return _box(b"trak", _full(b"tkhd", 0, 7, tkhd), _edits(track), _box(b"mdia", media))


def _edits(track: Mp4Track) -> bytes:
    if track.skip is None:
        return b""
    elst = struct.pack(">IIiHH", 1, 0, track.skip, 1, 0)
    return _box(b"edts", _full(b"elst", 0, 0, elst))


def _minf(track: Mp4Track) -> bytes:
    sound = _full(b"smhd", 0, 0, bytes(4))
    header = _full(b"vmhd", 0, 1, bytes(8)) if track.width else sound
    dref = _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1))
    empty = [_full(name, 0, 0, bytes(4)) for name in (b"stts", b"stsc", b"stco")]
    stsd = _full(b"stsd", 0, 0, struct.pack(">I", 1), track.entry)
    stbl = _box(b"stbl", stsd, *empty, _full(b"stsz", 0, 0, bytes(8)))
    return _box(b"minf", header, _box(b"dinf", dref), stbl)


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *content)
