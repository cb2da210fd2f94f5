"""yt-dlp on answers that YouTube really gave, and on answers that nobody should give."""

from __future__ import annotations

import io
import json
import pickle
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    IncompleteRead,
    ProxyError,
    RequestError,
    SSLError,
    TransportError,
)
from yt_dlp.utils import ExtractorError

from ascc_async.errors import AsccError, Unavailable, Unexplained
from ascc_async.model import Reason, Resolved
from ascc_async.settings import ClipsSettings
from ascc_async.youtube import extractor_process, json_reading
from ascc_async.youtube.client_choice import another_client_may_help
from ascc_async.youtube.extraction import (
    Credentials,
    ExtractionFailure,
    ExtractionReport,
    PlayerClient,
    WorkerConfig,
    extract,
)
from ascc_async.youtube.extraction_result import interpret
from ascc_async.youtube.extractor_process import network_fault_in, youtube_dl
from tests.youtube.license_helpers import recorded

MAIN, GUEST = Credentials("main"), PlayerClient.GUEST


@pytest.fixture
def config(tmp_path: Path) -> WorkerConfig:
    """A player cache of its own, and so a YoutubeDL of its own for each test."""
    return WorkerConfig(str(tmp_path / "cache"), None, 5.0)


Ask = Callable[..., ExtractionReport]


@pytest.fixture
def ask(config: WorkerConfig, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Hands the real extractor that answer to its one request, and gives the report."""

    def ask(answer: dict[str, Any], video_id: str = "M4gD1WSo5mA") -> ExtractionReport:
        def urlopen(_: YoutubeDL, request: Request) -> Response:
            return Response(io.BytesIO(json.dumps(answer).encode()), request.url, {})

        monkeypatch.setattr(YoutubeDL, "urlopen", urlopen)
        report: ExtractionReport = pickle.loads(
            pickle.dumps(extract(config, MAIN, GUEST, video_id))
        )
        return report

    return ask


def verdict(report: ExtractionReport, media: str = "audio") -> Resolved | AsccError:
    """What it means."""
    clips = ClipsSettings(media=media)  # type: ignore[arg-type]
    try:
        return interpret(report, clips, "main", now=0.0)
    except AsccError as error:
        return error


def test_a_real_answer_brings_the_sound_and_a_picture(ask: Ask) -> None:
    """AAC in MP4, with its exact length; 360 lines of H.264; the channel's name, which
    yt-dlp itself takes from the page alone."""
    report = ask(recorded("player_ok_visionos"))
    result = verdict(report, "video")
    assert isinstance(result, Resolved)
    assert (result.audio.format_id, result.audio.container) == ("140", "mp4")
    assert result.audio.duration == 720.724
    assert result.video is not None
    assert result.video.format_id == "134"
    assert result.title.startswith("William Fisher, CopyrightX")
    assert result.channel == "The Berkman Klein Center for Internet & Society"
    assert result.channel_id == "UCuLGmD72gJDBwmLw06X58SA"
    assert [(sent.address, sent.count) for sent in report.sent] == [
        ("www.youtube.com/youtubei/v1/player", 1)
    ]


@pytest.mark.parametrize(
    ("name", "video_id", "reason"),
    [
        ("reel_members_only", "ayI2iBwGdxw", Reason.MEMBERS_ONLY),
        ("reel_private", "8VajtrESJzA", Reason.PRIVATE),
        ("reel_restricted_country", "_PL2HJKxnOM", Reason.COUNTRY_RESTRICTED),
    ],
)
def test_real_refusals_of_a_video_have_their_reasons(
    ask: Ask, name: str, video_id: str, reason: Reason
) -> None:
    """As the real extractor words them."""
    result = verdict(ask(recorded(name)["playerResponse"], video_id))
    assert isinstance(result, Unavailable)
    assert result.reason is reason


def test_a_real_answer_that_says_nothing_certain_ends_nothing(ask: Ask) -> None:
    """Another client played that video in the same minutes; words and status come through."""
    report = ask(recorded("player_not_available_visionos"), "it3OtbTxQk0")
    assert report.player_statuses == (
        {"status": "UNPLAYABLE", "reason": "This video is not available"},
    )
    result = verdict(report)
    assert isinstance(result, Unexplained)
    assert str(result) == "This video is not available"
    assert another_client_may_help(result, signed_in=False)


def test_the_pages_player_is_heard_too(
    config: WorkerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """yt-dlp's default client reads it there; what it says of another video is left out."""
    page = (
        b'<script>var ytInitialPlayerResponse = {"videoDetails":{"videoId":"%b"},'
        b'"playabilityStatus":{"status":"ERROR","reason":"Gone \\ud83d"}};</script>'
    )
    tool = youtube_dl(config, MAIN, GUEST)
    tool.video_id = "M4gD1WSo5mA"
    for video_id in (b"M4gD1WSo5mA", b"otherother1"):
        body = page % video_id
        monkeypatch.setattr(
            YoutubeDL,
            "urlopen",
            lambda _, request, b=body: Response(io.BytesIO(b), request.url, {}),
        )
        assert tool.urlopen("https://www.youtube.com/watch?v=x").read() == body
    assert tool.player_statuses == [{"status": "ERROR", "reason": "Gone ?"}]


def test_half_of_a_character_becomes_one_that_can_be_written(ask: Ask) -> None:
    """A title cut in the middle of an emoji would go into no file and no database."""
    answer = recorded("player_ok_visionos")
    details = {**answer["videoDetails"], "title": "A \ud83d title", "author": "\udc00"}
    result = verdict(ask({**answer, "videoDetails": details}))
    assert isinstance(result, Resolved)
    assert (result.title, result.channel) == ("A ? title", "?")


def test_what_yt_dlp_warns_of_it_warns_of_each_time(ask: Ask) -> None:
    """Once for each extraction, that is, though the process lives on: the reports rely on it."""
    answer = recorded("player_ok_visionos")
    for stream in answer["streamingData"]["adaptiveFormats"]:
        stream.pop("url")
    reports = [ask(answer) for _ in range(2)]
    assert "formats have been skipped" in " ".join(reports[0].warnings)
    assert reports[0].warnings == reports[1].warnings


@pytest.mark.parametrize(
    ("answer", "passed_on", "channel"),
    [
        (b'{"videoDetails":{"author":"me \\ud83d"},"captions":{"x":[1]},"a":"\xc3\xa9"}',
         b'{"videoDetails": {"author": "me ?"}, "a": "\\u00e9"}', "me ?"),
        (b'{"videoDetails":{"author":7}}', b'{"videoDetails":{"author":7}}', ""),
        (b'{"author":"no"}', b'{"author":"no"}', ""),
        (b'{"videoDetails":null}', b'{"videoDetails":null}', ""),
        (b'{"author":"\xff"}', b'{"author":"\xff"}', ""),
        (b"[]", b"[]", ""),
        (b"", b"", ""),
    ],
)  # fmt: skip
def test_captions_are_left_out_and_the_channels_name_is_read(
    config: WorkerConfig,
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes,
    passed_on: bytes,
    channel: str,
) -> None:
    """They are most of yt-dlp's work, and nobody wants them. A broken answer is passed on."""
    monkeypatch.setattr(
        YoutubeDL, "urlopen", lambda _, request: Response(io.BytesIO(answer), request.url, {})
    )
    tool = youtube_dl(config, MAIN, GUEST)
    assert tool.urlopen("https://www.youtube.com/youtubei/v1/player?key=x").read() == passed_on
    assert tool.channel == channel
    assert tool.urlopen("https://www.youtube.com/watch?v=x").read() == answer


def test_cookies_are_the_default_clients_alone(config: WorkerConfig) -> None:
    """The guest client takes no cookies."""
    cookies = "# Netscape HTTP Cookie File\n.youtube.com\tTRUE\t/\tTRUE\t0\tSID\tvalue\n"
    credentials = Credentials("main", cookies=cookies)
    assert "value" not in repr(credentials)
    signed_in = youtube_dl(config, credentials, PlayerClient.DEFAULT)
    assert [cookie.name for cookie in signed_in.cookiejar if cookie.name == "SID"] == ["SID"]
    assert not list(youtube_dl(config, credentials, GUEST).cookiejar)


def test_changed_cookies_are_used(config: WorkerConfig) -> None:
    """The same credentials keep their connections; other cookies do not."""
    first = youtube_dl(config, MAIN, GUEST)
    assert youtube_dl(config, Credentials("main"), GUEST) is first
    assert youtube_dl(config, Credentials("main", cookies="another"), GUEST) is not first


@pytest.mark.parametrize("kind", [AttributeError, KeyError, IndexError, StopIteration])
def test_a_crash_of_yt_dlps_is_data_with_its_traceback(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    """It stumbles over odd answers with any exception, some of which it wraps: that costs the
    video, never the run.
    """

    def stumble(*_: object) -> None:
        raise kind("formats")

    monkeypatch.setattr(YoutubeIE, "_real_extract", stumble)
    failure = ask({}).result
    assert isinstance(failure, ExtractionFailure)
    assert failure.message.startswith(f"yt-dlp crashed: {kind.__name__}: ")
    assert "in stumble" in failure.traceback


@pytest.mark.parametrize("kind", [AttributeError, KeyError, IndexError, StopIteration])
@pytest.mark.parametrize(
    ("module", "broken"),
    [
        (extractor_process, "_address"),  # of this module, within yt-dlp's call
        (extractor_process, "_failure_from"),  # and after it
        (json_reading._DECODER, "raw_decode"),  # called by another module of ours
    ],
)
def test_a_bug_of_ours_is_raised_whoever_calls(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, module: Any, broken: str, kind: type[Exception]
) -> None:
    """No video's failure may hide it, nor what yt-dlp makes of it."""

    def buggy(*_: object, **__: object) -> None:
        raise kind("a bug")

    monkeypatch.setattr(module, broken, buggy)
    with pytest.raises(kind, match="a bug"):
        ask({})


DIALLED = "SocksHTTPSConnection(host='www.youtube.com', port=443): Failed to establish a new"
KINDS: list[tuple[Exception, str]] = [
    (ProxyError("Unable to connect to proxy: [Errno 111] Connection refused"), "proxy"),
    (ProxyError("Tunnel connection failed: 407 Proxy Authentication Required"), "proxy_auth"),
    (ProxyError("unknown username or invalid password"), "proxy_auth"),
    (ProxyError("Tunnel connection failed: 502 Bad Gateway"), "connect"),
    (ProxyError("Host unreachable"), "connect"),
    (CertificateVerifyError("self-signed certificate in certificate chain"), "certificate"),
    (TransportError(cause=ssl.SSLCertVerificationError("expired")), "certificate"),
    (SSLError("EOF occurred in violation of protocol"), "reset"),
    (TransportError("Read timed out. (read timeout=30)"), "timeout"),
    (TransportError(cause=TimeoutError("timed out")), "timeout"),
    (TransportError(cause=socket.gaierror(-2, "Name or service not known")), "dns"),
    (TransportError("Failed to resolve 'www.youtube.com' (Temporary failure in name resolution)"),
     "dns"),
    (TransportError("[Errno 111] Connection refused"), "connect"),
    (TransportError("[Errno 101] Network is unreachable"), "connect"),
    (TransportError(f"{DIALLED} connection: [Errno 111] Connection refused"), "proxy"),
    (TransportError(cause=ConnectionResetError(104, "Connection reset by peer")), "reset"),
    (TransportError("('Connection aborted.', RemoteDisconnected('Remote end closed connection"
                    " without response'))"), "reset"),
    (IncompleteRead(partial=10, expected=90), "short_body"),
    (RequestError("no idea"), "other"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "kind"), KINDS)
def test_every_error_of_the_network_has_a_kind(error: Exception, kind: str) -> None:
    """Bare, and inside the extractor's error."""
    assert network_fault_in(error) == kind
    assert network_fault_in(ExtractorError("Unable to download", cause=error)) == kind


def test_an_error_that_is_not_of_the_network_is_none() -> None:
    """A fault in yt-dlp is not one in the network, though it may speak of timeouts."""
    assert network_fault_in(KeyError("timed out")) is None
    assert network_fault_in(ExtractorError("Video unavailable", expected=True)) is None


def test_a_number_beyond_all_bounds_is_none() -> None:
    """A length of hundreds of digits in an odd answer ends no run: it counts as not said."""
    assert extractor_process._number(10**400) is None
    assert extractor_process._number(212) == 212.0
