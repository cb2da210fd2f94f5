"""Every format of clip: exact length, no lag, and what is noted of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from media_helpers import Memory, Pcm, decoded_file, resolved, segment, track

from ascc_async.errors import Rejected, SetupError
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import samples
from ascc_async.media.ffmpeg import FFmpeg, Installed
from ascc_async.media.ranges import Ranges
from ascc_async.model import ClipFile, Reason
from ascc_async.settings import ClipsSettings
from ascc_async.standin.media import StreamSpec
from tests.timecode_reading import lag_samples

MP4, WEBM = 140, 251
SPEC = StreamSpec(45_000, 44_100, 2)
Cutters = Callable[..., Cutter]
Streams = Callable[[StreamSpec, int], bytes]
Decodes = Callable[[StreamSpec, int], Pcm]


@pytest.fixture
def make(cutter: Cutters, stream: Streams) -> Callable[..., object]:
    """Makes one clip with the settings given."""

    async def made(itag: int, start: int, **settings: object) -> ClipFile:
        ranges = Ranges(Memory({"sound": stream(SPEC, itag)}))
        sound = track(codec="opus" if itag == WEBM else "mp4a.40.2")
        return await cutter(**settings).make(ranges, resolved(sound), segment(start))

    return made


@pytest.mark.parametrize("form", ["flac", "wav", "opus", "m4a", "mp3"])
@pytest.mark.parametrize("itag", [MP4, WEBM], ids=["from mp4", "from webm"])
@pytest.mark.parametrize(
    "start",
    [20_011, pytest.param(41_500, marks=pytest.mark.slow)],
    ids=["within", "beyond the end"],
)
async def test_length_is_exact_and_nothing_is_shifted(
    form: str, itag: int, start: int, make: Callable[..., object], ffmpeg_path: str,
    full_decode: Decodes, tmp_path: Path,
) -> None:  # fmt: skip
    """Decoded by ffmpeg, each format has the very number of samples and no lag."""
    clip = await make(itag, start, format=form)  # type: ignore[misc]
    pcm = decoded_file(ffmpeg_path, tmp_path / clip.path, 2)
    whole = full_decode(SPEC, itag)
    source = 48_000 if itag == WEBM else 44_100
    first = samples(start, source)
    there = min(len(whole) - first, 10 * source)
    assert len(pcm) == clip.frames == round(there * clip.sample_rate / source)
    if form != "m4a":  # most Python tools read with libsndfile, and see the same
        read = soundfile.info(tmp_path / clip.path)
        assert (read.frames, read.samplerate) == (clip.frames, clip.sample_rate)
    reference = whole[first - 100 : first + source + 100].astype(np.float32)
    if clip.sample_rate != source:
        assert (form, clip.sample_rate) == ("opus", 48_000)
        reference = soxr.resample(whole[first : first + source], source, 48_000)
        assert lag_samples(pcm[100:40_000], reference) == 100
    else:
        assert lag_samples(pcm[:40_000], reference) == 100


@pytest.mark.parametrize("itag", [MP4, WEBM])
@pytest.mark.parametrize("form", ["m4a", "opus", "mp3", "flac"])
async def test_encoding_again_is_noted(itag: int, form: str, make: Callable[..., object]) -> None:
    """The record says that a lossy source was encoded by a lossy codec a second time."""
    clip = await make(itag, 1_000, format=form)  # type: ignore[misc]
    codec = "opus" if itag == WEBM else "aac"
    assert clip.note == ("" if form == "flac" else f"re-encoded from {codec}")


@pytest.mark.parametrize("form", ["mp3", "opus", "m4a", "flac", "wav"])
@pytest.mark.parametrize("length", [23, 1_004, 3_217, 5_999])
async def test_any_length_is_kept_to_the_sample(
    form: str, length: int, cutter: Cutters, stream: Streams
) -> None:
    """Encoders work in frames, segments do not end at their borders."""
    ranges = Ranges(Memory({"sound": stream(SPEC, MP4)}))
    clip = await cutter(format=form).make(ranges, resolved(track()), segment(12_345, length))
    assert clip.frames == samples(length, 48_000 if form == "opus" else 44_100)


@pytest.mark.parametrize("itag", [MP4, WEBM])
async def test_rate_and_channels_are_changed_without_a_shift(
    itag: int, make: Callable[..., object], full_decode: Decodes, tmp_path: Path
) -> None:
    """16 kHz mono is what soxr makes of the cut, mixed in equal parts, on the same grid."""
    clip = await make(itag, 15_003, sample_rate=16_000, channels=1)  # type: ignore[misc]
    pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16", always_2d=True)
    assert (clip.frames, rate, clip.channels) == (160_000, 16_000, 1)
    source = 48_000 if itag == WEBM else 44_100
    first = round(15_003 * source / 1000)
    mono = full_decode(SPEC, itag)[first : first + 11 * source].astype(np.float64).mean(axis=1)
    expected = soxr.resample(mono, source, 16_000)[1000:150_000]
    assert float(np.abs(pcm[1000:150_000, 0] - expected).mean()) < 2


async def test_mono_made_stereo_is_as_loud(
    cutter: Cutters, stream: Streams, full_decode: Decodes, tmp_path: Path
) -> None:
    """Both channels hold the source's samples, not 3 dB less."""
    spec = StreamSpec(45_000, 22_050, 1, edit_list=False)
    ranges = Ranges(Memory({"sound": stream(spec, MP4)}))
    clip = await cutter(channels=2).make(ranges, resolved(track()), segment(3_000))
    pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16")
    expected = full_decode(spec, MP4)[3 * rate : 13 * rate]
    assert np.abs(pcm.astype(int) - expected).max() <= 1


async def test_a_segment_beyond_the_end_is_padded_kept_or_dropped(
    make: Callable[..., object], tmp_path: Path
) -> None:
    """`pad` adds silence and says how much, `keep` says what is missing, `drop` rejects."""
    clip = await make(MP4, 41_000, shorter_than_segment="pad")  # type: ignore[misc]
    pcm, rate = soundfile.read(tmp_path / clip.path, dtype="int16")
    assert len(pcm) == 10 * rate
    said = float(clip.note.split()[1])
    assert clip.note == f"last {said:.3f} s are silence, added"
    assert not pcm[-round((said - 0.01) * rate) :].any()
    assert pcm[-round((said + 0.5) * rate) : -round(said * rate)].any()
    clip = await make(MP4, 41_000, shorter_than_segment="keep")  # type: ignore[misc]
    assert clip.duration_seconds == pytest.approx(4.0, abs=0.05)
    assert "before the segment" in clip.note
    with pytest.raises(Rejected) as caught:
        await make(MP4, 41_000, shorter_than_segment="drop")  # type: ignore[misc]
    assert caught.value.reason is Reason.TOO_SHORT


@pytest.mark.parametrize("treatment", ["keep", "pad"])
async def test_a_moment_of_sound_is_no_clip(make: Callable[..., object], treatment: str) -> None:
    """Under `clips.min_seconds`, also where silence would be added."""
    with pytest.raises(Rejected, match=r"only 0\.\d\d\d s of sound") as caught:
        await make(MP4, 44_500, shorter_than_segment=treatment)  # type: ignore[misc]
    assert caught.value.reason is Reason.TOO_SHORT
    clip = await make(MP4, 44_500, min_seconds=0.2)  # type: ignore[misc]
    assert 0.2 < clip.duration_seconds < 1


@pytest.mark.parametrize("itag", [MP4, WEBM])
@pytest.mark.parametrize("length", [1_023, 10_000])
async def test_out_of_a_lossless_clip_comes_what_comes_out_of_the_video(
    itag: int, length: int, cutter: Cutters, stream: Streams, tmp_path: Path
) -> None:
    """WAV is the same file; resampled mono differs by a step of 16 bits, but for its last 10 ms."""
    sound, part = track(codec="opus" if itag == WEBM else "mp4a.40.2"), segment(12_345, length)
    data = {"sound": stream(SPEC, itag)}
    flac = await cutter().make(Ranges(Memory(data)), resolved(sound), part)
    for settings in ({"format": "wav"}, {"format": "wav", "sample_rate": 16_000, "channels": 1}):
        fetched = await cutter(**settings).make(Ranges(Memory(data)), resolved(sound), part)
        first, _ = soundfile.read(tmp_path / fetched.path, dtype="int16")
        again = await cutter(**settings).make_from(flac, part)
        second, rate = soundfile.read(tmp_path / again.path, dtype="int16")
        assert len(first) == len(second)
        off = np.abs(first.astype(int) - second)
        assert off[: -rate // 100].max() <= 1
        exact = "sample_rate" not in settings
        assert (again.sha256 == fetched.sha256) is exact
        assert again.note == ("" if exact else "by way of 16-bit FLAC")
        assert again.source_format == flac.source_format


async def test_nothing_is_made_from_an_altered_clip(
    make: Callable[..., object], cutter: Cutters, tmp_path: Path
) -> None:
    """Its hash tells, also where size and time do not."""
    flac = await make(MP4, 1_000)  # type: ignore[misc]
    with (tmp_path / flac.path).open("r+b") as file:
        file.seek(5_000)
        file.write(b"other")
    with pytest.raises(Rejected, match="was altered"):
        await cutter(format="opus").make_from(flac, segment(1_000))


def test_a_missing_encoder_is_named_at_once(tmp_path: Path) -> None:
    """Before anything is fetched, with the remedy."""
    poor = Installed("/usr/bin/ffmpeg", "4.4", frozenset({"flac"}), soxr=False)
    with pytest.raises(SetupError, match=r"lacks libmp3lame.*IMAGEIO_FFMPEG_EXE"):
        Cutter(ClipsSettings(format="mp3"), FFmpeg(poor), tmp_path)
