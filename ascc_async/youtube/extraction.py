"""One extraction by yt-dlp: what its worker process is given and gives back, all plain data.

Nothing here imports yt-dlp at the top: that takes half a second, which only a worker process pays.
"""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascc_async.errors import NetworkFaultKind
from ascc_async.youtube.formats import MediaFormat

if TYPE_CHECKING:  # worker processes import this module, and need no settings
    from ascc_async.settings import NetworkSettings

# Part of the message when an answer is too large to be read.
OVERSIZED = "YouTube's answer is larger than"
# Where there was no connection, YouTube counted nothing: no permit is used up.
_NOT_SENT: tuple[NetworkFaultKind, ...] = ("dns", "proxy", "proxy_auth", "certificate", "connect")


class PlayerClient(StrEnum):
    """Which of YouTube's players yt-dlp pretends to be.

    `GUEST`: one that needs a single request, takes no cookies and shows no license. `DEFAULT`:
    those that yt-dlp itself would choose, with the identity's cookies.
    """

    GUEST = "guest"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What is the same for every extraction of a run.

    `ca_file`: a PEM file to trust instead of yt-dlp's own, or None. `timeout_seconds` is for one
    request.
    """

    cache_dir: str
    ca_file: str | None
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Credentials:
    """As whom to ask. `cookies` are the text of a Netscape file."""

    identity: str
    proxy: str | None = field(default=None, repr=False)  # may hold a password
    cookies: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request of yt-dlp's and what came of it: a `status` or a `fault`, both when the answer
    broke off.

    `address` is where the answer came from, host and path: queries may hold keys.
    """

    address: str
    status: int | None = None
    retry_after: str = ""
    fault: NetworkFaultKind | None = None
    redirected: bool = False

    @property
    def count(self) -> int:
        """Requests that reached YouTube; none where there was no connection."""
        return 0 if self.fault in _NOT_SENT else 1 + self.redirected


@dataclass(frozen=True, slots=True)
class ExtractedVideo:
    """What yt-dlp learned about a video.

    `license_text` is None where yt-dlp saw no license; `type` is yt-dlp's `_type`.
    """

    formats: tuple[MediaFormat, ...]
    title: str = ""
    channel: str = ""
    channel_id: str = ""
    live_status: str = ""
    license_text: str | None = None
    type: str = "video"


@dataclass(frozen=True, slots=True)
class ExtractionFailure:
    """What yt-dlp raised. `error` is the name of its class; `traceback` is empty unless yt-dlp
    crashed, which is a bug of its own."""

    error: str
    message: str
    fault: NetworkFaultKind | None = None
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class ExtractionReport:
    """All that one extraction brought.

    `player_statuses`: every `playabilityStatus` that YouTube gave about this video, as it came.
    yt-dlp makes a message of the first one's words, and its status is lost.
    """

    video_id: str
    result: ExtractedVideo | ExtractionFailure
    sent: tuple[SentRequest, ...]
    warnings: tuple[str, ...]
    player_statuses: tuple[Mapping[str, Any], ...] = ()

    @property
    def requests(self) -> int:
        """Requests that reached YouTube, redirects included."""
        return sum(sent.count for sent in self.sent)


def lay_out(folder: Path, network: NetworkSettings) -> WorkerConfig:
    """Make yt-dlp's own folder, new and empty, with what it needs to trust `network.ca_file`."""
    shutil.rmtree(folder, ignore_errors=True)  # a run that was killed left it
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if network.ca_file is None:
        return WorkerConfig(str(folder / "cache"), None, network.timeout_seconds)
    from ascc_async.network.client import trusted_authorities  # no worker process needs that

    # OpenSSL takes one file from `SSL_CERT_FILE`, which replaces the system's: so both go in. That
    # `ca_file` holds certificates, our own connections found out before.
    system = trusted_authorities(None).get_ca_certs(binary_form=True)
    pem = "".join(map(ssl.DER_cert_to_PEM_cert, system)).encode()
    both = folder / "authorities.pem"
    both.write_bytes(pem + network.ca_file.read_bytes())
    return WorkerConfig(str(folder / "cache"), str(both), network.timeout_seconds)


class WarningLogger:
    """yt-dlp's logger: keeps warnings, which tell why streams are missing, and prints nothing."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str, only_once: bool = False) -> None:
        """Kept for the report."""
        self.warnings.append(message)

    def debug(self, message: str) -> None:
        """Progress; of no use here. Errors are raised as well."""

    info = error = debug


def extract(
    config: WorkerConfig, credentials: Credentials, client: PlayerClient, video_id: str
) -> ExtractionReport:
    """Ask yt-dlp for one video; a job for a worker process.

    Whatever yt-dlp raises comes back as data. An exception is a bug of ours.
    """
    from ascc_async.youtube.extractor_process import youtube_dl

    return youtube_dl(config, credentials, client).extract_video(video_id)


def warm_up() -> None:
    """Import yt-dlp before the first job; a worker process's initializer."""
    import ascc_async.youtube.extractor_process  # noqa: F401


def ytdlp_version() -> str | None:
    """The installed yt-dlp's version; None when there is none."""
    try:
        return version("yt-dlp")
    except PackageNotFoundError:
        return None


def released_on(ytdlp: str) -> date | None:
    """The date in a version such as `2026.8.19` or `2026.08.19.232842.dev0`; None for others."""
    try:
        return datetime.strptime(".".join(ytdlp.split(".")[:3]), "%Y.%m.%d").date()
    except ValueError:
        return None


def javascript_runtimes() -> list[Any]:
    """What yt-dlp finds here to solve YouTube's script challenges with: `name`, `version`, `path`
    and whether it is `supported`. Imports yt-dlp and starts programs.
    """
    import yt_dlp.globals

    runtimes = yt_dlp.globals.supported_js_runtimes.value.values()
    return [info for runtime in runtimes if (info := runtime().info) is not None]
