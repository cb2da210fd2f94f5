"""What an extraction's report means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yt_dlp

from ascc_async.errors import (
    AsccError,
    ItemError,
    NetworkFault,
    NetworkFaultKind,
    RefusalKind,
    Refused,
    Rejected,
    ServerFault,
    Unavailable,
)
from ascc_async.model import Reason, Resolved
from ascc_async.settings import ClipsSettings
from ascc_async.youtube.client_choice import another_client_may_help
from ascc_async.youtube.extraction import (
    ExtractedVideo,
    ExtractionFailure,
    ExtractionReport,
    SentRequest,
)
from ascc_async.youtube.extraction_result import YtdlpText, interpret
from ascc_async.youtube.formats import MediaFormat

PLAYER = "www.youtube.com/youtubei/v1/player"
SOUND = MediaFormat(
    format_id="140", url="https://x.googlevideo.com/videoplayback", headers={}, ext="m4a",
    acodec="mp4a.40.2", vcodec="none",
)  # fmt: skip
PICTURE = replace(SOUND, format_id="134", acodec="none", vcodec="avc1", height=360, ext="mp4")
VIDEO = ExtractedVideo((SOUND, PICTURE), "A title", "A channel", "UCid", "not_live", None)


def report(
    *,
    video: ExtractedVideo | None = None,
    message: str = "",
    error: str = "ExtractorError",
    fault: NetworkFaultKind | None = None,
    sent: tuple[SentRequest, ...] = (SentRequest(PLAYER, 200),),
    warnings: tuple[str, ...] = (),
) -> ExtractionReport:
    """A report as the worker makes it."""
    result = video or ExtractionFailure(error, message, fault)
    return ExtractionReport("M4gD1WSo5mA", result, sent, warnings)


def verdict(answer: ExtractionReport, media: str = "audio") -> Resolved | AsccError:
    """The judgement at a fixed time."""
    clips = ClipsSettings(media=media)  # type: ignore[arg-type]
    try:
        return interpret(answer, clips, "main", now=1_800_000_000.0)
    except AsccError as error:
        return error


def test_a_video_with_sound_is_resolved_for_the_identity_that_asked() -> None:
    """All that the clip needs is there; no picture unless wanted; a past stream is a video too."""
    result = verdict(report(video=replace(VIDEO, live_status="was_live")))
    assert isinstance(result, Resolved)
    assert (result.video_id, result.identity) == ("M4gD1WSo5mA", "main")
    assert (result.title, result.channel, result.channel_id) == ("A title", "A channel", "UCid")
    assert result.audio.format_id == "140"
    assert result.video is None
    assert result.license_text is None


def test_media_video_brings_a_picture_and_the_license_yt_dlp_saw() -> None:
    """`clips.media: video` takes both tracks; the license is compared with the sweep's."""
    text = "Creative Commons Attribution license (reuse allowed)"
    result = verdict(report(video=replace(VIDEO, license_text=text)), media="video")
    assert isinstance(result, Resolved)
    assert result.license_text == text
    assert result.video is not None
    assert result.video.format_id == "134"


def test_media_video_without_a_picture_is_the_tools_limit() -> None:
    """Another client may know one."""
    result = verdict(report(video=replace(VIDEO, formats=(SOUND,))), media="video")
    assert type(result) is ItemError
    assert "pictures" in str(result)
    assert another_client_may_help(result, signed_in=False)


@pytest.mark.parametrize("words", ["Failed to parse JSON", "YouTube's answer is larger than 9"])
def test_an_answer_that_is_not_one_is_the_servers_fault(words: str) -> None:
    """Half a document, another document, gigabytes: raised, or only warned of."""
    raised = report(message=f"{words} (caused by JSONDecodeError)", fault="other")
    warned = report(message=LOST, warnings=(f"[youtube] x: {words}",))
    empty = report(video=ExtractedVideo(()), warnings=(f"[youtube] x: {words}",))
    assert {type(verdict(answer)) for answer in (raised, warned, empty)} == {ServerFault}


LEFT_OUT = "Some visionos client https formats have been skipped as they are missing a URL"
OTHER = "Skipping player responses from visionos clients (got player responses for video"
RESULTS: list[tuple[ExtractedVideo, str, type[AsccError], Reason | None, str]] = [
    # A stream, a premiere, and a stream that YouTube has not finished yet.
    *((replace(VIDEO, live_status=status), "", Unavailable, Reason.LIVE, status)
      for status in ("is_live", "is_upcoming", "post_live")),
    (replace(VIDEO, formats=(PICTURE,)), "", Rejected, Reason.NO_AUDIO, "no sound"),
    # Streams that yt-dlp left out may have held the sound.
    (replace(VIDEO, formats=(PICTURE,)), LEFT_OUT, ItemError, Reason.TOOL_FAILED, LEFT_OUT),
    (replace(VIDEO, formats=(replace(SOUND, drm=True),)), "", ItemError, Reason.TOOL_FAILED, "DRM"),
    # What must be paid for: yt-dlp then points to another video.
    (ExtractedVideo((), type="url"), "", Unavailable, Reason.MEMBERS_ONLY, "trailer"),
    # Where the page still told something, yt-dlp only warns of answers about another video.
    (ExtractedVideo(()), OTHER, Refused, None, "another video"),
]  # fmt: skip


@pytest.mark.parametrize(("video", "warning", "error", "reason", "text"), RESULTS)
def test_a_result_without_usable_sound_says_why(
    video: ExtractedVideo, warning: str, error: type[AsccError], reason: Reason | None, text: str
) -> None:
    """Live, silent, left out, protected, a trailer, another video: each for what it is."""
    result = verdict(report(video=video, warnings=(warning,)))
    assert type(result) is error
    assert getattr(result, "reason", None) is reason
    assert text in str(result)


# yt-dlp's messages, as it words them around YouTube's own.
_HINT = (
    "Use --cookies-from-browser or --cookies for the authentication. See  https://github.com/yt-dlp"
    "/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to manually pass cookies. Also see"
    "  https://github.com/yt-dlp/yt-dlp/wiki/Extractors#exporting-youtube-cookies  for tips on"
    " effectively exporting YouTube cookies"
)
MESSAGES: list[tuple[str, Reason | RefusalKind]] = [
    ("Private video. Sign in if you've been granted access to this video. " + _HINT,
     Reason.PRIVATE),
    ("Sign in to confirm your age. This video may be inappropriate for some users. " + _HINT,
     Reason.AGE_RESTRICTED),
    ("Video unavailable. This video has been removed by the uploader", Reason.REMOVED),
    ("Sign in to view this video. " + _HINT, Reason.SIGN_IN_REQUIRED),
    ("Sign in to confirm you’re not a bot. " + _HINT, "bot_check"),
    ("This content isn't available, try again later. The current session has been rate-limited by"
     " YouTube for up to an hour. It is recommended to use `-t sleep`", "try_later"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "meaning"), MESSAGES)
def test_a_message_is_a_reason_or_a_refusal(message: str, meaning: Reason | RefusalKind) -> None:
    """By the table in `messages`; YouTube's own words are kept, without yt-dlp's advice."""
    result = verdict(report(message=message))
    if isinstance(meaning, Reason):
        assert isinstance(result, Unavailable)
        assert result.reason is meaning
        assert str(result) == " ".join(message.removesuffix(_HINT).split())
    else:
        assert isinstance(result, Refused)
        assert result.kind == meaning


def test_what_yt_dlp_tells_in_words_alone_it_still_words_so() -> None:
    """An update that rewords one is noticed here: our copies are looked up in its source."""
    extractors = Path(yt_dlp.__file__).parent / "extractor"
    sources = [extractors / "common.py", extractors / "youtube" / "_video.py"]
    source = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert [text for text in YtdlpText if text not in source] == []


BAD_SCRIPT = SentRequest("www.youtube.com/s/player/x/base.js", 502)
LOST = "Failed to extract any player response"


def lost(sent: SentRequest) -> ExtractionReport:
    """yt-dlp met this, and gave up."""
    return report(message=LOST, sent=(sent,))


NO_STREAMS = report(video=ExtractedVideo(()), sent=(SentRequest(PLAYER, 200), BAD_SCRIPT))
ANSWERS: list[tuple[ExtractionReport, type[AsccError], str | None]] = [
    # It returns without any stream, since the script did not come: not the video's fault.
    (NO_STREAMS, ServerFault, None),
    # It raises a fault of the network: that counts, whatever its words.
    (
        report(message="A network error has occurred.", fault="short_body"),
        NetworkFault,
        "short_body",
    ),
    # It has a class of its own for countries, whatever the words.
    (report(error="GeoRestrictedError", message="Hier nicht"), Unavailable, "country_restricted"),
    # Its message only says that there was no answer: the traffic tells.
    (lost(SentRequest(PLAYER, 429, "120")), Refused, "rate"),
    (lost(SentRequest(PLAYER, 403)), Refused, "other"),
    (lost(SentRequest("www.google.com/sorry/index", 200, redirected=True)), Refused, "captcha"),
    (lost(SentRequest("consent.youtube.com/m", 200, redirected=True)), Refused, "other"),
    (lost(SentRequest(PLAYER, 503)), ServerFault, None),
    (lost(SentRequest(PLAYER, fault="dns")), NetworkFault, "dns"),
    (lost(SentRequest(PLAYER, fault="proxy")), NetworkFault, "proxy"),
    (lost(SentRequest(PLAYER, fault="proxy_auth")), NetworkFault, "proxy_auth"),
    (lost(SentRequest(PLAYER, fault="certificate")), NetworkFault, "certificate"),
    (lost(SentRequest(PLAYER, fault="reset")), NetworkFault, "reset"),
    (lost(SentRequest(PLAYER, fault="timeout")), NetworkFault, "timeout"),
]


@pytest.mark.parametrize(("answer", "expected", "kind"), ANSWERS)
def test_an_error_is_known_by_its_class_its_fault_or_the_traffic(
    answer: ExtractionReport, expected: type[AsccError], kind: str | None
) -> None:
    """yt-dlp passes over many errors: what it was answered tells them."""
    result = verdict(answer)
    assert type(result) is expected
    assert getattr(result, "kind", getattr(result, "reason", None)) == kind


def test_how_long_to_wait_is_taken_from_the_answer() -> None:
    """In seconds and as a date, also where the words told the refusal."""
    seconds = (SentRequest(PLAYER, 429, "120"),)
    date = (SentRequest(PLAYER, 429, "Fri, 15 Jan 2027 08:02:00 GMT"),)
    for sent in (seconds, date):
        for message in (LOST, "Unable to download API page: HTTP Error 429: Too Many Requests"):
            result = verdict(report(message=message, sent=sent))
            assert isinstance(result, Refused)
            assert result.retry_after == 120


def test_an_unknown_message_is_kept_word_for_word() -> None:
    """With the warnings, which often hold the cause; without yt-dlp's request for a bug report."""
    message = "Something nobody has seen yet"
    warning = (
        "[youtube] x: Odd; please report this issue on  https://github.com/yt-dlp/yt-dlp/issues?q="
        " , filling out the appropriate issue template. Confirm you are on the latest version"
        " using  yt-dlp -U"
    )
    result = verdict(report(message=message, warnings=(warning,)))
    assert type(result) is ItemError
    assert result.reason is Reason.TOOL_FAILED
    assert str(result) == f"{message} · [youtube] x: Odd"


def test_no_secret_gets_into_a_message() -> None:
    """Signed links lose their query, proxies their password."""
    raw = "bad https://r1.googlevideo.com/videoplayback?sig=SECRET1 via http://me:SECRET2@proxy:1/"
    result = verdict(report(message=raw))
    assert "SECRET" not in str(result)
    assert "r1.googlevideo.com/videoplayback" in str(result)


def test_requests_that_never_left_are_not_counted() -> None:
    """A redirect counts as one more; a proxy that is down sees none of it."""
    sent = (
        SentRequest(PLAYER, 200, redirected=True),
        SentRequest(PLAYER, fault="proxy"),
        SentRequest(PLAYER, fault="reset"),
    )
    assert report(sent=sent, message=LOST).requests == 3
