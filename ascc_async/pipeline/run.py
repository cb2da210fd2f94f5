"""One run of the main job: the one place that builds and joins everything."""

from __future__ import annotations

import asyncio
import gc
import logging
import platform
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from ascc_async import __version__
from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.download import fetch_missing
from ascc_async.audioset.metadata_files import InputFile
from ascc_async.audioset.segments import Bools
from ascc_async.audioset.selection import Selection, select
from ascc_async.audioset.video_lists import read_video_lists, rows_in_lists
from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import stop_unwrapped
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.rebuild import Recipe
from ascc_async.dataset.removals import read_removals
from ascc_async.dataset.write import DATASET_FOLDER, Entries, RunFacts
from ascc_async.errors import StoppedOnRequest
from ascc_async.files import network_file_system
from ascc_async.journal.backup import back_up, restore_if_damaged, seconds_until_backup
from ascc_async.journal.lock import run_lock
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Learned, Minute
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import encoding_of
from ascc_async.media.ffmpeg import FFmpeg, find_ffmpeg
from ascc_async.network.cookies import FOLDER, CookieStore
from ascc_async.pipeline.clip_stage import Disk
from ascc_async.pipeline.clip_tags import ClipTags
from ascc_async.pipeline.dataset_writer import DatasetWriter
from ascc_async.pipeline.journal_index import JournalIndex
from ascc_async.pipeline.minutes import Minutes
from ascc_async.pipeline.pace import Done, Pace
from ascc_async.pipeline.previous_run import (
    access_since,
    changed_settings,
    clips_again,
    settings_to_remember,
    short_clips,
)
from ascc_async.pipeline.reconcile import reconcile
from ascc_async.pipeline.snapshot import (
    SNAPSHOT,
    DiskSnapshot,
    Download,
    Phase,
    RunSnapshot,
    snapshot_data,
)
from ascc_async.pipeline.stages import Records, Stages
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.pipeline.youtube_access import LIMITER_MEMORY, QUOTA_MEMORY, YouTubeAccess
from ascc_async.settings import Settings
from ascc_async.throttle.open_hours import OpenHours
from ascc_async.youtube.extraction import ytdlp_version

log = logging.getLogger(__name__)

WRITE_DATASET_AFTER = 60.0  # seconds: somebody may look at the first clips
WRITE_DATASET_EVERY = 300.0  # from then on; longer when the writing itself takes long
REMEMBER_EVERY = 10.0  # seconds: so much of what was learned a kill can cost
_LEAVE_SNAPSHOT_EVERY = 2.0  # what `status` and pages show is at most so old
_CHANGES_AT_ONCE = 5000  # records: some 10 ms of the event loop


class Run:
    """One run of the main job. `snapshot()` may be asked at any time."""

    def __init__(
        self,
        settings: Settings,
        shutdown: Shutdown,
        recipe: Recipe | None = None,
        access: type[YouTubeAccess] = YouTubeAccess,
    ) -> None:
        """`recipe`: rebuild what it says, instead of choosing from AudioSet's metadata. `access`:
        who asks YouTube.
        """
        self._access = access
        self._settings, self._shutdown, self._recipe = settings, shutdown, recipe
        self._started_at = self._work_began = time.time()
        self._phase = Phase.STARTING
        self._download: Download | None = None
        self._stages: Stages | None = None
        self._work_queue: WorkQueue | None = None
        self._pace, self._minutes = Pace(), Minutes(None)
        self._disk = Disk(
            settings.output.dir,
            settings.output.min_free_gb,
            settings.throttle.give_up_after_hours,
        )
        self.changed_settings: tuple[str, ...] = ()

    def snapshot(self) -> RunSnapshot:
        """How things stand now."""
        stages, queue, disk = self._stages, self._work_queue, self._disk
        # Before the metadata is there, the output folder may not be.
        has_folder = self._phase is not Phase.STARTING
        done = self._done(stages) if stages else None
        hours, began = OpenHours(self._settings.throttle.hours), self._work_began
        half = hours.end_of(began, hours.seconds_within(began, time.time()) / 2)
        return RunSnapshot(
            at=time.time(),
            started_at=self._started_at,
            phase=self._phase,
            stopping=self._shutdown.snapshot(),
            download=self._download,
            work_queue=queue.snapshot() if queue else None,
            sources=tuple(stages.router.snapshot()) if stages else (),
            limiter=stages.youtube.snapshot() if stages else None,
            machines=stages.youtube.machine_snapshots() if stages else (),
            disk=DiskSnapshot(disk.free(), disk.waiting) if has_folder else None,
            answered=queue.asked_now if queue else 0,
            clips_made=stages.clips.made if stages else 0,
            media_bytes=stages.youtube.received if stages else 0,
            sampled=self._settings.sampling.max_per_class is not None,
            api_keys=len(self._settings.license.api_keys),
            put_off=len(stages.second_looks) if stages else 0,
            second_looks=stages.second_looks.to_come if stages else 0,
            hours=self._settings.throttle.hours,
            done=done,
            minute_ago=self._pace.at(done.at - 60) if done else None,
            half_ago=self._pace.at(half) if done else None,
            signed_out=tuple(sorted(stages.youtube.signed_out)) if stages else (),
        )

    def _done(self, stages: Stages) -> Done:
        now, limiter = time.time(), stages.youtube.limiter.snapshot()
        return replace(stages.done(now), paused=self._pace.paused(now, limiter))

    async def run(self) -> Counts:
        """Do the whole job, going on where an earlier run stopped; the dataset as it is then.

        Raises StopRun, after everything learned was recorded and the dataset written.
        """
        settings, output = self._settings, self._settings.output.dir
        with run_lock(output):
            if (system := network_file_system(output)) is not None:
                log.warning(
                    "output.dir is on %(system)s: the journal, a database, may break there; a disk"
                    " of this machine is safe",
                    {"system": system},
                )
            async with AsyncExitStack() as stack:
                ffmpeg = await find_ffmpeg()
                # In a thread: it reads files, maybe on a disk that is slow to wake up.
                opening = CookieStore(settings.network, output)
                cookies = await asyncio.to_thread(stack.enter_context, opening)
                removals = read_removals(output)
                # A rebuild asks for nothing but Creative Commons videos.
                paths = () if self._recipe else settings.license.ask_first
                lists = await asyncio.to_thread(read_video_lists, paths)
                selection, inputs = await self._select_and_check_journal()
                journal = await stack.enter_async_context(Journal(output / JOURNAL_NAME))
                reader = Reader(journal.path)
                stack.callback(reader.close)
                self._minutes = Minutes(reader.newest_minute())
                tags = ClipTags(reader, self._recipe)
                records = Records(
                    journal,
                    reader,
                    encoding_of(settings.clips),
                    removals,
                    tags if settings.clips.tags else None,
                )

                queue = await self._load_work_queue(
                    records, selection, rows_in_lists(lists, selection), cookies
                )
                self._work_queue = queue
                # A full garbage collection looks at every object of every module, 40 ms and more
                # in which the event loop waits: what is here by now stays, so leave it out.
                await asyncio.to_thread(gc.collect)
                gc.freeze()
                versions = {
                    "ascc_async": __version__,
                    "python": platform.python_version(),
                    "yt-dlp": ytdlp_version() or "",
                    "ffmpeg": ffmpeg.version,
                }
                rebuilt_from = self._recipe.sha256 if self._recipe else ""
                dataset = DatasetWriter(
                    await asyncio.to_thread(Entries, selection),  # sorts two million rows
                    reader,
                    records.encoding,
                    removals,
                    RunFacts(settings, versions, inputs, rebuilt_from),
                    self._shutdown,
                )
                ended = Phase.STOPPED
                try:
                    if queue.anything_to_do():
                        cutter = Cutter(
                            settings.clips, FFmpeg(ffmpeg, settings.concurrency.ffmpeg), output
                        )
                        await self._work(records, queue, cutter, cookies, dataset)
                    ended = Phase.DONE
                finally:
                    # An abort leaves at once: the next run writes the dataset.
                    if not self._shutdown.aborted:
                        self._phase = Phase.WRITING
                        # Again: licenses that changed in this run withdraw their clips.
                        await self._reconcile(records)
                        counts = await dataset.write()
                        # Only now: a run that breaks off before it reports the change again.
                        await journal.record(settings_to_remember(settings))
                        await self._back_up(journal)
                        self._phase = ended
                        await journal.record(*self._standing())
                return counts

    async def _select_and_check_journal(self) -> tuple[Selection, tuple[InputFile, ...]]:
        """Read the metadata and look at the journal side by side: each may take seconds."""
        output = self._settings.output.dir
        # From an empty journal the manifest would be written over, the only evidence left then.
        may_start_empty = not (output / DATASET_FOLDER / "manifest.csv").exists()
        restore = partial(
            restore_if_damaged, output / JOURNAL_NAME, may_start_empty=may_start_empty
        )
        with stop_unwrapped():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(asyncio.to_thread(restore))
                selecting = tasks.create_task(self._select())
        return selecting.result()

    async def _select(self) -> tuple[Selection, tuple[InputFile, ...]]:
        settings = self._settings
        self._phase = Phase.METADATA
        if self._recipe is not None:
            return await asyncio.to_thread(self._recipe.selection), ()

        def on_progress(name: str, received: int, total: int | None) -> None:
            self._download = Download(name, received, total)

        async def until_draining() -> None:
            await self._shutdown.wait_draining()
            why = "stopped before anything was asked: the same command starts again."
            raise StoppedOnRequest(why)

        # A download may take minutes, and no stage is there yet that would see a request to stop.
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(until_draining())
            await fetch_missing(settings.audioset, settings.network, on_progress)
            watching.cancel()
        self._download = None
        catalog = await asyncio.to_thread(read_catalog, settings.audioset)
        selection = await asyncio.to_thread(select, catalog, settings.classes, settings.sampling)
        return selection, catalog.inputs

    async def _load_work_queue(
        self, records: Records, selection: Selection, first: Bools, cookies: CookieStore
    ) -> WorkQueue:
        """Bring the journal up to date with settings and files; what is left to do.

        The queue comes last: it takes the journal as these steps leave it.
        """
        settings, reader, journal = self._settings, records.reader, records.journal
        self.changed_settings = await asyncio.to_thread(changed_settings, reader, settings)
        await journal.record(*await asyncio.to_thread(short_clips, reader, settings.clips))
        await self._reconcile(records)
        access = access_since(reader, settings.network, cookies.jars, time.time())
        await journal.record(access)
        index = JournalIndex(
            selection,
            settings.license,
            removals=records.removals,
            access_since=access.value["since"],
        )
        await asyncio.to_thread(index.load, reader, records.encoding)
        again = clips_again(index, settings)
        changes = ", ".join(self.changed_settings)
        what = [f"changed since the last run: {changes}"] if changes else []
        if again.from_lossless or again.fetched:
            what.append(str(again))
        if what:  # what has a price is shown beside the dashboard, too
            level = logging.WARNING if again.fetched else logging.INFO
            log.log(level, "%(what)s", {"what": "; ".join(what)})
        return await asyncio.to_thread(WorkQueue, index, first)

    async def _reconcile(self, records: Records) -> None:
        output, reader = self._settings.output.dir, records.reader
        changes = await asyncio.to_thread(
            reconcile, output, reader, records.encoding, records.removals
        )
        # Another clips.format moves every clip: a hundred thousand records at once would hold the
        # event loop.
        for start in range(0, len(changes), _CHANGES_AT_ONCE):
            await records.journal.record(*changes[start : start + _CHANGES_AT_ONCE])

    async def _work(
        self,
        records: Records,
        queue: WorkQueue,
        cutter: Cutter,
        cookies: CookieStore,
        dataset: DatasetWriter,
    ) -> None:
        """Run both stages, and what goes on beside them, until nothing is left to do."""
        settings, journal, reader = self._settings, records.journal, records.reader
        memory = {
            key + rest: value
            for key in (LIMITER_MEMORY, QUOTA_MEMORY)
            for rest, value in reader.learned(key).items()
        }
        opening = self._access.opened(settings, cookies, settings.output.dir / FOLDER, memory)
        async with opening as youtube:
            self._stages = stages = Stages(
                settings, youtube, records, queue, cutter, self._disk, self._shutdown
            )
            self._phase, self._work_began = Phase.WORKING, time.time()

            def learned() -> list[Learned]:
                return [Learned(key, value) for key, value in youtube.memory().items()]

            async def remember() -> None:
                self._pace.note(self._done(stages))
                await journal.record(*learned())

            async def leave_snapshot() -> None:
                await journal.record(*self._standing())

            async def close_when_draining() -> None:
                await self._shutdown.wait_draining()
                # Whoever still waits for a permit goes home: its row is asked by the next run.
                youtube.close()

            def until_next_writing() -> float:
                # Two million rows take a minute of one core: at most a twentieth of the run.
                seconds = dataset.seconds
                return max(WRITE_DATASET_EVERY, 20 * seconds) if seconds else WRITE_DATASET_AFTER

            try:
                await remember()
                await leave_snapshot()  # at once: `status` beside a run that has just begun
                with stop_unwrapped():
                    async with asyncio.TaskGroup() as tasks:
                        beside = [
                            tasks.create_task(work)
                            for work in (
                                _repeat(remember, lambda: REMEMBER_EVERY),
                                _repeat(leave_snapshot, lambda: _LEAVE_SNAPSHOT_EVERY),
                                _repeat(dataset.write, until_next_writing),
                                _repeat(
                                    partial(self._back_up, journal),
                                    partial(seconds_until_backup, journal.path),
                                ),
                                youtube.keep_up(cookies),
                                close_when_draining(),
                            )
                        ]
                        await stages.run()
                        for task in beside:
                            task.cancel()
            finally:
                await journal.record(*learned())

    def _standing(self) -> tuple[Learned, Minute]:
        """What `status` shows while this run goes on and after it, and its place in history."""
        snapshot = self.snapshot()
        return Learned(SNAPSHOT, snapshot_data(snapshot)), self._minutes.after(snapshot)

    async def _back_up(self, journal: Journal) -> None:
        def between_steps() -> None:
            if self._shutdown.aborted:  # a thread cannot be cancelled
                raise StoppedOnRequest("aborted: the last backup copy of the journal is kept")

        await asyncio.to_thread(back_up, journal.path, between_steps)


async def _repeat(act: Callable[[], Awaitable[object]], wait: Callable[[], float]) -> None:
    """Do it again and again, `wait()` seconds after the last time."""
    while True:
        await asyncio.sleep(wait())
        await act()
