"""The license stage: every selected video is asked once, by the first source that can answer."""

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
_MOST_UNWRITTEN = 100  # answers that may wait for the disk; then the workers wait too


@dataclass(slots=True)
class _Question:
    """Rows to ask, from the source at index `first_source` on.

    `unknown`: the answers of earlier sources, where those could not tell. `refusals` and `faults`
    count those that came while others were answered (`answered` so many when the last came).
    """

    rows: tuple[int, ...]
    first_source: int = 0
    unknown: tuple[LicenseAnswer, ...] = ()
    refusals: int = 0
    faults: int = 0
    answered: int = -1


@dataclass(slots=True)
class _Unwritten:
    """An answer to be recorded. It counts only while the source that gave it is trusted."""

    row: int
    answer: LicenseAnswer
    health: SourceHealth | None = None


class LicenseStage:
    """Feeds rows of the work queue to the sources and records what they answer."""

    def __init__(
        self,
        workers: int,
        router: SourceRouter,
        work_queue: WorkQueue,
        journal: Journal,
        shutdown: Shutdown,
    ) -> None:
        self._router, self._work_queue, self._journal = router, work_queue, journal
        self._shutdown = shutdown
        self._again: deque[_Question] = deque()
        self._unwritten: deque[_Unwritten] = deque()
        self._something_to_write, self._room = asyncio.Event(), asyncio.Event()
        self._asking_ended = False
        self.left_for_next_run = 0
        self.exhausted: SourcesExhausted | None = None
        self.stage: Stage[_Question] = Stage(
            "licenses", self._feed(), self._work, workers=workers, shutdown=shutdown
        )

    async def run(self) -> None:
        """Until every needed row is answered, or the run drains.

        When no source is left it drains the run itself; `exhausted` then says why.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write_answers(), name="licenses to journal")
                await self.stage.run()
                self._asking_ended = True
                self._something_to_write.set()
        except BaseExceptionGroup as group:
            raise first_stop(group) or group from group
        finally:
            self._work_queue.licenses_done = True
            self._work_queue.notify()

    async def _feed(self) -> AsyncIterator[_Question]:
        while True:
            question: _Question | None = None
            if self._again:
                question = self._again.popleft()
            else:
                usable = self._router.usable()
                rows = self._work_queue.take(usable[1].source.batch_size if usable else 1)
                question = _Question(rows) if rows else None
            if question is not None:
                if not await self._wait_for_source():
                    return
                yield question
            elif not self._work_queue.asking_done:
                await self._work_queue.wait_change()
            elif not await self._distrusted_at_the_end():
                return

    async def _wait_for_source(self) -> bool:
        """False: none will answer in this run, which drains now."""
        try:
            # A source rests until a known time: there is no event to wait for.
            while self._router.usable() is None:  # noqa: ASYNC110
                await asyncio.sleep(min(self._router.wait_seconds(), _LONGEST_NAP))
        except SourcesExhausted as error:
            # The clips under way are finished first: `Run` raises this in the end.
            self.exhausted = error
            self._shutdown.drain("no license source is left")
            return False
        return True

    async def _distrusted_at_the_end(self) -> bool:
        """Whether a source lost its trust at the very end: then rows are to be asked again."""
        try:
            return await self._router.final_check()
        except (Closed, SourceUnusable) as error:
            # The next run begins with that check, and asks again what was answered since the last.
            log.info("the known videos were not asked at the end", extra={"why": str(error)})
            return False

    async def _work(self, question: _Question) -> None:
        usable = self._router.usable(question.first_source)
        if usable is None:
            # No later source can be asked: unknown it stays. What nobody was asked yet waits.
            if question.unknown:
                await self._write_later(question.rows, question.unknown)
            else:
                self._repeat(question)
            return
        index, health = usable
        # Made for a source that takes 50, the question may come to one that takes 1, where a
        # refusal half way would cost the answers before it: the rest follows as its own question.
        size = health.source.batch_size
        for start in range(size, len(question.rows), size):
            part = slice(start, start + size)
            rows, unknown = question.rows[part], question.unknown[part]
            self._repeat(replace(question, rows=rows, unknown=unknown))
        if len(question.rows) > size:
            rows, unknown = question.rows[:size], question.unknown[:size]
            question = replace(question, rows=rows, unknown=unknown)

        video_ids = [self._work_queue.video_id(row) for row in question.rows]
        try:
            if not await self._router.ready(health):
                self._repeat(question)
                return
            answers = await health.source.ask(video_ids)
        except Closed:
            self._repeat(question)  # by the next run: nothing was asked
        except (Refused, NetworkFault) as error:
            self._set_back(question, health, error)
        except ServerFault as error:
            name, now, detail = health.source.name, self._work_queue.now(), str(error)
            unknown = tuple(
                LicenseAnswer(video_id, License.UNKNOWN, name, now, detail=detail)
                for video_id in video_ids
            )
            health.count(unknown)
            await self._ask_next_source(question.rows, unknown, index)
        except SourceUnusable as error:
            self._router.rest(health, error)
            self._repeat(question)
        else:
            await self._take_answers(question, index, health, answers)

    def _repeat(self, question: _Question) -> None:
        self._again.append(question)
        self._work_queue.notify()

    def _set_back(self, question: _Question, health: SourceHealth, error: AsccError) -> None:
        """A refusal or a network fault says nothing of the video: ask again, at the end.

        Only when others were answered meanwhile does it count, so that one video which always
        breaks the line does not keep a run from ending. When it is the last one, the known videos
        are the others.
        """
        answered = self._work_queue.answered_now + self._router.checks
        if answered == question.answered:
            health.suspect()
        elif isinstance(error, Refused):
            question = replace(question, refusals=question.refusals + 1, answered=answered)
        else:
            question = replace(question, faults=question.faults + 1, answered=answered)
        if question.refusals < _MOST_REFUSALS and question.faults < _MOST_FAULTS:
            self._repeat(question)
            return
        self.left_for_next_run += len(question.rows)
        log.warning(
            "some videos could not be asked: the next run asks them",
            extra={"videos": len(question.rows), "why": str(error)},
        )
        self._work_queue.defer(question.rows)

    async def _take_answers(
        self,
        question: _Question,
        index: int,
        health: SourceHealth,
        answers: Sequence[LicenseAnswer],
    ) -> None:
        if not health.trusted:  # found out while this answer was on its way
            self._repeat(question)
            return
        health.count(answers)
        known_rows, known, unknown_rows, unknown = [], [], [], []
        for row, answer in zip(question.rows, answers, strict=True):
            if answer.license is License.UNKNOWN:
                unknown_rows.append(row)
                unknown.append(answer)
            else:
                known_rows.append(row)
                known.append(answer)
        await self._write_later(known_rows, known, health)
        if unknown:
            await self._ask_next_source(unknown_rows, unknown, index)

    async def _ask_next_source(
        self, rows: Sequence[int], unknown: Sequence[LicenseAnswer], index: int
    ) -> None:
        """As many at once as the next source takes; without one, unknown it stays."""
        following = self._router.usable(index + 1)
        if following is None:
            await self._write_later(rows, unknown)
            return
        size = following[1].source.batch_size
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            self._repeat(_Question(tuple(rows[part]), index + 1, tuple(unknown[part])))

    async def _write_later(
        self,
        rows: Sequence[int],
        answers: Sequence[LicenseAnswer],
        health: SourceHealth | None = None,
    ) -> None:
        while len(self._unwritten) >= _MOST_UNWRITTEN:
            self._room.clear()
            await self._room.wait()
        for row, answer in zip(rows, answers, strict=True):
            self._unwritten.append(_Unwritten(row, answer, health))
        self._something_to_write.set()

    async def _write_answers(self) -> None:
        """Record the answers, all that came meanwhile at once.

        One commit for many, and no worker waits for it: that is half of what a journal costs.
        """
        while self._unwritten or not self._asking_ended:
            if not self._unwritten:
                self._something_to_write.clear()
                await self._something_to_write.wait()
                continue
            waiting = list(self._unwritten)
            self._unwritten.clear()
            self._room.set()
            batch = []
            for unwritten in waiting:
                if unwritten.health is None or unwritten.health.trusted:
                    batch.append(unwritten)
                else:  # its source lost its trust while the answer waited
                    self._repeat(_Question((unwritten.row,)))
            await self._journal.record(*(unwritten.answer for unwritten in batch))
            for unwritten in batch:
                self._work_queue.answered(unwritten.row, unwritten.answer)
