"""What passes through the license stage: questions about rows, and answers on their way to disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ascc_async.model import LicenseAnswer
from ascc_async.pipeline.second_looks import Bare
from ascc_async.pipeline.setbacks import NONE_YET, Setbacks
from ascc_async.pipeline.watched_source import WatchedSource


@dataclass(frozen=True, slots=True)
class Question:
    """Rows to ask, from the source at index `first_source` on.

    `unknown`: the answers of earlier sources, where those could not tell. `beside`: pages are asked
    beside the Data API, for what that cannot tell or as it pauses. `bare`: this is the second look.
    """

    rows: tuple[int, ...]
    first_source: int = 0
    unknown: tuple[LicenseAnswer, ...] = ()
    setbacks: Setbacks = NONE_YET
    beside: bool = False
    bare: Bare | None = None


@dataclass(frozen=True, slots=True)
class WhyMissing:
    """A row that the Data API does not list: why is asked of pages beside it, last of all."""

    row: int
    tries: int = 0
    beside: ClassVar = True


@dataclass(frozen=True, slots=True)
class Unwritten:
    """An answer that waits for the journal; `source`: it counts only while that believes it.

    `look_again`: its words were bare, and somebody is to look a second time.
    """

    row: int
    answer: LicenseAnswer
    source: WatchedSource | None = None
    look_again: bool = False
