"""The records that pass between modules: frozen, plain, picklable."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

# The page that YouTube links beside the license; it stays the same in every language.
CREATIVE_COMMONS_LINK = "https://www.youtube.com/t/creative_commons"
CREATIVE_COMMONS_DEED = "https://creativecommons.org/licenses/by/3.0/"


class License(StrEnum):
    """What YouTube said of a video's license. `UNKNOWN`: asked, but it did not say which."""

    CREATIVE_COMMONS = "creative_commons"
    STANDARD = "standard"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What became of a selected segment. `SPARE`: fetched, but more than `max_per_class`."""

    CLIP = "clip"
    NOT_SHAREABLE = "not_shareable"
    UNAVAILABLE = "unavailable"
    REJECTED = "rejected"
    PENDING = "pending"
    SPARE = "spare"


class Reason(StrEnum):
    """The closed list of reasons in the manifest."""

    # Published datasets and their readers depend on these: a value may be added, never changed.

    REMOVED = "removed"
    PRIVATE = "private"
    ACCOUNT_TERMINATED = "account_terminated"
    COPYRIGHT_CLAIM = "copyright_claim"
    COUNTRY_RESTRICTED = "country_restricted"
    SIGN_IN_REQUIRED = "sign_in_required"
    AGE_RESTRICTED = "age_restricted"
    MEMBERS_ONLY = "members_only"
    LIVE = "live"
    NO_AUDIO = "no_audio"
    TOO_SHORT = "too_short"
    SILENT = "silent"
    CORRUPT = "corrupt"
    NETWORK = "network"
    TOOL_FAILED = "tool_failed"
    LICENSE_UNKNOWN = "license_unknown"
    LICENSE_CHANGED = "license_changed"
    NOT_LISTED = "not_listed"


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of AudioSet. Times in whole milliseconds; `labels` are MIDs, in file order."""

    video_id: str
    start_ms: int
    end_ms: int
    split: str
    labels: tuple[str, ...]

    @property
    def segment_id(self) -> str:
        """`YTID_30000`, as AudioSet's strong labels name it."""
        return f"{self.video_id}_{self.start_ms}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer that said Creative Commons: asked at `address` with the body `sent`, if any.

    `received` is the part of the answer that the license was read from, as JSON; `seen_at` POSIX
    time in seconds. Nothing in it tells who asked.
    """

    video_id: str
    source: str
    seen_at: float
    address: str
    sent: str
    received: str


@dataclass(frozen=True, slots=True)
class LicenseAnswer:
    """One answer about one video, with its evidence.

    `text` and `link` are the words and the address as seen; `source` names who was asked;
    `checked_at` is POSIX time in seconds; `reason` is set when `license` is `UNAVAILABLE`;
    `detail` keeps YouTube's own words for that. `bare_by`, with `UNKNOWN` and `UNAVAILABLE`: the
    identity to which YouTube called the video unavailable without saying why, which may be a block
    as well.
    `asked_by`: the identity that was answered; the journal does not keep it. `shown`: False where
    neither the video nor a reason was shown, or could have been: it may be a block, so that is not
    counted as an ask, nor is another source asked.
    `evidence`, with `CREATIVE_COMMONS`: the journal keeps it apart.
    """

    video_id: str
    license: License
    source: str
    checked_at: float
    reason: Reason | None = None
    text: str = ""
    link: str = ""
    title: str = ""
    channel: str = ""
    channel_id: str = ""
    published: str = ""
    detail: str = ""
    bare_by: str = ""
    asked_by: str = field(default="", compare=False)
    shown: bool = field(default=True, compare=False)
    evidence: Evidence | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Track:
    """One stream of a video as yt-dlp resolved it.

    `container` is "mp4" or "webm"; `duration` in seconds where known.
    """

    kind: Literal["audio", "video"]
    url: str = field(repr=False)  # signed: it must not reach logs
    # Sent as yt-dlp had them: YouTube may refuse the link to a client that looks different.
    headers: dict[str, str] = field(repr=False)
    format_id: str
    container: str
    codec: str
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a video's media is, for the identity that asked. `video` only for `media: video`.

    `other_audio` is the same sound in another container, for when the first cannot be read.
    """

    video_id: str
    identity: str
    audio: Track
    video: Track | None
    title: str
    channel: str
    channel_id: str
    # Seen in passing: saves the request that confirms the license.
    license_text: str | None
    other_audio: Track | None = None


# Hints for whoever listens through a dataset: nothing is left out because of them.
QUIET_RMS_DBFS = -50.0
MOSTLY_SILENT_SHARE = 0.5
CLIPPED_SHARE = 0.001


@dataclass(frozen=True, slots=True)
class Quality:
    """Measured on the finished clip. Levels in dBFS (-inf is digital silence), shares 0 to 1."""

    peak_dbfs: float
    rms_dbfs: float
    silence_share: float
    clipping_share: float


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A clip in place. `path` is relative to `output.dir`; `frames` are samples per channel.

    `encoding` names the settings the file was made with (`clips.media`, `format`, `sample_rate`,
    `channels`), so that clips of another encoding are not mixed in.
    """

    segment_id: str
    path: str
    sha256: str
    bytes: int
    frames: int
    sample_rate: int
    channels: int
    encoding: str
    source_format: str
    fetched_at: float
    quality: Quality
    note: str = ""

    @property
    def duration_seconds(self) -> float:
        """Length of the sound in seconds."""
        return self.frames / self.sample_rate
