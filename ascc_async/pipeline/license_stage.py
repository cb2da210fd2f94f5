"""The license stage: every selected video is asked once, by the first source that can answer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

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
from ascc_async.pipeline.second_looks import Bare, SecondLooks
from ascc_async.pipeline.setbacks import NONE_YET, Setbacks
from ascc_async.pipeline.source_router import SourceRouter
from ascc_async.pipeline.watched_source import WatchedSource
from ascc_async.pipeline.work_queue import WorkQueue

log = logging.getLogger(__name__)

# After 40 refusals or 8 faults, each with other videos answered in between, a video is left for the
# next run. Refusals come in dozens when YouTube throttles; a network that works breaks seldom.
_MOST_SETBACKS, _REFUSAL, _FAULT = 40, 1, 5
_AFTER_GIVING_UP = 5.0  # seconds: so long a drain may have to wait for it
_LONGEST_NAP = 60.0  # seconds: a machine that slept has another time, so look again
_MOST_UNWRITTEN = 100  # answers that may wait for the disk; then the workers wait too


@dataclass(frozen=True, slots=True)
class Question:
    """A row to ask, from the source at index `first_source` on.

    `unknown`: the answer of an earlier source, where that could not tell. `bare`: this is the
    second look. `why`: the Data API does not list it, and only why is asked.
    """

    row: int
    first_source: int = 0
    unknown: LicenseAnswer | None = None
    setbacks: Setbacks = NONE_YET
    bare: Bare | None = None
    why: bool = False

    def goes_with(self, other: Question) -> bool:
        """Whether both may be asked in one call."""
        return (self.first_source, self.bare) == (other.first_source, other.bare)


@dataclass(frozen=True, slots=True)
class Unwritten:
    """An answer that waits for the journal; `source`: it counts only while that believes it."""

    row: int
    answer: LicenseAnswer
    source: WatchedSource | None = None


class LicenseStage:
    """Feeds rows of the work queue to the sources and records what they answer.

    Pages that are asked beside the Data API, for what that cannot tell or as it pauses, have
    workers of their own: while pages are refused, the Data API goes on.
    """

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
        self._line: deque[Question] = deque()
        self._beside: deque[Question] = deque()  # for pages beside the Data API
        self._calls_out, self._writing, self._ended = 0, False, False
        self._unwritten: asyncio.Queue[Unwritten | None] = asyncio.Queue(_MOST_UNWRITTEN)
        self.exhausted: SourcesExhausted | None = None
        stage = partial(Stage[Sequence[Question]], "licenses", shutdown=shutdown)
        self._stages = (
            stage(self._feed(), partial(self._work, beside=False), workers=workers),
            stage(
                self._feed_beside(), partial(self._work, beside=True), workers=max(1, workers // 2)
            ),
        )

    async def run(self) -> None:
        """Until every needed row is answered, or the run drains.

        When no source is left it drains the run itself; `exhausted` then says why.
        """
        try:
            with stop_unwrapped():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._write_answers(), name="licenses to journal")
                    async with asyncio.TaskGroup() as asking:
                        for stage in self._stages:
                            asking.create_task(stage.run())
                    await self._unwritten.put(None)
        finally:
            self._work_queue.licenses_done = True
            self._work_queue.notify()

    # What to ask

    async def _feed(self) -> AsyncGenerator[Sequence[Question], None]:
        queue = self._work_queue
        try:
            while True:
                source = self._router.usable()
                pauses = self._router.is_beside(source)
                call = () if pauses else self._next(source)
                if call:
                    # A source is paused until a known time: there is no event to wait for.
                    while source is None:
                        await asyncio.sleep(min(self._router.wait_seconds(), _LONGEST_NAP))
                        source = self._router.usable()
                    self._calls_out += 1
                    yield call
                elif not queue.asking_done or queue.missing.any():
                    # That the Data API can be asked again is no event.
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LONGEST_NAP if pauses else None):
                            await queue.wait_change()
                elif not (await self._router.look_at_the_end() or self._line or self._beside):
                    return
        except Closed:
            pass  # the next run begins with a look
        except SourcesExhausted as error:
            # The clips under way are finished first: `Run` raises this in the end.
            self.exhausted = error
            self._shutdown.drain("no license source is left")
        finally:
            self._ended = True
            queue.notify()

    async def _feed_beside(self) -> AsyncGenerator[Sequence[Question], None]:
        while not self._ended:
            source = self._router.usable()
            if self._beside:
                yield (self._beside.popleft(),)
            elif self._router.is_beside(source) and (call := self._next(source)):
                yield call
            elif (row := self._work_queue.take_missing()) is not None:
                yield (Question(row, why=True),)
            else:
                await self._work_queue.wait_change()

    def _next(self, source: WatchedSource | None) -> Sequence[Question]:
        """What to ask of it: what is to be repeated, rows, at last what deserves a second look."""
        at_most = source.at_once if source else 1
        line = self._line
        line.extend(map(Question, self._work_queue.take(at_most - len(line))))
        if not line and (bare := self._second_looks.next()) is not None:
            return (Question(bare.row, bare=bare),)
        # A call costs the same with one video as with fifty: one that is not full waits for those
        # under way, whose answers may be what lets more be asked.
        waits = self._calls_out or self._writing or not self._unwritten.empty()
        if not line or (waits and len(line) < at_most):
            return ()
        call = [line.popleft()]
        while line and len(call) < at_most and line[0].goes_with(call[0]):
            call.append(line.popleft())
        return call

    async def _repeat(self, *questions: Question) -> None:
        """Ask again; where no source is left, unknown it stays."""
        for question in questions:
            source = self._router.usable(question.first_source)
            if source is None and question.unknown is not None:
                await self._unwritten.put(Unwritten(question.row, question.unknown))
            elif question.why or (question.first_source and self._router.is_beside(source)):
                self._beside.append(question)
            else:  # from the first source on: the Data API may be back by then
                self._line.append(question)
        self._work_queue.notify()

    # Asking

    async def _work(self, call: Sequence[Question], *, beside: bool) -> None:
        question = call[0]
        source = self._router.usable(question.first_source)
        try:
            if question.why:
                await self._explain(question)
            elif source is None or (self._router.is_beside(source) and not beside):
                await self._repeat(*call)  # the sources pause since a moment ago
            else:
                await self._ask(call, source)
        except GaveUp:
            if question.why or not beside:
                raise
            # Only pages are refused: the Data API goes on, or will.
            if question.unknown is not None:
                await self._unwritten.put(Unwritten(question.row, question.unknown))
            else:
                await asyncio.sleep(_AFTER_GIVING_UP)
                await self._repeat(*call)
        finally:
            self._calls_out -= not beside
            self._work_queue.notify()

    async def _ask(self, call: Sequence[Question], source: WatchedSource) -> None:
        # Made for a source that takes 50, the call may come to one that takes 1, where a refusal
        # half way would cost the answers before it.
        if len(call) > source.at_once:
            await self._repeat(*call[source.at_once :])
        call, bare = call[: source.at_once], call[0].bare
        video_ids = [self._work_queue.video_id(question.row) for question in call]
        try:
            answers = await source.ask(video_ids, bare.look_as if bare else None)
            weighed = self._second_looks.weighed
            told = [
                await weighed(each, source, bare) if each.bare_by else each
                for each in answers or ()
            ]
        except Closed:
            return  # asked by the next run
        except (Refused, NetworkFault) as error:
            weight = _REFUSAL if isinstance(error, Refused) else _FAULT
            # When it is the last one, the known videos are the others that count.
            done = source.answered + source.looks_passed
            for question in call:
                source.look_first |= question.setbacks.done_then == done
                await self._set_back(question, question.setbacks.one_more(done, weight), error)
            return
        if answers is None:
            await self._repeat(*call)
            return
        for question, answer in zip(call, told, strict=True):
            await self._heard(question.row, answer, source)

    async def _explain(self, question: Question) -> None:
        """Ask why a video is not listed."""
        try:
            answer = await self._why_missing(self._work_queue.video_id(question.row))
        except Closed:
            return  # asked by the next run
        except (Refused, NetworkFault, ServerFault) as error:
            # What becomes of the video does not hang on it: so never for long.
            setbacks = Setbacks(question.setbacks.counted + _FAULT)
            await self._set_back(question, setbacks, error)
            return
        await self._heard(question.row, answer)

    async def _heard(
        self, row: int, answer: LicenseAnswer, source: WatchedSource | None = None
    ) -> None:
        """Record the answer, or go on to the next source; but where nothing of the video was shown,
        nor would it be there.
        """
        if answer.license is License.UNKNOWN and answer.shown:
            await self._repeat(Question(row, self._router.after(answer.source), answer))
        else:
            await self._unwritten.put(Unwritten(row, answer, source))

    async def _set_back(self, question: Question, setbacks: Setbacks, error: AsccError) -> None:
        """A refusal or a network fault says nothing of the video: ask again, at the end."""
        if question.bare is not None:
            self._second_looks.not_made(question.bare, error)
        elif setbacks.counted < _MOST_SETBACKS:
            await self._repeat(replace(question, setbacks=setbacks))
        else:
            log.warning(
                "some videos could not be asked about: the next run asks again",
                extra={"videos": 1, "why": str(error)},
            )
            self._work_queue.defer((question.row,))

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
                    await self._repeat(Question(waiting.row))
                if self._unwritten.empty():
                    break
                waiting = self._unwritten.get_nowait()
            self._writing = True
            await self._journal.record(*(each.answer for each in batch))
            self._writing = False
            # Only now: what the work queue counts must be there after a power cut.
            for each in batch:
                if each.answer.license is License.UNKNOWN and each.answer.bare_by:
                    self._second_looks.put_off(each.row, each.answer)
                else:
                    self._work_queue.asked(each.row, each.answer)
            self._work_queue.notify()
            if waiting is None:
                return
