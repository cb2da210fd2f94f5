"""What the tests of the sweep share: sources, journal and reader in memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import cycle
from typing import Any, cast

import numpy as np
from fakeclock import FakeClockLoop
from worlds import selection_of

from ascc_async.audioset.selection import Selection
from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.errors import Refused
from ascc_async.journal.reader import LICENSES, REASONS, BulkAnswers, Reader
from ascc_async.journal.records import AnswerRow, ClipRow, Distrusted, Learned
from ascc_async.journal.writer import Journal
from ascc_async.model import License, LicenseAnswer, Outcome, Reason
from ascc_async.pipeline.journal_index import JournalIndex, doubtful_ids
from ascc_async.pipeline.known_videos import KnownVideos
from ascc_async.pipeline.license_stage import LicenseStage
from ascc_async.pipeline.second_looks import Bare, SecondLooks, first_look_in
from ascc_async.pipeline.source_router import SourceRouter
from ascc_async.pipeline.watched_source import SourceContext, WatchedSource
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.settings import LicenseSettings
from ascc_async.throttle.bucket import RequestKind

CC, STANDARD, UNKNOWN, UNAVAILABLE = (
    License.CREATIVE_COMMONS,
    License.STANDARD,
    License.UNKNOWN,
    License.UNAVAILABLE,
)
SETTINGS = LicenseSettings()
EXPLAINING = SETTINGS.model_copy(update={"explain_missing": True})
ENCODING = "flac"
KNOWN_CC = tuple(SETTINGS.known_creative_commons)
KNOWN_STANDARD = tuple(SETTINGS.known_standard)
Truth = License | list[License]


def work_queue_of(
    selection: Selection,
    memory: Memory | None = None,
    encoding: str = ENCODING,
    settings: LicenseSettings = SETTINGS,
    **rules: Any,
) -> WorkQueue:
    """A start on what `memory` knows; `rules` are those of `JournalIndex`."""
    index = JournalIndex(selection, settings, **rules)
    if memory is not None:
        index.load(cast(Reader, memory), encoding)
    return WorkQueue(index)


def answer(video_id: str, license_: License, source: str = "a", at: float = 0.0) -> LicenseAnswer:
    """An answer as a source would give it."""
    reason = Reason.REMOVED if license_ is UNAVAILABLE else None
    return LicenseAnswer(video_id, license_, source, at, reason)


class Page:
    """A source that reads from a table; a list is read one after the other, the last one stays.

    `next_errors` are raised by the next asks, those of `errors_of` whenever that video is asked.
    """

    def __init__(
        self,
        name: str,
        known: dict[str, Truth] | None = None,
        *,
        batch_size: int = 1,
        seconds: float = 0.1,
        otherwise: License = STANDARD,
        identities: Sequence[str] = ("main",),
    ) -> None:
        self.name, self.batch_size, self.kind = name, batch_size, RequestKind.PAGES
        self.identities = cycle(identities)
        self.seconds, self.otherwise = seconds, otherwise
        self.known: dict[str, Truth] = {
            **dict.fromkeys(KNOWN_CC, CC),
            **dict.fromkeys(KNOWN_STANDARD, STANDARD),
            **(known or {}),
        }
        self.asked: list[str] = []
        self.sizes: list[int] = []
        self.next_errors: list[Exception] = []
        self.errors_of: dict[str, Exception] = {}
        self.resting: set[str] = set()  # who may not ask, as the rate limiter says
        self.bare: set[tuple[str, str]] = set()  # who is told of what that it is unavailable
        self.blocked: set[str] = set()  # who is told nothing of anything
        self.misread_share, self.rng = 0.0, random.Random()  # answers whose license row is missing

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """The table's answers, after `seconds`."""
        if identity in self.resting:
            raise Refused(f"«{identity}» pauses")
        self.asked += video_ids
        self.sizes.append(len(video_ids))
        await asyncio.sleep(self.seconds)
        if self.next_errors:
            raise self.next_errors.pop(0)
        for video_id in video_ids:
            if video_id in self.errors_of:
                raise self.errors_of[video_id]
        at = asyncio.get_running_loop().time()
        asked_by = identity or next(self.identities)
        answers = []
        for video_id in video_ids:
            told = answer(video_id, self.license_for(video_id, asked_by), self.name, at)
            bare_by = asked_by if (asked_by, video_id) in self.bare else ""
            answers.append(replace(told, asked_by=asked_by, bare_by=bare_by, shown=not bare_by))
        return answers

    def license_for(self, video_id: str, identity: str) -> License:
        """What that identity is told."""
        if (identity, video_id) in self.bare or identity in self.blocked:
            return UNKNOWN
        if self.misread_share and self.rng.random() < self.misread_share:
            return STANDARD
        return self._license(video_id)

    def _license(self, video_id: str) -> License:
        license_ = self.known.get(video_id, self.otherwise)
        if isinstance(license_, list):
            return license_.pop(0) if len(license_) > 1 else license_[0]
        return license_

    def sweep(self) -> list[str]:
        """What was asked beside the known videos."""
        known = (*KNOWN_CC, *KNOWN_STANDARD)
        return [video_id for video_id in self.asked if video_id not in known]


class Watch:
    """A router over sources that notes all it reports. Inside `fakeclock.run`."""

    def __init__(
        self,
        *pages: Page,
        clean_until: dict[str, float] | None = None,
        unreachable: bool = False,
        known: bool = True,
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FakeClockLoop)
        self.clock = loop
        self.good: list[tuple[str, float]] = []
        self.bad: list[tuple[str, float]] = []
        self.rested: list[tuple[str, float]] = []
        none = SETTINGS.model_copy(update={"known_creative_commons": (), "known_standard": ()})
        context = SourceContext(
            KnownVideos(
                SETTINGS if known else none, unreachable=lambda: unreachable, wall=loop.time
            ),
            clean_until=clean_until or {},
            rest_identity=self._rest_identity,
            on_clean=self._on_clean,
            on_doubt=self._on_doubt,
        )
        self.router = SourceRouter(pages, context)

    def _rest_identity(self, _: RequestKind, identity: str, error: Refused, seconds: float) -> None:
        self.rested.append((identity, seconds))

    async def _on_clean(self, name: str, at: float) -> None:
        self.good.append((name, at))

    async def _on_doubt(self, name: str, since: float) -> None:
        self.bad.append((name, since))

    def source(self, name: str) -> WatchedSource:
        """A source that may be asked now."""
        source = self.router.named(name)
        assert source is not None
        return source


class Memory:
    """Journal and reader at once: what was recorded, with the journal's own rules.

    `seconds`: what a commit takes.
    """

    def __init__(self, seconds: float = 0.01) -> None:
        self.seconds = seconds
        self.answers: dict[str, LicenseAnswer] = {}
        self.asks: dict[str, int] = {}
        self.clip_rows: dict[str, ClipRow] = {}
        self.remembered: dict[str, Any] = {}
        self.commits: list[tuple[str, ...]] = []

    def answer(self, video_id: str) -> AnswerRow | None:
        """Like the reader's."""
        known = self.answers.get(video_id)
        return AnswerRow(**asdict(known), asks=self.asks[video_id]) if known else None

    def encodings(self) -> list[str]:
        return [ENCODING]

    def learned(self, prefix: str) -> dict[str, Any]:
        """Like the reader's."""
        found = {key: value for key, value in self.remembered.items() if key.startswith(prefix)}
        return {key.removeprefix(prefix): value for key, value in found.items()}

    async def record(self, *records: Any) -> None:
        """Keep it; the commit takes a moment."""
        await asyncio.sleep(self.seconds)
        for record in records:
            if isinstance(record, LicenseAnswer):
                self._put(record)
            elif isinstance(record, Distrusted):
                self._distrust(record)
            elif isinstance(record, Learned):
                self.remembered[record.key] = record.value
            elif isinstance(record, ClipRow):
                self.clip_rows[record.segment_id] = record
        self.commits.append(tuple(r.video_id for r in records if isinstance(r, LicenseAnswer)))

    def _put(self, new: LicenseAnswer) -> None:
        asks = self.asks.get(new.video_id, 0)
        self.asks[new.video_id] = asks + 1 if new.shown else max(asks, 1)
        if new.license is not UNKNOWN or self.answers.get(new.video_id, new).license is UNKNOWN:
            self.answers[new.video_id] = new

    def _distrust(self, suspect: Distrusted) -> None:
        for video_id, old in self.answers.items():
            if old.source == suspect.source and old.checked_at >= suspect.since:
                self.answers[video_id] = answer(video_id, UNKNOWN, old.source, old.checked_at)
                self.asks[video_id] = 0

    def answered(self) -> Iterator[BulkAnswers]:
        """Like the reader's."""
        ids = sorted(self.answers)
        if ids:
            answers = [self.answers[video_id] for video_id in ids]
            reasons = [REASONS.index(each.reason) + 1 if each.reason else 0 for each in answers]
            yield BulkAnswers(
                np.array(ids, "S11"),
                np.array([LICENSES.index(each.license) for each in answers], np.uint8),
                np.array(reasons, np.uint8),
                np.array([each.checked_at for each in answers]),
                np.array([min(255, self.asks[video_id]) for video_id in ids], np.uint8),
                np.array([bool(each.bare_by) for each in answers], bool),
            )

    def explained(self, since: float) -> Iterator[list[str]]:
        """Like the reader's."""
        yield sorted(
            video_id
            for video_id, known in self.answers.items()
            if known.reason is Reason.NOT_LISTED and known.bare_by and known.checked_at >= since
        )

    def shareable(self) -> Iterator[list[AnswerRow]]:
        """Like the reader's; everybody named a title and a channel."""
        names = {"title": "Title", "channel": "Channel", "channel_id": "UC1"}
        yield [
            AnswerRow(**{**asdict(shareable), **names}, asks=self.asks[video_id])
            for video_id, shareable in sorted(self.answers.items())
            if shareable.license is License.CREATIVE_COMMONS
        ]

    def clips(self, encoding: str) -> Iterator[list[ClipRow]]:
        """Like the reader's."""
        rows = [row for _, row in sorted(self.clip_rows.items())]
        yield [row for row in rows if row.encoding == encoding]

    def licenses(self) -> dict[str, License]:
        """What is known now."""
        return {video_id: known.license for video_id, known in self.answers.items()}


class Sweep(Watch):
    """The license stage over fake sources. Inside `fakeclock.run`."""

    def __init__(
        self,
        work_queue: WorkQueue,
        *pages: Page,
        memory: Memory | None = None,
        workers: int = 8,
        drain_seconds: float = 30.0,
        clean_until: dict[str, float] | None = None,
        identities: Sequence[str] = ("main",),
    ) -> None:
        super().__init__(*pages, clean_until=clean_until)
        self.work_queue, self.memory = work_queue, memory or Memory()
        self.shutdown = Shutdown(drain_seconds, clock=self.clock.time)
        self.second_looks = SecondLooks(
            work_queue,
            cast(Journal, self.memory),
            self._first_look,
            lambda name: next((one for one in identities if one != name), None),
            wall=self.clock.time,
        )
        self.stage = LicenseStage(
            workers,
            self.router,
            work_queue,
            cast(Journal, self.memory),
            self.shutdown,
            self.second_looks,
            why_missing=self._why_missing,
        )
        self.why: dict[str, Reason | Exception | None] = {}
        self.asked_why: list[str] = []

    async def _why_missing(self, video_id: str) -> LicenseAnswer:
        """What the player says: a reason, None when it plays the video, or an error."""
        self.asked_why.append(video_id)
        await asyncio.sleep(0.1)
        said = self.why.get(video_id, Reason.NOT_LISTED)
        if isinstance(said, Exception):
            raise said
        gone, bare = UNKNOWN if said is None else UNAVAILABLE, said is Reason.NOT_LISTED
        return LicenseAnswer(
            video_id, gone, "data_api", self.clock.time(), said, bare_by="main" * bare
        )

    async def _on_doubt(self, name: str, since: float) -> None:
        await super()._on_doubt(name, since)
        await self.memory.record(Distrusted(name, since))
        await self.work_queue.take_back(doubtful_ids(cast(Reader, self.memory)))

    async def _first_look(self, video_id: str) -> tuple[License | None, Bare | None]:
        return first_look_in(cast(Reader, self.memory), video_id)

    async def run(self) -> None:
        """The stage from beginning to end."""
        await self.stage.run()

    async def run_with_clips(self, makes: Callable[[int], bool]) -> list[int]:
        """Beside a stand-in of the clip stage; the rows whose clips were made."""
        made: list[int] = []
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.stage.run())
            tasks.create_task(self._clips(makes, made))
        return made

    async def _clips(self, makes: Callable[[int], bool], made: list[int]) -> None:
        while True:
            row = self.work_queue.next_clip()
            if row is not None:
                await asyncio.sleep(0.3)
                outcome = Outcome.CLIP if makes(row) else Outcome.REJECTED
                clip = clip_row(self.work_queue, row, outcome)
                await self.memory.record(clip)
                self.work_queue.clip_done(row, clip)
                made += [row] * makes(row)
            elif self.work_queue.licenses_done and not self.work_queue.making:
                return
            else:
                await self.work_queue.wait_change()


def clip_row(
    work_queue: WorkQueue, row: int, outcome: Outcome, reason: Reason | None = None, at: float = 0.0
) -> ClipRow:
    """What became of a row's clip."""
    segment = work_queue.segment(row)
    return ClipRow(segment.segment_id, segment.video_id, ENCODING, outcome, at, reason=reason)


DAY = 86400.0
NOW = 1_000 * DAY


def one_row(
    *answers: LicenseAnswer, clip: tuple[Outcome, Reason | None, float] | None = None
) -> WorkQueue:
    """A work queue over one row, started on these answers and this clip."""
    selection, memory = selection_of([[0]], [0], limit=None), Memory()
    for each in answers:
        memory._put(each)
    if clip is not None:
        row = clip_row(work_queue_of(selection), 0, *clip)
        memory.clip_rows[row.segment_id] = row
    fewer = SETTINGS.model_copy(update={"retry_unknown": 2})
    return work_queue_of(selection, memory, settings=fewer, wall=lambda: NOW)


def aged(
    license_: License,
    age_days: float = 0.0,
    reason: Reason | None = None,
    *,
    shown: bool = True,
    bare_by: str = "",
) -> LicenseAnswer:
    """An answer of that age about row 0."""
    at = NOW - age_days * DAY
    return LicenseAnswer("0" * 11, license_, "a", at, reason, shown=shown, bare_by=bare_by)
