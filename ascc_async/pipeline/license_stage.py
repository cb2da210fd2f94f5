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

# After so many, each with other videos answered in between, a video is left for the next run.
# Refusals come in dozens when YouTube throttles; a network that works breaks one line seldom.
_MOST_FAULTS = 8
_MOST_REFUSALS = 40
_LONGEST_NAP = 60.0  # seconds: a machine that slept has another time, so look again
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


_RowAnswer = tuple[int, LicenseAnswer]


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
        self._unwritten: deque[tuple[int, LicenseAnswer, SourceHealth | None]] = deque()
        self._something_to_write, self._room = asyncio.Event(), asyncio.Event()
        self._asking_ended = False
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
            stop = first_stop(group) or group
            raise stop from stop.__cause__
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
                try:
                    # A source rests until a known time: there is no event to wait for.
                    while self._router.usable() is None:  # noqa: ASYNC110
                        await asyncio.sleep(min(self._router.wait_seconds(), _LONGEST_NAP))
                except SourcesExhausted as error:
                    # The clips under way are finished first: `Run` raises this in the end.
                    self.exhausted = error
                    self._shutdown.drain("no license source is left")
                    return
                yield question
            elif not self._work_queue.asking_done:
                await self._work_queue.wait_change()
            else:
                try:
                    if not await self._router.final_check():
                        return
                    # A source lost its trust at the very end: rows are to be asked again.
                except (Closed, SourceUnusable) as error:
                    # The next run begins with this check.
                    log.info(
                        "the known videos were not asked at the end", extra={"why": str(error)}
                    )
                    return

    async def _work(self, question: _Question) -> None:
        usable = self._router.usable(question.first_source)
        if usable is None:
            # No later source can be asked: unknown it stays. What nobody was asked yet waits.
            if question.unknown:
                await self._write_later(list(zip(question.rows, question.unknown, strict=True)))
            else:
                self._repeat(question)
            return
        index, health = usable
        # Made for a source that takes 50, the question may come to one that takes 1, where a
        # refusal half way would cost the answers before it: the rest follows as its own question.
        size = health.source.batch_size
        parts = [
            replace(
                question, rows=question.rows[start:][:size], unknown=question.unknown[start:][:size]
            )
            for start in range(0, len(question.rows), size)
        ]
        question = parts[0]
        for part in parts[1:]:
            self._repeat(part)
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
            unknown = [
                LicenseAnswer(video_id, License.UNKNOWN, name, now, detail=detail)
                for video_id in video_ids
            ]
            health.count(unknown)
            await self._ask_next_source(list(zip(question.rows, unknown, strict=True)), index)
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
        if not health.trusted:  # it misread the known videos while this answer was on its way
            self._repeat(question)
            return
        health.count(answers)
        pairs = list(zip(question.rows, answers, strict=True))
        known = [pair for pair in pairs if pair[1].license is not License.UNKNOWN]
        unknown = [pair for pair in pairs if pair[1].license is License.UNKNOWN]
        await self._write_later(known, health)
        await self._ask_next_source(unknown, index)

    async def _ask_next_source(self, unknown: Sequence[_RowAnswer], index: int) -> None:
        """As many at once as the next source takes; without one, unknown it stays."""
        following = self._router.usable(index + 1)
        if following is None:
            await self._write_later(unknown)
            return
        size = following[1].source.batch_size
        for start in range(0, len(unknown), size):
            rows, answers = zip(*unknown[start : start + size], strict=True)
            self._repeat(_Question(rows, index + 1, answers))

    async def _write_later(
        self, answers: Sequence[_RowAnswer], health: SourceHealth | None = None
    ) -> None:
        """`health`: the source that gave them, where they count only while it is trusted."""
        while len(self._unwritten) >= _MOST_UNWRITTEN:
            self._room.clear()
            await self._room.wait()
        self._unwritten.extend((row, answer, health) for row, answer in answers)
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
            batch: list[_RowAnswer] = []
            for row, answer, health in waiting:
                if health is None or health.trusted:
                    batch.append((row, answer))
                else:  # its source lost its trust while the answer waited
                    self._repeat(_Question((row,)))
            await self._journal.record(*(answer for _, answer in batch))
            # Only now: what the work queue counts must be there after a power cut.
            for row, answer in batch:
                self._work_queue.answered(row, answer)
