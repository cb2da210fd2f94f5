"""The settings, typed and frozen; `settings_loader.load()` reads them.

Each component gets its own section; only `pipeline.run` and the commands hold the whole. The text
under a key is what users read of it, in `settings.yaml` too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

SplitName = Literal["balanced_train", "eval", "unbalanced_train"]
SourceName = Literal["data_api", "innertube", "watch_page"]
AudioFormat = Literal["flac", "wav", "opus", "m4a", "mp3"]

_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# In Hz; formats that are not here hold any.
_SAMPLE_RATES: dict[AudioFormat, tuple[int, ...]] = {
    "opus": (48000,),
    "m4a": (*_MP3_RATES, 64000, 88200, 96000),
    "mp3": _MP3_RATES,
}


def _unique(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if twice := [entry for entry in dict.fromkeys(value) if value.count(entry) > 1]:
        raise ValueError(f"{', '.join(twice)} is given twice")
    return value


def _split(value: Any) -> Any:
    """Let `ASCC_LICENSE__API_KEYS=one,two` mean a list of two."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _single(value: Any) -> Any:
    """Let `--set classes.include=Dog` mean a list of one: class names hold commas."""
    return [value] if isinstance(value, str) else value


def _named(value: Any) -> Any:
    if value == "":  # to Path it is the current folder
        raise ValueError("an empty name; name a file, or leave it out")
    return value


def _video_id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{11}", value):
        raise ValueError(f"{value!r} is not a video id (11 of A-Z a-z 0-9 - _)")
    return value


def _hours(value: str) -> str:
    clock = r"([01]\d|2[0-3]):[0-5]\d"
    begin, _, end = value.partition("-")
    if not (re.fullmatch(clock, begin) and re.fullmatch(clock, end)) or begin == end:
        raise ValueError("must be two different times of day, such as 22:00-07:00")
    return value


_LIST = (BeforeValidator(_split), Field(min_length=1), AfterValidator(_unique))
Names = Annotated[tuple[str, ...], BeforeValidator(_single)]
File = Annotated[Path, BeforeValidator(_named)]
Files = Annotated[tuple[File, ...], BeforeValidator(_split)]
VideoIds = Annotated[tuple[Annotated[str, AfterValidator(_video_id)], ...], BeforeValidator(_split)]


class Section(BaseModel):
    """A part of the settings: frozen, no unknown keys."""

    # Inputs are hidden in errors, since one may be a key or a password. Numbers may stand for text:
    # a proxy's password or a video id of digits only is a number to YAML.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        use_attribute_docstrings=True,
    )


class AudiosetSettings(Section):
    """Which of AudioSet's files, and where they are."""

    splits: Annotated[tuple[SplitName, ...], *_LIST] = get_args(SplitName)
    """splits to take, of: balanced_train, eval, unbalanced_train"""
    metadata_dir: Path = Path("data/metadata")
    """AudioSet's files: those already here are used, missing ones are downloaded"""
    base_url: str = "https://storage.googleapis.com/us_audioset/youtube_corpus"
    """where missing AudioSet files are downloaded from"""
    ontology_url: str = "https://raw.githubusercontent.com/audioset/ontology/master/ontology.json"
    """where a missing ontology.json is downloaded from"""

    @field_validator("base_url", "ontology_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        # Nothing else can be downloaded from, file:// least of all.
        if not value.startswith(("http://", "https://")):
            raise ValueError("must be an address that starts with https:// or http://")
        return value.rstrip("/")


class ClassesSettings(Section):
    """Which classes of the ontology."""

    leaf_only: bool = False
    """true: only classes without subclasses"""
    min_quality: float = Field(default=0.0, ge=0, le=1)
    """least share of labels that raters confirmed, 0 to 1"""
    unrated: Literal["keep", "drop"] = "keep"
    """classes nobody rated (all 70 music genres): keep or drop"""
    blacklisted: Literal["keep", "drop"] = "drop"
    """classes the ontology marks as blacklisted: keep or drop"""
    include: Names = ()
    """only these and their subclasses, by MID or name; [] = all"""
    exclude: Names = ()
    """never these and their subclasses, by MID or name"""
    start_index: int = Field(default=0, ge=0)
    """first of the suitable classes (see plan --classes)"""
    end_index: int | None = Field(default=None, ge=0)
    """one past the last of the suitable classes; null = all"""

    @model_validator(mode="after")
    def _slice_is_not_empty(self) -> Self:
        if self.end_index is not None and self.end_index <= self.start_index:
            raise ValueError(
                f"end_index ({self.end_index}) must be greater than start_index"
                f" ({self.start_index})"
            )
        return self


class SamplingSettings(Section):
    """How many clips of each class."""

    seed: int = Field(default=0, ge=0)
    """seed of the order in which videos are taken"""
    max_per_class: int | None = Field(default=None, ge=1)
    """stop a class at this many clips; null = all there are"""


class LicenseSettings(Section):
    """How licenses are asked."""

    sources: Annotated[tuple[SourceName, ...], *_LIST] = ("data_api", "innertube", "watch_page")
    """who is asked, in order, of: data_api (needs a key), innertube (the data of a video's page), \
watch_page (the whole page)"""
    api_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_split)] = ()
    """YouTube Data API keys; better in ASCC_LICENSE__API_KEYS"""
    explain_missing: bool = False
    """true: ask YouTube's player last of all why videos are missing in the Data API"""
    ask_first: Files = ()
    """files of video ids to ask before all others, say an earlier list of Creative Commons videos \
(docs/ask-first.md)"""
    # Owners may change a license any day: a month bounds how old the evidence of a clip can be.
    recheck_after_days: float = Field(default=30, gt=0)
    """older answers are asked again before a clip counts"""
    retry_unknown: int = Field(default=3, ge=0)
    """how often a video whose page shows no license is asked again"""
    # Two of each kind: one may be gone some day.
    known_creative_commons: VideoIds = ("M4gD1WSo5mA", "eQcmzGIKrzg")
    """known Creative Commons videos, to see whether a source reads licenses right"""
    known_standard: VideoIds = ("cJ9to6EmElQ", "iqKdEhx-dD4")
    """videos known to have YouTube's standard license, for the same"""

    @model_validator(mode="after")
    def _known_videos_agree(self) -> Self:
        # Whatever a source reads there, it would be wrong, and no source would be trusted.
        both = set(self.known_creative_commons) & set(self.known_standard)
        if both:
            raise ValueError(
                f"{', '.join(sorted(both))} is in known_creative_commons and known_standard"
            )
        return self


class ClipsSettings(Section):
    """What a clip looks like."""

    media: Literal["audio", "video"] = "audio"
    """audio, or video (MP4 with picture and sound)"""
    format: AudioFormat = "flac"
    """flac, wav, opus, m4a or mp3"""
    sample_rate: int | None = Field(default=None, ge=4000, le=192000)
    """in Hz; null = as the source has it"""
    channels: Literal[1, 2] | None = None
    """1 or 2; null = as the source has it"""
    shorter_than_segment: Literal["keep", "drop", "pad"] = "keep"
    """video ends inside the segment: keep the part, drop it, or pad"""
    min_seconds: float = Field(default=1, ge=0, le=10)
    """less sound than this is no clip: rejected as too_short"""
    max_height: int = Field(default=360, ge=144, le=4320)
    """for media: video, the largest picture height"""
    tags: bool = True
    """title, author, source, license and labels inside every clip"""

    @model_validator(mode="after")
    def _format_holds_the_rate(self) -> Self:
        # The sound of a video is AAC, as in M4A.
        name: AudioFormat = "m4a" if self.media == "video" else self.format
        rates = _SAMPLE_RATES.get(name, ())
        if self.sample_rate is not None and rates and self.sample_rate not in rates:
            raise ValueError(
                f"format {name} cannot hold a sample_rate of {self.sample_rate} Hz, only of"
                f" {', '.join(map(str, rates))}"
            )
        return self


class ConcurrencySettings(Section):
    """How much is done at once. How fast requests are sent is set under throttle."""

    licenses: int = Field(default=32, ge=1, le=1024)
    """license requests in flight"""
    # Each is a process with an interpreter of its own; more would wait for the rate limiter.
    extractions: int = Field(default=2, ge=1, le=64)
    """yt-dlp processes"""
    downloads: int = Field(default=8, ge=1, le=256)
    """clips being downloaded at once"""
    ffmpeg: int | None = Field(default=None, ge=1, le=256)
    """ffmpeg processes; null = one per core"""


class ThrottleSettings(Section):
    """How fast requests are sent. YouTube's limits are secret; exceeding them may block you."""

    # About 1,000 page requests an hour, what YouTube permits a guest (docs/limits.md).
    requests_per_second: float = Field(default=0.28, gt=0, allow_inf_nan=False)
    """rate to start at, per identity and kind of request"""
    burst: int = Field(default=5, ge=1)
    """requests that may go at once after a pause"""
    adaptive: bool = True
    """true: find the limit and stay under it; false: keep the rate"""
    min_requests_per_second: float = Field(default=0.02, gt=0)
    """adaptive: never slower than this"""
    max_requests_per_second: float = Field(default=20, gt=0)
    """adaptive: never faster than this"""
    delay_seconds: float = Field(default=0, ge=0, allow_inf_nan=False)
    """pause between two videos of one identity, in seconds"""
    # Requests at even distances look like those of a program.
    jitter: float = Field(default=0.3, ge=0, le=1)
    """share by which each wait is varied at random"""
    hours: Annotated[str, AfterValidator(_hours)] | None = None
    """send requests only then, such as 22:00-07:00; null = all day"""
    give_up_after_hours: float = Field(default=12, gt=0)
    """stop after so many hours in which all identities were refused or the disk was full; the \
same command resumes"""

    @model_validator(mode="before")
    @classmethod
    def _bounds_nobody_set_follow_the_rate(cls, data: Any) -> Any:
        """`requests_per_second: 50` alone is no contradiction of a default that nobody chose."""
        rate = data.get("requests_per_second") if isinstance(data, dict) else None
        if not isinstance(rate, int | float) or rate <= 0:
            return data
        low, high = (
            cls.model_fields[f"{bound}_requests_per_second"].default for bound in ("min", "max")
        )
        bounds = {
            "min_requests_per_second": min(low, rate),
            "max_requests_per_second": max(high, rate),
        }
        return bounds | data

    @model_validator(mode="after")
    def _rates_agree(self) -> Self:
        low, rate = self.min_requests_per_second, self.requests_per_second
        if low > self.max_requests_per_second:
            raise ValueError(
                f"min_requests_per_second ({low}) is above max_requests_per_second"
                f" ({self.max_requests_per_second})"
            )
        if self.adaptive and not low <= rate <= self.max_requests_per_second:
            raise ValueError(
                f"requests_per_second ({rate}) must lie between min_requests_per_second ({low})"
                f" and max_requests_per_second ({self.max_requests_per_second})"
            )
        return self


def _check_proxy(value: str) -> str:
    try:
        parts = urlsplit(value)
        # Without a scheme urlsplit takes the host for one: `localhost:8080` must not pass.
        known = parts.scheme in ("http", "https", "socks5", "socks5h")
        fits = known and bool(parts.hostname) and parts.port != 0
    except ValueError:  # which may quote a part of the password
        fits = False
    if not fits:
        raise ValueError(
            "must look like http://user:password@host:port (http, https, socks5 or socks5h)"
        )
    return value


Proxy = Annotated[str, AfterValidator(_check_proxy)] | None

# Also in the journal: what is learned of its rates is kept under this name.
_FIRST_IDENTITY = "main"


def _identity_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,40}", value):
        raise ValueError("must be 1 to 40 letters, digits, dots, underscores or hyphens")
    return value


class IdentitySettings(Section):
    """One more identity: its own cookies, proxy, rates and pauses."""

    name: Annotated[str, AfterValidator(_identity_name)]
    """what it is called on the screen and in logs; not main"""
    cookies_file: File | None = None
    """its own cookies; null: a guest"""
    proxy: Proxy = Field(default=None, repr=False)
    """its own proxy; null: out directly"""


class NetworkSettings(Section):
    """How YouTube is reached, and as whom."""

    cookies_file: File | None = None
    """cookies of a signed-in browser; see cookies.example.txt"""
    proxy: Proxy = Field(default=None, repr=False)
    """http://, https:// or socks5://user:password@host:port"""
    ca_file: File | None = None
    """PEM file of a certificate authority to trust beside the system's"""
    identities: tuple[IdentitySettings, ...] = ()
    """further {name, cookies_file, proxy}, each throttled on its own"""
    max_megabits_per_second: float | None = Field(default=None, gt=0)
    """media and metadata together, at most; null = no limit"""
    timeout_seconds: float = Field(default=30, gt=0, le=3600)
    """longest wait for an answer, in seconds"""

    @field_validator("identities")
    @classmethod
    def _names_differ(cls, value: tuple[IdentitySettings, ...]) -> tuple[IdentitySettings, ...]:
        _unique((_FIRST_IDENTITY, *(identity.name for identity in value)))
        return value

    def all_identities(self) -> tuple[IdentitySettings, ...]:
        """The first identity (`main`: `cookies_file` and `proxy`), then the further ones."""
        first = IdentitySettings(
            name=_FIRST_IDENTITY, cookies_file=self.cookies_file, proxy=self.proxy
        )
        return (first, *self.identities)


class OutputSettings(Section):
    """Where results go."""

    dir: Path = Path("data")
    """journal, clips, dataset and logs"""
    min_free_gb: float = Field(default=2, ge=0)
    """with less free disk, no new clips are started"""


def _file_or_address(value: Any) -> Any:
    if not isinstance(value, str | Path | None):
        raise ValueError("must be an address such as tls://host:port, or a file")
    return Path(value) if isinstance(value, str) and "://" not in value else value


class ClusterSettings(Section):
    """Many machines: whose workers ask YouTube for a run (docs/machines.md)."""

    engine: Literal["dask"] | None = None
    """null: this machine alone; dask: the workers of a Dask cluster"""
    scheduler: Annotated[str | Path | None, BeforeValidator(_file_or_address)] = None
    """tls://host:port, or a scheduler file; null: workers on this machine, to try it out, \
one for each identity"""
    in_flight: int = Field(default=8, ge=1, le=1024)
    """questions that one machine is given at a time"""
    machines_per_address: int = Field(default=1, ge=1, le=1024)
    """how many machines YouTube sees at one address: they share its rate"""
    insecure: bool = False
    """true: permit a scheduler on another machine without encryption"""


EventName = Literal["finished", "stopped", "refused_for_an_hour", "cookies_dead", "disk_full"]


def _addresses(value: Any) -> Any:
    """Let `ASCC_NOTIFY__URLS=json://one,json://two` mean a list of two: they may hold commas."""
    return re.split(r"[,\s]+(?=[\w+.-]+://)", value.strip()) if isinstance(value, str) else value


class NotifySettings(Section):
    """Who is told when it matters, and of what (docs/running.md)."""

    urls: Annotated[tuple[SecretStr, ...], BeforeValidator(_addresses)] = ()
    """whom to tell: addresses of apprise (mail, ntfy, Slack, …); better in ASCC_NOTIFY__URLS"""
    events: Annotated[tuple[EventName, ...], *_LIST] = get_args(EventName)
    """events to tell, of: finished, stopped, refused_for_an_hour, cookies_dead, disk_full"""


class Settings(Section):
    """All settings. `load()` is the way to get one."""

    audioset: AudiosetSettings = Field(default_factory=AudiosetSettings)
    classes: ClassesSettings = Field(default_factory=ClassesSettings)
    sampling: SamplingSettings = Field(default_factory=SamplingSettings)
    license: LicenseSettings = Field(default_factory=LicenseSettings)
    clips: ClipsSettings = Field(default_factory=ClipsSettings)
    concurrency: ConcurrencySettings = Field(default_factory=ConcurrencySettings)
    throttle: ThrottleSettings = Field(default_factory=ThrottleSettings)
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    output: OutputSettings = Field(default_factory=OutputSettings)
    cluster: ClusterSettings = Field(default_factory=ClusterSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)

    def public(self) -> dict[str, Any]:
        """What may be published, JSON-ready: no keys, nothing of this machine or its network."""
        # An address of one's own may hold a password, or name a host of one's own network.
        own = {
            name
            for name in ("base_url", "ontology_url")
            if getattr(self.audioset, name) != AudiosetSettings.model_fields[name].default
        }
        return self.model_dump(
            mode="json",
            exclude={
                "audioset": {"metadata_dir", *own},
                "license": {"api_keys", "ask_first"},
                "network": {"cookies_file", "proxy", "ca_file", "identities"},
                "output": {"dir"},
                "cluster": {"scheduler"},
                "notify": True,
            },
        )


def without_password(proxy: str | None) -> str | None:
    """The proxy's address with `user:password@` cut out, fit for logs."""
    if proxy is None:
        return None
    parts = urlsplit(proxy)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
