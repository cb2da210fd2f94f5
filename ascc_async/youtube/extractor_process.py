"""yt-dlp itself, inside a slot's process: one long-lived YoutubeDL per strategy and identity."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.networking.exceptions import HTTPError, RequestError
from yt_dlp.utils import ExtractorError

from ascc_async.youtube.ytdlp_faults import fault_in
from ascc_async.youtube.ytdlp_records import (
    Access,
    Failure,
    Format,
    Report,
    Sent,
    Strategy,
    Video,
    WorkerConfig,
)
from ascc_async.youtube.ytdlp_wire import PLAYER, address_of, answered, author_in, ignore, watch

# Manifests cost a request each, and their streams have no index that ranges could use.
_SKIP = {"skip": ["hls", "dash", "translated_subs"]}
_ARGUMENTS: dict[Strategy, dict[str, list[str]]] = {
    Strategy.CHEAP: {
        "player_client": ["visionos"],
        "player_skip": ["webpage", "configs", "js", "initial_data"],
        **_SKIP,
    },
    Strategy.DEFAULTS: _SKIP,
}


class Worker:
    """Answers jobs one after the other; keeps connections, cookies and player code warm."""

    def __init__(self, surroundings: WorkerConfig) -> None:
        self._surroundings = surroundings
        self._tools: dict[tuple[Strategy, str], tuple[Access, RecordingYoutubeDL]] = {}

    def extract(self, access: Access, strategy: Strategy, video_id: str) -> Report:
        """One extraction, with all that it sent."""
        return self._tool(access, strategy).extract(strategy, video_id)

    def _tool(self, access: Access, strategy: Strategy) -> RecordingYoutubeDL:
        place = (strategy, access.identity)
        known = self._tools.get(place)
        if known is None or known[0] != access:
            known = access, RecordingYoutubeDL(_parameters(self._surroundings, access, strategy))
            self._tools[place] = known
        return known[1]


class RecordingYoutubeDL(YoutubeDL):  # type: ignore[misc]
    """YoutubeDL that keeps count of what it really sends."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.sent: list[Sent] = []
        self.author = ""
        self.words = _Words()
        super().__init__({**parameters, "logger": self.words})

    def urlopen(self, req: Any) -> Any:
        """Every request of every extractor comes through here."""
        address = address_of(req if isinstance(req, str) else req.url)
        try:
            response = super().urlopen(req)
        except HTTPError as error:
            self.sent.append(answered(address, error.response))
            raise
        except RequestError as error:
            self.sent.append(Sent(address, fault=fault_in(error)))
            raise
        self.sent.append(answered(address, response))
        watch(response, self._see_author if address.endswith(PLAYER) else ignore, self._broke)
        return response

    def _broke(self, error: RequestError) -> None:
        """The body of the newest answer broke off: yt-dlp may go on as if nothing had been."""
        self.sent[-1] = replace(self.sent[-1], fault=fault_in(error))

    def _see_author(self, body: bytes) -> None:
        self.author = author_in(body) or self.author

    def extract(self, strategy: Strategy, video_id: str) -> Report:
        """Ask for one video; whatever happens becomes data."""
        self.sent, self.words.warnings, self.author = [], [], ""
        # What yt-dlp says once, it is to say once per video: warnings tell why streams are missing.
        for speaker in (self, self.get_info_extractor("Youtube")):
            getattr(speaker, "_printed_messages", set()).clear()
        began = time.process_time()
        video, failure = self._ask(f"https://www.youtube.com/watch?v={video_id}")
        return Report(
            video_id=video_id,
            strategy=strategy,
            video=video,
            failure=failure,
            sent=tuple(self.sent),
            warnings=tuple(dict.fromkeys(self.words.warnings)),
            cpu_seconds=time.process_time() - began,
        )

    def _ask(self, url: str) -> tuple[Video | None, Failure | None]:
        try:
            # Without `process`, yt-dlp neither sorts formats nor tests links: we choose ourselves.
            info = self.extract_info(url, download=False, process=False, ie_key="Youtube")
            return _video_in(info or {}, self.params["http_headers"], self.author), None
        # The seam: yt-dlp raises anything, its own errors do not pickle, and none may kill the
        # slot. Nothing is lost: class and words are reported.
        except Exception as error:  # noqa: BLE001
            return None, _failure_in(error)


class _Words:
    """yt-dlp's logger: keeps warnings, prints nothing."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        """Progress words; of no use here."""

    def info(self, message: str) -> None:
        """Progress words; of no use here."""

    def warning(self, message: str) -> None:
        """Kept for the report."""
        self.warnings.append(message)

    def error(self, message: str) -> None:
        """Raised as well; of no use here."""


def _parameters(surroundings: WorkerConfig, access: Access, strategy: Strategy) -> dict[str, Any]:
    runtime = surroundings.runtime
    parameters: dict[str, Any] = {
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "cachedir": surroundings.cache_dir,
        "socket_timeout": surroundings.timeout,
        # Retries are ours: each must pass the gate.
        "extractor_retries": 0,
        "geo_bypass": False,
        # "" is «no proxy», None would be «whatever the environment says».
        "proxy": access.proxy or "",
        "compat_opts": {"no-certifi"} if surroundings.authorities else set(),
        "js_runtimes": {runtime.name: {"path": runtime.path}} if runtime else {},
        "extractor_args": {"youtube": _ARGUMENTS[strategy]},
    }
    # The cheap client takes no cookies: it asks as a guest. A stream instead of a path: yt-dlp
    # would write to the file.
    if access.cookies and strategy is Strategy.DEFAULTS:
        parameters["cookiefile"] = io.StringIO(Path(access.cookies).read_text(encoding="utf-8"))
    return parameters


def _failure_in(error: Exception) -> Failure:
    """The innermost extractor error tells most; a DownloadError only wraps its text."""
    told: BaseException = error
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ExtractorError):
            told = seen
            break
        seen = seen.__context__
    message = told.orig_msg if isinstance(told, ExtractorError) else str(told)
    return Failure(type(told).__name__, _text(message), fault_in(told))


def _video_in(info: Mapping[str, Any], headers: Mapping[str, str], author: str) -> Video:
    return Video(
        formats=tuple(
            _format_in(raw, headers)
            for raw in info.get("formats") or ()
            if raw.get("url") and raw.get("protocol") != "mhtml"  # those are storyboards
        ),
        title=_text(info.get("title")),
        channel=_text(info.get("channel")) or _text(author),
        channel_id=_text(info.get("channel_id")),
        duration=_number(info.get("duration")),
        live_status=info.get("live_status") or "",
        license_text=_text(info.get("license")) or None,
        kind=info.get("_type") or "video",
    )


def _format_in(raw: Mapping[str, Any], headers: Mapping[str, str]) -> Format:
    return Format(
        format_id=str(raw.get("format_id") or ""),
        url=raw["url"],
        headers={**headers, **(raw.get("http_headers") or {})},
        protocol=raw.get("protocol") or raw["url"].partition(":")[0],
        ext=raw.get("ext") or "",
        acodec=raw.get("acodec"),
        vcodec=raw.get("vcodec"),
        sample_rate=raw.get("asr"),
        channels=raw.get("audio_channels"),
        height=raw.get("height"),
        size=raw.get("filesize"),
        tbr=_number(raw.get("tbr")),
        language_preference=raw.get("language_preference"),
        preference=raw.get("preference"),
        drm=bool(raw.get("has_drm")),
        available_at=_number(raw.get("available_at")),
    )


def _text(text: Any) -> str:
    """A text with `?` for every half of a character: no file or database takes those."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
