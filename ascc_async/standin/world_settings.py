"""All settings of the stand-in: one frozen model, loadable from JSON, changeable while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["pages", "data_api", "media", "metadata"]
RefusalStyle = Literal[
    "429", "bot_check", "try_later", "captcha", "consent", "login_wall", "forbidden"
]
FaultName = Literal[
    "server_error",
    "cut_before",
    "cut_body",
    "stall",
    "slow_body",
    "empty",
    "html",
    "truncated",
    "other_video",
    "gzip_bomb",
    "oversized",
    "refuse",
    "bot_check",
    "try_later",
    "captcha",
    "consent",
    "login_wall",
    "forbidden",
    "range_ignored",
]


class Part(BaseModel):
    """A part of the settings: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shares(Part):
    """How often each kind of video occurs among ids outside the world's own list (rest: standard).

    Shares of all ids, so they add up to at most 1.
    """

    creative_commons: float = Field(default=0.30, ge=0, le=1)
    license_unknown: float = Field(default=0.01, ge=0, le=1)
    license_changed: float = Field(default=0.0, ge=0, le=1)
    removed: float = Field(default=0.06, ge=0, le=1)
    private: float = Field(default=0.04, ge=0, le=1)
    account_terminated: float = Field(default=0.03, ge=0, le=1)
    copyright_claim: float = Field(default=0.02, ge=0, le=1)
    country_restricted: float = Field(default=0.01, ge=0, le=1)
    sign_in_required: float = Field(default=0.005, ge=0, le=1)
    age_restricted: float = Field(default=0.01, ge=0, le=1)
    members_only: float = Field(default=0.005, ge=0, le=1)
    live: float = Field(default=0.005, ge=0, le=1)
    no_audio: float = Field(default=0.005, ge=0, le=1)
    too_short: float = Field(default=0.005, ge=0, le=1)
    silent: float = Field(default=0.005, ge=0, le=1)
    corrupt: float = Field(default=0.005, ge=0, le=1)


class Pages(Part):
    """How `next`, `player` and the watch page look."""

    kilobytes: int = Field(
        default=320, ge=0, description="size of an unmasked next answer and of a watch page"
    )
    mask: Literal["honoured", "refused", "ignored"] = "honoured"
    license_row: Literal["there", "gone", "renamed"] = "there"
    container: Literal["there", "gone", "renamed"] = "there"
    results: Literal["there", "gone", "renamed"] = "there"
    reordered: bool = Field(default=False, description="keys of every object in another order")
    license_text: str | None = Field(
        default=None, description="other words for the Creative Commons license"
    )
    hls: bool = Field(default=True, description="player answers name an HLS manifest, as real ones")
    premium: bool = Field(default=False, description="signed-in accounts subscribe to Premium")
    dead_sessions: bool = Field(
        default=False, description="login cookies are no longer taken as signed in, and cleared"
    )


class DataApi(Part):
    """The Data API's keys and their daily quota in units."""

    keys: tuple[str, ...] | None = Field(
        default=None, description="keys that are valid; null: every key that begins with AIza"
    )
    quota: int = Field(default=10_000, ge=0)
    errors: dict[str, str] = Field(
        default_factory=dict, description="key -> reason with which it is always refused"
    )


class Media(Part):
    """How media is served."""

    total_mbit: float | None = Field(default=None, gt=0, description="Mbit/s of the whole stand-in")
    link_seconds: float = Field(default=21_540, gt=0, description="how long a media link works")
    bind_links: bool = Field(
        default=True, description="a link works only for the identity that resolved the video"
    )
    folder: Path | None = Field(
        default=None, description="cache of encoded media; null: one in the temporary folder"
    )
    pictures: bool = Field(default=False, description="offer itags 134 and 160 too (costly)")
    warm: bool = Field(default=False, description="encode the usual media at the start")
    damaged: tuple[int, ...] = Field(
        default=(), description="itags whose sound is damaged in every video"
    )


class Limit(Part):
    """A hidden limit, kept per identity: `requests` in any `window_seconds`, else a pause.

    `identities`: names it holds for; null: everyone. Each further breach multiplies the pause
    by `growth`, up to `max_pause_seconds`.
    """

    kind: Kind = "pages"
    requests: int = Field(ge=0)
    window_seconds: float = Field(default=10, gt=0)
    pause_seconds: float = Field(default=60, ge=0)
    growth: float = Field(default=1, ge=1)
    max_pause_seconds: float = Field(default=3600, gt=0)
    style: RefusalStyle = "429"
    retry_after: Literal["seconds", "date", "none"] = "none"
    identities: tuple[str, ...] | None = None


class Fault(Part):
    """A fault that hits a seeded `share` of videos (or paths), each at most `times` times.

    `times` 0 means every time. `endpoints` narrows to some of: next, player, watch, data_api,
    media, metadata, other. `videos` narrows to those ids. `seconds` is the length of a stall;
    `bytes_per_second` the pace of a slow body; `status` that of a server error;
    `identities` narrows to those names.
    """

    name: FaultName
    share: float = Field(default=1.0, ge=0, le=1)
    times: int = Field(default=1, ge=0)
    endpoints: tuple[str, ...] | None = None
    videos: tuple[str, ...] | None = None
    identities: tuple[str, ...] | None = None
    seconds: float = Field(default=3600, ge=0)
    bytes_per_second: float = Field(default=2000, gt=0)
    status: int = Field(default=503, ge=400, le=599)
    retry_after: Literal["seconds", "date", "none"] = "none"
    retry_after_seconds: float = Field(default=5, ge=0)


class ProxyDoor(Part):
    """One way in: its own port, its own public address. A user makes password checking."""

    name: str = "main"
    scheme: Literal["http", "https", "socks5"] = "http"
    user: str | None = None
    password: str = ""


class WorldSettings(Part):
    """The world and how it answers. The same settings give the same truth in every process."""

    seed: int = 0
    videos: int = Field(default=150, ge=0, description="length of the world's own list")
    creative_commons_share: float = Field(default=0.45, ge=0, le=1)
    shares: Shares = Field(default_factory=Shares)
    length_seconds: tuple[float, float] = (3, 600)
    known_creative_commons: tuple[str, ...] = ("M4gD1WSo5mA", "eQcmzGIKrzg")
    known_standard: tuple[str, ...] = ("cJ9to6EmElQ", "iqKdEhx-dD4")
    licenses_changed: bool = Field(
        default=False, description="true: license_changed videos now read standard"
    )
    pages: Pages = Field(default_factory=Pages)
    data_api: DataApi = Field(default_factory=DataApi)
    media: Media = Field(default_factory=Media)
    limits: tuple[Limit, ...] = ()
    faults: tuple[Fault, ...] = ()
    doors: tuple[ProxyDoor, ...] = (ProxyDoor(),)
    metadata_dir: Path | None = Field(
        default=None, description="AudioSet files to serve; null: made for the world's own list"
    )
    delay_seconds: float = Field(default=0, ge=0, description="wait before every answer")
    log_requests: bool = True
    max_seconds: float = Field(default=3600, gt=0, description="the process ends after this")
