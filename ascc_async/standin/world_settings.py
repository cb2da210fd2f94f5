"""All settings of the stand-in: one frozen model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# In the stand-in's folder: its authority's certificate, and what it was asked.
CA_FILE, LOG_FILE = "standin-ca.pem", "requests.jsonl"
# What YouTube counts apart, as it seems from outside.
RequestKindName = Literal["pages", "data_api", "media", "metadata"]
RefusalStyle = Literal[
    "429", "bot_check", "try_later", "captcha", "consent", "login_wall", "forbidden",
    "video_unavailable", "unplayable", "not_available", "please_sign_in", "login_required",
    "your_account", "session_removed", "gone_for_good", "unknown_words",
]  # fmt: skip
FaultName = Literal[
    RefusalStyle,
    "server_error", "cut_before", "cut_body", "stall", "slow_body", "empty", "html", "truncated",
    "other_video", "gzip_bomb", "oversized", "range_ignored",
]  # fmt: skip
RetryAfterForm = Literal["seconds", "date", "none"]
Share = Annotated[float, Field(ge=0, le=1)]


class _FrozenSettings(BaseModel):
    """A section of the settings: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shares(_FrozenSettings):
    """How often each kind of video occurs among ids outside the world's own list.

    Shares of all ids, so they add up to at most 1; the rest is standard. The order matters: a
    video's kind is drawn along it, so another order would make another world.
    """

    creative_commons: Share = 0.30
    license_unknown: Share = 0.01
    license_changed: Share = 0.0
    removed: Share = 0.06
    private: Share = 0.04
    account_terminated: Share = 0.03
    copyright_claim: Share = 0.02
    country_restricted: Share = 0.01
    sign_in_required: Share = 0.005
    age_restricted: Share = 0.01
    members_only: Share = 0.005
    live: Share = 0.005
    no_audio: Share = 0.005
    too_short: Share = 0.005
    silent: Share = 0.005
    corrupt: Share = 0.005


class PageSettings(_FrozenSettings):
    """How `next`, `player` and the watch page look; most fields imitate a change at YouTube."""

    # Of an unmasked next answer and of a watch page. YouTube's real size: it decides what parsing
    # costs, and what a mask saves.
    kilobytes: int = 320
    mask: Literal["honoured", "refused", "ignored"] = "honoured"
    license_row: Literal["there", "gone", "renamed"] = "there"
    license_row_missing: Share = 0  # of the answers, as in an A/B test: drawn for each
    license_row_gone_for: tuple[str, ...] = ()  # listeners whose clients are shown none
    container: Literal["there", "gone", "renamed"] = "there"
    results: Literal["there", "gone", "renamed"] = "there"
    reordered: bool = False  # the keys of every object
    license_text: str | None = None  # other words for the Creative Commons license
    dead_sessions: bool = False  # login cookies no longer sign in, and are cleared


class DataApi(_FrozenSettings):
    """The Data API's keys (null: every one that begins with AIza) and their daily quota."""

    keys: tuple[str, ...] | None = None
    quota: int = 10_000  # units; Google's default for a new key
    missing: Share = 0  # of the videos that are there, left out of its answers


class MediaSettings(_FrozenSettings):
    """How media is served."""

    total_mbit: float | None = None  # Mbit/s of the whole stand-in
    # Itags 134 and 160 too. Off: encoding pictures would hold up every first test by seconds.
    pictures: bool = False
    damaged: tuple[int, ...] = ()  # itags whose sound is damaged in every video


class Limit(_FrozenSettings):
    """A hidden limit, kept per identity: `requests` in any `window_seconds`, else a pause.

    `identities`: names it holds for; null: everyone.
    """

    kind: RequestKindName = "pages"
    requests: int
    window_seconds: float = 10
    pause_seconds: float = 60
    style: RefusalStyle = "429"
    retry_after: RetryAfterForm = "none"
    identities: tuple[str, ...] | None = None


class Fault(_FrozenSettings):
    """A fault that hits a seeded `share` of videos (or paths), each at most `times` times.

    `times` 0 means every time. `endpoints` narrows to some of: next, player, watch, data_api,
    media, metadata, other; `clients` to some player clients (as `requests()` names them), the same
    videos for each; `identities` to these. `seconds` is the length of a stall; `bytes_per_second`
    the speed of a slow body.
    """

    name: FaultName
    share: Share = 1.0
    times: int = 1
    endpoints: tuple[str, ...] | None = None
    clients: tuple[str, ...] | None = None
    identities: tuple[str, ...] | None = None
    seconds: float = 3600
    bytes_per_second: float = 2000
    retry_after: RetryAfterForm = "none"
    retry_after_seconds: float = 5


class ProxyListener(_FrozenSettings):
    """One proxy address to connect to, with its own port (0: a free one) and public address.

    With a `user` it asks for user and password. `host`: beyond loopback only for network
    namespaces of this machine; whoever comes from there is known by the address it has.
    """

    name: str = "main"
    host: str = "127.0.0.1"
    port: int = 0
    scheme: Literal["http", "https", "socks5"] = "http"
    user: str | None = None
    password: str = ""


class WorldSettings(_FrozenSettings):
    """The world and how it answers. The same settings give the same truth in every process."""

    seed: int = 0
    videos: int = 150  # of the world's own list
    creative_commons_share: Share = 0.45
    shares: Shares = Shares()
    length_seconds: tuple[float, float] = (3, 600)
    known_creative_commons: tuple[str, ...] = ("M4gD1WSo5mA", "eQcmzGIKrzg")
    known_standard: tuple[str, ...] = ("cJ9to6EmElQ", "iqKdEhx-dD4")
    licenses_changed: bool = False  # true: license_changed videos now read standard
    pages: PageSettings = PageSettings()
    data_api: DataApi = DataApi()
    media: MediaSettings = MediaSettings()
    limits: tuple[Limit, ...] = ()
    faults: tuple[Fault, ...] = ()
    listeners: tuple[ProxyListener, ...] = (ProxyListener(),)
    delay_seconds: float = 0  # before every answer
    log_requests: bool = True
