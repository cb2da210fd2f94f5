"""Fetch the metadata files that are missing: resumed, checked, in place only when whole."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiofiles
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    wait_exponential,
    wait_random,
)

from ascc_async.audioset.inputs import CLASS_LIST, ONTOLOGY, QUALITY_COUNTS, RERATED, find, needed
from ascc_async.errors import NetworkFault, ServerFault, SetupError, Transient
from ascc_async.network.client import (
    HttpResponse,
    IdentityClient,
    content_range,
    trusted_authorities,
    whole_number,
)
from ascc_async.network.errors import is_worth_another_try
from ascc_async.settings import AudiosetSettings, NetworkSettings

log = logging.getLogger(__name__)

Report = Callable[[str, int, int | None], None]
Sleep = Callable[[float], Awaitable[None]]

_TRIES_WITHOUT_PROGRESS = 5
_TRIES_NOT_WHOLE = 3
_PROMISED_ROWS = re.compile(rb"num_segs\s*=\s*(\d{1,12})")
_HEADINGS = {CLASS_LIST: b"index,mid,display_name", QUALITY_COUNTS: b"label_id,num_rated,num_true"}


async def fetch_missing(
    settings: AudiosetSettings,
    network: NetworkSettings,
    report: Report,
    *,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Download what the chosen splits need and `metadata_dir` does not hold.

    `report(name, bytes, total or None)` tells how far each file is. Raises `SetupError` with a
    remedy when that cannot be done; files that are whole stay.
    """
    folder = settings.metadata_dir
    missing = await asyncio.to_thread(_missing, folder, needed(settings.splits))
    if not missing:
        return
    await asyncio.to_thread(_prepare, folder)
    trust = trusted_authorities(network.ca_file)
    async with IdentityClient(trust, network.timeout_seconds, proxy=network.proxy) as client:
        for name in missing:
            one = _Download(client, name, url_of(name, settings), folder, report)
            await one.fetch(sleep)
        if await asyncio.to_thread(find, folder, RERATED) is None:
            url = url_of(RERATED, settings)
            one = _Download(client, RERATED, url, folder, report)
            await _fetch_optional(one, sleep)


def url_of(name: str, settings: AudiosetSettings) -> str:
    """Where a file is downloaded from."""
    if name == ONTOLOGY:
        return settings.ontology_url
    below = "v1/qa" if name in (QUALITY_COUNTS, RERATED) else "v1/csv"
    return f"{settings.base_url}/{below}/{name}"


async def _fetch_optional(one: _Download, sleep: Sleep) -> None:
    try:
        await one.fetch(sleep)
    except SetupError as error:
        log.warning("optional metadata not downloaded", extra={"file": one.name, "why": str(error)})


def _missing(folder: Path, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if find(folder, name) is None]


def _prepare(folder: Path) -> None:
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{CLASS_LIST}.probe"
        probe.touch()
        probe.unlink()


class _Download:
    """One file: parts gather under a temporary name in the same folder."""

    def __init__(
        self,
        client: IdentityClient,
        name: str,
        url: str,
        folder: Path,
        report: Report,
    ) -> None:
        self.name = name
        self._client, self._url, self._report = client, url, report
        self._target, self._part = folder / name, folder / f".{name}.part"
        self._have = 0
        self._version: str | None = None
        self._most = 0
        self._idle = 0
        self._not_whole = 0

    async def fetch(self, sleep: Sleep) -> None:
        """Try until it is whole; gives up after some tries that brought nothing."""
        try:
            await AsyncRetrying(
                retry=retry_if_exception(is_worth_another_try),
                wait=wait_exponential(multiplier=0.5, max=10) + wait_random(0, 1),
                stop=self._should_stop,
                sleep=sleep,
                reraise=True,
            )(self._attempt)
        except Transient as error:
            ask = " Is the network up?" if is_worth_another_try(error) else ""
            raise SetupError(
                f"cannot download {self.name} from {self._url}: {error}.{ask} The file can also be"
                f" put into {self._target.parent} by hand"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._part.unlink, missing_ok=True)

    def _should_stop(self, _: RetryCallState) -> bool:
        return self._idle >= _TRIES_WITHOUT_PROGRESS or self._not_whole >= _TRIES_NOT_WHOLE

    async def _attempt(self) -> None:
        self._idle += 1
        async with self._client.get_file(self._url, self._headers()) as response:
            total = self._begin(response)
            await self._receive(response, total)
        if total is not None and self._have < total:
            raise NetworkFault(f"only {self._have} of {total} bytes came", kind="short_body")
        await self._put_in_place()

    def _headers(self) -> dict[str, str]:
        # Ranges count the bytes that are sent: they must be those of the file.
        headers = {"Accept-Encoding": "identity"}
        # Without a version the rest might be that of another file.
        if not self._have or self._version is None:
            self._have = 0
            return headers
        return headers | {"Range": f"bytes={self._have}-", "If-Range": self._version}

    def _begin(self, response: HttpResponse) -> int | None:
        """Understand the answer; the size of the whole file if known."""
        self._check_status(response.status)
        self._version = response.headers.get("ETag") or response.headers.get("Last-Modified")
        coded = response.headers.get("Content-Encoding", "identity") != "identity"
        if coded or (self._version or "").startswith("W/"):
            self._version = None
        first, total = content_range(response.headers)
        if response.status == 206 and first == self._have:
            return total
        if response.status == 206:
            self._have, self._version = 0, None
            raise ServerFault("the answer is another part of the file than was asked for")
        self._have = 0
        return None if coded else whole_number(response.headers.get("Content-Length"))

    def _check_status(self, status: int) -> None:
        if status == 200 or (status == 206 and self._have):
            return
        if status == 416:
            self._have = 0
        if status == 407:
            raise SetupError(
                "the proxy wants another user and password (network.proxy): it answers 407"
            )
        if status in (408, 416, 425, 429) or status >= 500:
            raise ServerFault(f"the server answers {status}")
        raise SetupError(
            f"cannot download {self.name}: {self._url} answers {status}; see audioset.base_url and"
            f" ontology_url, or put the file into {self._target.parent} by hand"
        )

    async def _receive(self, response: HttpResponse, total: int | None) -> None:
        with _disk_errors(self._part):
            async with aiofiles.open(self._part, "r+b" if self._have else "wb") as file:
                await file.seek(self._have)
                async for piece in response.chunks():
                    await file.write(piece)
                    self._have += len(piece)
                    self._report(self.name, self._have, total)
                    if self._have > self._most:
                        self._most, self._idle = self._have, 0

    async def _put_in_place(self) -> None:
        try:
            with _disk_errors(self._part):
                await asyncio.to_thread(self._finish)
        except Transient:
            # The server says this is all of it: not worth resuming.
            self._have, self._not_whole = 0, self._not_whole + 1
            raise

    def _finish(self) -> None:
        _check_whole(self.name, self._part, self._url)
        with self._part.open("rb") as file:
            os.fsync(file.fileno())
        self._part.replace(self._target)


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
        raise SetupError(
            f"cannot write {path}: {what}; make room, or let audioset.metadata_dir name a folder"
            " that can be written"
        ) from error


def _check_whole(name: str, path: Path, url: str) -> None:
    """Whether a file that came is the file it should be, and all of it, as far as a look tells.

    Raises `NetworkFault` for half a file, while it can be fetched again, and `SetupError` for
    something else altogether, such as a portal's page. Reading it properly comes later.
    """
    content = path.read_bytes()
    text = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    begins = b"[" if name == ONTOLOGY else _HEADINGS.get(name, b"")
    no_rows = name not in _HEADINGS and name not in (ONTOLOGY, RERATED) and b"," not in text
    if not text or text.startswith(b"<") or not text.startswith(begins) or no_rows:
        seen = content[:40].decode("utf-8", "replace")
        raise SetupError(
            f"{url} answers with something else than {name} (it begins with {seen!r}): a sign-in"
            " page of this network? Sign in and start again, or correct audioset.base_url"
        )
    if name == ONTOLOGY:
        try:
            json.loads(content)
        except ValueError as error:
            raise NetworkFault(f"{ONTOLOGY} came cut short ({error})", kind="short_body") from error
    elif name not in _HEADINGS and name != RERATED:
        if not content.endswith(b"\n"):
            raise NetworkFault(f"{name} came cut short within a line", kind="short_body")
        comments = sum(line.startswith(b"#") for line in text.split(b"\n"))
        promised, rows = _PROMISED_ROWS.search(text), content.count(b"\n") - comments
        if promised and rows < int(promised[1]):
            counts = f"{rows} of {int(promised[1])} rows"
            raise NetworkFault(f"{name} came cut short: {counts}", kind="short_body")
