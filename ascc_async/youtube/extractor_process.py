"""yt-dlp itself, inside a worker process: one long-lived YoutubeDL per client and identity."""

from __future__ import annotations

import functools
import io
import json
import os
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yt_dlp
from yt_dlp import YoutubeDL
from yt_dlp.globals import supported_js_runtimes
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError, ProxyError, RequestError, TransportError
from yt_dlp.utils import ExtractorError, YoutubeDLError

from ascc_async.errors import NetworkFaultKind
from ascc_async.youtube.extraction import (
    OVERSIZED,
    Credentials,
    ExtractedVideo,
    ExtractionFailure,
    ExtractionReport,
    PlayerClient,
    SentRequest,
    WarningLogger,
    WorkerConfig,
)
from ascc_async.youtube.formats import MediaFormat
from ascc_async.youtube.json_reading import PLAYER_IN_PAGE, inside, parse_json

# Manifests cost a request each, and their streams have no index that ranges could use.
_SKIP = {"skip": ["hls", "dash", "translated_subs"]}
_EXTRACTOR_ARGUMENTS: dict[PlayerClient, dict[str, list[str]]] = {
    # The one client whose links need neither a script to be solved nor a page to be read first.
    PlayerClient.GUEST: {
        "player_client": ["visionos"],
        "player_skip": ["webpage", "configs", "js", "initial_data"],
        **_SKIP,
    },
    PlayerClient.DEFAULT: _SKIP,
}
_LARGEST_ANSWER = 32 << 20
_YTDLP, _OURS = Path(yt_dlp.__file__).parent, Path(__file__).parents[1]


# Kept from job to job, so that connections, cookies and player code stay warm. With changed cookies
# it is another YoutubeDL, and the old one is forgotten some day.
@functools.lru_cache(maxsize=256)
def youtube_dl(
    config: WorkerConfig, credentials: Credentials, client: PlayerClient
) -> RecordingYoutubeDL:
    """This process's YoutubeDL for that identity and client."""
    if config.ca_file:
        os.environ["SSL_CERT_FILE"] = config.ca_file  # OpenSSL's way; yt-dlp has no option for it
    options: dict[str, Any] = {
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "cachedir": config.cache_dir,
        "socket_timeout": config.timeout_seconds,
        # Retries are ours: each must pass the rate limiter.
        "extractor_retries": 0,
        "geo_bypass": False,
        # "" is «no proxy», None would be «whatever the environment says».
        "proxy": credentials.proxy or "",
        "compat_opts": {"no-certifi"} if config.ca_file else set(),
        # By itself yt-dlp would use deno alone; it finds the others too, and knows what is too old.
        "js_runtimes": {name: {} for name in supported_js_runtimes.value},
        "extractor_args": {"youtube": _EXTRACTOR_ARGUMENTS[client]},
    }
    if credentials.cookies and client is PlayerClient.DEFAULT:  # the guest client takes none
        options["cookiefile"] = io.StringIO(credentials.cookies)
    return RecordingYoutubeDL(options)


class RecordingYoutubeDL(YoutubeDL):  # type: ignore[misc]
    """YoutubeDL that records every request it sends, so that the rate limiter can count them."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.sent: list[SentRequest] = []
        self.player_statuses: list[Mapping[str, Any]] = []
        self.video_id = self.channel = ""
        self.warning_logger = WarningLogger()
        super().__init__({**options, "logger": self.warning_logger})

    def extract_video(self, video_id: str) -> ExtractionReport:
        """Ask for one video; whatever yt-dlp raises becomes data."""
        self.sent, self.player_statuses, self.warning_logger.warnings = [], [], []
        self.video_id, self.channel = video_id, ""
        url = f"https://www.youtube.com/watch?v={video_id}"
        result: ExtractedVideo | ExtractionFailure
        try:
            # Without `process`, yt-dlp neither sorts formats nor tests links: we choose ourselves.
            info = self.extract_info(url, download=False, process=False, ie_key="Youtube")
        # The seam: yt-dlp stumbles over odd answers with any exception, and may wrap it in one of
        # its own. That costs this video, never the run; bugs of ours are raised.
        except Exception as error:  # noqa: BLE001 - raised, or made data
            for link in _chain(error):
                # Only an answer is nested too deep to be followed.
                if not isinstance(link, YoutubeDLError | RecursionError) and _is_ours(link):
                    raise link from None
            result = _failure_from(error)
        else:
            result = self._video_from(info or {})
        warnings = dict.fromkeys(self.warning_logger.warnings)
        return ExtractionReport(
            video_id, result, tuple(self.sent), tuple(warnings), tuple(self.player_statuses)
        )

    def urlopen(self, req: Any) -> Response:
        """Every request of every extractor comes through here."""
        request = Request(req) if isinstance(req, str) else req
        try:
            response = super().urlopen(request)
        except HTTPError as error:
            self.sent.append(_answered(request, error.response))
            raise
        except RequestError as error:
            self.sent.append(SentRequest(_address(request.url), fault=network_fault_in(error)))
            raise
        self.sent.append(_answered(request, response))
        # The whole body, within bounds: one that unpacks to gigabytes would take the machine along.
        body = b""
        try:
            while piece := response.read(1 << 20):
                body += piece
                if len(body) > _LARGEST_ANSWER:
                    response.close()
                    raise TransportError(f"{OVERSIZED} {_LARGEST_ANSWER} bytes")
        except RequestError as error:
            # yt-dlp may go on as if nothing had been: the record tells.
            self.sent[-1] = replace(self.sent[-1], fault=network_fault_in(error))
            raise
        address = _address(request.url)
        if address.endswith("/youtubei/v1/player"):
            body = self._read_player(body)
        elif address.endswith("/watch") and (match := PLAYER_IN_PAGE.search(body)):
            self._read_player(body[match.end() :], rest_allowed=True)
        return Response(
            io.BytesIO(body), response.url, response.headers, response.status, response.reason
        )

    def _read_player(self, body: bytes, *, rest_allowed: bool = False) -> bytes:
        """The player's answer without its captions; what yt-dlp passes over in it is kept."""
        try:
            answer = parse_json(body.decode("utf-8", "replace"), rest_allowed=rest_allowed)
        except ValueError:
            return body  # yt-dlp says what is wrong with it
        details = inside(answer, "videoDetails")
        if not isinstance(answer, dict) or details.get("videoId") not in (None, self.video_id):
            return body
        self.player_statuses.append(inside(answer, "playabilityStatus"))
        # It takes the channel's name from the page alone, which the guest client skips.
        self.channel = self.channel or _text(details.get("author"))
        # For each of 150 languages it would write seven links: four fifths of all its work.
        return json.dumps(answer).encode() if answer.pop("captions", None) else body

    def _video_from(self, info: Mapping[str, Any]) -> ExtractedVideo:
        headers = self.params["http_headers"]
        formats = (
            MediaFormat(
                format_id=str(raw.get("format_id") or ""),
                url=raw["url"],
                headers={**headers, **(raw.get("http_headers") or {})},
                protocol=raw.get("protocol") or raw["url"].partition(":")[0],
                ext=raw.get("ext") or "",
                acodec=raw.get("acodec"),
                vcodec=raw.get("vcodec"),
                height=raw.get("height"),
                bitrate=_number(raw.get("tbr")),
                language_preference=raw.get("language_preference"),
                preference=raw.get("preference"),
                drm=bool(raw.get("has_drm")),
                available_at=_number(raw.get("available_at")),
            )
            for raw in info.get("formats") or ()
            if raw.get("url") and raw.get("protocol") != "mhtml"  # those are storyboards
        )
        return ExtractedVideo(
            formats=tuple(formats),
            title=_text(info.get("title")),
            channel=_text(info.get("channel")) or self.channel,
            channel_id=_text(info.get("channel_id")),
            live_status=info.get("live_status") or "",
            license_text=_text(info.get("license")) or None,
            type=info.get("_type") or "video",
        )


def _answered(request: Request, response: Response) -> SentRequest:
    return SentRequest(
        _address(response.url),
        status=response.status,
        retry_after=response.headers.get("Retry-After") or "",
        # How many redirects there were, yt-dlp tells nobody; YouTube's walls are one away.
        redirected=response.url != request.url,
    )


def _failure_from(error: BaseException) -> ExtractionFailure:
    # A DownloadError only wraps the text of the extractor's error, with «ERROR:» before it.
    cause = next((link for link in _chain(error) if isinstance(link, ExtractorError)), error)
    # Of these yt-dlp makes «An extractor error has occurred», and says no more.
    wrapped = cause.cause if isinstance(cause, ExtractorError) else cause
    if isinstance(wrapped, LookupError | StopIteration) or not isinstance(cause, YoutubeDLError):
        name, where = type(wrapped).__name__, traceback.extract_tb(wrapped.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        message = f"yt-dlp crashed: {name}: {wrapped} ({place})"
        trace = "".join(traceback.format_exception(wrapped))
        return ExtractionFailure(name, _text(message), traceback=trace)
    message = cause.orig_msg if isinstance(cause, ExtractorError) else str(cause)
    return ExtractionFailure(type(cause).__name__, _text(message), network_fault_in(cause))


def _is_ours(error: BaseException) -> bool:
    """Whether our code raised it, or called what raised it with nothing of yt-dlp's between."""
    files = [Path(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(error.__traceback__)]
    known = [file for file in files if any(map(file.is_relative_to, (_OURS, _YTDLP)))]
    return bool(known) and known[-1].is_relative_to(_OURS)


def _address(url: str) -> str:
    """Host and path: queries may hold keys."""
    return url.partition("?")[0].partition("://")[2]


def _text(text: Any) -> str:
    """A text with `?` for every half of a character: no file or database takes those."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:  # an odd answer of hundreds of digits, which Python's int can hold
        return None


# yt-dlp has classes for few faults of the network; the rest shows in the names and messages of the
# errors beneath, urllib3's above all. The first match counts.
_FAULT_SIGNS: tuple[tuple[NetworkFaultKind, tuple[str, ...]], ...] = (
    ("certificate", ("certificateverify", "sslcertverification", "certificate verify failed")),
    ("short_body", ("incompleteread", "incomplete read")),
    ("dns", ("gaierror", "name or service not known", "name resolution", "nodename nor servname")),
    ("timeout", ("timed out", "timeout")),
    ("connect", ("refused", "unreachable", "failed to establish", "no route")),
    ("reset", ("reset", "remotedisconnected", "remote end closed", "broken pipe", "eof occurred")),
)
_PROXY_REFUSES_LOGIN = ("407", "authentication", "authenticate", "username")
# The proxy is there, what lies behind it is not.
_BEHIND_PROXY = (
    "tunnel connection failed: 5",
    "general socks server failure",
    "not allowed by ruleset",
    "network unreachable",
    "host unreachable",
    "ttl expired",
)


def network_fault_in(error: BaseException) -> NetworkFaultKind | None:
    """The kind of network fault at the root of `error`; None when it is not one."""
    chain = list(_chain(error))
    if any(isinstance(link, HTTPError) for link in chain):
        return None  # an answer, though not the one that was wanted
    if not any(isinstance(link, RequestError) for link in chain):
        return None
    text = " ".join(f"{type(link).__name__} {link}" for link in chain).lower()
    if any(isinstance(link, ProxyError) for link in chain):
        if any(sign in text for sign in _PROXY_REFUSES_LOGIN):
            return "proxy_auth"
        return "connect" if any(sign in text for sign in _BEHIND_PROXY) else "proxy"
    for kind, signs in _FAULT_SIGNS:
        if any(sign in text for sign in signs):
            # With SOCKS, yt-dlp itself dials the proxy: it is the proxy that cannot be reached.
            return "proxy" if kind == "connect" and "sockshttp" in text else kind
    return "other"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that lies beneath it, each once: causes, contexts, wrapped arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        beneath = (link.__cause__, link.__context__, getattr(link, "cause", None), *link.args)
        waiting += [part for part in beneath if isinstance(part, BaseException)]
