"""Videos that YouTube calls unavailable in bare words, which blocked addresses are told, too.

Such words count when they are seen twice, hours or identities apart. Until then the license is
unknown, and the journal keeps when and to whom they were said first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Learned
from ascc_async.journal.writer import Journal
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.pipeline.license_questions import Bare
from ascc_async.pipeline.source_health import SourceHealth
from ascc_async.pipeline.source_trust import SourceTrust
from ascc_async.pipeline.work_queue import WorkQueue

# Blocks come and go for all addresses of a network together: so long after, a look is another.
APART_SECONDS = 2 * 3600.0
# Journal key of the first bare answer about a video whose license is known: that stays in its row.
_BESIDE = "bare/"


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
        trust: SourceTrust,
        work_queue: WorkQueue,
        journal: Journal,
        first_look: Callable[[str], Awaitable[tuple[License | None, Bare | None]]],
        other_identity: Callable[[str], str | None],
    ) -> None:
        """`first_look` is `first_look_in` the journal; `other_identity`: one beside this that may
        ask now.
        """
        self._trust, self._work_queue, self._journal = trust, work_queue, journal
        self._first_look, self._other_identity = first_look, other_identity
        self._waiting: deque[Bare] = deque()
        self.left = 0  # rows that stay unknown until a later run has looked again

    def __len__(self) -> int:
        """Rows that wait for a second look, last of all."""
        return len(self._waiting)

    @property
    def to_come(self) -> int:
        """About how many of these will have it in this run."""
        if not self._waiting:
            return 0
        first = self._waiting[0]
        hours_apart = self._work_queue.now() - first.at >= APART_SECONDS
        return len(self) if hours_apart or self._other_identity(first.identity) else 0

    def recorded(self, row: int, answer: LicenseAnswer, *, again: bool) -> None:
        """The bare answer is in the journal; `again`: it is to be looked at once more."""
        if again:
            # The row stays out: its class waits for what becomes of it.
            self._waiting.append(Bare(row, answer.bare_by, answer.checked_at))
            self._work_queue.notify()
        else:
            self.left += 1
            self._work_queue.answered(row, answer)

    def next(self) -> tuple[Bare, str | None] | None:
        """A row to look at again, and as whom (None: any).

        None when only the look of a later run would count: the row is left to that.
        """
        bare = self._waiting.popleft()
        other = self._other_identity(bare.identity)
        if other is not None or self._work_queue.now() - bare.at >= APART_SECONDS:
            return bare, other
        self.leave(bare)
        return None

    def leave(self, bare: Bare) -> None:
        """Unknown it stays in this run, as it is recorded."""
        video_id = self._work_queue.video_id(bare.row)
        unknown = LicenseAnswer(video_id, License.UNKNOWN, "", bare.at, bare_by=bare.identity)
        self.recorded(bare.row, unknown, again=False)

    async def weighed(
        self, answer: LicenseAnswer, health: SourceHealth, bare: Bare | None
    ) -> LicenseAnswer:
        """What a bare answer counts for, after the first (`bare`, or what an earlier run recorded).

        Any other stays as it is. Raises what `SourceTrust.reads_right` raises.
        """
        if not answer.bare_by:
            return answer
        if bare is None:
            license_, bare = await self._first_look(answer.video_id)
            if bare is None:
                if license_ not in (None, License.UNKNOWN):
                    first = [answer.bare_by, answer.checked_at]
                    await self._journal.record(Learned(_BESIDE + answer.video_id, first))
                return answer
        apart = answer.bare_by != bare.identity or answer.checked_at - bare.at >= APART_SECONDS
        # Only when what is there is shown to whoever was told so, now and not just before.
        if apart and await self._trust.reads_right(health, answer.bare_by, since=answer.checked_at):
            return replace(answer, license=License.UNAVAILABLE, reason=Reason.REMOVED)
        return replace(answer, checked_at=bare.at, bare_by=bare.identity)
