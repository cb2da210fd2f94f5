"""What an extraction's report means: the media, or one of our errors. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ascc_async.errors import (
    AsccError,
    ItemError,
    NetworkFault,
    NetworkFaultKind,
    Refused,
    Rejected,
    ServerFault,
    Unavailable,
)
from ascc_async.model import Reason, Resolved
from ascc_async.settings import ClipsSettings
from ascc_async.youtube.formats import (
    audio_track,
    choose_audio,
    choose_other_audio,
    choose_video,
    is_direct,
    video_track,
)
from ascc_async.youtube.refusals import reason_in, refusal_in
from ascc_async.youtube.ytdlp_records import OVERSIZED, Failure, Format, Report, Sent, Video

_LONGEST_WORDS = 1000
_OTHER_VIDEO = "Skipping player responses from"
_LIVE = ("is_live", "is_upcoming", "post_live")
_FAULT_WORDS: dict[NetworkFaultKind, str] = {
    "dns": "the name could not be resolved",
    "proxy": "the proxy does not answer",
    "proxy_auth": "the proxy refuses the user or password",
    "certificate": "the certificate is not trusted (see network.ca_file)",
    "connect": "no connection",
    "timeout": "no answer in time",
    "reset": "the connection was cut",
    "short_body": "the answer was cut short",
    "other": "no answer",
}
# A message that says more than «unavailable»: another client would say the same.
_CERTAIN = re.compile(r"removed|no longer|terminated|does ?n[o']t exist|closed", re.IGNORECASE)
# yt-dlp's advice to those who run it by hand: not YouTube's words, and of no use here.
_ADVICE = re.compile(
    r"; please report this issue on .*?(yt-dlp -U|$)|\s*Use --cookies-from-browser or --cookies .*",
    re.DOTALL,
)
_SETTLED = (
    Reason.PRIVATE,
    Reason.MEMBERS_ONLY,
    Reason.ACCOUNT_TERMINATED,
    Reason.COPYRIGHT_CLAIM,
    Reason.COUNTRY_RESTRICTED,
    Reason.LIVE,
)


def judge(report: Report, clips: ClipsSettings, identity: str, now: float) -> Resolved | AsccError:
    """The media of a video, or the error that says what happens next. `now`: POSIX time."""
    if report.video is None:
        failure = report.failure or Failure("", "yt-dlp reported nothing")
        return _by_failure(failure, report, now)
    video = report.video
    if video.kind != "video":
        return Unavailable(Reason.MEMBERS_ONLY, "yt-dlp was given only a trailer")
    if video.live_status in _LIVE:
        return Unavailable(Reason.LIVE, f"live status: {video.live_status}")
    audio = choose_audio(video.formats, clips.format)
    if audio is None:
        return _without_sound(video, report, now)
    picture = choose_video(video.formats, clips.max_height) if clips.media == "video" else None
    if picture is None and clips.media == "video":
        return _failed("yt-dlp found no direct link to pictures (clips.media: video)", report)
    other = choose_other_audio(video.formats, audio, clips.format)
    return _resolved(report, video, audio, other, picture, identity)


def another_client_may_help(error: AsccError, signed_in: bool) -> bool:
    """True when yt-dlp's default clients may succeed where the cheap one failed."""
    if isinstance(error, Refused):
        return error.kind in ("bot_check", "other")
    if not isinstance(error, ItemError):
        return False
    if error.reason in (Reason.PRIVATE, Reason.MEMBERS_ONLY):
        return signed_in
    if error.reason is Reason.REMOVED:
        return not _CERTAIN.search(str(error))
    return error.reason not in _SETTLED


def clean(message: str) -> str:
    """A message fit for logs and the journal: no queries of links, no passwords, one line."""
    bare = _ADVICE.sub("", message)
    bare = re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]*", r"\1?…", bare)
    bare = re.sub(r"//[^/\s@]+@", "//…@", bare)
    return " ".join(bare.split())[:_LONGEST_WORDS]


def _resolved(
    report: Report,
    video: Video,
    audio: Format,
    other: Format | None,
    picture: Format | None,
    identity: str,
) -> Resolved:
    return Resolved(
        video_id=report.video_id,
        identity=identity,
        audio=audio_track(audio),
        video=video_track(picture) if picture else None,
        duration=video.duration,
        title=video.title,
        channel=video.channel,
        channel_id=video.channel_id,
        license_text=video.license_text,
        requests_sent=report.requests,
        other_audio=audio_track(other) if other else None,
    )


def _without_sound(video: Video, report: Report, now: float) -> AsccError:
    direct = [one for one in video.formats if is_direct(one)]
    left_out = any("skipped" in warning for warning in report.warnings)
    if direct and not left_out:
        return Rejected(Reason.NO_AUDIO, "the video has pictures and no sound")
    if video.formats and all(one.drm for one in video.formats):
        return _failed("This video is DRM protected", report)
    return _swallowed(report, now) or _failed("yt-dlp found no direct media link", report)


def _by_failure(failure: Failure, report: Report, now: float) -> AsccError:
    if failure.error == "GeoRestrictedError":
        return Unavailable(Reason.COUNTRY_RESTRICTED, clean(failure.message))
    refusal = refusal_in(text=failure.message)
    if refusal is not None:
        return _with_wait(refusal, report.sent, now)
    reason = reason_in("", failure.message)
    if reason is not None:
        return Unavailable(reason, clean(failure.message))
    garbled = _garbled(report)
    if failure.fault is not None and garbled is None:
        return _fault(failure.fault)
    return _swallowed(report, now) or _failed(failure.message, report)


def _swallowed(report: Report, now: float) -> AsccError | None:
    """yt-dlp passes over many errors and goes on: what came back over the wire tells them."""
    refusals = (_refusal(one, now) for one in report.sent)
    refusal = next((found for found in refusals if found is not None), None)
    if refusal is not None:
        return refusal
    if any(_OTHER_VIDEO in warning for warning in report.warnings):
        return Refused("YouTube answers about another video: it blocks this address", kind="other")
    return _garbled(report) or _broken(report.sent)


def _broken(sent: Sequence[Sent]) -> AsccError | None:
    fault = next((one.fault for one in sent if one.fault), None)
    if fault is not None:
        return _fault(fault)
    status = next((one.status for one in sent if (one.status or 0) >= 500), None)
    return ServerFault(f"YouTube answers {status}") if status else None


def _garbled(report: Report) -> ServerFault | None:
    """yt-dlp could not read an answer: half a JSON document, a page in its place, gigabytes."""
    told = [report.failure.message if report.failure else "", *report.warnings]
    signs = ("Failed to parse JSON", OVERSIZED)
    odd = next((clean(words) for words in told if any(sign in words for sign in signs)), None)
    return ServerFault(f"YouTube's answer cannot be read: {odd}") if odd else None


def _refusal(one: Sent, now: float) -> Refused | None:
    return refusal_in(
        status=one.status,
        headers={"Retry-After": one.retry_after},
        url=f"https://{one.landed}",
        now=now,
    )


def _with_wait(refusal: Refused, sent: Iterable[Sent], now: float) -> Refused:
    """Words carry no `Retry-After`; the answer they came with may."""
    waits = [found.retry_after for one in sent if (found := _refusal(one, now))]
    wait = max((wait for wait in waits if wait is not None), default=None)
    return Refused(str(refusal), kind=refusal.kind, retry_after=wait)


def _fault(kind: NetworkFaultKind) -> NetworkFault:
    return NetworkFault(f"yt-dlp could not reach YouTube: {_FAULT_WORDS[kind]}", kind=kind)


def _failed(message: str, report: Report) -> ItemError:
    told = [clean(message), *(clean(warning) for warning in report.warnings)]
    return ItemError(Reason.TOOL_FAILED, " · ".join(dict.fromkeys(told))[:_LONGEST_WORDS])
