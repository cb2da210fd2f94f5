"""The settings of clips, and ffmpeg's arguments that follow from them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from ascc_async.errors import Rejected
from ascc_async.media.encoding import (
    CLIP_FORMATS,
    decode_arguments,
    encoders,
    encoding_of,
    extension,
    picture_filter,
    samples,
    sound_arguments,
    sound_filter,
)
from ascc_async.media.excerpt import Excerpt
from ascc_async.settings import AudioFormat, ClipsSettings

FLAC = ClipsSettings()
EXCERPT = Excerpt("mp4", Path("part"), 12.345, 60.0, indexed=True)
PICTURES = "#tb 0: 1/1000\n0, 0, 80, 40, 9, 0x1\n0, 40, 0, 40, 9, 0x2, F=0x0\n0, 80, 40, 40, 9, 0x3"


def filters(settings: ClipsSettings = FLAC, *, soxr: bool = True, pad: bool = False) -> list[str]:
    """The filters for ten seconds from 12.345 s on."""
    return sound_filter(EXCERPT, 10_000, settings, soxr=soxr, pad=pad).split(",")


@pytest.mark.parametrize(
    ("milliseconds", "rate", "count"),
    [(10_000, 44_100, 441_000), (30_500, 44_100, 1_345_050), (5, 44_100, 221), (10, 22_050, 221)],
)
def test_samples_are_rounded_as_ffmpeg_rounds(milliseconds: int, rate: int, count: int) -> None:
    """Halves go up: what is expected of a file is what ffmpeg writes."""
    assert samples(milliseconds, rate) == count


def test_the_start_is_found_by_time_and_the_end_by_count() -> None:
    """A gap before the segment moves nothing; and FLAC never sees a first block under 16."""
    assert filters() == [
        "atrim=start=12.345000:end=22.445000", "asetpts=round(N/SR/TB)", "atrim=duration=10.000000",
        "asetnsamples=n=4096:p=0",
    ]  # fmt: skip


def test_resampling_sees_what_follows() -> None:
    """A little of the sound after the cut is resampled too, then taken off. Padded if asked for."""
    steps = filters(ClipsSettings(sample_rate=16_000))
    assert steps[2:5] == [
        "atrim=duration=10.050000", "aresample=16000:resampler=soxr", "atrim=end_sample=160000",
    ]  # fmt: skip
    assert "aresample=16000" in filters(ClipsSettings(sample_rate=16_000), soxr=False)
    assert not any("apad" in step for step in steps)
    assert "apad=whole_dur=10.000000" in filters(pad=True)


def test_neither_paths_nor_bytes_choose_what_ffmpeg_does() -> None:
    """Ids begin with a dash: `file:`. A playlist in a stream's place opens nothing. No dates."""
    arguments = sound_arguments(EXCERPT, "", FLAC, (), Path("-x:y/.part-1"))
    assert arguments[-1] == "file:-x:y/.part-1"
    assert "file:-x" in decode_arguments("-x", "mp4", pictures=False)
    options = dict(pairwise(arguments))
    assert (options["-protocol_whitelist"], options["-map_metadata"]) == ("file", "-1")
    assert arguments[arguments.index("-f") + 1] == "mp4"
    assert options["-fflags"] == "+bitexact"


def test_only_a_cut_off_excerpt_may_end_within_a_packet() -> None:
    """Anywhere else what is cut off is an error."""
    assert "+discardcorrupt" in replace(EXCERPT, left_out=(5, 9)).arguments()
    assert "+discardcorrupt" not in EXCERPT.arguments()


@pytest.mark.parametrize(
    ("settings", "encoding", "ending", "needed"),
    [
        (ClipsSettings(), "audio/flac/source/source", "flac", ("flac",)),
        (ClipsSettings(format="opus"), "audio/opus/source/source", "opus", ("libopus",)),
        (ClipsSettings(format="wav", sample_rate=8000, channels=1), "audio/wav/8000/1", "wav",
         ("pcm_s16le",)),
        (ClipsSettings(media="video"), "video/mp4-360/source/source", "mp4", ("aac", "libx264")),
    ],
)  # fmt: skip
def test_settings_have_a_name(
    settings: ClipsSettings, encoding: str, ending: str, needed: tuple[str, ...]
) -> None:
    """Clips of different settings are told apart by it."""
    found = encoding_of(settings), extension(settings), encoders(settings)
    assert found == (encoding, ending, needed)


def test_a_clip_begins_with_the_picture_on_the_screen() -> None:
    """The last one at or before the start, in any order of decoding; there must be one."""
    for start, first in ((0.0, 0.0), (0.05, 0.04), (0.079, 0.04), (0.5, 0.08)):
        assert picture_filter(PICTURES, start, 1000).startswith(f"trim=start={first:.6f}:")
    for listing in ("#tb 0: 1/1000", "", PICTURES):
        with pytest.raises(Rejected, match="pictures end"):
            picture_filter(listing, -2.0, 1000)


def test_every_format_of_the_settings_is_known() -> None:
    """A format without its facts would fail only at the first clip, or at the credits."""
    assert set(CLIP_FORMATS) == set(get_args(AudioFormat))
