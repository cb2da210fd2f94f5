"""One run of the main job: the one place that builds and joins everything."""

from __future__ import annotations

import asyncio
import gc
import logging
import platform
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from ascc_async import __version__
from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.download import fetch_missing
from ascc_async.audioset.metadata_files import InputFile
from ascc_async.audioset.selection import Selection, select
from ascc_async.audioset.video_lists import read_video_lists, rows_in_lists
from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import stop_unwrapped
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.manifest import MANIFEST
from ascc_async.dataset.rebuild import Recipe
from ascc_async.dataset.removals import read_removals
from ascc_async.dataset.write import RunFacts
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
from ascc_async.network.cookies import CookieStore
from ascc_async.pipeline.clip_stage import Disk
from ascc_async.pipeline.dataset_writer import DatasetWriter
from ascc_async.pipeline.minutes import Minutes
from ascc_async.pipeline.previous_run import catch_up, settings_to_remember
from ascc_async.pipeline.reconcile import Records, reconcile
from ascc_async.pipeline.snapshot import (
    SNAPSHOT,
    DiskSnapshot,
    Download,
    Phase,
    RunSnapshot,
    snapshot_data,
)
from ascc_async.pipeline.stages import Stages
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.pipeline.youtube_access import LIMITER_MEMORY, QUOTA_MEMORY, YouTubeAccess
from ascc_async.settings import Settings
from ascc_async.youtube.extraction import ytdlp_version
from ascc_async.youtube.extractor import PRIVATE_FOLDER

log = logging.getLogger(__name__)

_REMEMBER_EVERY = 10.0  # seconds: so much of what was learned a kill can cost
_LEAVE_SNAPSHOT_EVERY = 2.0  # what `status` and pages show is at most so old


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
        self._started_at = time.time()
        self._phase = Phase.STARTING
        self._download: Download | None = None
        self._stages: Stages | None = None
        self._work_queue: WorkQueue | None = None
        self._minutes = Minutes(None)
        self._disk = Disk(
            settings.output.dir,
            settings.output.min_free_gb,
            settings.throttle.give_up_after_hours,
        )
        self.changed_settings: tuple[str, ...] = ()

    def snapshot(self) -> RunSnapshot:
        """How things stand now."""
        settings, queue, disk = self._settings, self._work_queue, self._disk
        # Before the metadata is there, the output folder may not be.
        has_folder = self._phase is not Phase.STARTING
        snapshot = RunSnapshot(
            at=time.time(),
            started_at=self._started_at,
            phase=self._phase,
            stopping=self._shutdown.snapshot(),
            download=self._download,
            work_queue=queue.snapshot() if queue else None,
            disk=DiskSnapshot(disk.free(), disk.waiting) if has_folder else None,
            answered=queue.asked_now if queue else 0,
            sampled=settings.sampling.max_per_class is not None,
            api_keys=len(settings.license.api_keys),
            hours=settings.throttle.hours,
        )
        return self._stages.add_to(snapshot) if self._stages else snapshot

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
                cookies = await asyncio.to_thread(CookieStore, settings.network)
                removals = read_removals(output)
                # A rebuild asks for nothing but Creative Commons videos.
                paths = () if self._recipe else settings.license.ask_first
                lists = await asyncio.to_thread(read_video_lists, paths)
                selection, inputs = await self._select()
                journal = await stack.enter_async_context(Journal(output / JOURNAL_NAME))
                reader = Reader(journal.path)
                stack.callback(reader.close)
                self._minutes = Minutes(reader.newest_minute())
                records = Records(journal, reader, removals, self._recipe)
                index, self.changed_settings = await catch_up(
                    settings, selection, records, cookies.jars
                )
                first = rows_in_lists(lists, selection)
                self._work_queue = queue = await asyncio.to_thread(WorkQueue, index, first)
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
                facts = RunFacts(settings, versions, inputs, rebuilt_from)
                dataset = DatasetWriter(selection, records, facts, self._shutdown)
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
                        await reconcile(records, encoding_of(settings.clips))
                        counts = await dataset.write()
                        # Only now: a run that breaks off before it reports the change again.
                        await journal.record(settings_to_remember(settings))
                        await self._back_up(journal)
                        self._phase = ended
                        await journal.record(*self._standing())
                return counts

    async def _select(self) -> tuple[Selection, tuple[InputFile, ...]]:
        """Read the metadata and look at the journal side by side: each may take seconds."""
        settings, output = self._settings, self._settings.output.dir
        self._phase = Phase.METADATA
        # From an empty journal the manifest would be written over, the only evidence left then.
        may_start_empty = not (output / MANIFEST).exists()
        restore = partial(
            restore_if_damaged, output / JOURNAL_NAME, may_start_empty=may_start_empty
        )

        def on_progress(name: str, received: int, total: int | None) -> None:
            self._download = Download(name, received, total)

        async def restored() -> None:
            # Whatever ends the rest: a thread ends while the folder is this run's, and is heard.
            work = asyncio.ensure_future(asyncio.to_thread(restore))
            try:
                await asyncio.shield(work)
            finally:
                await asyncio.wait([work])

        async def until_draining() -> None:
            await self._shutdown.wait_draining()
            why = "stopped before anything was asked: the same command starts again."
            raise StoppedOnRequest(why)

        with stop_unwrapped():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(restored())
                if self._recipe is not None:
                    return await asyncio.to_thread(self._recipe.selection), ()
                # A download may take minutes, and no stage is there yet that would see a request
                # to stop.
                watching = tasks.create_task(until_draining())
                await fetch_missing(settings.audioset, settings.network, on_progress)
                watching.cancel()
                self._download = None
                catalog = await asyncio.to_thread(read_catalog, settings.audioset)
                selection = await asyncio.to_thread(
                    select, catalog, settings.classes, settings.sampling
                )
        return selection, catalog.inputs

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
        private_dir = settings.output.dir / PRIVATE_FOLDER
        async with self._access.opened(settings, cookies, private_dir, memory) as youtube:
            self._stages = stages = Stages(
                settings, youtube, records, queue, cutter, self._disk, self._shutdown
            )
            self._phase = Phase.WORKING

            def learned() -> list[Learned]:
                return [Learned(key, value) for key, value in youtube.memory().items()]

            async def remember() -> None:
                stages.note_pace()
                await journal.record(*learned())

            async def leave_snapshot() -> None:
                await journal.record(*self._standing())

            async def close_when_draining() -> None:
                await self._shutdown.wait_draining()
                # Whoever still waits for a permit goes home: its row is asked by the next run.
                youtube.close()

            try:
                await remember()
                await leave_snapshot()  # at once: `status` beside a run that has just begun
                with stop_unwrapped():
                    async with asyncio.TaskGroup() as tasks:
                        beside = [
                            tasks.create_task(work)
                            for work in (
                                _repeat(remember, lambda: _REMEMBER_EVERY),
                                _repeat(leave_snapshot, lambda: _LEAVE_SNAPSHOT_EVERY),
                                _repeat(dataset.write, dataset.seconds_until_due),
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
        await asyncio.to_thread(back_up, journal.path, self._shutdown.stop_if_aborted)


async def _repeat(act: Callable[[], Awaitable[object]], wait: Callable[[], float]) -> None:
    """Do it again and again, `wait()` seconds after the last time."""
    while True:
        await asyncio.sleep(wait())
        await act()
