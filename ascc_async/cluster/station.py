"""One machine of a cluster: asks YouTube for a run that is elsewhere, by its own way out.

This runs in a Dask worker. Proxy, cookies, certificate authority and concurrency are the machine's
own (`ASCC_…` or a settings file in its folder), and nothing of them leaves it.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import logging
import multiprocessing
import socket
import time
import traceback
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from ascc_async import __version__
from ascc_async.concurrency.process_pool import JobFailed
from ascc_async.errors import AsccError, Closed, LinkExpired, Refused, SetupError
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import Tags
from ascc_async.media.ffmpeg import FFmpeg, find_ffmpeg
from ascc_async.model import ClipFile, LicenseAnswer, Resolved, Segment, Track
from ascc_async.network.cookies import CookieStore
from ascc_async.pipeline.youtube_access import LIMITER_MEMORY, YouTubeAccess
from ascc_async.settings import Settings
from ascc_async.settings_loader import load
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.throttle.permit import Permit
from ascc_async.youtube.extraction import ytdlp_version
from ascc_async.youtube.extraction_result import clean
from ascc_async.youtube.extractor import PRIVATE_FOLDER

_LONGEST_WAIT = 60.0  # seconds for its turn: then another machine may be free
_REMEMBERED = 1000  # videos between their links and their clip
_TELL_EVERY = 0.5  # seconds
_KEPT_RECORDS = 200  # log records between two replies
_ITS_OWN_SECONDS = 120.0  # after a run's last question another run may have the worker


@dataclass
class StationState:
    """How a machine stands; counts go on from those that had its name before in this run."""

    buckets: tuple[BucketSnapshot, ...]
    memory: Any
    totals: Counter[str]
    signed_out: frozenset[str] = frozenset()
    accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Reply:
    """An answer or an error of ours, now and then how the machine stands, and what there was to
    log.
    """

    value: Any = None
    error: AsccError | None = None
    state: StationState | None = None
    records: tuple[logging.LogRecord, ...] = ()


async def greet(dask_worker: Any) -> dict[str, Any]:
    """What is looked at before anything else: plain data, so that other versions understand it.
    Dask hands its worker over.
    """
    # The engine would log each question.
    logging.getLogger("distributed.worker").setLevel(logging.WARNING)
    tools = f"ascc_async {__version__}, yt-dlp {ytdlp_version()}"
    trouble = ""
    try:
        await asyncio.to_thread(load)
        await find_ffmpeg()
    except AsccError as error:
        trouble = str(error)
    if multiprocessing.current_process().daemon:  # which may start no processes of its own
        trouble = "it runs under a nanny: start it with `dask worker --no-nanny`"
    return {
        "host": socket.gethostname(),
        "version": __version__,
        "tools": tools,
        "trouble": trouble,
        "at": time.time(),
        "ports": [each.listen_address for each in dask_worker.listeners],
    }


async def reply(run: str, what: str, *args: Any, dask_worker: Any) -> Reply:
    """Let the station of this worker, which Dask hands over, do `what`: a method of `Station`."""
    station: Station | None = getattr(dask_worker, _STATION, None)
    try:
        if what == "open":
            async with _OPENING:  # two runs that start together would both have it
                return Reply((await _opened(run, dask_worker, *args)).accounts)
        if station is None or station.run != run:
            return Reply(error=SetupError(_TAKEN))
        return station.told(Reply(await getattr(station, what)(*args)))
    except AsccError as error:
        answer = Reply(error=error)
    except Exception as error:  # noqa: BLE001 - the engine would show arguments and links
        frames = traceback.format_tb(error.__traceback__)
        trace = "\n".join(clean(line) for frame in frames for line in frame.splitlines())
        answer = Reply(error=JobFailed(clean(f"{type(error).__qualname__}: {error}"), trace))
    if station is None or what == "open":
        return answer
    if station.ended:  # under this question: what it then met says nothing
        answer = Reply(error=SetupError(_TAKEN))
    return station.told(answer)


async def _opened(run: str, dask_worker: Any, *args: Any) -> Station:
    former: Station | None = getattr(dask_worker, _STATION, None)
    if former is not None:
        in_use = not former.ended and time.monotonic() - former.used_at < _ITS_OWN_SECONDS
        if former.run != run and in_use:
            raise Closed("another run uses it: one run at a time with one scheduler")
        await former.end()
    station = await Station.opened(run, Path(dask_worker.local_directory), *args)
    setattr(dask_worker, _STATION, station)
    return station


_OPENING = asyncio.Lock()  # a process is one worker
_STATION = "ascc_async_station"  # the attribute of a worker
_TAKEN = "another run works there now"


class ImpatientLimiter(RateLimiter):
    """Turns a question away that has waited too long for its turn, or would have to go on."""

    longest_pause = _LONGEST_WAIT

    @asynccontextmanager
    async def permit(
        self, kind: RequestKind, *, identity: str | None = None, **wishes: Any
    ) -> AsyncIterator[Permit]:
        """As a `RateLimiter`; also raises `Closed` when nobody was ready in time."""
        granting = super().permit(kind, identity=identity, **wishes)
        patience = asyncio.timeout(_LONGEST_WAIT if identity is None else None)
        try:
            async with patience, granting as permit:
                patience.reschedule(None)
                yield permit
        except TimeoutError as error:
            if not patience.expired():
                raise
            raise Closed("its turn did not come in time") from error


class _Kept(logging.Handler):
    """Keeps what this package logs until it goes with a reply."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: deque[logging.LogRecord] = deque(maxlen=_KEPT_RECORDS)

    def emit(self, record: logging.LogRecord) -> None:
        record = copy.copy(record)
        record.exc_info = None  # a traceback does not travel
        self.records.append(record)


class Station:
    """What this worker does for one run. `used_at`: when it last answered."""

    def __init__(
        self,
        run: str,
        access: YouTubeAccess,
        cutter: Cutter,
        cookies: CookieStore,
        folder: Path,
        former: StationState | None,
        salt: bytes,
        stack: AsyncExitStack,
    ) -> None:
        self.run, self._access, self._cutter = run, access, cutter
        self._cookies, self._folder, self._stack = cookies, folder, stack
        self._sources = {source.name: source for source in access.sources}
        self._resolved: dict[str, Resolved] = {}
        self._totals = former.totals if former else Counter()
        buckets = former.buckets if former else ()
        self._sent = {(each.identity, each.kind): each.sent for each in buckets}
        self._told_at, self._salt = 0.0, salt
        self.used_at, self.ended = time.monotonic(), False
        self._kept = _Kept()
        logging.getLogger("ascc_async").addHandler(self._kept)
        stack.callback(logging.getLogger("ascc_async").removeHandler, self._kept)
        self._keeping_up = asyncio.ensure_future(access.keep_up(cookies))
        stack.callback(self._keeping_up.cancel)

    @classmethod
    async def opened(
        cls,
        run: str,
        folder: Path,
        wanted: dict[str, Any],
        memory: Any,
        former: StationState | None,
        salt: bytes,
    ) -> Self:
        """Ready to be asked. `wanted`: the run's sections of the settings; the others are ours.
        `former`: how one stood that had its name before in this run.

        Raises SettingsError and SetupError.
        """
        own = (await asyncio.to_thread(load)).model_dump()
        logging.getLogger("ascc_async").setLevel(logging.INFO)
        async with AsyncExitStack() as stack:
            private = Path(stack.enter_context(TemporaryDirectory(prefix="ascc-", dir=folder)))
            settings = Settings.model_validate(own | wanted | {"output": {"dir": private}})
            cookies = await asyncio.to_thread(CookieStore, settings.network)
            ffmpeg = FFmpeg(await find_ffmpeg(), settings.concurrency.ffmpeg)
            access = await stack.enter_async_context(
                YouTubeAccess.opened(
                    settings,
                    cookies,
                    private / PRIVATE_FOLDER,
                    {LIMITER_MEMORY: memory},
                    limiter_type=ImpatientLimiter,
                )
            )
            cutter = Cutter(settings.clips, ffmpeg, private)
            return cls(run, access, cutter, cookies, private, former, salt, stack.pop_all())

    @property
    def accounts(self) -> dict[str, str]:
        """By identity, a digest of its sign-in now: a cookie file may change."""
        accounts = dict.fromkeys(self._access.identities, "")
        for identity, jar in self._cookies.jars.items():
            if signature := jar.authorization(0.0):
                accounts[identity] = hashlib.sha256(self._salt + signature.encode()).hexdigest()
        return accounts

    def told(self, answer: Reply) -> Reply:
        """The answer, with how the machine stands where that is news, and what was logged."""
        self.used_at = now = time.monotonic()
        if answer.error is not None or now - self._told_at > _TELL_EVERY:
            self._told_at, answer.state = now, self._state()
        answer.records = tuple(self._kept.records)
        self._kept.records.clear()
        return answer

    def _state(self) -> StationState:
        access, before = self._access, self._sent
        buckets = tuple(
            replace(each, sent=each.sent + before.get((each.identity, each.kind), 0))
            for each in access.snapshot().buckets
            if each.used
        )
        memory = access.memory()[LIMITER_MEMORY]
        totals = self._totals + access.totals()
        return StationState(buckets, memory, totals, access.signed_out, self.accounts)

    # What a run asks for

    async def license(
        self, source: str, video_ids: list[str], identity: str | None
    ) -> list[LicenseAnswer]:
        """See `LicenseSource.ask`."""
        return await self._sources[source].ask(video_ids, identity=identity)

    async def why_missing(self, video_id: str) -> LicenseAnswer:
        """See `license_sources.why_missing`."""
        return await self._access.why_missing(video_id)

    async def resolve(self, video_id: str, other_client: bool) -> Resolved:
        """See `Extractor.resolve`; the links, which are signed, stay here for `cut`."""
        resolved = await self._access.resolve(video_id, other_client=other_client)
        self._resolved.pop(video_id, None)
        self._resolved[video_id] = resolved
        if len(self._resolved) > _REMEMBERED:  # the oldest goes
            del self._resolved[next(iter(self._resolved))]
        return replace(
            resolved,
            audio=_without_link(resolved.audio),
            video=resolved.video and _without_link(resolved.video),
            other_audio=resolved.other_audio and _without_link(resolved.other_audio),
        )

    async def cut(
        self, video_id: str, format_id: str, segment: Segment, tags: Tags | None, again: bool
    ) -> tuple[ClipFile, bytes]:
        """The clip out of what `resolve` found; see `YouTubeAccess.cut`."""
        resolved = self._resolved.get(video_id)
        if resolved is None:
            raise LinkExpired("the link is not here any more")
        if resolved.other_audio is not None and resolved.other_audio.format_id == format_id:
            resolved = replace(resolved, audio=resolved.other_audio, other_audio=None)
        clip = await self._access.cut(self._cutter, resolved, segment, tags, again=again)
        path = self._folder / clip.path
        body = await asyncio.to_thread(path.read_bytes)
        await asyncio.to_thread(path.unlink)
        return clip, body

    async def rest(self, kind: RequestKind, identity: str, error: Refused, seconds: float) -> None:
        """See `YouTubeAccess.rest_identity`."""
        self._access.rest_identity(kind, identity, error, seconds)

    async def stop(self) -> None:
        """The run drains: begin nothing new."""
        self._access.close()

    async def end(self) -> None:
        """The run is over."""
        self.ended = True
        self._access.close()
        await self._stack.aclose()


def _without_link(track: Track) -> Track:
    return replace(track, url="", headers={})
