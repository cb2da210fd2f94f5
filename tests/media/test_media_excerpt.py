"""Streams as others make them, damaged ones, and what is fetched of them."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_helpers import Memory, box, decoded_file, ffmpeg, resolved, segment, sidx, track

from ascc_async.errors import Rejected
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import samples
from ascc_async.media.excerpt import Excerpt, fetch_excerpt
from ascc_async.media.ranges import Ranges
from ascc_async.model import Reason
from ascc_async.standin.media import StreamSpec
from ascc_async.standin.media_containers import IndexForm
from benchmarks.stream_makers import MAKERS, Maker, made, presented

Streams = Callable[[StreamSpec, int], bytes]
Cutters = Callable[..., Cutter]
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
SPECS = [
    (140, StreamSpec(21_000, 22_050, 1)),
    (140, StreamSpec(21_000, 22_050, 1, index=IndexForm.NONE)),
    (251, StreamSpec(21_000, 48_000, 1)),
    (251, StreamSpec(21_000, 48_000, 1, index=IndexForm.UNKNOWN_SIZES)),
]


@pytest.fixture(scope="session")
def sound(ffmpeg_path: str, stream: Streams, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty seconds that sound different at every moment."""
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    spec = StreamSpec(40_000, 48_000, 2)
    ffmpeg(ffmpeg_path, "-i", "pipe:0", "-y", str(path), data=stream(spec, 140))
    return path


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
async def test_streams_of_another_maker_are_cut_to_the_sample(
    maker: Maker, sound: Path, ffmpeg_path: str, cutter: Cutters, tmp_path: Path
) -> None:
    """Wherever it starts, a clip is what is played there, and few bytes are fetched."""
    file = tmp_path / f"source.{maker.ending}"
    data = made(ffmpeg_path, maker, sound, file)
    whole = presented(ffmpeg_path, file, maker)
    for start in (0, 100, 9_999, 32_456):
        ranges = Ranges(Memory({"sound": data}))
        clip = await cutter().make(ranges, resolved(track()), segment(start, 5_000))
        pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16", always_2d=True)
        first = samples(start, rate)
        expected = whole[first : first + 5 * rate].astype(int)
        assert pcm.shape == expected.shape
        assert np.abs(pcm - expected).max() <= 1
        assert ranges.received < 1.01 * len(data)
        if maker.indexed:
            assert ranges.received < len(data) / 2
            assert ranges.requests <= 3


async def test_sound_is_taken_out_of_a_muxed_stream(
    ffmpeg_path: str, stream: Streams, cutter: Cutters, tmp_path: Path
) -> None:
    """As itag 18 is: a plain MP4 with pictures; fetched whole, once."""
    spec, file = StreamSpec(30_000, 44_100, 2), tmp_path / "source.mp4"
    for name, itag in (("sound.mp4", 140), ("picture.mp4", 160)):
        (tmp_path / name).write_bytes(stream(spec, itag))
    ffmpeg(ffmpeg_path, "-i", str(tmp_path / "picture.mp4"), "-i", str(tmp_path / "sound.mp4"),
           "-c", "copy", "-y", str(file))  # fmt: skip
    ranges = Ranges(Memory({"sound": file.read_bytes()}))
    clip = await cutter().make(ranges, resolved(track(format_id="18")), segment(12_345))
    pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16")
    expected = decoded_file(ffmpeg_path, file, 2)[samples(12_345, rate) :][: 10 * rate]
    assert np.abs(pcm.astype(int) - expected).max() <= 1
    assert ranges.received == file.stat().st_size


async def test_a_pause_and_then_priming_in_an_edit_list(
    sound: Path, ffmpeg_path: str, cutter: Cutters, tmp_path: Path
) -> None:
    """YouTube's own way: the sound waits, and of its first frame nothing is played."""
    file = tmp_path / "source.mp4"
    data = made(ffmpeg_path, MAKERS["sound delayed"], sound, file)
    entries = data.index(b"elst") + 12
    # Ticks are samples: 277 ms, then all that comes after the first frame.
    pause, media_time = struct.pack(">Ii", 13_296, -1), struct.pack(">i", 1024)
    assert data[entries + 4 : entries + 8] == b"\xff\xff\xff\xff"
    data = (
        data[:entries]
        + pause
        + data[entries + 8 : entries + 16]
        + media_time
        + data[entries + 20 :]
    )
    file.write_bytes(data)
    whole = np.concatenate([np.zeros((13_296, 2), np.int16), decoded_file(ffmpeg_path, file, 2)])
    for start in (0, 276, 30_000):
        clip = await cutter().make(
            Ranges(Memory({"sound": data})), resolved(track(format_id="18")), segment(start)
        )
        pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16", always_2d=True)
        expected = whole[samples(start, rate) :][: 10 * rate].astype(int)
        assert (rate, pcm.shape) == (48_000, expected.shape)
        assert np.abs(pcm - expected).max() <= 1


async def test_sbr_said_in_the_head_doubles_the_rate(
    ffmpeg_path: str, stream: Streams, cutter: Cutters, tmp_path: Path
) -> None:
    """HE-AAC: 22.05 kHz in the container, 44.1 kHz decoded; times hold all the same.

    The bundled ffmpeg encodes no SBR, so an AAC stream gets the head of one: the decoder doubles
    the rate, only without anything in the upper half.
    """
    data = stream(StreamSpec(45_000, 22_050, 2), 139)
    # AudioSpecificConfig: LC, 22.05 kHz, stereo, and behind it whether there is SBR, to 44.1 kHz.
    assert b"\x13\x90\x56\xe5\x00" in data
    data = data.replace(b"\x13\x90\x56\xe5\x00", b"\x13\x90\x56\xe5\xa0")
    file = tmp_path / "source.mp4"
    file.write_bytes(data)
    whole = decoded_file(ffmpeg_path, file, 2)
    for start in (0, 12_347, 30_500):
        ranges = Ranges(Memory({"sound": data}))
        clip = await cutter().make(ranges, resolved(track()), segment(start))
        pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16", always_2d=True)
        expected = whole[samples(start, rate) :][: 10 * rate].astype(int)
        assert (rate, pcm.shape) == (44_100, expected.shape)
        assert np.abs(pcm - expected).max() <= 1


@pytest.mark.parametrize("ending", ["webm", "mp4"])
@pytest.mark.parametrize("indexed", [True, False])
async def test_when_the_estimate_falls_short_the_rest_is_fetched(
    ending: str, indexed: bool, sound: Path, ffmpeg_path: str, cutter: Cutters, tmp_path: Path
) -> None:
    """Loud until 20 s, then silent: half of the time takes all bytes, and the clip is exact."""
    file, codec = tmp_path / f"source.{ending}", ["-c:a", "libopus", "-cluster_time_limit", "60000"]
    codec += ["-cues_to_front", "1"] if indexed else ["-live", "1"]
    if ending == "mp4":
        flags = "+dash+global_sidx" if indexed else "+frag_keyframe+empty_moov"
        codec = ["-c:a", "aac", "-aac_coder", "fast", "-aac_pns", "0"]
        codec += ["-movflags", flags, "-frag_duration", "60000000"]
    ffmpeg(ffmpeg_path, "-t", "40", "-i", str(sound), "-af", "volume=0:enable='gte(t,20)'",
           *codec, "-b:a", "96k", "-y", str(file))  # fmt: skip
    data, whole = file.read_bytes(), decoded_file(ffmpeg_path, file, 2)
    ranges = Ranges(Memory({"sound": data}))
    clip = await cutter().make(ranges, resolved(track(duration=40.0)), segment(9_500))
    pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16", always_2d=True)
    expected = whole[samples(9_500, rate) :][: 10 * rate].astype(int)
    assert pcm.shape == expected.shape
    assert np.abs(pcm - expected).max() <= 1
    assert ranges.received == pytest.approx(len(data), abs=5000)
    assert ranges.requests == 3


async def test_of_a_stream_without_index_only_its_beginning_is_fetched(
    stream: Streams, tmp_path: Path
) -> None:
    """As far as the segment's end probably lies, by the video's length; pictures whole."""
    data = stream(StreamSpec(60_000, 44_100, 2, index=IndexForm.NONE), 140)
    for kind, most in (("audio", 0.5), ("video", 1.0)):
        ranges = Ranges(Memory({"sound": data}))
        source = track(kind=kind, duration=60.0)
        found = await fetch_excerpt(ranges, source, 10_000, 20_000, tmp_path / kind)
        assert most - 0.15 < ranges.received / len(data) <= most
        assert (tmp_path / kind).read_bytes() == data[: ranges.received]
        assert (found.left_out is None) == (kind == "video")


def excerpt(data: bytes, start: int, end: int, scratch: Path, **said: object) -> Excerpt:
    """What is fetched of a stream."""
    ranges = Ranges(Memory({"sound": data}))
    return asyncio.run(fetch_excerpt(ranges, track(**said), start, end, scratch))


@FEW
@given(st.binary(max_size=600))
def test_random_bytes_are_rejected(tmp_path: Path, data: bytes) -> None:
    """Nothing in them leads anywhere."""
    with suppress(Rejected):
        assert excerpt(b"\0\0\0\x08" + data, 0, 10_000, tmp_path / "scratch").indexed is False


@pytest.mark.parametrize(("itag", "spec"), SPECS)
@FEW
@given(
    changes=st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), min_size=1, max_size=8),
    kept=st.one_of(st.none(), st.integers(1, 10**6)),
)
def test_damaged_heads_are_rejected_or_read(
    itag: int, spec: StreamSpec, stream: Streams, tmp_path: Path,
    changes: list[tuple[int, int]], kept: int | None,
) -> None:  # fmt: skip
    """Bytes changed in head and index, or an end cut off: no other error ever."""
    data = bytearray(stream(spec, itag))
    for place, value in changes:
        data[place] = value
    with suppress(Rejected):
        excerpt(bytes(data[: kept and 1 + kept % len(data)]), 9_000, 14_000, tmp_path / "scratch")


@pytest.mark.parametrize(("itag", "spec"), SPECS)
@pytest.mark.parametrize("seed", range(6))
async def test_damaged_media_make_no_wrong_clip(
    itag: int, spec: StreamSpec, seed: int, stream: Streams, cutter: Cutters
) -> None:
    """Through ffmpeg too, damage ends in a clip of the right length or in `Rejected`."""
    data, rng = bytearray(stream(spec, itag)), np.random.default_rng(seed)
    for place in rng.integers(0, len(data), 4 ** (1 + seed // 2)):
        data[place] = rng.integers(256)
    with suppress(Rejected):
        ranges = Ranges(Memory({"sound": bytes(data)}))
        clip = await cutter().make(ranges, resolved(track()), segment(9_000, 5_000))
        assert clip.duration_seconds <= 5


@pytest.mark.parametrize(("itag", "spec"), SPECS)
@pytest.mark.parametrize("seconds", [None, -5.0, 0.0, 0.001, 5.0, 21.0, 1e308, math.inf, math.nan])
def test_the_length_that_the_link_says_is_not_trusted(
    itag: int, spec: StreamSpec, stream: Streams, tmp_path: Path, seconds: float | None
) -> None:
    """A length that cannot be: the stream is read all the same."""
    made_of = excerpt(stream(spec, itag), 9_000, 14_000, tmp_path / "scratch", duration=seconds)
    assert made_of.indexed == (spec.index is not IndexForm.NONE)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (sidx([(0x7FFFFFFF, 20_000)]), "asks for 2147483647 bytes"),
        (sidx([(1000, 20_000)], offset=0xFFFF_FFF0), "nothing at byte"),
        (sidx([(200_000, 20_000)]), "ends before its index"),
        (sidx([(100_000, 20)]), "ends before the segment starts at 5 s"),
    ],
)
def test_an_index_that_lies_is_named(
    index: bytes, words: str, stream: Streams, tmp_path: Path
) -> None:
    """Gigabytes, beyond the end, more than there is: each has its message."""
    data = stream(*reversed(SPECS[0]))  # type: ignore[arg-type]
    head = data[: data.index(b"sidx") - 4]
    with pytest.raises(Rejected, match=words) as caught:
        excerpt(head + index + box(b"free", bytes(99_992)), 5_000, 10_000, tmp_path / "scratch")
    assert caught.value.reason in (Reason.CORRUPT, Reason.TOO_SHORT)
