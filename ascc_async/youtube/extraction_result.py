"""What an extraction's report means: the media or one of our errors.

No network; the time is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from ascc_async.errors import (
    AsccError,
    ItemError,
    NetworkFault,
    NetworkFaultKind,
    Refused,
    Rejected,
    ServerFault,
    Unavailable,
    Unexplained,
)
from ascc_async.model import Reason, Resolved
from ascc_async.network.errors import sentence
from ascc_async.settings import ClipsSettings
from ascc_async.youtube.extraction import (
    OVERSIZED,
    ExtractedVideo,
    ExtractionFailure,
    ExtractionReport,
    SentRequest,
)
from ascc_async.youtube.formats import choose_audio, choose_other_audio, choose_video, track
from ascc_async.youtube.messages import judge, refusal_in
from ascc_async.youtube.wordings import reason_by_words


class YtdlpText(StrEnum):
    """What yt-dlp tells in words alone.

    The tests look each of them up in the installed yt-dlp: one that rewords them is noticed there.
    """

    OTHER_VIDEO = "Skipping player responses from"
    UNKNOWN_CLIENT = "Skipping unsupported client"
    NO_JAVASCRIPT = "No supported JavaScript runtime could be found"
    FORMATS_LEFT_OUT = "formats have been skipped"
    NOT_JSON = "Failed to parse JSON"


_LONGEST_MESSAGE = 1000
_LIVE = ("is_live", "is_upcoming", "post_live")
# yt-dlp's advice to those who run it by hand: not YouTube's words, and of no use here.
_ADVICE = re.compile(
    r"; please report this issue on .*?(yt-dlp -U|$)|\s*Use --cookies-from-browser or --cookies .*",
    re.DOTALL,
)


def interpret(
    report: ExtractionReport, clips: ClipsSettings, identity: str, now: float
) -> Resolved:
    """The media of a video. `now`: POSIX time.

    Raises Unavailable, Rejected, Unexplained, ItemError (`tool_failed`), Refused, NetworkFault,
    ServerFault.
    """
    video = report.result
    if isinstance(video, ExtractionFailure):
        raise _error_of(video, report, now)
    if video.type != "video":
        raise Unavailable(Reason.MEMBERS_ONLY, "YouTube gives out only a trailer")
    if video.live_status in _LIVE:
        raise Unavailable(Reason.LIVE, f"live status: {video.live_status}")
    audio = choose_audio(video.formats, clips.format)
    if audio is None:
        raise _error_without_audio(video, report, now)
    picture = choose_video(video.formats, clips.max_height) if clips.media == "video" else None
    if picture is None and clips.media == "video":
        raise _tool_failed("yt-dlp found no direct link to pictures (clips.media: video)", report)
    other = choose_other_audio(video.formats, audio, clips.format)
    return Resolved(
        video_id=report.video_id,
        identity=identity,
        audio=track("audio", audio),
        video=track("video", picture) if picture else None,
        title=video.title,
        channel=video.channel,
        channel_id=video.channel_id,
        license_text=video.license_text,
        other_audio=track("audio", other) if other else None,
    )


def ready_at(resolved: Resolved, report: ExtractionReport) -> float:
    """POSIX time from which YouTube gives this media out; 0 for at once."""
    assert isinstance(report.result, ExtractedVideo)
    urls = (resolved.audio.url, resolved.video.url if resolved.video else None)
    taken = [stream for stream in report.result.formats if stream.url in urls]
    return max(stream.available_at or 0.0 for stream in taken)


def _error_without_audio(video: ExtractedVideo, report: ExtractionReport, now: float) -> AsccError:
    # Streams that yt-dlp left out may have held the sound: no proof of silence.
    left_out = any(YtdlpText.FORMATS_LEFT_OUT in warning for warning in report.warnings)
    if any(stream.is_direct for stream in video.formats) and not left_out:
        return Rejected(Reason.NO_AUDIO, "the video has pictures and no sound")
    if video.formats and all(stream.drm for stream in video.formats):
        return _tool_failed("This video is DRM protected", report)
    # Where there are streams, a player plays the video: what the others say is not about it.
    statuses = () if video.formats else report.player_statuses
    failure = ExtractionFailure("", "yt-dlp found no direct media link")
    return _error_of(failure, replace(report, player_statuses=statuses), now)


def _error_of(failure: ExtractionFailure, report: ExtractionReport, now: float) -> AsccError:
    if failure.error == "GeoRestrictedError":
        return Unavailable(Reason.COUNTRY_RESTRICTED, clean(failure.message))
    verdicts = [judge(status) for status in report.player_statuses]
    unplayed = [verdict for verdict in verdicts if verdict.words and not verdict.playable]
    refused = [answer for sent in report.sent if (answer := _refusal(sent, now))]
    # Before any reason: a refusal says nothing about the video, and its player may have played it.
    refusal = next((verdict.refusal for verdict in unplayed if verdict.refusal), None)
    for verdict in unplayed:
        if verdict.reason is not None and refusal is None:
            return Unavailable(verdict.reason, clean(verdict.words))
    # Where no player answered, yt-dlp's message may still be YouTube's words.
    if refusal := refusal or refusal_in(text=failure.message):
        # The words carry no `Retry-After`; the answer they came with may.
        waits = [answer.retry_after for answer in refused if answer.retry_after is not None]
        refusal.retry_after = max(waits, default=None)
        return refusal
    if not unplayed and (reason := reason_by_words(clean(failure.message))) is not None:
        return Unavailable(reason, clean(failure.message))
    # Half a JSON document, a page in its place, or gigabytes: the server's fault, though it may
    # come as one of the network.
    texts, signs = (failure.message, *report.warnings), (YtdlpText.NOT_JSON, OVERSIZED)
    unreadable = next((text for text in texts if any(sign in text for sign in signs)), "")
    if failure.fault is not None and not unreadable:
        return _network_fault(failure.fault)
    if (error := _passed_over(report, refused, unreadable)) is not None:
        return error
    if unplayed:  # none said why for certain
        words = dict.fromkeys(clean(verdict.words) for verdict in unplayed)
        return Unexplained(" · ".join(words))
    return _tool_failed(failure.message, report)


def _passed_over(
    report: ExtractionReport, refused: Sequence[Refused], unreadable: str
) -> AsccError | None:
    """yt-dlp passes over many errors and goes on: the answers it was given tell them."""
    if refused:
        return refused[0]
    if any(YtdlpText.OTHER_VIDEO in warning for warning in report.warnings):
        return Refused("YouTube answers about another video: it blocks this address", kind="other")
    if unreadable:
        return ServerFault(f"YouTube's answer cannot be read: {clean(unreadable)}")
    if fault := next((sent.fault for sent in report.sent if sent.fault is not None), None):
        return _network_fault(fault)
    status = next((sent.status for sent in report.sent if (sent.status or 0) >= 500), None)
    return ServerFault(f"YouTube answers {status}") if status else None


def _refusal(sent: SentRequest, now: float) -> Refused | None:
    headers, url = {"Retry-After": sent.retry_after}, f"https://{sent.address}"
    return refusal_in(status=sent.status, headers=headers, url=url, now=now)


def _network_fault(kind: NetworkFaultKind) -> NetworkFault:
    return NetworkFault(f"yt-dlp: {sentence(kind, 'YouTube', 'in use')}", kind=kind)


def _tool_failed(message: str, report: ExtractionReport) -> ItemError:
    # Warnings often hold the cause.
    texts = dict.fromkeys(clean(text) for text in (message, *report.warnings))
    return ItemError(Reason.TOOL_FAILED, " · ".join(texts)[:_LONGEST_MESSAGE])


def clean(message: str) -> str:
    """A message fit for logs and the journal: no queries of links, no passwords, one line."""
    bare = _ADVICE.sub("", message)
    bare = re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]*", r"\1?…", bare)
    bare = re.sub(r"//[^/\s@]+@", "//…@", bare)
    return " ".join(bare.split())[:_LONGEST_MESSAGE]
