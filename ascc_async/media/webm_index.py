"""The head of a WebM stream: tracks, the clock, and Cues, the index."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ascc_async.media import ebml
from ascc_async.media.boxes import made
from ascc_async.media.ebml import Element, elements, unsigned, whole
from ascc_async.media.index import MOST_FRAGMENTS, Fragment, Index, checked
from ascc_async.media.packets import OPUS_RATE, Buffer, Codec, corrupt

EBML, SEGMENT, SEEK_HEAD, INFO, TRACKS, CUES, CLUSTER = (
    0x1A45DFA3, 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1F43B675,
)  # fmt: skip
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TIMESTAMP_SCALE, _DURATION = 0x2AD7B1, 0x4489
_TRACK_ENTRY, _NUMBER, _TYPE, _CODEC_ID, _PRIVATE, _DELAY, _AUDIO, _CHANNELS, _RATE = (
    0xAE, 0xD7, 0x83, 0x86, 0x63A2, 0x56AA, 0xE1, 0x9F, 0xB5,
)  # fmt: skip
_VIDEO, _WIDTH, _HEIGHT, _ENCODINGS = 0xE0, 0xB0, 0xBA, 0x6D80
_CUE_POINT, _CUE_TIME, _CUE_PLACES, _CUE_TRACK, _CUE_CLUSTER = 0xBB, 0xB3, 0xB7, 0xF7, 0xF1
_SOUND, _PICTURE = 2, 1
_PICTURE_ENTRIES = {
    b"V_VP8": (b"vp08", b""),
    b"V_VP9": (b"vp09", b""),
    b"V_AV1": (b"av01", b"av1C"),
}
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class WebmTrack:
    """One track: its number and codec. Ticks are samples of 48 kHz for Opus, else milliseconds."""

    number: int
    codec: Codec


@dataclass(slots=True)
class WebmHead:
    """What has been read of the head so far. Places are bytes of the whole stream.

    `scale` is nanoseconds per tick of the container; `duration` nanoseconds or None.
    """

    segment: int = 0
    segment_end: int = ebml.UNKNOWN
    scale: int = 1_000_000
    duration: int | None = None
    tracks: list[WebmTrack] = field(default_factory=list)
    cues: list[tuple[int, int]] | None = None
    cues_at: int | None = None
    first_cluster: int | None = None
    missing_until: int | None = None

    def origin(self, codec: Codec) -> int:
        """The time of the first packet, in container ticks.

        Sound counts from its first packet, whatever the clock says; pictures only when that is
        far from zero, so that they stay in step with the sound.
        """
        first = self.cues[0][0] if self.cues else 0
        small = codec.kind == "video" and first * self.scale < NANOSECONDS
        return 0 if small else first

    def index(self, codec: Codec, size: int | None) -> Index | None:
        """Fragments in nanoseconds of the decoded stream; None without Cues.

        `size` is the whole stream in bytes, for a segment that does not tell its own.
        """
        if not self.cues:
            return None
        stop = self.segment_end if self.segment_end < ebml.UNKNOWN else size
        if stop is None:
            return None
        delay = codec.skip * NANOSECONDS // codec.timescale
        times = [(time - self.origin(codec)) * self.scale - delay for time, _ in self.cues]
        known = self.duration - delay if self.duration else times[-1] + 60 * NANOSECONDS
        end = max(times[-1] + 1, known)
        places = [self.segment + place for _, place in self.cues]
        rows = zip(places, [*places[1:], stop], times, [*times[1:], end], strict=True)
        return checked(NANOSECONDS, [Fragment(at, to - 1, t, e) for at, to, t, e in rows])


def read_head(data: Buffer) -> WebmHead:
    """Read as much of the head as `data`, the stream's first bytes, holds.

    `missing_until` says up to which byte more is needed. Raises `Rejected(CORRUPT)`.
    """
    header = ebml.element_at(data, 0)
    segment = ebml.element_at(data, header.end) if header and header.kind == EBML else None
    if segment is None or segment.kind != SEGMENT:
        corrupt("not a WebM stream")
    head = WebmHead(segment.body, segment.end)
    for child in elements(data, segment.body):
        if child.kind == CLUSTER:
            head.first_cluster = child.first
            break
        if child.end > len(data):
            if child.kind in (SEEK_HEAD, INFO, TRACKS, CUES):
                head.missing_until = child.end
            break
        _take(head, data, child)
    else:
        if head.first_cluster is None:
            head.missing_until = len(data) + 1
    return head


def _take(head: WebmHead, data: Buffer, child: Element) -> None:
    if child.kind == INFO:
        _info(head, data, child)
    elif child.kind == TRACKS:
        head.tracks = [
            track
            for entry in whole(data, child)
            if entry.kind == _TRACK_ENTRY
            for track in _track(data, entry)
        ]
    elif child.kind == CUES:
        head.cues = read_cues(data, child, {track.number for track in head.tracks})
    elif child.kind == SEEK_HEAD:
        head.cues_at = _cues_place(head, data, child)


def _info(head: WebmHead, data: Buffer, info: Element) -> None:
    duration = None
    for child in whole(data, info):
        if child.kind == _TIMESTAMP_SCALE:
            head.scale = unsigned(data, child) or corrupt("a clock that stands still")
        elif child.kind == _DURATION:
            duration = _real(data, child)
    if duration is not None and 0 <= duration < 1e12:
        head.duration = int(duration * head.scale)


def _real(data: Buffer, element: Element) -> float:
    size = element.end - element.body
    if size not in (4, 8):
        corrupt("an EBML number of a strange size")
    (value,) = struct.unpack_from(">f" if size == 4 else ">d", data, element.body)
    return float(value)


def _cues_place(head: WebmHead, data: Buffer, seek_head: Element) -> int | None:
    for seek in whole(data, seek_head):
        if seek.kind != _SEEK:
            continue
        found = {child.kind: unsigned(data, child) for child in whole(data, seek)}
        if found.get(_SEEK_ID) == CUES and _SEEK_POSITION in found:
            return head.segment + found[_SEEK_POSITION]
    return None


def read_cues(data: Buffer, cues: Element, tracks: set[int]) -> list[tuple[int, int]]:
    """Time (container ticks) and place (from the segment's start) of each cluster, in order."""
    found: dict[int, int] = {}
    for point in whole(data, cues):
        if point.kind == _CUE_POINT:
            time, place = _cue(data, point, tracks)
            if place is not None:
                found[place] = min(time, found.get(place, time))
    if len(found) > MOST_FRAGMENTS:
        corrupt("Cues without end")
    return [(time, place) for place, time in sorted(found.items())]


def _cue(data: Buffer, point: Element, tracks: set[int]) -> tuple[int, int | None]:
    time, place = 0, None
    for child in whole(data, point):
        if child.kind == _CUE_TIME:
            time = unsigned(data, child)
        elif child.kind == _CUE_PLACES:
            values = {
                part.kind: unsigned(data, part)
                for part in whole(data, child)
                if part.kind in (_CUE_TRACK, _CUE_CLUSTER)
            }
            if not tracks or values.get(_CUE_TRACK) in tracks:
                place = values.get(_CUE_CLUSTER, place)
    return time, place


def _track(data: Buffer, entry: Element) -> list[WebmTrack]:
    parts = {child.kind: child for child in whole(data, entry)}
    if _TYPE not in parts or _NUMBER not in parts:
        return []
    kind = unsigned(data, parts[_TYPE])
    if kind not in (_SOUND, _PICTURE):
        return []
    if _ENCODINGS in parts:
        corrupt("the stream is encrypted")
    codec_id = _content(data, parts, _CODEC_ID)
    number, private = unsigned(data, parts[_NUMBER]), _content(data, parts, _PRIVATE)
    if kind == _PICTURE:
        width, height = _picture(data, parts.get(_VIDEO))
        return [WebmTrack(number, picture_codec(codec_id, private, width, height))]
    if codec_id != b"A_OPUS":
        corrupt(f"WebM sound that is not Opus: {codec_id.decode('latin-1')}")
    return [WebmTrack(number, opus_codec(private))]


def _content(data: Buffer, parts: dict[int, Element], kind: int) -> bytes:
    part = parts.get(kind)
    return bytes(data[part.body : part.end]) if part else b""


def _picture(data: Buffer, video: Element | None) -> tuple[int, int]:
    found = {} if video is None else {child.kind: child for child in whole(data, video)}
    width, height = (
        unsigned(data, found[kind]) if kind in found else 0 for kind in (_WIDTH, _HEIGHT)
    )
    return width, height


def picture_codec(codec_id: bytes, private: bytes, width: int, height: int) -> Codec:
    """The codec of a picture track, as MP4 would name it. Raises `Rejected(CORRUPT)`."""
    if codec_id not in _PICTURE_ENTRIES:
        corrupt(f"unknown pictures: {codec_id.decode('latin-1')}")
    kind, settings = _PICTURE_ENTRIES[codec_id]
    shape = struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    extra = made(settings, private) if settings else b""
    name = kind.decode("latin-1")
    return Codec("video", name, made(kind, shape, extra), 1000, 1000, 0, 0, width, height)


def opus_codec(header: bytes) -> Codec:
    """The codec from an `OpusHead`. Raises `Rejected(CORRUPT)` for anything else."""
    if len(header) < 19 or header[:8] != b"OpusHead":
        corrupt("no OpusHead")
    channels, pre_skip, rate, gain, family = struct.unpack_from("<BHIhB", header, 9)
    if channels == 0 or (family == 0 and channels > 2):
        corrupt("an Opus stream without channels")
    settings = made(
        b"dOps", struct.pack(">BBHIhB", 0, channels, 0, rate, gain, family), header[19:]
    )
    sound = struct.pack(">6xH8xHHIHH", 1, channels, 16, 0, OPUS_RATE, 0)
    entry = made(b"Opus", sound, settings)
    return Codec("audio", "opus", entry, OPUS_RATE, OPUS_RATE, channels, pre_skip)
