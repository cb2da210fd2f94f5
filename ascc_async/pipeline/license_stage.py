"""The license stage: every selected video is asked once, by the first source that can answer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import Stage, stop_unwrapped
from ascc_async.errors import (
    AsccError,
    GaveUp,
    NetworkFault,
    Refused,
    ServerFault,
    SourcesExhausted,
)
from ascc_async.journal.writer import Journal
from ascc_async.model import License, LicenseAnswer
from ascc_async.pipeline.license_questions import Answered, Question
from ascc_async.pipeline.second_looks import SecondLooks
from ascc_async.pipeline.source_health import SourceHealth
from ascc_async.pipeline.source_router import SourceRouter
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.throttle.limiter import Closed

log = logging.getLogger(__name__)

# After so many, each with other videos answered in between, a video is left for the next run.
# Refusals come in dozens when YouTube throttles; a network that works breaks one line seldom.
_MOST_FAULTS = 8
_MOST_REFUSALS = 40
_AFTER_GIVING_UP = 5.0  # seconds: so long a drain may have to wait for it
_LONGEST_NAP = 60.0  # seconds: a machine that slept has another time, so look again
_MOST_UNWRITTEN = 100  # answers that may wait for the disk; then the workers wait too


class LicenseStage:
    """Feeds rows of the work queue to the sources and records what they answer."""

    def __init__(
        self,
        workers: int,
        router: SourceRouter,
        work_queue: WorkQueue,
        journal: Journal,
        shutdown: Shutdown,
        second_looks: SecondLooks,
        *,
        why_missing: Callable[[str], Awaitable[LicenseAnswer]],
    ) -> None:
        """`why_missing` asks why the Data API does not list a video."""
        self._why_missing, self._second_looks = why_missing, second_looks
        self._router, self._work_queue, self._journal = router, work_queue, journal
        self._shutdown = shutdown
        self._again: deque[Question] = deque()
        # While pages are refused, these must not keep all workers from asking the Data API.
        self._beside: deque[Question] = deque()
        self._beside_out, self._most_beside = 0, max(1, workers // 2)
        self._unwritten: asyncio.Queue[Answered | None] = asyncio.Queue(_MOST_UNWRITTEN)
        self.exhausted: SourcesExhausted | None = None
        self.stage: Stage[Question] = Stage(
            "licenses", self._feed(), self._work, workers=workers, shutdown=shutdown
        )

    async def run(self) -> None:
        """Until every needed row is answered, or the run drains.

        When no source is left it drains the run itself; `exhausted` then says why.
        """
        try:
            with stop_unwrapped():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._write_answers(), name="licenses to journal")
                    await self.stage.run()
                    await self._unwritten.put(None)
        finally:
            self._work_queue.licenses_done = True
            self._work_queue.notify()

    async def _feed(self) -> AsyncGenerator[Question, None]:
        while True:
            question: Question | None = None
            usable = self._router.usable()
            beside = usable is not None and self._router.is_beside(usable[0])
            if self._room_beside or not beside:
                if self._again:
                    question = self._again.popleft()
                elif rows := self._work_queue.take(usable[1].at_once if usable else 1):
                    question = Question(rows)
                if question is not None and beside:
                    question = replace(question, beside=True)
            if question is None and self._beside and self._room_beside:
                question = self._beside.popleft()
            if question is None and self._second_looks:
                look = self._second_looks.next()
                if look is None:
                    continue
                question = Question((look[0].row,), bare=look[0], identity=look[1])
            if question is not None:
                try:
                    # A source is paused until a known time: there is no event to wait for.
                    while self._router.usable() is None:  # noqa: ASYNC110
                        await asyncio.sleep(min(self._router.wait_seconds(), _LONGEST_NAP))
                except SourcesExhausted as error:
                    # The clips under way are finished first: `Run` raises this in the end.
                    self.exhausted = error
                    self._shutdown.drain("no license source is left")
                    return
                self._beside_out += question.beside
                yield question
            elif not self._work_queue.asking_done:
                # That the Data API can be asked again is no event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LONGEST_NAP if beside else None):
                        await self._work_queue.wait_change()
            elif (row := self._missing_row()) is not None:
                self._beside_out += 1
                yield Question((row,), beside=True, why=True)
            elif self._work_queue.missing.any():
                await self._work_queue.wait_change()
            else:
                try:
                    suspect = await self._router.trust.look_at_the_end()
                except Closed:
                    return  # the next run begins with a look
                if not (suspect or self._again or self._beside):
                    return

    def _missing_row(self) -> int | None:
        return self._work_queue.take_missing() if self._room_beside else None

    @property
    def _room_beside(self) -> bool:
        return self._beside_out < self._most_beside

    def _awaits_data_api(self) -> bool:
        usable = self._router.usable()
        return usable is None or usable[0] == 0 or self._router.is_beside(usable[0])

    async def _work(self, question: Question) -> None:
        if not question.beside:
            await self._ask(question)
            return
        try:
            await (self._explain(question) if question.why else self._ask(question))
        except GaveUp:
            # Only pages are refused: the Data API goes on, or will.
            if question.unknown:
                for row, answer in zip(question.rows, question.unknown, strict=True):
                    await self._unwritten.put(Answered(row, answer))
            elif not question.why and self._awaits_data_api():
                await asyncio.sleep(_AFTER_GIVING_UP)
                self._repeat(question)
            else:
                raise
        finally:
            self._beside_out -= 1
            self._work_queue.notify()

    async def _ask(self, question: Question) -> None:
        usable = self._router.usable(question.first_source)
        if usable is None:
            # No later source can be asked: unknown it stays. What nobody was asked yet waits.
            for row, answer in zip(question.rows, question.unknown, strict=False):
                await self._unwritten.put(Answered(row, answer))
            if not question.unknown:
                self._repeat(question)
            return
        index, health = usable
        if not question.beside and not question.first_source and self._router.is_beside(index):
            self._repeat(question)  # the Data API pauses since a moment ago
            return
        # Made for a source that takes 50, the question may come to one that takes 1, where a
        # refusal half way would cost the answers before it: the rest follows as its own question.
        size, rows, unknown = health.at_once, question.rows, question.unknown
        if len(rows) > size:
            for start in range(size, len(rows), size):
                part = slice(start, start + size)
                self._repeat(replace(question, rows=rows[part], unknown=unknown[part]))
            question = replace(question, rows=rows[:size], unknown=unknown[:size])
        video_ids = [self._work_queue.video_id(row) for row in question.rows]
        try:
            answers = await self._router.ask(health, video_ids, identity=question.identity)
            if answers is not None and any(answer.bare_by for answer in answers):
                weighed = self._second_looks.weighed
                answers = [await weighed(answer, health, question.bare) for answer in answers]
        except Closed:
            self._repeat(question)  # by the next run: nothing was asked
        except (Refused, NetworkFault) as error:
            if question.bare is not None:
                self._second_looks.leave(question.bare)
            else:
                self._set_back(question, health, error)
        else:
            if answers is None:
                self._repeat(question)
                return
            unknown_rows = []
            for row, answer in zip(question.rows, answers, strict=True):
                if answer.license is License.UNKNOWN and answer.bare_by:
                    # The next source would be told the same.
                    look_again = question.bare is None
                    await self._unwritten.put(Answered(row, answer, look_again=look_again))
                elif answer.license is License.UNKNOWN:
                    unknown_rows.append((row, answer))
                else:
                    await self._unwritten.put(Answered(row, answer, health))
            await self._ask_next_source(unknown_rows, index)

    async def _explain(self, question: Question) -> None:
        """Record why a video is not listed; one that can be played goes on to the next source."""
        (row,) = question.rows
        try:
            answer = await self._why_missing(self._work_queue.video_id(row))
        except Closed:
            pass  # by the next run
        except (Refused, NetworkFault, ServerFault):
            # What becomes of the video does not hang on it: so never for long.
            if question.faults < _MOST_FAULTS:
                self._repeat(replace(question, faults=question.faults + 1))
            else:
                self._work_queue.defer(question.rows)
        else:
            if answer.license is License.UNKNOWN:
                await self._ask_next_source([(row, answer)], self._router.after(answer.source) - 1)
            else:
                await self._unwritten.put(Answered(row, answer))

    def _repeat(self, question: Question) -> None:
        if question.beside and (question.first_source or question.why):
            self._beside.append(question)
        else:  # the Data API may be back by then
            self._again.append(replace(question, beside=False))
        self._work_queue.notify()

    def _set_back(self, question: Question, health: SourceHealth, error: AsccError) -> None:
        """A refusal or a network fault says nothing of the video: ask again, at the end.

        Only when others were answered meanwhile does it count, so that one video which always
        breaks the line does not keep a run from ending. When it is the last one, the known videos
        are the others.
        """
        answered = self._work_queue.answered_now + self._router.trust.looks
        if answered == question.answered:
            health.look_first = True
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

    async def _ask_next_source(self, unknown: list[tuple[int, LicenseAnswer]], index: int) -> None:
        """As many at once as the next source takes; without one, unknown it stays."""
        following = self._router.usable(index + 1)
        if following is None:
            for row, answer in unknown:
                await self._unwritten.put(Answered(row, answer))
            return
        size = following[1].at_once
        for start in range(0, len(unknown), size):
            rows, answers = zip(*unknown[start : start + size], strict=True)
            beside = self._router.is_beside(following[0])
            self._repeat(Question(rows, index + 1, answers, beside=beside))

    async def _write_answers(self) -> None:
        """Record the answers, all that came meanwhile at once.

        No worker waits for a commit: waking it for each answer would be half of a journal's cost.
        """
        while (waiting := await self._unwritten.get()) is not None:
            batch: list[Answered] = []
            while waiting is not None:
                if waiting.health is None or waiting.health.believes(waiting.answer):
                    batch.append(waiting)
                else:  # its source became suspect while the answer waited
                    self._repeat(Question((waiting.row,)))
                if self._unwritten.empty():
                    break
                waiting = self._unwritten.get_nowait()
            await self._journal.record(*(each.answer for each in batch))
            # Only now: what the work queue counts must be there after a power cut.
            for each in batch:
                row, answer = each.row, each.answer
                if answer.license is License.UNKNOWN and answer.bare_by:
                    self._second_looks.recorded(row, answer, again=each.look_again)
                else:
                    self._work_queue.answered(row, answer)
            if waiting is None:
                return
