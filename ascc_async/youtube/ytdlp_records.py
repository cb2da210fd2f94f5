"""What passes between us and yt-dlp's process: plain, frozen, picklable."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ascc_async.errors import NetworkFaultKind
from ascc_async.youtube.javascript import Runtime

OVERSIZED = "YouTube's answer is larger than"
_NEVER_LEFT: tuple[NetworkFaultKind, ...] = (
    "dns",
    "proxy",
    "proxy_auth",
    "certificate",
    "connect",
)


class Strategy(StrEnum):
    """Whom yt-dlp asks as. `CHEAP`: one request as a guest, no license. `DEFAULTS`: its own way."""

    CHEAP = "cheap"
    DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What is the same for every job of a run.

    `authorities`: a PEM file to trust instead of the default, or None. `timeout` in seconds, for
    one request.
    """

    cache_dir: str
    authorities: str | None
    runtime: Runtime | None
    timeout: float


@dataclass(frozen=True, slots=True)
class Access:
    """As whom to ask. `cookies` is a Netscape file that is only read; `edition` rises when it
    changes."""

    identity: str
    proxy: str | None = field(default=None, repr=False)
    cookies: str | None = None
    edition: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that left for YouTube (`hops` more, if redirected) and what came back.

    `address` is host and path without the query; `landed` the same after redirects. Either
    `status` is set or `fault`.
    """

    address: str
    status: int | None = None
    landed: str = ""
    retry_after: str = ""
    fault: NetworkFaultKind | None = None
    hops: int = 0

    @property
    def count(self) -> int:
        """Requests that reached YouTube; none where there was no connection."""
        return 0 if self.fault in _NEVER_LEFT else 1 + self.hops


@dataclass(frozen=True, slots=True)
class Format:
    """One stream as yt-dlp describes it. `headers` are to be sent with every range."""

    format_id: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    protocol: str = "https"
    ext: str = ""
    acodec: str | None = None
    vcodec: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    height: int | None = None
    size: int | None = None
    tbr: float | None = None
    language_preference: int | None = None
    preference: int | None = None
    drm: bool = False
    available_at: float | None = None

    @property
    def has_sound(self) -> bool:
        """True when the stream carries sound."""
        return self.acodec not in (None, "none")

    @property
    def has_picture(self) -> bool:
        """True when the stream carries pictures."""
        return self.vcodec not in (None, "none")


@dataclass(frozen=True, slots=True)
class Video:
    """What yt-dlp found out about a video.

    `license_text` is None where yt-dlp saw no license row; `kind` is yt-dlp's `_type`.
    """

    formats: tuple[Format, ...]
    title: str = ""
    channel: str = ""
    channel_id: str = ""
    duration: float | None = None
    live_status: str = ""
    license_text: str | None = None
    kind: str = "video"


@dataclass(frozen=True, slots=True)
class Failure:
    """What yt-dlp raised. `error` is the class's name, `message` its own words, unadorned."""

    error: str
    message: str
    fault: NetworkFaultKind | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that one extraction brought: either `video` or `failure` is set."""

    video_id: str
    strategy: Strategy
    video: Video | None
    failure: Failure | None
    sent: tuple[Sent, ...]
    warnings: tuple[str, ...]
    cpu_seconds: float

    @property
    def requests(self) -> int:
        """Requests that reached YouTube, redirects included."""
        return sum(sent.count for sent in self.sent)
