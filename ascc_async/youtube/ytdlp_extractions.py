"""Extractions in slots: who asks, with which surroundings, and what a slot's death means."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ascc_async.concurrency.process_pool import JobFailed, JobTimeout, ProcessPool, SlotDied
from ascc_async.errors import ItemError, NetworkFault, SetupError
from ascc_async.model import Reason
from ascc_async.network.authorities import join_authorities
from ascc_async.settings import NetworkSettings
from ascc_async.youtube.javascript import Runtime, find_runtime
from ascc_async.youtube.ytdlp_job import extract
from ascc_async.youtube.ytdlp_records import Access, Report, Strategy, WorkerConfig

log = logging.getLogger(__name__)
_TRIES = 2
# So many processes in a row that died, with nothing done between: it is not the videos.
_MOST_DEATHS = 8
_NAME = "ascc-ytdlp-"


class CookieCopy(Protocol):
    """An identity's private copy of its cookies, in Netscape form; only read."""

    @property
    def signed_in(self) -> bool: ...

    @property
    def path(self) -> Path: ...

    @property
    def edition(self) -> int:
        """Rises when the user's file was read again."""


class Extractions:
    """Runs yt-dlp for any identity. An async context manager, for its private folder."""

    def __init__(
        self,
        pool: ProcessPool,
        network: NetworkSettings,
        cookies: Mapping[str, CookieCopy] | None = None,
        parent: Path | None = None,
    ) -> None:
        self._pool, self._network = pool, network
        self._cookies: Mapping[str, CookieCopy] = cookies if cookies is not None else {}
        self._proxies = {one.name: one.proxy for one in network.all_identities()}
        self._deaths = 0
        self._parent = parent or Path(tempfile.gettempdir())
        self._surroundings: WorkerConfig | None = None
        self._folder: Path | None = None

    async def __aenter__(self) -> Self:
        """Find a JavaScript runtime, lay out the private folder. Raises SetupError."""
        self._folder = await asyncio.to_thread(make_private_folder, self._parent)
        try:
            runtime = await asyncio.to_thread(find_runtime)
            self._surroundings = await asyncio.to_thread(
                lay_out, self._folder, self._network, runtime
            )
        except BaseException:
            await self._remove_folder()
            raise
        if runtime is None:
            log.warning("no JavaScript runtime for yt-dlp: some videos cannot be resolved")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._remove_folder()

    @property
    def at_once(self) -> int:
        """How many can run at the same time."""
        return self._pool.snapshot().count

    def is_signed_in(self, identity: str) -> bool:
        """True when the identity asks with the cookies of an account."""
        copy = self._cookies.get(identity)
        return copy is not None and copy.signed_in

    async def run(
        self, identity: str, strategy: Strategy, video_id: str, *, timeout: float
    ) -> Report:
        """One extraction. A slot that dies is tried anew once.

        Raises NetworkFault (no end within `timeout` seconds), ItemError (`tool_failed`), and
        SetupError when no process lives.
        """
        for _ in range(_TRIES):
            try:
                report = await self._run(identity, strategy, video_id, timeout)
            except SlotDied:
                self._note_death(video_id)
                continue
            self._deaths = 0
            return report
        raise ItemError(Reason.TOOL_FAILED, "yt-dlp's process died, twice")

    def _note_death(self, video_id: str) -> None:
        self._deaths += 1
        log.warning("yt-dlp's process died", extra={"video_id": video_id})
        if self._deaths >= _MOST_DEATHS:
            raise SetupError(
                f"yt-dlp's processes died {self._deaths} times in a row: is there enough memory?"
                " `doctor` checks yt-dlp; lower concurrency.extractions if memory is short"
            )

    async def _run(
        self, identity: str, strategy: Strategy, video_id: str, timeout: float
    ) -> Report:
        assert self._surroundings is not None, "enter Extractions first"
        access = self._access(identity)
        try:
            return await self._pool.run(
                extract, self._surroundings, access, strategy, video_id, timeout=timeout
            )
        except JobTimeout:
            message = f"yt-dlp did not end within {timeout:.0f} s"
            raise NetworkFault(message, kind="timeout") from None
        except JobFailed as error:
            raise ItemError(Reason.TOOL_FAILED, f"yt-dlp's process: {error}") from error

    def _access(self, identity: str) -> Access:
        proxy = self._proxies[identity]
        copy = self._cookies.get(identity)
        if copy is None:
            return Access(identity, proxy)
        return Access(identity, proxy, str(copy.path), copy.edition)

    async def _remove_folder(self) -> None:
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def make_private_folder(parent: Path) -> Path:
    """A folder of this process in `parent`; those that crashed runs left there are removed."""
    for left in parent.glob(f"{_NAME}*"):
        number = left.name.removeprefix(_NAME).partition("-")[0]
        if number.isdigit() and not _is_running(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{_NAME}{os.getpid()}-", dir=parent))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def lay_out(folder: Path, network: NetworkSettings, runtime: Runtime | None) -> WorkerConfig:
    """The surroundings of every extraction, with their files in `folder`. Raises SetupError."""
    authorities = None
    if network.ca_file is not None:
        authorities = str(join_authorities(network.ca_file, folder / "authorities.pem"))
    return WorkerConfig(
        cache_dir=str(folder / "cache"),
        authorities=authorities,
        runtime=runtime,
        timeout=network.timeout_seconds,
    )
