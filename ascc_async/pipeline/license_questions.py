"""What passes through the license stage: questions about rows, and answers on their way to disk."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async.model import LicenseAnswer
from ascc_async.pipeline.second_looks import Bare
from ascc_async.pipeline.watched_source import WatchedSource


@dataclass(frozen=True, slots=True)
class Question:
    """Rows to ask, from the source at index `first_source` on.

    `unknown`: the answers of earlier sources, where those could not tell. `setbacks` came while
    others were answered (`answered` so many when the last came). `beside`: pages are asked beside
    the Data API, for what that cannot tell or as it pauses. `why`: not for the license, but why the
    Data API does not list the video. `bare`: this is the second look.
    """

    rows: tuple[int, ...]
    first_source: int = 0
    unknown: tuple[LicenseAnswer, ...] = ()
    setbacks: int = 0
    answered: int = -1
    beside: bool = False
    why: bool = False
    bare: Bare | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that waits for the journal; `source`: it counts only while that believes it.

    `look_again`: its words were bare, and somebody is to look a second time.
    """

    row: int
    answer: LicenseAnswer
    source: WatchedSource | None = None
    look_again: bool = False
