"""Streams that our stand-in does not make: the same sound, put into containers by ffmpeg.

For `benchmarks.exactness` and the tests of media.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Maker:
    """ffmpeg's options for one kind of stream, and what comes out (rate None: as it went in).

    `indexed`: whether only a part of it need be fetched. `delayed`: an edit list says that the
    sound begins late.
    """

    options: tuple[str, ...]
    ending: str
    indexed: bool
    rate: int | None = None
    channels: int = 2
    delayed: bool = False


# Without noise substitution: it is drawn anew at every decoding, from the first packet on. By the
# quick coders: the containers are what differs here.
_AAC = ("-c:a", "aac", "-aac_coder", "fast", "-aac_pns", "0")
_OPUS = ("-c:a", "libopus", "-compression_level", "0", "-b:a", "96k")
_VORBIS = ("-c:a", "libvorbis", "-b:a", "128k")
_PICTURES = ("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-shortest")
_H264 = ("-c:v", "libx264", "-preset", "ultrafast")
_DELAY = "0.28"  # seconds, a whole number of samples at every rate
_DELAYED = ("-af", f"asetpts=PTS+{_DELAY}/TB")
_DASH = (*_AAC, "-movflags", "+dash+global_sidx", "-frag_duration")
MAKERS: Mapping[str, Maker] = MappingProxyType(
    {
        "fragments of 3.3 s": Maker((*_DASH, "3300000"), "mp4", True),
        "sidx of one reference": Maker((*_DASH, "900000000"), "mp4", False),
        "sidx in front of every fragment": Maker(
            (*_AAC, "-movflags", "+dash", "-frag_duration", "4000000"), "mp4", False
        ),
        "fragments without sidx": Maker(
            (*_AAC, "-movflags", "+frag_keyframe+empty_moov", "-frag_duration", "9000000"),
            "mp4",
            False,
        ),
        "mono, 22.05 kHz": Maker(
            (*_DASH, "5000000", "-ac", "1", "-ar", "22050"), "mp4", True, 22_050, 1
        ),
        "plain, moov in front, edit list": Maker((*_AAC, "-movflags", "+faststart"), "mp4", False),
        "plain, moov at the end": Maker(_AAC, "mp4", False),
        "Opus, Cues at the end": Maker(
            (*_OPUS, "-cluster_time_limit", "4000"), "webm", True, 48_000
        ),
        "Opus, Cues in front": Maker(
            (*_OPUS, "-cluster_time_limit", "7000", "-cues_to_front", "1"), "webm", True, 48_000
        ),
        "Opus, no Cues": Maker(
            (*_OPUS, "-live", "1", "-cluster_time_limit", "4000"), "webm", False, 48_000
        ),
        # ffmpeg takes such a stream to start 6 ms later than it does.
        "Opus encoded at 24 kHz, no Cues": Maker(
            (*_OPUS, "-live", "1", "-ar", "24000"), "webm", False, 48_000
        ),
        "Opus, frames of 2.5 ms": Maker(
            (*_OPUS, "-frame_duration", "2.5", "-cluster_time_limit", "3000"), "webm", True, 48_000
        ),
        "Opus, frames of 60 ms": Maker(
            (*_OPUS, "-frame_duration", "60", "-cluster_time_limit", "3000"), "webm", True, 48_000
        ),
        "Opus, clock from 5,000 s on": Maker(
            (*_OPUS, "-cluster_time_limit", "4000", "-output_ts_offset", "5000"),
            "webm",
            True,
            48_000,
        ),
        "Vorbis, Cues at the end": Maker((*_VORBIS, "-cluster_time_limit", "4000"), "webm", False),
        "Vorbis and pictures": Maker(
            (*_PICTURES, "-c:v", "libvpx", "-deadline", "realtime", *_VORBIS), "webm", False
        ),
        "sound delayed": Maker((*_AAC, *_DELAYED), "mp4", False, delayed=True),
        "sound delayed, with pictures": Maker(
            (*_PICTURES, *_H264, *_AAC, *_DELAYED, "-movflags", "+faststart"),
            "mp4",
            False,
            delayed=True,
        ),
        "sound and pictures delayed": Maker(
            (*_PICTURES, *_H264, *_AAC, "-output_ts_offset", _DELAY), "mp4", False, delayed=True
        ),
        "sound delayed, with sidx": Maker(
            (*_DASH, "4000000", "-movflags", "+dash+global_sidx+delay_moov", *_DELAYED),
            "mp4",
            False,
            delayed=True,
        ),
    }
)


def presented(ffmpeg: str, stream: Path, maker: Maker) -> Pcm:
    """All samples as a player plays them, silence while the sound is not there yet included."""
    clock = ("-copyts",) if maker.delayed else ()
    filled = ("-af", "aresample=async=1:first_pts=0") if maker.delayed else ()
    command = [ffmpeg, "-nostdin", "-loglevel", "error", *clock, "-i", str(stream), "-map", "0:a:0"]
    done = subprocess.run(
        [*command, *filled, "-f", "s16le", "pipe:1"], capture_output=True, check=True
    )
    return np.frombuffer(done.stdout, np.int16).reshape(-1, maker.channels)


def made(ffmpeg: str, maker: Maker, sound: Path, stream: Path) -> bytes:
    """The stream, left in a file too. `sound` is anything that ffmpeg reads."""
    command = [ffmpeg, "-nostdin", "-loglevel", "error", "-i", str(sound), *maker.options]
    subprocess.run([*command, "-y", str(stream)], check=True)
    return stream.read_bytes()
