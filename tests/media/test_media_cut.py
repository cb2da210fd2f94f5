"""Clips are the very samples of a full decode, and in place only when whole."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_helpers import (
    VIDEO_ID,
    Memory,
    Pcm,
    WaitingFFmpeg,
    alive,
    resolved,
    segment,
    torn_after,
    track,
)

from ascc_async.errors import NetworkFault, Rejected
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import samples
from ascc_async.media.ffmpeg import FFmpeg
from ascc_async.media.ranges import Ranges
from ascc_async.model import Reason
from ascc_async.settings import ClipsSettings
from ascc_async.standin.media import StreamSpec
from ascc_async.standin.media_containers import IndexForm

MP4, WEBM = 140, 251
Cutters = Callable[..., Cutter]
Streams = Callable[[StreamSpec, int], bytes]
Decodes = Callable[[StreamSpec, int], Pcm]
LENGTH = 45_000
SPECS = {
    "stereo": StreamSpec(LENGTH, 44_100, 2),
    "mono 22.05 kHz, no edit list": StreamSpec(LENGTH, 22_050, 1, edit_list=False),
}
STARTS = {
    "the very start": 0,
    "a fraction of a second": 12_347,
    "where a fragment begins": 20_000,
    "just before a fragment": 19_983,
    "just after a fragment": 20_061,
    "ten seconds before the end": 35_000,
    "the end within the segment": 41_234,
}


def files(folder: Path) -> list[str]:
    """Names of all files beneath a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("spec", "start"),
    [
        *((SPECS["stereo"], start) for start in STARTS.values()),
        *((SPECS["mono 22.05 kHz, no edit list"], start) for start in list(STARTS.values())[::2]),
    ],
)
@pytest.mark.parametrize("itag", [MP4, WEBM], ids=["mp4", "webm"])
async def test_clip_holds_the_samples_of_the_full_decode(
    itag: int, spec: StreamSpec, start: int, cutter: Cutters, stream: Streams,
    full_decode: Decodes, tmp_path: Path,
) -> None:  # fmt: skip
    """Zero samples of lag and the exact length, wherever the segment starts."""
    ranges = Ranges(Memory({"sound": stream(spec, itag)}))
    clip = await cutter().make(ranges, resolved(track()), segment(start))
    pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16", always_2d=True)
    first = samples(start, rate)
    expected = full_decode(spec, itag)[first : first + round(10 * rate)]
    assert pcm.shape == expected.shape
    assert int(np.abs(pcm.astype(int) - expected).max()) <= 1
    assert (clip.frames, clip.channels) == expected.shape
    assert clip.sample_rate == rate


@pytest.mark.parametrize(
    ("itag", "form"),
    [
        (MP4, IndexForm.WIDE), (MP4, IndexForm.GAP), (MP4, IndexForm.NONE),
        (WEBM, IndexForm.GAP), (WEBM, IndexForm.TAIL), (WEBM, IndexForm.UNKNOWN_SIZES),
        (WEBM, IndexForm.NONE),
    ],
)  # fmt: skip
async def test_every_form_of_index_leads_to_the_same_clip(
    itag: int, form: IndexForm, cutter: Cutters, stream: Streams
) -> None:
    """64-bit, late or missing: the clip is byte for byte the one of a plain index."""
    hashes = set()
    for index in (IndexForm.NORMAL, form):
        data = stream(StreamSpec(LENGTH, 44_100, 2, index=index), itag)
        ranges = Ranges(Memory({"sound": data}))
        clip = await cutter().make(ranges, resolved(track()), segment(23_456))
        hashes.add(clip.sha256)
    assert len(hashes) == 1


async def test_a_clip_says_what_it_is(cutter: Cutters, stream: Streams, tmp_path: Path) -> None:
    """Path, hash, size, form and source in the record are those of the file."""
    ranges = Ranges(Memory({"sound": stream(SPECS["stereo"], MP4)}))
    clip = await cutter().make(ranges, resolved(track()), segment(30_500))
    data = (tmp_path / clip.path).read_bytes()
    assert clip.path == f"clips/{VIDEO_ID[:2]}/{VIDEO_ID}_30500.flac"
    assert (clip.sha256, clip.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert clip.segment_id == f"{VIDEO_ID}_30500"
    assert clip.encoding == "audio/flac/source/source"
    assert clip.source_format == "140 mp4 mp4a.40.2"
    assert -20 < clip.quality.rms_dbfs < clip.quality.peak_dbfs < 0


@pytest.mark.parametrize(
    ("itag", "spec", "start", "reason"),
    [
        (MP4, StreamSpec(LENGTH), 45_200, Reason.TOO_SHORT),
        (WEBM, StreamSpec(LENGTH), 45_200, Reason.TOO_SHORT),
        (MP4, StreamSpec(LENGTH), 400_000, Reason.TOO_SHORT),
        (WEBM, StreamSpec(LENGTH), 400_000, Reason.TOO_SHORT),
        # Without an index it is an empty clip that tells.
        (MP4, StreamSpec(5_730, index=IndexForm.NONE), 30_000, Reason.TOO_SHORT),
        (MP4, StreamSpec(LENGTH, silent=True), 10_000, Reason.SILENT),
        (WEBM, StreamSpec(LENGTH, silent=True), 10_000, Reason.SILENT),
        (MP4, StreamSpec(LENGTH, damaged=True), 10_000, Reason.CORRUPT),
        (WEBM, StreamSpec(LENGTH, damaged=True), 10_000, Reason.CORRUPT),
    ],
)
async def test_what_is_no_clip_is_rejected_with_the_true_reason(
    itag: int, spec: StreamSpec, start: int, reason: Reason, cutter: Cutters, stream: Streams,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Beyond the end, silent, damaged: a reason of the closed list, and no file."""
    assert await reason_why_not(cutter(), stream(spec, itag), start) is reason
    assert files(tmp_path) == []


async def reason_why_not(cutter: Cutter, data: bytes, start: int) -> Reason:
    """The reason for which no clip comes out of a stream."""
    with pytest.raises(Rejected) as caught:
        await cutter.make(Ranges(Memory({"sound": data})), resolved(track()), segment(start))
    return caught.value.reason


@pytest.mark.parametrize("itag", [MP4, WEBM])
async def test_a_stream_that_broke_off_is_corrupt(
    itag: int, cutter: Cutters, stream: Streams
) -> None:
    """Its index names what is beyond its end."""
    data = stream(StreamSpec(LENGTH), itag)
    assert await reason_why_not(cutter(), data[: len(data) * 3 // 5], 30_000) is Reason.CORRUPT


async def test_silence_that_is_damaged_is_not_silent(cutter: Cutters, stream: Streams) -> None:
    """The second half of the segment might have been anything."""
    good, bad = (stream(StreamSpec(LENGTH, silent=True, damaged=d), WEBM) for d in (False, True))
    half = len(good) // 3
    assert await reason_why_not(cutter(), good[:half] + bad[half:], 10_000) is Reason.CORRUPT


async def test_neither_mp4_nor_webm_is_corrupt(cutter: Cutters) -> None:
    """A web page where media should be does not get as far as ffmpeg."""
    ranges = Ranges(Memory({"sound": b"<!doctype html>" * 1000}))
    with pytest.raises(Rejected, match="neither MP4 nor WebM"):
        await cutter().make(ranges, resolved(track()), segment(0))


async def test_a_stream_with_pictures_only_has_no_audio(cutter: Cutters, stream: Streams) -> None:
    """No sound track: `no_audio`."""
    ranges = Ranges(Memory({"sound": stream(SPECS["stereo"], 160)}))
    with pytest.raises(Rejected) as caught:
        await cutter().make(ranges, resolved(track()), segment(0))
    assert caught.value.reason is Reason.NO_AUDIO


@pytest.mark.parametrize("itag", [MP4, WEBM], ids=["mp4", "webm"])
async def test_the_same_clip_is_the_same_file_and_takes_two_requests(
    itag: int, cutter: Cutters, stream: Streams
) -> None:
    """Nothing of the moment is written into it; bodies cut short go on where they stopped."""
    data = stream(SPECS["stereo"], itag)
    torn = [torn_after(100), torn_after(3996), torn_after(90_000)]
    hashes = set()
    for script, requests in (([], 2), ([], 2), (torn, 4)):
        ranges = Ranges(Memory({"sound": data}, script))
        hashes.add((await cutter().make(ranges, resolved(track()), segment(14_000))).sha256)
        assert ranges.requests == requests
        # The head, the second before the segment, the last fragment a little beyond its end.
        assert ranges.received < 290_000
    assert len(hashes) == 1


async def test_a_connection_that_always_breaks_leaves_nothing(
    cutter: Cutters, stream: Streams, tmp_path: Path
) -> None:
    """After some tries it is a network fault, and no file is left."""
    memory = Memory({"sound": stream(SPECS["stereo"], MP4)}, [torn_after(10)] * 50)
    with pytest.raises(NetworkFault) as caught:
        await cutter().make(Ranges(memory), resolved(track()), segment(14_000))
    assert caught.value.kind == "short_body"
    assert files(tmp_path) == []


async def test_cancelling_leaves_neither_file_nor_process(
    stream: Streams, tmp_path: Path, waiting_ffmpeg: WaitingFFmpeg
) -> None:
    """Cancelled while ffmpeg works, its temporary file and its processes go with it."""
    folder = tmp_path / "out"
    cutter = Cutter(ClipsSettings(), FFmpeg(waiting_ffmpeg.installed), folder)
    ranges = Ranges(Memory({"sound": stream(SPECS["stereo"], MP4)}))
    task = asyncio.ensure_future(cutter.make(ranges, resolved(track()), segment(14_000)))
    process = await waiting_ffmpeg.started()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(process)
    assert files(folder) == []
