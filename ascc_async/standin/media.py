"""Media of the stand-in's videos: any length in milliseconds of work, right to the sample."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from pathlib import Path
from threading import Lock, get_ident
from typing import Any

import numpy as np

from ascc_async.model import Reason
from ascc_async.standin.media_containers import (
    ByteRange,
    ByteRun,
    CodecFrames,
    IndexForm,
    mp4_layout,
    webm_layout,
)
from ascc_async.standin.media_masters import (
    OPUS_PRE_SKIP,
    Flavour,
    SoundMaster,
    run_ffmpeg,
)
from ascc_async.standin.timecode import LONGEST_SECONDS
from ascc_async.standin.world import Video
from ascc_async.standin.world_settings import MediaSettings

FRAGMENT_SECONDS = 10  # about what YouTube's own fragments last
FPS, KEY_SECONDS = 12, 5
_BITRATES: Mapping[int, int] = {139: 48_000, 140: 128_000, 249: 50_000, 251: 128_000}
_PICTURE_SIZES: Mapping[int, tuple[int, int]] = {160: (256, 144), 134: (640, 360)}
_AAC_ITAGS = (139, 140)
ITAGS = (*_BITRATES, *_PICTURE_SIZES)
_STREAMS_KEPT = 200  # between a player's answer and the ranges read after it
_ODD_INDEXES = [form for form in IndexForm if form is not IndexForm.NORMAL]


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a video's media are like. WebM sound is 48 kHz whatever `sample_rate` says.

    `offset_ms` is where in the time code the video begins, rounded down to a codec frame, so that
    two videos sound different; all pictures begin at 0. `edit_list`: the MP4 cuts the encoder's
    1024 priming samples off; without one they are decoded, and all sound comes 1024 samples
    later. `silent`: digital silence, which decodes to zeros. `damaged`: random bytes in place of
    all sound; the index is that of sound media.
    """

    length_ms: int
    sample_rate: int = 44_100
    channels: int = 2
    offset_ms: int = 0
    silent: bool = False
    damaged: bool = False
    index: IndexForm = IndexForm.NORMAL
    edit_list: bool = True


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one video, as the server hands it out, put together when it is read.

    Thread-safe; holds no sound itself. `timecode_at_zero` is the time code in seconds of the
    first sample that ffmpeg decodes; `facts` are what the player says of this kind of stream.
    """

    itag: int
    mime: str
    duration_ms: int
    runs: tuple[ByteRun, ...] = field(repr=False)
    init_range: ByteRange
    index_range: ByteRange | None
    timecode_at_zero: float = 0
    damaged: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """All its bytes."""
        return sum(run.size for run in self.runs)

    @property
    def bitrate(self) -> int:
        """Average bits a second."""
        # Measured, not the encoder's target: silence compresses to almost nothing.
        return round(8000 * self.size / self.duration_ms)

    def read(self, first: int = 0, last: int | None = None) -> bytes:
        """Bytes `first` to `last`, both included; fewer at the end of the stream."""
        end = self.size if last is None else min(self.size, last + 1)
        pieces, begin = [], 0
        for number, run in enumerate(self.runs):
            if begin < end and begin + run.size > first:
                data = run.build()
                # Headers stay whole, or clients would see another fault than damaged sound.
                if run.payload_at is not None and self.damaged:
                    # Seeded: overlapping ranges must agree, however often they are read.
                    noise = np.random.default_rng(number).bytes(run.size - run.payload_at)
                    data = data[: run.payload_at] + noise
                pieces.append(data[max(0, first - begin) : end - begin])
            begin += run.size
        return b"".join(pieces)


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
        damaged=video.reason is Reason.CORRUPT,
        index=_ODD_INDEXES[(number >> 47) % len(_ODD_INDEXES)] if odd else IndexForm.NORMAL,
        edit_list=(number >> 50) % 8 != 0,
    )


@lru_cache(_STREAMS_KEPT)
def make_stream(spec: StreamSpec, itag: int) -> Stream:
    """The stream. Raises KeyError for an itag not in ITAGS.

    Thread-safe. The first of a flavour takes a second or two: call it off the event loop.
    """
    if itag in _PICTURE_SIZES:
        return _picture_stream(spec, itag)
    aac = itag in _AAC_ITAGS
    codec, rate = ("aac", spec.sample_rate) if aac else ("opus", 48_000)
    if itag == 139:  # YouTube's smallest stream, whatever the upload had
        rate = 22_050
    flavour = Flavour(codec, rate, spec.channels, _BITRATES[itag], spec.silent)
    frame = flavour.frame_samples
    with _LOCK:  # two at once would encode the same twice
        master = _master(flavour)
    first = spec.offset_ms * rate // (1000 * frame)
    if aac:
        primed = int(spec.edit_list)  # one frame more, which the edit list cuts off again
        count = primed + max(1, round(spec.length_ms * rate / (1000 * frame)))
        samples, begin = (count - primed) * frame, (first + primed - 1) * frame
    else:
        # Rounded up: what is too much the decoder plays, what is missing it cannot.
        count = -(-(spec.length_ms * 48 + OPUS_PRE_SKIP) // frame)
        samples, begin = count * frame - OPUS_PRE_SKIP, first * frame
    # Sizes now, bytes only when a fragment is read: a player answer needs no more.
    sizes, step = master.sizes(first, count), FRAGMENT_SECONDS * rate // frame
    fragments = []
    for at in range(0, count, step):
        frames = partial(master.frames, first + at, min(step, count - at))
        fragments.append(CodecFrames(at, sizes[at : at + step], frames))
    if aac:
        head = master.mp4_head(edit_list=spec.edit_list)
        layout = mp4_layout(head, rate, fragments, spec.index)
    else:
        layout = webm_layout(spec.channels, fragments, 1000 * samples / rate, spec.index)
    return Stream(
        itag,
        'audio/mp4; codecs="mp4a.40.2"' if aac else 'audio/webm; codecs="opus"',
        round(1000 * samples / rate),
        *layout,
        timecode_at_zero=begin / rate,
        damaged=spec.damaged,
        facts={
            "audioQuality": "AUDIO_QUALITY_MEDIUM",
            "audioSampleRate": str(rate),
            "audioChannels": spec.channels,
            "loudnessDb": -3.2,
        },
    )


def stream_of(video: Video, itag: int, settings: MediaSettings) -> Stream:
    """One stream of a video; tests compare clips with it."""
    spec = spec_of(video)
    if itag in settings.damaged:
        spec = replace(spec, damaged=True)
    return make_stream(spec, itag)


def streams_of(video: Video, settings: MediaSettings) -> list[Stream]:
    """Every stream the video offers. Pictures are costly: left out unless asked for."""
    itags = [itag for itag in video.itags if settings.pictures or itag not in _PICTURE_SIZES]
    return [stream_of(video, itag, settings) for itag in itags or video.itags]


_LOCK = Lock()


@cache
def _master(flavour: Flavour) -> SoundMaster:
    return SoundMaster(flavour, _folder())


@cache
def _folder() -> Path:
    """Shared by all stand-ins of a user: encoding takes seconds, and tests start dozens of them."""
    folder = Path(tempfile.gettempdir()) / f"ascc-standin-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _picture_stream(spec: StreamSpec, itag: int) -> Stream:
    """H.264 without B-frames, a fragment to each key frame, all of it ffmpeg's work."""
    (width, height), pictures = _PICTURE_SIZES[itag], max(1, round(spec.length_ms * FPS / 1000))
    path = _folder() / f"pictures-{height}-{pictures}.mp4"
    if not path.exists():
        # A picture shows its number: 16 bits from left to right, bright is 1; inverse below.
        bits = "40+180*abs(mod(floor(N/pow(2,15-X)),2)-gte(Y,4))"
        source = f"nullsrc=s=16x9:r={FPS},format=gray,geq=lum='{bits}'"
        # A file, not a pipe: ffmpeg goes back to write the index at the front. Of its own, as
        # several stand-ins may make it at once: the last one stays.
        unfinished = path.with_name(f".{os.getpid()}.{get_ident()}.{path.name}")
        run_ffmpeg(
            ["-y", "-f", "lavfi", "-i", source, "-frames:v", str(pictures), "-vf",
             f"scale={width}:{height}:flags=neighbor,format=yuv420p",
             "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-bf", "0",
             "-threads", "1", "-x264-params", f"keyint={FPS * KEY_SECONDS}:scenecut=0",
             "-movflags", "frag_keyframe+empty_moov+dash+global_sidx+skip_trailer",
             str(unfinished)]
        )  # fmt: skip
        unfinished.replace(path)
    data = path.read_bytes()
    sidx = data.index(b"sidx") - 4
    (sidx_size,) = struct.unpack_from(">I", data, sidx)
    profile = data[data.index(b"avcC") + 5 :][:3].hex()
    return Stream(
        itag,
        f'video/mp4; codecs="avc1.{profile}"',
        round(1000 * pictures / FPS),
        (ByteRun.of(data),),
        (0, sidx - 1),
        (sidx, sidx + sidx_size - 1),
        facts={"width": width, "height": height, "fps": FPS, "qualityLabel": f"{height}p"},
    )
