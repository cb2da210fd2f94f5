"""`moov`: what an MP4 stream holds and how it is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ascc_async.media.boxes import Box, Fields, boxes, find, need
from ascc_async.media.packets import OPUS_RATE, Buffer, Codec, corrupt

_AAC_RATES = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
_AAC_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
_SBR, _PARAMETRIC_STEREO, _LOW_COMPLEXITY = 5, 29, 2
_DESCRIPTOR_ES, _DESCRIPTOR_CONFIG, _DESCRIPTOR_SPECIFIC = 3, 4, 5


@dataclass(frozen=True, slots=True)
class Mp4Track:
    """One `trak`: its codec, its id, what `trex` says packets are by default, its `stbl`."""

    codec: Codec
    track_id: int
    default_duration: int
    default_size: int
    default_flags: int
    table: Box


def read_tracks(data: Buffer, moov: Box) -> list[Mp4Track]:
    """The sound and picture tracks of a whole `moov`. Raises `Rejected(CORRUPT)`."""
    defaults = _defaults(data, moov)
    found = []
    for box in boxes(data, moov.body, moov.end):
        if box.kind == b"trak":
            track = _track(data, box, defaults)
            if track is not None:
                found.append(track)
    return found


def _defaults(data: Buffer, moov: Box) -> dict[int, tuple[int, int, int]]:
    mvex = find(data, b"mvex", moov.body, moov.end)
    if mvex is None:
        return {}
    found = {}
    for box in boxes(data, mvex.body, mvex.end):
        if box.kind == b"trex":
            fields = Fields(data, box, skip=4)
            track_id, _ = fields.number(4), fields.number(4)
            found[track_id] = (fields.number(4), fields.number(4), fields.number(4))
    return found


def _track(data: Buffer, trak: Box, defaults: dict[int, tuple[int, int, int]]) -> Mp4Track | None:
    handler = Fields(data, need(data, b"mdia/hdlr", trak), skip=8).raw(4)
    if handler not in (b"soun", b"vide"):
        return None
    table = need(data, b"mdia/minf/stbl", trak)
    codec = _codec(data, trak, table, "audio" if handler == b"soun" else "video")
    track_id = _track_id(data, trak)
    duration, size, flags = defaults.get(track_id, (0, 0, 0))
    return Mp4Track(codec, track_id, duration, size, flags, table)


def _track_id(data: Buffer, trak: Box) -> int:
    fields = Fields(data, need(data, b"tkhd", trak))
    fields.raw(20 if fields.number(4) >> 24 else 12 - 4)
    return fields.number(4)


def _timescale(data: Buffer, trak: Box) -> int:
    fields = Fields(data, need(data, b"mdia/mdhd", trak))
    fields.raw(16 if fields.number(4) >> 24 else 8)
    return fields.number(4) or corrupt("a track without a clock")


def _skip(data: Buffer, trak: Box) -> int:
    """Ticks that the edit list leaves out at the start: the encoder's priming."""
    box = find(data, b"edts/elst", trak.body, trak.end)
    if box is None:
        return 0
    fields = Fields(data, box)
    wide = 8 if fields.number(4) >> 24 else 4
    for _ in range(min(fields.number(4), 8)):
        _, media_time = fields.number(wide), fields.number(wide, signed=True)
        fields.raw(4)
        if media_time >= 0:
            return media_time
    return 0


def _codec(data: Buffer, trak: Box, table: Box, kind: Literal["audio", "video"]) -> Codec:
    stsd = need(data, b"stsd", table)
    entry = next(boxes(data, stsd.body + 8, stsd.end), None)
    if entry is None or entry.end > stsd.end:
        corrupt("no sample entry")
    timescale, skip = _timescale(data, trak), _skip(data, trak)
    raw = bytes(data[entry.first : entry.end])
    if entry.kind in (b"enca", b"encv"):
        corrupt("the stream is encrypted")
    if kind == "video":
        fields = Fields(data, entry, skip=24)
        width, height = fields.number(2), fields.number(2)
        name = entry.kind.decode("latin-1")
        return Codec("video", name, raw, timescale, timescale, 0, skip, width, height)
    name, rate, channels = _sound(data, entry)
    if not 4000 <= rate <= 384_000 or not 1 <= channels <= 8:
        corrupt(f"sound of {rate} Hz and {channels} channels")
    if name == "opus":
        raw, pre_skip = _without_pre_skip(raw)
        skip = skip or pre_skip * timescale // OPUS_RATE
    return Codec("audio", name, raw, timescale, rate, channels, skip)


def _sound(data: Buffer, entry: Box) -> tuple[str, int, int]:
    fields = Fields(data, entry, skip=8)
    version = fields.number(2)
    fields.raw(6)
    channels = fields.number(2)
    fields.raw(6)
    rate = fields.number(4) >> 16
    children = fields.at + {0: 0, 1: 16, 2: 36}.get(version, 0)
    if entry.kind == b"Opus":
        return "opus", OPUS_RATE, channels
    esds = find(data, b"esds", children, entry.end) or find(data, b"wave/esds", children, entry.end)
    config = _specific_config(Fields(data, esds, skip=4)) if esds else b""
    if not config:
        return entry.kind.decode("latin-1"), rate, channels
    return _aac(config, rate, channels)


def _descriptors(fields: Fields) -> Iterator[tuple[int, int]]:
    """Tags and sizes of MPEG-4 descriptors; the reader steps over or into the content."""
    while fields.left >= 2:
        tag, size = fields.number(1), 0
        for _ in range(4):
            byte = fields.number(1)
            size = size << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        yield tag, size


def _specific_config(fields: Fields) -> bytes:
    for tag, size in _descriptors(fields):
        if tag == _DESCRIPTOR_ES:
            fields.raw(2)
            flags = fields.number(1)
            fields.raw((2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0))
            if flags & 0x40:
                fields.raw(fields.number(1))
        elif tag == _DESCRIPTOR_CONFIG:
            fields.raw(13)
        elif tag == _DESCRIPTOR_SPECIFIC:
            return fields.raw(size)
        else:
            fields.raw(size)
    return b""


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data, "big"), len(data) * 8

    def take(self, count: int) -> int:
        if count > self.left:
            corrupt("the AAC configuration ends too early")
        self.left -= count
        return self.value >> self.left & (1 << count) - 1

    def kind(self) -> int:
        kind = self.take(5)
        return 32 + self.take(6) if kind == 31 else kind

    def rate(self) -> int:
        place = self.take(4)
        if place == 15:
            return self.take(24)
        return _AAC_RATES[place] if place < len(_AAC_RATES) else corrupt("an unknown AAC rate")


def _aac(config: bytes, rate: int, channels: int) -> tuple[str, int, int]:
    """Name, decoded rate and channels. Spectral band replication doubles the rate."""
    bits = _Bits(config)
    kind, core, layout = bits.kind(), bits.rate(), bits.take(4)
    if layout and layout < len(_AAC_CHANNELS):
        channels = _AAC_CHANNELS[layout]
    if kind in (_SBR, _PARAMETRIC_STEREO):
        stereo = 2 if kind == _PARAMETRIC_STEREO else channels
        return "he-aac", bits.rate(), stereo
    return ("aac" if kind == _LOW_COMPLEXITY else f"aac-{kind}"), core, channels


def _without_pre_skip(entry: bytes) -> tuple[bytes, int]:
    """The Opus entry with a pre-skip of zero, and what the pre-skip was."""
    place = entry.find(b"dOps")
    if place < 0 or place + 8 > len(entry):
        corrupt("an Opus track without dOps")
    field = slice(place + 6, place + 8)
    return entry[: field.start] + b"\0\0" + entry[field.stop :], int.from_bytes(entry[field], "big")
