"""The license stage: every selected video is asked once, by the first source that can answer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import Stage, stop_unwrapped
from ascc_async.errors import (
    AsccError,
    Closed,
    GaveUp,
    NetworkFault,
    Refused,
    ServerFault,
    SourcesExhausted,
)
from ascc_async.journal.writer import Journal
from ascc_async.model import License, LicenseAnswer
from ascc_async.pipeline.license_questions import Question, Unwritten, WhyMissing
from ascc_async.pipeline.second_looks import SecondLooks
from ascc_async.pipeline.source_router import SourceRouter
from ascc_async.pipeline.watched_source import WatchedSource
from ascc_async.pipeline.work_queue import WorkQueue

log = logging.getLogger(__name__)

# After 40 refusals or 8 faults, each with other videos answered in between, a video is left for the
# next run. Refusals come in dozens when YouTube throttles; a network that works breaks seldom.
_MOST_SETBACKS, _REFUSAL, _FAULT = 40, 1, 5
_MOST_WHY = 8  # tries to learn why a video is missing
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
        self._beside: deque[Question | WhyMissing] = deque()
        self._beside_out, self._most_beside = 0, max(1, workers // 2)
        self._held: list[int] = []  # rows of a call that is not full yet
        self._others_out, self._writing = 0, False
        self._unwritten: asyncio.Queue[Unwritten | None] = asyncio.Queue(_MOST_UNWRITTEN)
        self.exhausted: SourcesExhausted | None = None
        self._stage: Stage[Question | WhyMissing] = Stage(
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
                    await self._stage.run()
                    await self._unwritten.put(None)
        finally:
            self._work_queue.licenses_done = True
            self._work_queue.notify()

    async def _feed(self) -> AsyncGenerator[Question | WhyMissing, None]:
        queue = self._work_queue
        while True:
            usable = self._router.usable()
            beside = usable is not None and self._router.is_beside(usable[0])
            question = self._next(usable[1].at_once if usable else 1, beside=beside)
            if question is not None:
                try:
                    # A source is paused until a known time: there is no event to wait for.
                    while usable is None and isinstance(question, Question):
                        await asyncio.sleep(min(self._router.wait_seconds(), _LONGEST_NAP))
                        usable = self._router.usable()
                except SourcesExhausted as error:
                    # The clips under way are finished first: `Run` raises this in the end.
                    self.exhausted = error
                    self._shutdown.drain("no license source is left")
                    return
                self._beside_out += question.beside
                self._others_out += not question.beside
                yield question
            elif not queue.asking_done or queue.missing.any():
                # That the Data API can be asked again is no event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LONGEST_NAP if beside else None):
                        await queue.wait_change()
            else:
                try:
                    suspect = await self._router.look_at_the_end()
                except Closed:
                    return  # the next run begins with a look
                if not (suspect or self._again or self._beside):
                    return

    def _next(self, at_most: int, *, beside: bool) -> Question | WhyMissing | None:
        """What to ask now: rows, what is to be repeated, at last what can wait for all else.

        `beside`: the Data API pauses, so that all go to pages now.
        """
        room = self._beside_out < self._most_beside
        if room or not beside:
            if self._again:
                question = self._again.popleft()
                return replace(question, beside=True) if beside else question
            self._held += self._work_queue.take(at_most - len(self._held))
            # A call costs the same with one video as with fifty: one that is not full waits for
            # those under way, whose answers may be what lets more be asked.
            waits = self._others_out or self._writing or not self._unwritten.empty()
            if len(self._held) >= at_most or (self._held and not waits):
                rows, self._held = tuple(self._held), []
                return Question(rows, beside=beside)
        if room and self._beside:
            return self._beside.popleft()
        if (bare := self._second_looks.next()) is not None:
            return Question((bare.row,), bare=bare)
        if room and (row := self._work_queue.take_missing()) is not None:
            return WhyMissing(row)
        return None

    async def _work(self, question: Question | WhyMissing) -> None:
        try:
            if isinstance(question, WhyMissing):
                await self._explain(question)
            else:
                await self._ask(question)
        except GaveUp:
            if isinstance(question, WhyMissing) or not question.beside:
                raise
            # Only pages are refused: the Data API goes on, or will.
            if question.unknown:
                await self._record_unknown(question.rows, question.unknown)
            else:
                await asyncio.sleep(_AFTER_GIVING_UP)
                self._repeat(question)
        finally:
            self._beside_out -= question.beside
            self._others_out -= not question.beside
            self._work_queue.notify()

    async def _ask(self, question: Question) -> None:
        usable = self._router.usable(question.first_source)
        if usable is None and question.unknown:
            await self._record_unknown(question.rows, question.unknown)
            return
        if usable is None or (
            self._router.is_beside(usable[0]) and not (question.beside or question.first_source)
        ):
            self._repeat(question)  # the sources pause since a moment ago
            return
        index, source = usable
        # Made for a source that takes 50, the question may come to one that takes 1, where a
        # refusal half way would cost the answers before it: the rest follows as its own question.
        size, rows, unknown = source.at_once, question.rows, question.unknown
        if len(rows) > size:
            for start in range(size, len(rows), size):
                part = slice(start, start + size)
                self._repeat(replace(question, rows=rows[part], unknown=unknown[part]))
            question = replace(question, rows=rows[:size], unknown=unknown[:size])
        bare, video_ids = question.bare, [self._work_queue.video_id(row) for row in question.rows]
        try:
            answers = await source.ask(video_ids, bare.look_as if bare else None)
            if answers is not None and any(answer.bare_by for answer in answers):
                weighed = self._second_looks.weighed
                answers = [await weighed(answer, source, bare) for answer in answers]
        except Closed:
            self._repeat(question)  # by the next run: nothing was asked
            return
        except (Refused, NetworkFault) as error:
            self._set_back(question, source, error)
            return
        if answers is None:
            self._repeat(question)
            return
        unknown_rows = []
        for row, answer in zip(question.rows, answers, strict=True):
            if answer.license is not License.UNKNOWN:
                await self._unwritten.put(Unwritten(row, answer, source))
            elif not answer.shown:  # nor would it be to the next source
                look_again = bool(answer.bare_by) and bare is None
                await self._unwritten.put(Unwritten(row, answer, look_again=look_again))
            else:
                unknown_rows.append((row, answer))
        if unknown_rows:
            await self._ask_next_source(unknown_rows, index + 1)

    async def _explain(self, question: WhyMissing) -> None:
        """Record why a video is not listed; one that can be played goes on to the next source."""
        row = question.row
        try:
            answer = await self._why_missing(self._work_queue.video_id(row))
        except Closed:
            pass  # by the next run
        except (Refused, NetworkFault, ServerFault) as error:
            # What becomes of the video does not hang on it: so never for long.
            if question.tries < _MOST_WHY:
                self._beside.append(replace(question, tries=question.tries + 1))
            else:
                self._leave((row,), error)
        else:
            if answer.license is License.UNKNOWN:
                await self._ask_next_source([(row, answer)], self._router.after(answer.source))
            else:
                await self._unwritten.put(Unwritten(row, answer))

    async def _ask_next_source(self, unknown: list[tuple[int, LicenseAnswer]], index: int) -> None:
        """Without one that can be asked, unknown it stays."""
        rows, answers = zip(*unknown, strict=True)
        if self._router.usable(index) is None:
            await self._record_unknown(rows, answers)
        else:
            self._repeat(Question(rows, index, answers))

    async def _record_unknown(self, rows: Sequence[int], answers: Sequence[LicenseAnswer]) -> None:
        for row, answer in zip(rows, answers, strict=True):
            await self._unwritten.put(Unwritten(row, answer))

    def _repeat(self, question: Question) -> None:
        usable = self._router.usable(question.first_source) if question.first_source else None
        if usable is not None and self._router.is_beside(usable[0]):
            self._beside.append(replace(question, beside=True))
        else:  # the Data API may be back by then
            self._again.append(replace(question, beside=False))
        self._work_queue.notify()

    def _set_back(self, question: Question, source: WatchedSource, error: AsccError) -> None:
        """A refusal or a network fault says nothing of the video: ask again, at the end.

        When it is the last one, the known videos are the others that count.
        """
        weight = _REFUSAL if isinstance(error, Refused) else _FAULT
        setbacks = question.setbacks.one_more(source.answered + source.looks_passed, weight)
        if question.bare is not None:
            self._second_looks.leave(question.bare.row)
        elif setbacks.counted >= _MOST_SETBACKS:
            self._leave(question.rows, error)
        else:
            source.look_first |= setbacks == question.setbacks
            self._repeat(replace(question, setbacks=setbacks))

    def _leave(self, rows: Sequence[int], error: AsccError) -> None:
        log.warning(
            "some videos could not be asked: the next run asks them",
            extra={"videos": len(rows), "why": str(error)},
        )
        self._work_queue.defer(rows)

    async def _write_answers(self) -> None:
        """Record the answers, all that came meanwhile at once.

        No worker waits for a commit: waking it for each answer would be half of a journal's cost.
        """
        while (waiting := await self._unwritten.get()) is not None:
            batch: list[Unwritten] = []
            while waiting is not None:
                if waiting.source is None or waiting.source.believes(waiting.answer):
                    batch.append(waiting)
                else:  # its source became suspect while the answer waited
                    self._repeat(Question((waiting.row,)))
                if self._unwritten.empty():
                    break
                waiting = self._unwritten.get_nowait()
            self._writing = True
            await self._journal.record(*(each.answer for each in batch))
            self._writing = False
            # Only now: what the work queue counts must be there after a power cut.
            for each in batch:
                if each.look_again:
                    self._second_looks.put_off(each.row, each.answer)
                elif each.answer.license is License.UNKNOWN and each.answer.bare_by:
                    self._second_looks.leave(each.row)
                else:
                    self._work_queue.answered(each.row, each.answer)
            self._work_queue.notify()
            if waiting is None:
                return
