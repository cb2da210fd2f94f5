"""Media of the stand-in's videos: any length in milliseconds of work, right to the sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from types import MappingProxyType

import numpy as np

from ascc_async.standin.media_codecs import AAC_FRAME, OPUS_FRAME, OPUS_PRE_SKIP, with_lengths
from ascc_async.standin.media_layout import (
    Damage,
    Fragment,
    IndexForm,
    Layout,
    Stream,
    starts_of,
)
from ascc_async.standin.media_masters import (
    FPS,
    KEY_SECONDS,
    Flavour,
    PictureMaster,
    SoundMaster,
)
from ascc_async.standin.media_mp4 import Mp4Track, aac_entry, avc_entry, mp4_layout
from ascc_async.standin.media_webm import webm_layout

FRAGMENT_SECONDS = 10
_TICKS = 1000  # units of a picture's duration
_BITRATES: Mapping[int, int] = MappingProxyType(
    {139: 48_000, 140: 128_000, 249: 50_000, 250: 70_000, 251: 128_000}
)
_HEIGHTS: Mapping[int, int] = MappingProxyType({160: 144, 133: 240, 134: 360})
_AAC_ITAGS = (139, 140)
ITAGS = (*_BITRATES, *_HEIGHTS)


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a video's media are like. WebM sound is 48 kHz whatever `sample_rate` says.

    `offset_ms` is where in the time code the video begins, rounded down to a codec frame (5 s
    for pictures), so that two videos sound different. `edit_list`: the MP4 cuts the encoder's
    1024 priming samples off; without one they are decoded, and all sound comes 1024 samples
    later. `silent`: digital silence, which decodes to zeros.
    """

    length_ms: int
    sample_rate: int = 44_100
    channels: int = 2
    offset_ms: int = 0
    silent: bool = False
    damage: Damage = Damage.NONE
    index: IndexForm = IndexForm.NORMAL
    edit_list: bool = True


class MediaStore:
    """Streams for the server. Encodes what it needs once and keeps it in `cache_dir`.

    Thread-safe. The first stream of a flavour takes a second or two: call it off the event loop.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._lock = Lock()
        self._sounds: dict[Flavour, SoundMaster] = {}
        self._pictures: dict[int, PictureMaster] = {}

    def stream(self, spec: StreamSpec, itag: int) -> Stream:
        """The stream. Raises KeyError for an itag not in ITAGS, MediaNotMade if ffmpeg fails."""
        if itag in _HEIGHTS:
            return self._picture_stream(spec, itag)
        if itag in _AAC_ITAGS:
            return self._aac_stream(spec, itag)
        return self._opus_stream(spec, itag)

    def _aac_stream(self, spec: StreamSpec, itag: int) -> Stream:
        rate = 22_050 if itag == 139 else spec.sample_rate
        flavour = Flavour("aac", rate, spec.channels, _BITRATES[itag], spec.silent)
        first = spec.offset_ms * rate // (1000 * AAC_FRAME)
        primed = int(spec.edit_list)
        count = primed + max(1, round(spec.length_ms * rate / (1000 * AAC_FRAME)))
        pieces = self._fragments(flavour, first, count, FRAGMENT_SECONDS * rate // AAC_FRAME)
        entry = aac_entry(rate, spec.channels, flavour.bitrate)
        track = Mp4Track(rate, AAC_FRAME, entry, AAC_FRAME if spec.edit_list else None)
        return _stream(
            spec, itag, mp4_layout(track, pieces, spec.index),
            mime='audio/mp4; codecs="mp4a.40.2"',
            seconds=(count - primed) * AAC_FRAME / rate,
            timecode=(first + primed - 1) * AAC_FRAME / rate,
            sound=(rate, spec.channels),
        )  # fmt: skip

    def _opus_stream(self, spec: StreamSpec, itag: int) -> Stream:
        flavour = Flavour("opus", 48_000, spec.channels, _BITRATES[itag], spec.silent)
        first = spec.offset_ms * 48 // OPUS_FRAME
        count = -(-(spec.length_ms * 48 + OPUS_PRE_SKIP) // OPUS_FRAME)
        pieces = self._fragments(flavour, first, count, FRAGMENT_SECONDS * 48_000 // OPUS_FRAME)
        seconds = (count * OPUS_FRAME - OPUS_PRE_SKIP) / 48_000
        return _stream(
            spec, itag, webm_layout(spec.channels, pieces, 1000 * seconds, spec.index),
            mime='audio/webm; codecs="opus"',
            seconds=seconds,
            timecode=first * OPUS_FRAME / 48_000,
            sound=(48_000, spec.channels),
        )  # fmt: skip

    def _picture_stream(self, spec: StreamSpec, itag: int) -> Stream:
        height, step = _HEIGHTS[itag], FPS * KEY_SECONDS
        width = height * 16 // 9 // 2 * 2
        first = spec.offset_ms // (1000 * KEY_SECONDS) * step
        count = max(1, round(spec.length_ms * FPS / 1000))
        units = [with_lengths(unit) for unit in self._picture_frames(height, first, count)]
        frames = [data for _, data in units]
        sizes = np.array([len(data) for data in frames], np.int64)
        pieces = [
            Fragment(at, sizes[at : at + step], partial(list, frames[at : at + step]))
            for at in range(0, count, step)
        ]
        entry = avc_entry(units[0][0], width, height)
        track = Mp4Track(FPS * _TICKS, _TICKS, entry, None, width, height)
        return _stream(
            spec, itag, mp4_layout(track, pieces, spec.index),
            mime=f'video/mp4; codecs="avc1.{units[0][0][0][1:4].hex()}"',
            seconds=count / FPS,
            timecode=first / FPS,
            size=(width, height),
        )  # fmt: skip

    def _picture_frames(self, height: int, first: int, count: int) -> list[bytes]:
        with self._lock:
            if height not in self._pictures:
                self._pictures[height] = PictureMaster(height, self._cache_dir)
            return self._pictures[height].frames(first, count)

    def _fragments(self, flavour: Flavour, first: int, count: int, step: int) -> list[Fragment]:
        master = self._sound(flavour)
        sizes = master.sizes(first, count)
        return [
            Fragment(at, sizes[at : at + step], partial(master.frames, first + at, length))
            for at in range(0, count, step)
            for length in [min(step, count - at)]
        ]

    def _sound(self, flavour: Flavour) -> SoundMaster:
        with self._lock:
            if flavour not in self._sounds:
                self._sounds[flavour] = SoundMaster(flavour, self._cache_dir)
            return self._sounds[flavour]


def _stream(
    spec: StreamSpec,
    itag: int,
    layout: Layout,
    *,
    mime: str,
    seconds: float,
    timecode: float,
    sound: tuple[int, int] | tuple[None, None] = (None, None),
    size: tuple[int, int] | tuple[None, None] = (None, None),
) -> Stream:
    starts = starts_of(layout.parts)
    whole = starts[-1]
    return Stream(
        itag=itag,
        mime=mime,
        duration_ms=round(1000 * seconds),
        size=whole * 3 // 5 if spec.damage is Damage.TRUNCATED else whole,
        init_range=layout.init_range,
        index_range=layout.index_range,
        bitrate=round(8 * whole / seconds),
        sample_rate=sound[0],
        channels=sound[1],
        width=size[0],
        height=size[1],
        fps=FPS if size[0] else None,
        timecode_at_zero=timecode,
        damage=spec.damage,
        _parts=layout.parts,
        _starts=starts,
    )
