"""What is written to the journal and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ascc_async.model import ClipFile, Evidence, License, LicenseAnswer, Outcome, Reason


@dataclass(frozen=True, slots=True)
class AnswerRow(LicenseAnswer):
    """The newest answer about a video; `asks` counts how often it was asked.

    `previous_license` is set when an earlier answer said something else.
    """

    asks: int = 1
    # Tells «never Creative Commons» from «no longer»: the manifest gives the second a reason.
    previous_license: License | None = None


@dataclass(frozen=True, slots=True)
class ClipRow:
    """What became of fetching a segment with one encoding (see `ClipFile.encoding`).

    `attempts` counts the tries that ended with an outcome.
    """

    segment_id: str
    video_id: str
    encoding: str
    outcome: Outcome
    at: float
    # Refusals and network faults are no outcome: they say nothing about the video.
    attempts: int = 1
    reason: Reason | None = None
    detail: str = ""
    clip: ClipFile | None = None
    title: str = ""
    channel: str = ""
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class Learned:
    """Something to remember across restarts: rates, quotas. `value` must be JSON-able."""

    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Distrusted:
    """`source` answered wrongly: its answers since `since` (POSIX seconds) must be asked again."""

    source: str
    since: float


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The clip of this segment is lost or wrong: fetch it again."""

    segment_id: str
    encoding: str
    why: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The clip of this segment lies elsewhere now; `path` is relative to `output.dir`."""

    segment_id: str
    encoding: str
    path: str


@dataclass(frozen=True, slots=True)
class Permitted:
    """What one identity was permitted of one kind of request: requests a second, to three digits.

    `ceiling`: the rate refused last; `refusals`: since the folder began. Where there would be more
    than 12 in a minute, sums stand in their place, as identity «all».
    """

    identity: str
    kind: str
    rate: float
    ceiling: float | None
    resting: bool
    refusals: int


@dataclass(frozen=True, slots=True)
class Minute:
    """How all runs of this folder together stood at a time (POSIX seconds): totals that never fall.

    The journal keeps the newest of each minute, and where each run begins. Between two runs there
    is none.
    """

    at: float
    answers: int = 0
    clips: int = 0
    fetched_bytes: int = 0
    requests: int = 0
    refusals: int = 0
    identities: tuple[Permitted, ...] = ()
    begins: bool = False  # the first of a run


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a video's history."""

    at: float
    kind: str
    what: str
    reason: str
    source: str
    detail: str


Record = LicenseAnswer | Evidence | ClipRow | Learned | Distrusted | Forgotten | Moved | Minute
