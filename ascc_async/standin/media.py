"""Media of the stand-in's videos: any length in milliseconds of work, right to the sample."""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from types import MappingProxyType

import numpy as np

from ascc_async.model import Reason
from ascc_async.standin.media_layout import CodecFrames, Damage, IndexForm, Stream
from ascc_async.standin.media_masters import (
    AAC_FRAME,
    FPS,
    KEY_SECONDS,
    OPUS_FRAME,
    OPUS_PRE_SKIP,
    PICTURE_TICKS,
    Flavour,
    PictureMaster,
    SoundMaster,
    picture_size,
    with_lengths,
)
from ascc_async.standin.media_mp4 import Mp4Frames, mp4_layout
from ascc_async.standin.media_webm import webm_layout
from ascc_async.standin.timecode import LONGEST_SECONDS
from ascc_async.standin.world import Video
from ascc_async.standin.world_settings import WorldSettings

FRAGMENT_SECONDS = 10  # about what YouTube's own fragments last
_BITRATES: Mapping[int, int] = MappingProxyType(
    {139: 48_000, 140: 128_000, 249: 50_000, 250: 70_000, 251: 128_000}
)
_HEIGHTS: Mapping[int, int] = MappingProxyType({160: 144, 133: 240, 134: 360})
_AAC_ITAGS = (139, 140)
ITAGS = (*_BITRATES, *_HEIGHTS)
_STREAMS_KEPT = 200  # between a player's answer and the ranges read after it
_ODD_INDEXES = (
    IndexForm.WIDE,
    IndexForm.GAP,
    IndexForm.TAIL,
    IndexForm.UNKNOWN_SIZES,
    IndexForm.NONE,
)


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


def spec_of(video: Video) -> StreamSpec:
    """What this video's media are like; the same in every process.

    One video in eight has an unusual index, one in eight no edit list.
    """
    # From the number alone, like all that is true of a video: a golden dataset depends on it.
    number = video.number
    room_ms = max(1, int(LONGEST_SECONDS * 1000) - video.length_ms)
    odd = (number >> 44) % 8 == 0
    return StreamSpec(
        length_ms=video.length_ms,
        sample_rate=video.sample_rate,
        channels=video.channels,
        offset_ms=(number >> 20) % room_ms,
        silent=video.reason is Reason.SILENT,
        damage=Damage.GARBAGE if video.reason is Reason.CORRUPT else Damage.NONE,
        index=_ODD_INDEXES[(number >> 47) % len(_ODD_INDEXES)] if odd else IndexForm.NORMAL,
        edit_list=(number >> 50) % 8 != 0,
    )


class MediaStore:
    """Streams by what they are like. Encodes what it needs once and keeps it in `cache_dir`.

    Thread-safe. The first stream of a flavour takes a second or two: call it off the event loop.
    """

    def __init__(self, cache_dir: Path) -> None:
        cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        # As YouTube's smallest stream, whatever the upload had.
        rate = 22_050 if itag == 139 else spec.sample_rate
        flavour = Flavour("aac", rate, spec.channels, _BITRATES[itag], spec.silent)
        first = spec.offset_ms * rate // (1000 * AAC_FRAME)
        primed = int(spec.edit_list)  # one frame more, which the edit list cuts off again
        count = primed + max(1, round(spec.length_ms * rate / (1000 * AAC_FRAME)))
        master, fragments = self._sound(flavour, first, count)
        head = master.mp4_head(edit_list=spec.edit_list)
        return Stream(
            itag,
            'audio/mp4; codecs="mp4a.40.2"',
            round(1000 * (count - primed) * AAC_FRAME / rate),
            mp4_layout(head, Mp4Frames(rate, AAC_FRAME), fragments, spec.index),
            timecode_at_zero=(first + primed - 1) * AAC_FRAME / rate,
            damage=spec.damage,
            sample_rate=rate,
            channels=spec.channels,
        )

    def _opus_stream(self, spec: StreamSpec, itag: int) -> Stream:
        flavour = Flavour("opus", 48_000, spec.channels, _BITRATES[itag], spec.silent)
        first = spec.offset_ms * 48 // OPUS_FRAME
        # Rounded up: what is too much the decoder plays, what is missing it cannot.
        count = -(-(spec.length_ms * 48 + OPUS_PRE_SKIP) // OPUS_FRAME)
        seconds = (count * OPUS_FRAME - OPUS_PRE_SKIP) / 48_000
        _, fragments = self._sound(flavour, first, count)
        return Stream(
            itag,
            'audio/webm; codecs="opus"',
            round(1000 * seconds),
            webm_layout(spec.channels, fragments, 1000 * seconds, spec.index),
            timecode_at_zero=first * OPUS_FRAME / 48_000,
            damage=spec.damage,
            sample_rate=48_000,
            channels=spec.channels,
        )

    def _picture_stream(self, spec: StreamSpec, itag: int) -> Stream:
        (width, height), step = picture_size(_HEIGHTS[itag]), FPS * KEY_SECONDS
        first = spec.offset_ms // (1000 * KEY_SECONDS) * step
        count = max(1, round(spec.length_ms * FPS / 1000))
        # Encoded under the lock: two at once would encode the same pictures twice.
        with self._lock:
            if height not in self._pictures:
                self._pictures[height] = PictureMaster(height, self._cache_dir)
            master = self._pictures[height]
            frames = [with_lengths(unit) for unit in master.frames(first, count)]
        sizes = np.array([len(data) for data in frames], np.int64)
        fragments = [
            CodecFrames(at, sizes[at : at + step], partial(list, frames[at : at + step]))
            for at in range(0, count, step)
        ]
        head, ticks = master.mp4_head(), Mp4Frames(FPS * PICTURE_TICKS, PICTURE_TICKS, True)
        profile = head[head.index(b"avcC") + 5 :][:3].hex()
        return Stream(
            itag,
            f'video/mp4; codecs="avc1.{profile}"',
            round(1000 * count / FPS),
            mp4_layout(head, ticks, fragments, spec.index),
            timecode_at_zero=first / FPS,
            damage=spec.damage,
            width=width,
            height=height,
            fps=FPS,
        )

    def _sound(
        self, flavour: Flavour, first: int, count: int
    ) -> tuple[SoundMaster, list[CodecFrames]]:
        """The master, and its frames `first` and on in fragments of ten seconds."""
        with self._lock:
            if flavour not in self._sounds:
                self._sounds[flavour] = SoundMaster(flavour, self._cache_dir)
            master = self._sounds[flavour]
        # Sizes now, bytes only when a fragment is read: a player answer needs no more.
        step = FRAGMENT_SECONDS * flavour.sample_rate // flavour.frame_samples
        sizes = master.sizes(first, count)
        return master, [
            CodecFrames(
                at,
                sizes[at : at + step],
                partial(master.frames, first + at, min(step, count - at)),
            )
            for at in range(0, count, step)
        ]


class VideoStreams:
    """Streams by video and itag; the last few are kept. Blocking: call it off the event loop."""

    def __init__(self, folder: Path, *, pictures: bool, damaged: Container[int] = ()) -> None:
        self._store, self._pictures, self._damaged = MediaStore(folder), pictures, damaged
        self._kept: OrderedDict[tuple[str, int], Stream] = OrderedDict()
        self._lock = Lock()

    def of(self, video: Video) -> list[Stream]:
        """Every stream the video offers. Pictures are costly: left out unless asked for."""
        itags = [itag for itag in video.itags if self._pictures or itag not in _HEIGHTS]
        return [self.one(video, itag) for itag in itags or video.itags]

    def one(self, video: Video, itag: int) -> Stream:
        """One stream of a video."""
        key = video.video_id, itag
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        spec = spec_of(video)
        if itag in _HEIGHTS:
            # All pictures begin at 0: each other offset would need an encoding of its own.
            spec = replace(spec, offset_ms=0, damage=Damage.NONE, index=IndexForm.NORMAL)
        elif itag in self._damaged:
            spec = replace(spec, damage=Damage.GARBAGE)
        stream = self._store.stream(spec, itag)
        with self._lock:
            self._kept[key] = stream
            if len(self._kept) > _STREAMS_KEPT:
                self._kept.popitem(last=False)
        return stream

    def warm(self) -> None:
        """Encode (or load) what nearly every world needs."""
        for channels in (2, 1):
            for itag in (140, 251):
                self._store.stream(StreamSpec(length_ms=1000, channels=channels), itag)


def streams_of(settings: WorldSettings) -> VideoStreams:
    """The streams that a stand-in with these settings serves; tests compare clips with them."""
    # Shared by all stand-ins of a user: encoding takes seconds, and tests start dozens of them.
    folder = Path(tempfile.gettempdir()) / f"ascc-standin-{os.getuid()}"
    media = settings.media
    return VideoStreams(folder, pictures=media.pictures, damaged=media.damaged)
