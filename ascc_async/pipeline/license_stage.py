"""The license stage: every selected video is asked once, by the first source that can tell."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import Stage, first_stop
from ascc_async.errors import (
    AsccError,
    NetworkFault,
    Refused,
    ServerFault,
    SourcesExhausted,
    SourceUnusable,
)
from ascc_async.journal.writer import Journal
from ascc_async.model import License, LicenseAnswer
from ascc_async.pipeline.source_health import SourceHealth, SourceRouter
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.throttle.limiter import Closed

log = logging.getLogger(__name__)

_MOST_FAULTS = 8
_MOST_REFUSALS = 40
_LONGEST_NAP = 60.0
_MOST_UNWRITTEN = 100  # answers that may wait for the disk; then the workers do


@dataclass(slots=True)
class _Ask:
    """Rows to ask, from the source at place `first` on.

    `unknown`: what earlier sources said, where that was nothing. `refusals` and `faults` count
    those that came while others were answered (`answered` so many when the last came).
    """

    rows: tuple[int, ...]
    first: int = 0
    unknown: tuple[LicenseAnswer, ...] = ()
    refusals: int = 0
    faults: int = 0
    answered: int = -1


@dataclass(slots=True)
class _Told:
    """An answer to be recorded. It counts only while the desk that gave it is trusted."""

    row: int
    answer: LicenseAnswer
    source_health: SourceHealth | None = None


class LicenseStage:
    """Feeds rows of the ledger to the sources and records what they answer."""

    def __init__(
        self,
        workers: int,
        router: SourceRouter,
        work_queue: WorkQueue,
        journal: Journal,
        shutdown: Shutdown,
    ) -> None:
        self._router, self._work_queue, self._journal = router, work_queue, journal
        self._again: deque[_Ask] = deque()
        self._told: deque[_Told] = deque()
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._all_told = False
        self._shutdown = shutdown
        self.left = 0
        self.exhausted: SourcesExhausted | None = None
        self.stage: Stage[_Ask] = Stage(
            "licenses", self._feed(), self._work, workers=workers, shutdown=shutdown
        )

    async def run(self) -> None:
        """Until every needed row is answered, or the run drains.

        When no source is left it drains the run itself; `exhausted` then says why.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write_down(), name="licenses journal")
                await self.stage.run()
                self._all_told = True
                self._news.set()
        except BaseExceptionGroup as group:
            raise first_stop(group) or group from None
        finally:
            self._work_queue.licenses_done = True
            self._work_queue.notify()

    async def _feed(self) -> AsyncIterator[_Ask]:
        while True:
            ask = self._again.popleft() if self._again else self._fresh()
            if ask:
                if not await self._a_source_comes():
                    return
                yield ask
            elif not self._work_queue.asking_done:
                await self._work_queue.wait_change()
            elif not await self._found_out_late():
                return

    async def _found_out_late(self) -> bool:
        """Whether a source lost its trust at the very end: then rows are to be asked again."""
        try:
            return await self._router.final_check()
        except (Closed, SourceUnusable) as error:
            # The next run begins with that look, and asks again what was said since the last one.
            log.info("the known videos were not asked at the end", extra={"why": str(error)})
            return False

    def _fresh(self) -> _Ask | None:
        usable = self._router.usable()
        rows = self._work_queue.take(usable[1].source.batch_size if usable else 1)
        return _Ask(rows) if rows else None

    async def _a_source_comes(self) -> bool:
        """Wait until one may be asked. False: none will in this run, and the run drains."""
        try:
            # A source rests until a known time: there is no event to wait for.
            while self._router.usable() is None:  # noqa: ASYNC110
                await asyncio.sleep(min(self._router.wait_seconds(), _LONGEST_NAP))
        except SourcesExhausted as error:
            # The clips under way are finished first: app raises this in the end.
            self.exhausted = error
            self._shutdown.drain("no license source is left")
            return False
        return True

    async def _work(self, ask: _Ask) -> None:
        usable = self._router.usable(ask.first)
        if usable is None:
            await self._end(ask)
            return
        place, source_health = usable
        ask = self._as_many_as(source_health.source.batch_size, ask)
        try:
            if not await self._router.ready(source_health):
                self._repeat(ask)
                return
            answers = await source_health.source.ask(
                [self._work_queue.video_id(row) for row in ask.rows]
            )
        except Closed:
            self._repeat(ask)  # by the next run: nothing was asked
        except (Refused, NetworkFault) as error:
            self._set_back(ask, source_health, error)
        except ServerFault as error:
            nothing = self._nothing_told(ask, source_health, error)
            source_health.count(nothing)
            await self._pass_on(ask.rows, nothing, place)
        except SourceUnusable as error:
            self._router.rest(source_health, error)
            self._repeat(ask)
        else:
            await self._settle(ask, place, source_health, answers)

    def _as_many_as(self, size: int, ask: _Ask) -> _Ask:
        """The ask, cut down to what this source takes at once; the rest follows.

        Made for a source that takes 50, it may come to one that takes 1, where a refusal half way
        would cost the answers before it.
        """
        for first in range(size, len(ask.rows), size):
            part = slice(first, first + size)
            self._repeat(replace(ask, rows=ask.rows[part], unknown=ask.unknown[part]))
        if len(ask.rows) <= size:
            return ask
        return replace(ask, rows=ask.rows[:size], unknown=ask.unknown[:size])

    async def _end(self, ask: _Ask) -> None:
        """No later source is there to ask: unknown it stays. A fresh ask waits for its turn."""
        if ask.unknown:
            await self._write_later(ask.rows, ask.unknown)
        else:
            self._repeat(ask)

    def _repeat(self, ask: _Ask) -> None:
        self._again.append(ask)
        self._work_queue.notify()

    def _set_back(self, ask: _Ask, source_health: SourceHealth, error: AsccError) -> None:
        """A refusal or a network fault says nothing of the video: ask again, at the end.

        Only when others were answered meanwhile does it count, so that one video which always
        breaks the line does not keep a run from ending. When it is the last one, the known videos
        are the others.
        """
        answered = self._work_queue.answered_now + self._router.checks
        if answered == ask.answered:
            source_health.suspect()
        else:
            refused = isinstance(error, Refused)
            faults = ask.faults + (not refused)
            ask = replace(ask, refusals=ask.refusals + refused, faults=faults, answered=answered)
        if ask.refusals < _MOST_REFUSALS and ask.faults < _MOST_FAULTS:
            self._repeat(ask)
            return
        self.left += len(ask.rows)
        log.warning("left for the next run", extra={"videos": len(ask.rows), "why": str(error)})
        self._work_queue.hold(ask.rows)

    def _nothing_told(
        self, ask: _Ask, source_health: SourceHealth, error: AsccError
    ) -> tuple[LicenseAnswer, ...]:
        name, now = source_health.source.name, self._work_queue.now()
        return tuple(
            LicenseAnswer(
                self._work_queue.video_id(row), License.UNKNOWN, name, now, detail=str(error)
            )
            for row in ask.rows
        )

    async def _settle(
        self, ask: _Ask, place: int, source_health: SourceHealth, answers: Sequence[LicenseAnswer]
    ) -> None:
        if not source_health.trusted:  # found out while this answer was on its way
            self._repeat(ask)
            return
        source_health.count(answers)
        if all(answer.license is not License.UNKNOWN for answer in answers):
            await self._write_later(ask.rows, answers, source_health)
            return
        pairs = list(zip(ask.rows, answers, strict=True))
        told = [pair for pair in pairs if pair[1].license is not License.UNKNOWN]
        silent = [pair for pair in pairs if pair[1].license is License.UNKNOWN]
        await self._write_later(*_unzip(told), source_health)
        await self._pass_on(*_unzip(silent), place)

    async def _pass_on(
        self, rows: Sequence[int], unknown: Sequence[LicenseAnswer], place: int
    ) -> None:
        """Ask the next source, as many at once as it takes; without one, unknown it stays."""
        following = self._router.usable(place + 1)
        if following is None:
            await self._write_later(rows, unknown)
            return
        size = following[1].source.batch_size
        for first in range(0, len(rows), size):
            part = slice(first, first + size)
            self._repeat(_Ask(tuple(rows[part]), place + 1, tuple(unknown[part])))

    async def _write_later(
        self,
        rows: Sequence[int],
        answers: Sequence[LicenseAnswer],
        source_health: SourceHealth | None = None,
    ) -> None:
        while len(self._told) >= _MOST_UNWRITTEN:
            self._room.clear()
            await self._room.wait()
        for row, answer in zip(rows, answers, strict=True):
            self._told.append(_Told(row, answer, source_health))
        self._news.set()

    async def _write_down(self) -> None:
        """Record what was told, all that came meanwhile at once.

        One commit for many, and no worker waits for it: that is half of what a journal costs.
        """
        while self._told or not self._all_told:
            if not self._told:
                self._news.clear()
                await self._news.wait()
                continue
            batch = list(self._told)
            self._told.clear()
            self._room.set()
            await self._record([one for one in batch if self._still_counts(one)])

    def _still_counts(self, told: _Told) -> bool:
        if told.source_health is None or told.source_health.trusted:
            return True
        self._repeat(_Ask((told.row,)))  # found out while it waited to be recorded
        return False

    async def _record(self, batch: Sequence[_Told]) -> None:
        await self._journal.record(*(told.answer for told in batch))
        for told in batch:
            self._work_queue.answered(told.row, told.answer)


def _unzip(
    pairs: Sequence[tuple[int, LicenseAnswer]],
) -> tuple[list[int], list[LicenseAnswer]]:
    return [row for row, _ in pairs], [answer for _, answer in pairs]
