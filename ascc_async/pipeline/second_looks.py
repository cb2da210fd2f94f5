"""Videos that YouTube calls unavailable in bare words, which blocked addresses are told, too.

Such words count when they are seen twice, hours or identities apart. Until then the license is
unknown, and the journal keeps when and to whom they were said first.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple

from ascc_async.errors import AsccError, StationLost
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Learned
from ascc_async.journal.writer import Journal
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.pipeline.watched_source import WatchedSource
from ascc_async.pipeline.work_queue import WorkQueue

# Blocks come and go for all addresses of a network together: so long after, a look is another.
APART_SECONDS = 2 * 3600.0
# Journal key of the first bare answer about a video whose license is known: that stays in its row.
_BESIDE = "bare/"


class Bare(NamedTuple):
    """A bare answer: about which row, to which identity and when; and who is to look again."""

    row: int
    identity: str
    at: float
    look_as: str | None = None


def first_look_in(reader: Reader, video_id: str) -> tuple[License | None, Bare | None]:
    """The license that the journal knows, and the bare answer since then, if there was one."""
    known = reader.answer(video_id)
    if known is None:
        return None, None
    if known.bare_by:  # maybe seen twice already, a month ago
        return known.license, Bare(-1, known.bare_by, known.checked_at)
    identity, at = reader.learned(_BESIDE + video_id).get("", ("", 0.0))
    return known.license, Bare(-1, identity, at) if at > known.checked_at else None


class SecondLooks:
    """Who is to be looked at again, and what the second look makes of the first."""

    def __init__(
        self,
        work_queue: WorkQueue,
        journal: Journal,
        first_look: Callable[[str], Awaitable[tuple[License | None, Bare | None]]],
        other_identity: Callable[[str], str | None],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`first_look` is `first_look_in` the journal; `other_identity`: one beside this that may
        ask now.
        """
        self._work_queue, self._journal = work_queue, journal
        self._first_look, self._other_identity = first_look, other_identity
        self._wall = wall
        self._waiting: deque[Bare] = deque()
        self._looked_again: set[int] = set()  # rows
        self.left = 0  # rows that stay unknown until a later run has looked again

    def __len__(self) -> int:
        """Rows that wait for a second look, last of all."""
        return len(self._waiting)

    @property
    def to_come(self) -> int:
        """About how many of these will have it in this run."""
        return len(self) if self._waiting and self._can_look(self._waiting[0]) else 0

    def put_off(self, row: int, answer: LicenseAnswer) -> None:
        """Look again when nothing else is to be asked: until then its class waits for it.

        Once in a run: another time would tell no more.
        """
        if row in self._looked_again:
            self.leave(row)
        else:
            self._waiting.append(Bare(row, answer.bare_by, answer.checked_at))

    def next(self) -> Bare | None:
        """A row to look at again now; those for which only a later run's look counts are left."""
        while self._waiting:
            bare = self._waiting.popleft()
            if look := self._can_look(bare):
                self._looked_again.add(bare.row)
                return look
            self.leave(bare.row)
        return None

    def _can_look(self, bare: Bare) -> Bare | None:
        other = self._other_identity(bare.identity)
        apart = other is not None or self._wall() - bare.at >= APART_SECONDS
        return bare._replace(look_as=other) if apart else None

    def not_made(self, bare: Bare, error: AsccError) -> None:
        """The second look met an error: another may make it where the machine was lost."""
        if isinstance(error, StationLost):
            self._waiting.append(bare)
        else:
            self.leave(bare.row)

    def leave(self, row: int) -> None:
        """Unknown it stays in this run, as it is recorded."""
        self.left += 1
        video_id = self._work_queue.video_id(row)
        self._work_queue.asked(row, LicenseAnswer(video_id, License.UNKNOWN, "", 0.0))

    async def weighed(
        self, answer: LicenseAnswer, source: WatchedSource, first: Bare | None
    ) -> LicenseAnswer:
        """What a bare answer counts for, after the `first` (or what an earlier run recorded).

        Raises what `WatchedSource.reads_right` raises.
        """
        if first is None:
            license_, first = await self._first_look(answer.video_id)
            if first is None:
                if license_ not in (None, License.UNKNOWN):
                    said = [answer.bare_by, answer.checked_at]
                    await self._journal.record(Learned(_BESIDE + answer.video_id, said))
                return answer
        apart = answer.bare_by != first.identity or answer.checked_at - first.at >= APART_SECONDS
        # Only when what is there is shown to whoever was told so, now and not just before.
        if apart and await source.reads_right(answer.bare_by, since=answer.checked_at):
            return replace(answer, license=License.UNAVAILABLE, reason=Reason.REMOVED)
        return replace(answer, checked_at=first.at, bare_by=first.identity)
