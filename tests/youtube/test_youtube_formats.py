"""Which stream is taken."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ascc_async.youtube.formats import (
    MediaFormat,
    choose_audio,
    choose_other_audio,
    choose_video,
    duration_in,
    track,
)


def sound(format_id: str, **facts: object) -> MediaFormat:
    """An audio-only stream as yt-dlp tells of it."""
    opus = format_id.startswith(("249", "250", "251"))
    plain = MediaFormat(
        format_id=format_id,
        url=f"https://rr1---sn.googlevideo.com/videoplayback?itag={format_id}&dur=720.678",
        headers={"User-Agent": "ours"},
        ext="webm" if opus else "m4a",
        acodec="opus" if opus else "mp4a.40.2",
        vcodec="none",
        language_preference=-1,
    )
    return replace(plain, **facts)  # type: ignore[arg-type]


def picture(
    format_id: str, height: int, codec: str = "avc1.4d401e", **facts: object
) -> MediaFormat:
    """A video-only stream."""
    plain = replace(sound(format_id), acodec="none", vcodec=codec, height=height, ext="mp4")
    return replace(plain, **facts)  # type: ignore[arg-type]


MUXED = replace(sound("18"), ext="mp4", vcodec="avc1.42001E", height=360)
ALL = [sound("139"), sound("140"), sound("249"), sound("250"), sound("251"), MUXED]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("flac", "140"), ("wav", "140"), ("mp3", "140"), ("m4a", "140"), ("opus", "251")],
)
def test_each_clip_format_takes_the_stream_it_can_keep_best(wanted: str, expected: str) -> None:
    """AAC in MP4 for all but opus, whatever the order in which yt-dlp lists them."""
    for seed in range(10):
        shuffled = random.Random(seed).sample(ALL, len(ALL))
        best = choose_audio(shuffled, wanted)  # type: ignore[arg-type]
        assert best is not None
        assert best.format_id == expected


def test_without_the_favourite_the_next_best_is_taken() -> None:
    """One after the other is taken away: what is left is still chosen in order of quality."""
    left, order = list(ALL), []
    while (best := choose_audio(left, "flac")) is not None:
        order.append(best.format_id)
        left.remove(best)
    assert order == ["140", "251", "250", "249", "139", "18"]


def test_the_other_stream_is_the_same_sound_in_another_container() -> None:
    """For sound that cannot be read: never a dub, never one that yt-dlp takes for damaged."""
    chosen = choose_audio(ALL, "flac")
    assert chosen is not None
    other = choose_other_audio(ALL, chosen, "flac")
    assert other is not None
    assert (chosen.format_id, other.format_id) == ("140", "251")
    dubbed, damaged = sound("251", language_preference=10), sound("251", preference=-10)
    for useless in ([], [dubbed], [damaged], [sound("139")]):
        assert choose_other_audio([chosen, *useless], chosen, "flac") is None


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        # A dub of the favourite form is not what AudioSet's people listened to.
        (sound("251", language_preference=10), sound("140", language_preference=-1)),
        # `140-drc` is the same sound with its dynamics squeezed.
        (sound("249"), sound("140-drc")),
        # yt-dlp marks streams that are far shorter than the video.
        (sound("139"), sound("140", preference=-10)),
    ],
    ids=["original language", "no loudness compression", "undamaged"],
)
def test_some_things_count_more_than_the_codec(better: MediaFormat, worse: MediaFormat) -> None:
    """The worse one is still taken where it is alone."""
    assert choose_audio([worse, better], "flac") is better
    assert choose_audio([worse], "flac") is worse


@pytest.mark.parametrize(
    "useless",
    [
        sound("140", drm=True),
        sound("140", protocol="m3u8_native"),
        sound("140", protocol="http_dash_segments"),
        picture("137", 1080),
        sound("140", acodec=None),
    ],
)
def test_streams_that_ranges_cannot_read_or_that_are_silent_are_no_choice(
    useless: MediaFormat,
) -> None:
    """Manifests, DRM and pictures alone bring no sound."""
    assert choose_audio([useless], "flac") is None


P144, P360, P480, P720 = (
    picture(itag, height)
    for itag, height in (("160", 144), ("134", 360), ("135", 480), ("136", 720))
)
AV1, WEBM = picture("396", 360, "av01.0.01M.08"), picture("243", 360, "vp9", ext="webm")


@pytest.mark.parametrize(
    ("offered", "max_height", "expected"),
    [
        # `clips.max_height` is a limit, not a wish.
        ([P144, P360, P480, P720], 360, P360),
        ([P144, P360, P480, P720], 479, P360),
        ([P144, P360, P480, P720], 480, P480),
        # Better a picture a little too high than none.
        ([P720, P480], 360, P480),
        # An MP4 that plays everywhere; and no sound fetched twice.
        ([AV1, WEBM, MUXED, P360], 360, P360),
        ([AV1, WEBM, MUXED], 360, MUXED),
        ([WEBM, AV1], 360, AV1),
        ([sound("140")], 360, None),
    ],
)
def test_the_highest_picture_within_the_limit_is_taken(
    offered: list[MediaFormat], max_height: int, expected: MediaFormat | None
) -> None:
    """H.264 alone first, then H.264 with sound, then the newer codecs."""
    assert choose_video(offered, max_height) is expected


def test_a_track_tells_what_the_media_side_needs() -> None:
    """Container, codec, exact length from the link; headers as yt-dlp gives them."""
    audio = track("audio", sound("251"))
    assert (audio.kind, audio.container, audio.codec) == ("audio", "webm", "opus")
    assert audio.duration == 720.678
    assert audio.headers == {"User-Agent": "ours"}
    video = track("video", MUXED)
    assert (video.kind, video.container, video.codec) == ("video", "mp4", "avc1.42001E")


@pytest.mark.parametrize(
    "url",
    ["https://a/b", *(f"https://a/b?dur={dur}" for dur in ("", "x", "nan", "inf", "-5", "0"))],
)
def test_a_link_that_tells_no_length_is_no_error(url: str) -> None:
    """Unknown is None."""
    assert duration_in(url) is None


def test_a_link_is_no_part_of_a_representation() -> None:
    """Signed links and headers stay out of logs."""
    assert "googlevideo" not in repr(sound("140"))
    assert "ours" not in repr(sound("140"))
    assert sound("140").is_direct
