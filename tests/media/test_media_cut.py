"""What is cut, in numbers, and the arguments that follow from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ascc_async.errors import Rejected
from ascc_async.media.cut import (
    Cut,
    decode_arguments,
    encoders,
    extension,
    form_of,
    plan,
    sound_arguments,
    sound_filter,
)
from ascc_async.media.excerpt import Excerpt, Wanted, estimate
from ascc_async.media.packets import Codec, Packets
from ascc_async.settings import ClipsSettings

AAC = Codec("audio", "aac", b"", 44_100, 44_100, 2, 1024)
FLAC = ClipsSettings()


def excerpt(start: int, frames: int) -> Excerpt:
    """`frames` AAC frames from tick `start` on."""
    return Excerpt(AAC, Packets([b"."] * frames, [1024] * frames, start))


CUT = plan(excerpt(440_320, 500), Wanted(10_000, 20_000), FLAC)


def test_priming_is_counted() -> None:
    """Decoded sample 0 lies after the priming; the excerpt's first sample is told from there."""
    assert excerpt(0, 10).first_sample == -1024
    assert CUT.first == 441_000 - (440_320 - 1024)
    assert CUT.end - CUT.first == CUT.frames == 441_000


@pytest.mark.parametrize(
    ("rate", "frames"), [(None, 441_000), (16_000, 160_000), (48_000, 480_000)]
)
def test_the_length_is_exact_at_any_rate(rate: int | None, frames: int) -> None:
    """Ten seconds are ten seconds."""
    cut = plan(excerpt(440_320, 500), Wanted(10_000, 20_000), ClipsSettings(sample_rate=rate))
    assert (cut.frames, cut.rate) == (frames, rate or 44_100)


def test_a_fraction_of_a_second_is_kept() -> None:
    """30.5 s starts at sample 1,345,050, not at 30 or 31 s."""
    assert Wanted(30_500, 40_500).samples(44_100) == (1_345_050, 1_786_050)


def test_one_packet_is_enough_to_keep() -> None:
    """Anything that is there is kept, and what is missing is said."""
    cut = plan(excerpt(1024, 2), Wanted(0, 10_000), FLAC)
    assert (cut.frames, cut.padding) == (2048, 0)
    assert cut.notes == ("the sound ends 9.954 s before the segment",)


def test_padding_is_counted_apart() -> None:
    """`pad` gives the full length; how much of it is silence is known."""
    cut = plan(excerpt(1024, 2), Wanted(0, 10_000), ClipsSettings(shorter_than_segment="pad"))
    assert (cut.frames, cut.padding) == (441_000, 438_952)
    assert "apad=whole_len=441000" in sound_filter(cut, FLAC, soxr=True)


def test_nothing_of_the_segment_is_too_short() -> None:
    """The sound ends where the segment begins."""
    with pytest.raises(Rejected, match="ends before"):
        plan(excerpt(1024, 2), Wanted(60, 10_060), FLAC)


def test_trimming_is_by_samples_and_blocks_are_even() -> None:
    """Never by time; and FLAC never sees a first block under 16 samples."""
    assert sound_filter(CUT, FLAC, soxr=True) == (
        "atrim=start_sample=1704:end_sample=442704,asetpts=N/SR/TB,asetnsamples=n=4096:p=0"
    )


def test_resampling_sees_what_follows() -> None:
    """A little of the sound after the cut is resampled too, then taken off."""
    steps = sound_filter(replace(CUT, rate=16_000, frames=160_000), FLAC, soxr=True).split(",")
    assert steps[0] == f"atrim=start_sample=1704:end_sample={442_704 + 2205}"
    assert steps[2:4] == ["aresample=16000:resampler=soxr", "atrim=end_sample=160000"]


def test_without_soxr_ffmpeg_resamples_itself() -> None:
    """An ffmpeg without soxr still does the job."""
    chain = sound_filter(replace(CUT, rate=16_000), FLAC, soxr=False)
    assert "aresample=16000," in chain


@pytest.mark.parametrize(
    ("source", "wanted", "step"),
    [(1, 2, "pan=stereo|c0=c0|c1=c0"), (2, 1, "pan=mono|c0=0.5*c0+0.5*c1"),
     (6, 2, "aformat=channel_layouts=stereo"), (6, 1, "aformat=channel_layouts=mono")],
)  # fmt: skip
def test_channels_are_mixed_as_said(source: int, wanted: int, step: str) -> None:
    """One becomes two equals, two become their mean."""
    cut = replace(CUT, source_channels=source, channels=wanted)
    assert step in sound_filter(cut, FLAC, soxr=True)


def test_paths_are_never_read_as_options() -> None:
    """Ids begin with a dash, folders hold colons: `file:` stands before every path."""
    arguments = sound_arguments(CUT, FLAC, True, "-x:y/.part-1")
    assert arguments[-1] == "file:-x:y/.part-1"
    assert "file:-x" in decode_arguments("-x", "audio")


def test_nothing_of_the_machine_is_written() -> None:
    """No dates, versions or tags: the same clip is the same file anywhere."""
    arguments = sound_arguments(CUT, FLAC, True, "x")
    assert arguments[arguments.index("-fflags") + 1] == "+bitexact"
    assert arguments[arguments.index("-map_metadata") + 1] == "-1"


@pytest.mark.parametrize(
    ("settings", "form", "ending", "needed"),
    [
        (ClipsSettings(), "audio/flac/source/source", "flac", ("flac",)),
        (ClipsSettings(format="opus"), "audio/opus/source/source", "opus", ("libopus",)),
        (ClipsSettings(format="wav", sample_rate=8000, channels=1), "audio/wav/8000/1", "wav",
         ("pcm_s16le",)),
        (ClipsSettings(media="video"), "video/mp4-360/source/source", "mp4", ("aac", "libx264")),
    ],
)  # fmt: skip
def test_settings_have_a_form(
    settings: ClipsSettings, form: str, ending: str, needed: tuple[str, ...]
) -> None:
    """Clips of different settings are told apart by it."""
    assert (form_of(settings), extension(settings), encoders(settings)) == (form, ending, needed)


def test_a_cut_that_needs_no_resampling_says_so() -> None:
    """The rate decides."""
    assert not CUT.resampled
    assert Cut(0, 1, 1, 44_100, 1, 48_000, 1, 1).resampled


@pytest.mark.parametrize(("share", "size"), [(0.0, 8192), (0.5, 104_192), (1.0, 160_000)])
def test_a_part_of_a_fragment_is_estimated_generously(share: float, size: int) -> None:
    """A fifth more than its share and 8 KB, but never more than there is."""
    assert estimate(160_000, share) == size
