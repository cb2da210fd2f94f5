"""From a video's truth to its encoded streams."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from ascc_async.standin.media import MediaStore, StreamSpec
from ascc_async.standin.media_layout import Damage, IndexForm, Stream
from ascc_async.standin.timecode import LONGEST_SECONDS
from ascc_async.standin.world import Video

PICTURES = (160, 134)
_KEPT = 200
_ODD_INDEXES = (
    IndexForm.WIDE,
    IndexForm.GAP,
    IndexForm.NESTED,
    IndexForm.TAIL,
    IndexForm.UNKNOWN_SIZES,
    IndexForm.NONE,
)


def spec_of(video: Video) -> StreamSpec:
    """What this video's media are like; the same in every process.

    One video in eight has an unusual index, one in eight no edit list. The sound begins at
    `offset_ms` of the time code, so that two videos sound different.
    """
    number = video.number
    spare_ms = max(1, int(LONGEST_SECONDS * 1000) - video.length_ms)
    odd = (number >> 44) % 8 == 0
    return StreamSpec(
        length_ms=video.length_ms,
        sample_rate=video.sample_rate,
        channels=video.channels,
        offset_ms=(number >> 20) % spare_ms,
        silent=video.silent,
        damage=Damage.GARBAGE if video.corrupt else Damage.NONE,
        index=_ODD_INDEXES[(number >> 47) % len(_ODD_INDEXES)] if odd else IndexForm.NORMAL,
        edit_list=(number >> 50) % 8 != 0,
    )


def itags_of(video: Video, *, pictures: bool) -> Sequence[int]:
    """Which streams a video offers. Pictures are costly: left out unless asked for."""
    if video.no_audio:
        return (160,)
    return [itag for itag in video.itags if pictures or itag not in PICTURES]


class Streams:
    """Streams by video and itag; the last few are kept. Blocking: call it off the event loop."""

    def __init__(self, folder: Path, *, pictures: bool, damaged: Container[int] = ()) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._store, self._pictures, self._damaged = MediaStore(folder), pictures, damaged
        self._kept: OrderedDict[tuple[str, int], Stream] = OrderedDict()
        self._lock = Lock()

    def of(self, video: Video) -> list[Stream]:
        """Every stream the video offers."""
        return [self.one(video, itag) for itag in itags_of(video, pictures=self._pictures)]

    def one(self, video: Video, itag: int) -> Stream:
        """One stream of a video."""
        key = video.video_id, itag
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        spec = spec_of(video)
        if itag in PICTURES:
            spec = replace(spec, offset_ms=0, damage=Damage.NONE, index=IndexForm.NORMAL)
        elif itag in self._damaged:
            spec = replace(spec, damage=Damage.GARBAGE)
        stream = self._store.stream(spec, itag)
        with self._lock:
            self._kept[key] = stream
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return stream

    def warm(self) -> None:
        """Encode (or load) what nearly every world needs."""
        for channels in (2, 1):
            for itag in (140, 251):
                self._store.stream(StreamSpec(length_ms=1000, channels=channels), itag)
