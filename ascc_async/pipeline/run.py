"""The one place that builds and joins everything."""

from __future__ import annotations

import asyncio
import logging
import platform
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ascc_async import __version__
from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.download import fetch_missing
from ascc_async.audioset.inputs import InputFile
from ascc_async.audioset.selection import Selection, select
from ascc_async.concurrency.process_pool import ProcessPool
from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import first_stop
from ascc_async.dataset.publish import Written
from ascc_async.dataset.rebuild import Recipe
from ascc_async.dataset.removals import Removals, read_removals
from ascc_async.dataset.roster import roster_of
from ascc_async.dataset.run_record import RunFacts
from ascc_async.errors import StopRun
from ascc_async.journal.lock import run_lock
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Distrusted, Learned
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.media.clip import Cutter
from ascc_async.media.cut import form_of
from ascc_async.media.ffmpeg import FFmpeg, Installed, find_ffmpeg
from ascc_async.network.cookie_store import FOLDER, CookieStore
from ascc_async.pipeline.access import access_since
from ascc_async.pipeline.clip_stage import ClipStage
from ascc_async.pipeline.confirm_license import LicenseConfirmation
from ascc_async.pipeline.dataset_writer import DatasetWriter
from ascc_async.pipeline.disk import Disk
from ascc_async.pipeline.garbage import collect_seldom
from ascc_async.pipeline.license_stage import LicenseStage
from ascc_async.pipeline.previous_run import changes, short_clips, to_remember
from ascc_async.pipeline.reconcile import reconcile
from ascc_async.pipeline.recovery import mend_journal
from ascc_async.pipeline.snapshot import SNAPSHOT, Download, Phase, RunSnapshot, snapshot_data
from ascc_async.pipeline.source_health import SourceRouter
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.settings import LicenseSettings, Settings
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.data_api import DataApiSource
from ascc_async.youtube.extractor import Extractor
from ascc_async.youtube.innertube import InnertubeSource
from ascc_async.youtube.license_sources import LicenseSource
from ascc_async.youtube.media_links import MediaSources
from ascc_async.youtube.session import Sessions
from ascc_async.youtube.watch_page import WatchPageSource
from ascc_async.youtube.ytdlp_job import warm_up
from ascc_async.youtube.ytdlp_version import ytdlp_version

log = logging.getLogger(__name__)

DATASET_EVERY = 300.0  # seconds; longer when the writing itself takes long
REMEMBER_EVERY = 10.0
COOKIES_EVERY = 3.0
_TRUST, _GATE, _QUOTA = "trust/", "gate", "data_api"


class StoppedEarly(StopRun):
    """Asked to stop before there was anything to finish."""

    exit_code = 3


@dataclass(slots=True)
class _Parts:
    """What a run works with once it works."""

    work_queue: WorkQueue
    licenses: LicenseStage
    clips: ClipStage
    router: SourceRouter
    limiter: RateLimiter


class Run:
    """One run of the main job. `snapshot()` may be asked at any time."""

    def __init__(
        self, settings: Settings, shutdown: Shutdown, recipe: Recipe | None = None
    ) -> None:
        """`recipe`: rebuild what it says, instead of choosing from AudioSet's metadata."""
        self._settings, self._shutdown, self._recipe = settings, shutdown, recipe
        self._started_at = time.time()
        self._phase = Phase.STARTING
        self._download: Download | None = None
        self._parts: _Parts | None = None
        self._work_queue: WorkQueue | None = None
        self._disk = Disk(settings.output.dir, settings.output.min_free_gb)
        self._data_api: DataApiSource | None = None
        self.changes: tuple[str, ...] = ()

    def snapshot(self) -> RunSnapshot:
        """How things stand now."""
        parts, working = self._parts, self._phase is not Phase.STARTING
        return RunSnapshot(
            at=time.time(),
            started_at=self._started_at,
            phase=self._phase,
            stopping=self._shutdown.snapshot(),
            download=self._download,
            work_queue=self._work_queue.snapshot() if self._work_queue else None,
            licenses=parts.licenses.stage.snapshot() if parts else None,
            clips=parts.clips.stage.snapshot() if parts else None,
            sources=tuple(parts.router.snapshot()) if parts else (),
            limiter=parts.limiter.snapshot() if parts else None,
            disk=self._disk.snapshot() if working else None,
            answered=self._work_queue.answered_now if self._work_queue else 0,
            clips_made=parts.clips.made if parts else 0,
            media_bytes=parts.clips.received if parts else 0,
            sampled=self._settings.sampling.max_per_class is not None,
        )

    async def run(self) -> Written:
        """Do the whole job, going on where an earlier run stopped; the dataset as it is then.

        Raises StopRun, after everything learned was recorded and the dataset written.
        """
        output = self._settings.output.dir
        with run_lock(output):
            async with AsyncExitStack() as stack:
                return await self._run(stack, output)

    async def _run(self, stack: AsyncExitStack, output: Path) -> Written:
        settings = self._settings
        ffmpeg = await find_ffmpeg()
        cookies = await asyncio.to_thread(
            stack.enter_context, CookieStore(settings.network, output)
        )
        removals = read_removals(output)
        selection, inputs = await self._select_and_mend(output / JOURNAL_NAME)
        journal = await stack.enter_async_context(Journal(output / JOURNAL_NAME))
        reader = Reader(journal.path)
        stack.callback(reader.close)
        cutter = Cutter(settings.clips, FFmpeg(ffmpeg, settings.concurrency.ffmpeg), output)
        form = form_of(settings.clips)
        await self._note_changes(journal, reader)
        await self._reconcile(journal, reader, form, removals)
        access = access_since(reader, settings.network, cookies.jars, time.time())
        await journal.record(access)
        self._work_queue = work_queue = await self._load(
            selection, reader, form, removals, access.value["since"]
        )
        facts = self._facts(inputs, ffmpeg)
        dataset = DatasetWriter(
            settings, roster_of(selection), reader, form, removals, facts, self._shutdown
        )
        try:
            if work_queue.anything_to_do():
                await self._work(stack, journal, reader, work_queue, cutter, cookies, dataset)
        finally:
            # An abort leaves at once: the next run writes the dataset.
            if not self._shutdown.aborted:
                self._phase = Phase.WRITING
                await self._reconcile(journal, reader, form, removals)
                written = await dataset.write()
                await journal.record(to_remember(settings))
        self._phase = Phase.DONE
        await journal.record(self._seen())
        return written

    async def _note_changes(self, journal: Journal, reader: Reader) -> None:
        self.changes = await asyncio.to_thread(changes, reader, self._settings)
        for change in self.changes:
            log.info("a setting is not as in the last run", extra={"setting": change})
        await journal.record(*await asyncio.to_thread(short_clips, reader, self._settings.clips))

    async def _reconcile(
        self, journal: Journal, reader: Reader, form: str, removals: Removals
    ) -> None:
        found = await asyncio.to_thread(
            reconcile, self._settings.output.dir, reader, form, removals
        )
        await journal.record(*found.records)

    async def _select(self) -> tuple[Selection, tuple[InputFile, ...]]:
        settings = self._settings
        self._phase = Phase.METADATA
        if self._recipe is not None:
            return self._recipe.selection(), ()
        await self._unless_stopped(
            fetch_missing(settings.audioset, settings.network, self._downloading)
        )
        self._download = None
        catalog = await asyncio.to_thread(read_catalog, settings.audioset)
        selection = await asyncio.to_thread(select, catalog, settings.classes, settings.sampling)
        return selection, catalog.inputs

    async def _select_and_mend(self, path: Path) -> tuple[Selection, tuple[InputFile, ...]]:
        """Side by side: of a large job each takes seconds."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(mend_journal(path))
                selecting = tasks.create_task(self._select())
        except BaseExceptionGroup as group:
            raise first_stop(group) or group from None
        return selecting.result()

    async def _unless_stopped(self, act: Awaitable[None]) -> None:
        """Await `act`, but not beyond a request to stop: then StoppedEarly."""
        async with asyncio.TaskGroup() as tasks:
            acting = tasks.create_task(_stop_in(act))
            stopping = tasks.create_task(self._shutdown.wait_draining())
            await asyncio.wait([acting, stopping], return_when=asyncio.FIRST_COMPLETED)
            acting.cancel()
            stopping.cancel()
        if acting.cancelled():
            raise StoppedEarly("stopped before anything was asked: the same command starts again.")
        if (stop := acting.result()) is not None:
            raise stop

    def _facts(self, inputs: tuple[InputFile, ...], ffmpeg: Installed) -> RunFacts:
        tool = ytdlp_version()
        versions = {
            "ascc_async": __version__,
            "python": platform.python_version(),
            "yt-dlp": tool.version if tool else "",
            "ffmpeg": ffmpeg.version,
        }
        rebuilt_from = self._recipe.sha256 if self._recipe else ""
        return RunFacts(self._settings, versions, inputs, rebuilt_from)

    def _downloading(self, name: str, received: int, total: int | None) -> None:
        self._download = Download(name, received, total)

    async def _load(
        self,
        selection: Selection,
        reader: Reader,
        form: str,
        removals: Removals,
        access_since: float,
    ) -> WorkQueue:
        license_ = self._settings.license
        work_queue = WorkQueue(
            selection,
            retry_unknown=license_.retry_unknown,
            recheck_after_days=license_.recheck_after_days,
            removals=removals,
            access_since=access_since,
        )
        await asyncio.to_thread(work_queue.load, reader, form)
        return work_queue

    async def _work(
        self,
        stack: AsyncExitStack,
        journal: Journal,
        reader: Reader,
        work_queue: WorkQueue,
        cutter: Cutter,
        cookies: CookieStore,
        dataset: DatasetWriter,
    ) -> None:
        settings = self._settings
        names = [one.name for one in settings.network.all_identities()]
        limiter = RateLimiter(settings.throttle, names, memory=reader.learned(_GATE).get(""))
        sessions = await stack.enter_async_context(
            Sessions(settings.network, limiter, cookies.jars)
        )
        pool = await stack.enter_async_context(
            ProcessPool(settings.concurrency.extractions, warm_up)
        )
        extractor = await stack.enter_async_context(
            Extractor(
                pool,
                limiter,
                settings.network,
                settings.clips,
                cookies.copies,
                private_dir=settings.output.dir / FOLDER,
                sticky=sessions.sticky,
            )
        )
        router = self._router(sessions, limiter, journal, reader, work_queue)
        licenses = LicenseStage(
            settings.concurrency.licenses, router, work_queue, journal, self._shutdown
        )
        clips = ClipStage(
            settings.concurrency.downloads,
            extractor,
            MediaSources(sessions),
            cutter,
            form_of(settings.clips),
            LicenseConfirmation(router, reader.answer, time.time),
            self._disk,
            lambda: any(limiter.is_away(name) for name in names),
            work_queue,
            journal,
            self._shutdown,
        )
        self._parts = _Parts(work_queue, licenses, clips, router, limiter)
        self._phase = Phase.WORKING
        collect_seldom()
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [
                    tasks.create_task(self._remember(journal, limiter)),
                    tasks.create_task(self._publish(dataset)),
                    tasks.create_task(self._watch_cookies(cookies, sessions)),
                    tasks.create_task(self._close_when_draining(limiter)),
                ]
                async with asyncio.TaskGroup() as stages:
                    stages.create_task(licenses.run())
                    stages.create_task(clips.run())
                for helper in helpers:
                    helper.cancel()
            if licenses.exhausted is not None:
                raise licenses.exhausted
        except BaseExceptionGroup as group:
            stop = first_stop(group)
            if stop is None:
                raise
            raise stop from None
        finally:
            await journal.record(*self._learned(limiter))

    def _router(
        self,
        sessions: Sessions,
        limiter: RateLimiter,
        journal: Journal,
        reader: Reader,
        work_queue: WorkQueue,
    ) -> SourceRouter:
        license_ = self._settings.license

        def hopeless() -> bool:
            names = [one.name for one in self._settings.network.all_identities()]
            reached = any(bucket.answered + bucket.refused for bucket in limiter.snapshot().buckets)
            return not reached and all(limiter.is_away(name) for name in names)

        async def on_good(name: str, at: float) -> None:
            await journal.record(Learned(_TRUST + name, at))

        async def on_distrust(name: str, since: float) -> None:
            await journal.record(Distrusted(name, since))
            await work_queue.reload_doubtful(reader)

        return SourceRouter(
            self._sources(sessions, reader),
            license_,
            good_at=reader.learned(_TRUST),
            hopeless=hopeless,
            on_good=on_good,
            on_distrust=on_distrust,
        )

    def _sources(self, sessions: Sessions, reader: Reader) -> list[LicenseSource]:
        memory = reader.learned(_QUOTA).get("")
        sources = license_sources(self._settings.license, sessions, memory)
        self._data_api = next((one for one in sources if isinstance(one, DataApiSource)), None)
        return sources

    def _learned(self, limiter: RateLimiter) -> list[Learned]:
        learned = [Learned(_GATE, limiter.memory())]
        if self._data_api is not None:
            learned.append(Learned(_QUOTA, self._data_api.memory()))
        return learned

    async def _remember(self, journal: Journal, limiter: RateLimiter) -> None:
        while True:
            await journal.record(*self._learned(limiter), self._seen())
            await asyncio.sleep(REMEMBER_EVERY)

    def _seen(self) -> Learned:
        """What `status` shows while this run goes on, and after it."""
        return Learned(SNAPSHOT, snapshot_data(self.snapshot()))

    async def _publish(self, dataset: DatasetWriter) -> None:
        while True:
            await asyncio.sleep(max(DATASET_EVERY, 20 * dataset.seconds))
            await dataset.write()

    async def _close_when_draining(self, limiter: RateLimiter) -> None:
        await self._shutdown.wait_draining()
        limiter.close()

    async def _watch_cookies(self, cookies: CookieStore, sessions: Sessions) -> None:
        while True:
            await asyncio.sleep(COOKIES_EVERY)
            for identity, jar in (await asyncio.to_thread(cookies.refresh)).items():
                sessions.renew_cookies(identity, jar)


async def _stop_in(act: Awaitable[None]) -> StopRun | None:
    try:
        await act
    except StopRun as stop:
        return stop
    return None


def license_sources(
    settings: LicenseSettings, sessions: Sessions, quota: Any = None
) -> list[LicenseSource]:
    """The sources that the settings name and have keys for, in their order.

    `quota`: what the Data API's source remembered in an earlier run.
    """
    innertube = InnertubeSource(sessions)
    made: dict[str, LicenseSource] = {
        "innertube": innertube,
        "watch_page": WatchPageSource(sessions),
    }
    if settings.api_keys:
        keys = [key.get_secret_value() for key in settings.api_keys]
        made["data_api"] = DataApiSource(sessions, keys, asker=innertube.asker, memory=quota)
    return [made[name] for name in settings.sources if name in made]
