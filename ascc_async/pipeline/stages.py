"""Both stages with all that they ask and record, built and joined."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.journal.records import Distrusted, Learned
from ascc_async.media.cut import Cutter
from ascc_async.pipeline.clip_maker import ClipMaker, ClipTags, LicenseConfirmation
from ascc_async.pipeline.clip_stage import ClipStage, Disk
from ascc_async.pipeline.journal_index import doubtful_ids
from ascc_async.pipeline.known_videos import KnownVideos
from ascc_async.pipeline.license_stage import LicenseStage
from ascc_async.pipeline.pace import Done, Pace
from ascc_async.pipeline.reconcile import Records
from ascc_async.pipeline.second_looks import SecondLooks, first_look_in
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.pipeline.source_router import SourceRouter
from ascc_async.pipeline.watched_source import SourceContext
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.pipeline.youtube_access import YouTubeAccess
from ascc_async.settings import Settings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiterSnapshot
from ascc_async.throttle.open_hours import OpenHours

log = logging.getLogger(__name__)

_CLEAN = "trust/"  # journal key: up to when what each source told each identity is believed


class Stages:
    """The license stage and the clip stage over one work queue."""

    def __init__(
        self,
        settings: Settings,
        youtube: YouTubeAccess,
        records: Records,
        queue: WorkQueue,
        cutter: Cutter,
        disk: Disk,
        shutdown: Shutdown,
    ) -> None:
        journal, reader = records.journal, records.reader

        async def on_doubt(name: str, since: float) -> None:
            await journal.record(Distrusted(name, since))
            await queue.take_back(await asyncio.to_thread(doubtful_ids, reader))

        self._youtube, self._queue, self._pace, self._began = youtube, queue, Pace(), time.time()
        context = SourceContext(
            KnownVideos(settings.license, unreachable=youtube.unreachable),
            clean_until=reader.learned(_CLEAN),
            rest_identity=youtube.rest_identity,
            on_clean=lambda name, at: journal.record(Learned(_CLEAN + name, at)),
            on_doubt=on_doubt,
            leave_out=youtube.leave_out,
        )
        self._router = SourceRouter(youtube.sources, context)
        youtube.when_new(self._router.look_anew)
        # The journal is read in threads: a disk that is busy must not hold up the event loop.
        self._second_looks = SecondLooks(
            queue,
            journal,
            lambda video_id: asyncio.to_thread(first_look_in, reader, video_id),
            youtube.other_identity,
        )
        self._licenses = LicenseStage(
            youtube.concurrency.licenses,
            self._router,
            queue,
            journal,
            shutdown,
            self._second_looks,
            why_missing=youtube.why_missing,
        )
        self._confirmation = LicenseConfirmation(
            self._router, lambda video_id: asyncio.to_thread(reader.answer, video_id)
        )
        clip_maker = ClipMaker(
            youtube,
            cutter,
            self._confirmation,
            records.removals,
            lambda video_id: asyncio.to_thread(reader.clips_of, video_id),
            ClipTags(reader, records.recipe) if settings.clips.tags else None,
        )
        self._clips = ClipStage(
            youtube.concurrency.downloads,
            clip_maker,
            cutter.encoding,
            disk,
            youtube.any_network_away,
            queue,
            journal,
            shutdown,
        )

    async def run(self) -> None:
        """Until nothing is left to do. Raises SourcesExhausted once what was begun is done."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._licenses.run())
            tasks.create_task(self._clips.run())
        if self._second_looks.left:
            log.warning(
                "videos called unavailable without a reason: %(number)d. They are gone, or YouTube"
                " blocks you: they stay unknown until it says the same a second time, two hours"
                " later or to another identity (network.identities). Run the same command again"
                " then",
                {"number": self._second_looks.left},
            )
        if self._licenses.exhausted is not None:
            raise self._licenses.exhausted

    def note_pace(self) -> None:
        """Remember what is done by now; every ten seconds."""
        self._pace.note(self._done(self._youtube.snapshot()))

    def add_to(self, snapshot: RunSnapshot) -> RunSnapshot:
        """The same with how these stages stand."""
        limiter, hours, began = self._youtube.snapshot(), OpenHours(snapshot.hours), self._began
        done = self._done(limiter)
        half = hours.end_of(began, hours.seconds_within(began, done.at) / 2)
        return replace(
            snapshot,
            sources=tuple(self._router.snapshot()),
            limiter=limiter,
            machines=self._youtube.machine_snapshots(),
            clips_made=done.made,
            media_bytes=done.media_bytes,
            put_off=len(self._second_looks),
            second_looks=self._second_looks.to_come,
            done=done,
            minute_ago=self._pace.at(done.at - 60),
            half_ago=self._pace.at(half),
            signed_out=tuple(sorted(self._youtube.signed_out)),
        )

    def _done(self, limiter: RateLimiterSnapshot) -> Done:
        at, totals = time.time(), self._youtube.totals()
        sent: dict[str, dict[RequestKind, int]] = {}
        for bucket in limiter.buckets:
            sent.setdefault(bucket.identity, {})[bucket.kind] = bucket.sent
        return Done(
            at,
            videos=self._queue.asked_now + len(self._second_looks),
            clips=self._queue.clips_ended_now,
            extractions=totals["extractions"],
            clip_pages=totals["clip_pages"] + self._confirmation.asked,
            requests=sent,
            paused=self._pace.paused(at, limiter),
            made=self._clips.made,
            media_bytes=totals["received"],
        )
