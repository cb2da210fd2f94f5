"""Clips with picture and sound: both start where the segment does."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from media_helpers import Memory, Pcm, decoded_file, ffmpeg, resolved, segment, track

from ascc_async.errors import Rejected
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import samples
from ascc_async.media.ranges import Ranges
from ascc_async.model import Reason, Track
from ascc_async.standin.media import FPS, StreamSpec
from tests.timecode_reading import lag_samples

SPEC = StreamSpec(30_000, 44_100, 2)
Cutters = Callable[..., Cutter]
Streams = Callable[[StreamSpec, int], bytes]


def pictures(path: str, file: Path) -> list[float]:
    """When each picture is shown, in seconds."""
    done = subprocess.run(
        [path, "-nostdin", "-hide_banner", "-copyts", "-i", str(file), "-map", "0:v", "-vf",
         "showinfo", "-f", "null", "-"],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return [float(time) for time in re.findall(r"pts_time:\s*([-\d.]+)", done.stderr)]


def first_picture(path: str, file: Path, skip: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """The picture after `skip` others, in grey."""
    raw = ffmpeg(path, "-i", str(file), "-map", "0:v", "-vf", f"trim=start_frame={skip}",
                 "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")  # fmt: skip
    return np.frombuffer(raw, np.uint8).astype(int)


def video(url: str = "picture") -> Track:
    """The picture's track."""
    return track(url, kind="video", format_id="160", codec="avc1.4d400c")


@pytest.mark.parametrize("start", [0, 5_000, 9_960, 12_345])
async def test_picture_and_sound_start_with_the_segment(
    start: int, cutter: Cutters, stream: Streams, ffmpeg_path: str,
    full_decode: Callable[[StreamSpec, int], Pcm], tmp_path: Path,
) -> None:  # fmt: skip
    """The first picture is the one on the screen at the start; the sound has no lag."""
    memory = Memory({"sound": stream(SPEC, 140), "picture": stream(SPEC, 160)})
    cut = cutter(media="video", format="flac")
    clip = await cut.make(Ranges(memory), resolved(track(), video()), segment(start))
    file, source = tmp_path / clip.path, tmp_path / "source.mp4"
    source.write_bytes(memory.streams["picture"])
    times = pictures(ffmpeg_path, file)
    assert (file.suffix, times[0]) == (".mp4", 0)
    assert 10 - 1.01 / FPS <= times[-1] < 10
    shown = first_picture(ffmpeg_path, source, start * FPS // 1000)
    assert np.abs(first_picture(ffmpeg_path, file) - shown).mean() < 4
    pcm, first = decoded_file(ffmpeg_path, file, 2), samples(start, 44_100)
    reference = full_decode(SPEC, 140)[max(0, first - 100) : first + 44_200]
    assert len(pcm) == clip.frames == 441_000
    assert lag_samples(pcm[:40_000], reference) == min(first, 100)


async def test_webm_pictures_are_cut_too(
    cutter: Cutters, stream: Streams, ffmpeg_path: str, tmp_path: Path
) -> None:
    """VP9 with Opus, made of the same pictures, becomes MP4 as well."""
    vp9 = ffmpeg(ffmpeg_path, "-t", "20", "-i", "pipe:0", "-c:v", "libvpx-vp9", "-deadline",
                 "realtime", "-cpu-used", "8", "-g", "60", "-f", "webm", "pipe:1",
                 data=stream(SPEC, 160))  # fmt: skip
    memory = Memory({"sound": stream(SPEC, 251), "picture": vp9})
    cut = cutter(media="video")
    clip = await cut.make(Ranges(memory), resolved(track(), video()), segment(7_500))
    source = tmp_path / "source.webm"
    source.write_bytes(vp9)
    times = pictures(ffmpeg_path, tmp_path / clip.path)
    assert len(times) == 10 * FPS
    shown = first_picture(ffmpeg_path, source, 7_500 * FPS // 1000)
    assert np.abs(first_picture(ffmpeg_path, tmp_path / clip.path) - shown).mean() < 4


async def test_without_a_picture_there_is_no_video_clip(cutter: Cutters, stream: Streams) -> None:
    """A video of which only sound was resolved is not passed off as video."""
    memory = Memory({"sound": stream(SPEC, 140)})
    with pytest.raises(Rejected) as caught:
        await cutter(media="video").make(Ranges(memory), resolved(track()), segment(0))
    assert caught.value.reason is Reason.TOOL_FAILED


@pytest.mark.parametrize("itag", [140, 251])
async def test_spoilt_sound_is_corrupt_and_not_missing(
    itag: int, cutter: Cutters, stream: Streams
) -> None:
    """A clip without a sound track came of sound that does not decode: it is tried again."""
    spoilt = replace(SPEC, damaged=True)
    memory = Memory({"sound": stream(spoilt, itag), "picture": stream(SPEC, 160)})
    with pytest.raises(Rejected) as caught:
        await cutter(media="video").make(Ranges(memory), resolved(track(), video()), segment(0))
    assert caught.value.reason is Reason.CORRUPT
