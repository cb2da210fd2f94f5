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
VIDEO = ExtractedVideo((SOUND, PICTURE), "A title", "A channel", "UCid", 61.0, "not_live", None)


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


def verdict(one: ExtractionReport, media: str = "audio") -> Resolved | AsccError:
    """The judgement at a fixed time."""
    clips = ClipsSettings(media=media)  # type: ignore[arg-type]
    return interpret(one, clips, "main", now=1_800_000_000.0)


def test_a_video_with_sound_is_resolved_for_the_identity_that_asked() -> None:
    """All that the clip needs is there; no picture unless wanted."""
    found = verdict(report(video=VIDEO))
    assert isinstance(found, Resolved)
    assert (found.video_id, found.identity, found.requests_sent) == ("M4gD1WSo5mA", "main", 1)
    assert (found.title, found.channel, found.channel_id) == ("A title", "A channel", "UCid")
    assert found.audio.format_id == "140"
    assert found.video is None
    assert found.license_text is None


def test_the_license_yt_dlp_saw_is_handed_on() -> None:
    """So that it can be compared with the sweep's."""
    words = "Creative Commons Attribution license (reuse allowed)"
    found = verdict(report(video=replace(VIDEO, license_text=words)))
    assert isinstance(found, Resolved)
    assert found.license_text == words


def test_media_video_brings_a_picture_too() -> None:
    """`clips.media: video` takes both tracks."""
    found = verdict(report(video=VIDEO), media="video")
    assert isinstance(found, Resolved)
    assert found.video is not None
    assert found.video.format_id == "134"


def test_media_video_without_a_picture_is_the_tools_limit() -> None:
    """Another client may know one."""
    found = verdict(report(video=replace(VIDEO, formats=(SOUND,))), media="video")
    assert type(found) is ItemError
    assert "pictures" in str(found)
    assert another_client_may_help(found, signed_in=False)


def test_answers_about_another_video_are_a_refusal() -> None:
    """Where the page still told something, yt-dlp only warns of them."""
    warning = "Skipping player responses from visionos clients (got player responses for video"
    found = verdict(report(video=ExtractedVideo(()), warnings=(warning,)))
    assert isinstance(found, Refused)


@pytest.mark.parametrize("words", ["Failed to parse JSON", "YouTube's answer is larger than 9"])
def test_an_answer_that_is_not_one_is_the_servers_fault(words: str) -> None:
    """Half a document, another document, gigabytes: raised, or only warned of."""
    raised = report(message=f"{words} (caused by JSONDecodeError)", fault="other")
    warned = report(message=LOST, warnings=(f"[youtube] x: {words}",))
    empty = report(video=ExtractedVideo(()), warnings=(f"[youtube] x: {words}",))
    assert {type(verdict(one)) for one in (raised, warned, empty)} == {ServerFault}


@pytest.mark.parametrize("status", ["is_live", "is_upcoming", "post_live"])
def test_what_is_still_being_made_is_live(status: str) -> None:
    """A stream, a premiere, and a stream that YouTube has not finished yet."""
    found = verdict(report(video=replace(VIDEO, live_status=status)))
    assert isinstance(found, Unavailable)
    assert found.reason is Reason.LIVE


def test_a_past_stream_is_a_video_like_any_other() -> None:
    """`was_live` says nothing against it."""
    assert isinstance(verdict(report(video=replace(VIDEO, live_status="was_live"))), Resolved)


def test_pictures_without_sound_are_rejected() -> None:
    """Only where the answer truly holds streams, and none was left out."""
    silent = replace(VIDEO, formats=(PICTURE,))
    found = verdict(report(video=silent))
    assert isinstance(found, Rejected)
    assert found.reason is Reason.NO_AUDIO


def test_streams_that_yt_dlp_left_out_are_no_proof_of_silence() -> None:
    """They may have held the sound: the tool failed, in its own words."""
    warning = "Some visionos client https formats have been skipped as they are missing a URL"
    found = verdict(report(video=replace(VIDEO, formats=(PICTURE,)), warnings=(warning,)))
    assert type(found) is ItemError
    assert found.reason is Reason.TOOL_FAILED
    assert warning in str(found)


def test_drm_is_the_tools_limit() -> None:
    """Nothing there that we could read."""
    found = verdict(report(video=replace(VIDEO, formats=(replace(SOUND, drm=True),))))
    assert type(found) is ItemError
    assert "DRM" in str(found)


def test_only_a_trailer_is_given_for_what_must_be_paid() -> None:
    """yt-dlp then points to another video."""
    found = verdict(report(video=ExtractedVideo((), type="url")))
    assert isinstance(found, Unavailable)
    assert found.reason is Reason.MEMBERS_ONLY


# yt-dlp's messages, as it words them around YouTube's own.
_HINT = (
    "Use --cookies-from-browser or --cookies for the authentication. See  https://github.com/yt-dlp"
    "/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to manually pass cookies. Also see"
    "  https://github.com/yt-dlp/yt-dlp/wiki/Extractors#exporting-youtube-cookies  for tips on"
    " effectively exporting YouTube cookies"
)
REASONS: list[tuple[str, Reason]] = [
    ("Video unavailable. This video has been removed by the uploader", Reason.REMOVED),
    ("Video unavailable. This video is no longer available because the uploader has closed their"
     " YouTube account.", Reason.ACCOUNT_TERMINATED),
    ("Video unavailable. This video is no longer available because the YouTube account associated"
     " with this video has been terminated.", Reason.ACCOUNT_TERMINATED),
    ("Video unavailable. This video is no longer available due to a copyright claim by A Company",
     Reason.COPYRIGHT_CLAIM),
    ("Video unavailable. This video contains content from SME, who has blocked it on copyright"
     " grounds", Reason.COPYRIGHT_CLAIM),
    ("Video unavailable. This video contains content from SME, who has blocked it in your country"
     " on copyright grounds", Reason.COUNTRY_RESTRICTED),
    ("Private video. Sign in if you've been granted access to this video. " + _HINT,
     Reason.PRIVATE),
    ("This video is private. If the owner of this video has granted you access, please sign in. "
     + _HINT, Reason.PRIVATE),
    ("Sign in to confirm your age. This video may be inappropriate for some users. " + _HINT,
     Reason.AGE_RESTRICTED),
    ("Join this channel to get access to members-only content like this video, and other exclusive"
     " perks.", Reason.MEMBERS_ONLY),
    ("This video is available to this channel's members on level: Fan (or any higher level). Join"
     " this channel to get access to members-only content and other exclusive perks.",
     Reason.MEMBERS_ONLY),
    ("This video requires payment to watch", Reason.MEMBERS_ONLY),
    ("This video is only available to Music Premium members", Reason.MEMBERS_ONLY),
    ("This live event will begin in 3 days.", Reason.LIVE),
    ("This live event will begin in a few moments.", Reason.LIVE),
    ("Premieres in 27 hours", Reason.LIVE),
    ("This live stream recording is not available.", Reason.LIVE),
    ("Video unavailable", Reason.REMOVED),
    ("This video has been removed for violating YouTube's Terms of Service", Reason.REMOVED),
    ("The uploader has not made this video available in your country", Reason.COUNTRY_RESTRICTED),
    ("Sign in to view this video. " + _HINT, Reason.SIGN_IN_REQUIRED),
    ("Please sign in. " + _HINT, Reason.SIGN_IN_REQUIRED),
]  # fmt: skip


@pytest.mark.parametrize(("message", "reason"), REASONS)
def test_every_known_message_has_its_reason(message: str, reason: Reason) -> None:
    """And YouTube's own words are kept, without yt-dlp's advice."""
    found = verdict(report(message=message))
    assert isinstance(found, Unavailable)
    assert found.reason is reason
    assert str(found) == " ".join(message.removesuffix(_HINT).split())


REFUSALS: list[tuple[str, RefusalKind]] = [
    ("Sign in to confirm you’re not a bot. " + _HINT, "bot_check"),
    ("Sign in to confirm you're not a bot. " + _HINT, "bot_check"),
    ("This content isn't available, try again later. The current session has been rate-limited by"
     " YouTube for up to an hour. It is recommended to use `-t sleep`", "try_later"),
    ("This content isn’t available, try again later", "try_later"),
    ("Video unavailable. YouTube is requiring a captcha challenge before playback", "captcha"),
    ("Unable to download API page: HTTP Error 429: Too Many Requests", "rate"),
    ("All player responses are invalid. Your IP is likely being blocked by Youtube", "other"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "kind"), REFUSALS)
def test_every_known_refusal_is_the_identitys_not_the_videos(
    message: str, kind: RefusalKind
) -> None:
    """No reason, no outcome: the identity slows down."""
    found = verdict(report(message=message))
    assert isinstance(found, Refused)
    assert found.kind == kind


def test_the_countries_error_class_is_enough() -> None:
    """yt-dlp has a class of its own for it, whatever the words."""
    found = verdict(report(error="GeoRestrictedError", message="Hier nicht"))
    assert isinstance(found, Unavailable)
    assert found.reason is Reason.COUNTRY_RESTRICTED


def test_what_yt_dlp_tells_in_words_alone_it_still_words_so() -> None:
    """An update that rewords one is noticed here: our copies are looked up in its source."""
    extractors = Path(yt_dlp.__file__).parent / "extractor"
    sources = [extractors / "common.py", extractors / "youtube" / "_video.py"]
    source = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert [text for text in YtdlpText if text not in source] == []


LOST = "Failed to extract any player response"
TRAFFIC: list[tuple[SentRequest, type[AsccError], str | None]] = [
    (SentRequest(PLAYER, 429, "120"), Refused, "rate"),
    (SentRequest(PLAYER, 403), Refused, "other"),
    (SentRequest("www.google.com/sorry/index", 200, redirected=True), Refused, "captcha"),
    (SentRequest("consent.youtube.com/m", 200, redirected=True), Refused, "other"),
    (SentRequest(PLAYER, 503), ServerFault, None),
    (SentRequest(PLAYER, fault="dns"), NetworkFault, "dns"),
    (SentRequest(PLAYER, fault="proxy"), NetworkFault, "proxy"),
    (SentRequest(PLAYER, fault="proxy_auth"), NetworkFault, "proxy_auth"),
    (SentRequest(PLAYER, fault="certificate"), NetworkFault, "certificate"),
    (SentRequest(PLAYER, fault="reset"), NetworkFault, "reset"),
    (SentRequest(PLAYER, fault="timeout"), NetworkFault, "timeout"),
]


@pytest.mark.parametrize(("sent", "expected", "kind"), TRAFFIC)
def test_where_yt_dlp_swallows_the_error_the_traffic_tells(
    sent: SentRequest, expected: type[AsccError], kind: str | None
) -> None:
    """Its message then only says that there was no answer."""
    found = verdict(report(message=LOST, sent=(sent,)))
    assert type(found) is expected
    assert getattr(found, "kind", None) == kind


def test_the_same_holds_where_it_returns_without_any_stream() -> None:
    """The script did not come: no link could be solved. That is not the video's fault."""
    sent = (SentRequest(PLAYER, 200), SentRequest("www.youtube.com/s/player/x/base.js", 502))
    assert isinstance(verdict(report(video=ExtractedVideo(()), sent=sent)), ServerFault)


def test_how_long_to_wait_is_taken_from_the_answer() -> None:
    """In seconds and as a date, also where the words told the refusal."""
    seconds = (SentRequest(PLAYER, 429, "120"),)
    date = (SentRequest(PLAYER, 429, "Fri, 15 Jan 2027 08:02:00 GMT"),)
    for sent in (seconds, date):
        for message in (LOST, "Unable to download API page: HTTP Error 429: Too Many Requests"):
            found = verdict(report(message=message, sent=sent))
            assert isinstance(found, Refused)
            assert found.retry_after == 120


def test_a_fault_that_yt_dlp_raised_is_a_fault() -> None:
    """Whatever its words."""
    found = verdict(report(message="A network error has occurred.", fault="short_body"))
    assert isinstance(found, NetworkFault)
    assert found.kind == "short_body"


def test_an_unknown_message_is_kept_word_for_word() -> None:
    """With the warnings, which often hold the cause; without yt-dlp's request for a bug report."""
    message = "Something nobody has seen yet"
    warning = (
        "[youtube] x: Odd; please report this issue on  https://github.com/yt-dlp/yt-dlp/issues?q="
        " , filling out the appropriate issue template. Confirm you are on the latest version"
        " using  yt-dlp -U"
    )
    found = verdict(report(message=message, warnings=(warning,)))
    assert type(found) is ItemError
    assert found.reason is Reason.TOOL_FAILED
    assert str(found) == f"{message} · [youtube] x: Odd"


def test_no_secret_gets_into_a_message() -> None:
    """Signed links lose their query, proxies their password."""
    raw = "bad https://r1.googlevideo.com/videoplayback?sig=SECRET1 via http://me:SECRET2@proxy:1/"
    found = verdict(report(message=raw))
    assert "SECRET" not in str(found)
    assert "r1.googlevideo.com/videoplayback" in str(found)


def test_requests_that_never_left_are_not_counted() -> None:
    """A redirect counts as one more; a proxy that is down sees none of it."""
    sent = (
        SentRequest(PLAYER, 200, redirected=True),
        SentRequest(PLAYER, fault="proxy"),
        SentRequest(PLAYER, fault="reset"),
    )
    assert report(sent=sent, message=LOST).requests == 3
