"""Fetch the metadata files that are missing: resumed, checked, in place only when whole."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiofiles
from tenacity import AsyncRetrying, retry_if_exception, wait_exponential, wait_random

from ascc_async.audioset.inputs import CLASS_LIST, ONTOLOGY, QUALITY_COUNTS, RERATED, find, needed
from ascc_async.errors import NetworkFault, ServerFault, SetupError, Transient
from ascc_async.files import seal
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

    def missing(*names: str) -> list[str]:
        return [name for name in names if find(folder, name) is None]

    names = await asyncio.to_thread(missing, *needed(settings.splits))
    if not names:  # then nothing is asked: a machine without network can work with what it has
        return
    await asyncio.to_thread(_check_writable, folder)
    trust = trusted_authorities(network.ca_file)
    async with IdentityClient(trust, network.timeout_seconds, proxy=network.proxy) as client:
        for name in names:
            await _FileDownload(client, name, url_of(name, settings), folder, report).fetch(sleep)
        for name in await asyncio.to_thread(missing, RERATED):
            try:
                download = _FileDownload(client, name, url_of(name, settings), folder, report)
                await download.fetch(sleep)
            except SetupError as error:
                log.warning(
                    "optional %s not downloaded; continuing without it", name,
                    extra={"why": str(error)},
                )  # fmt: skip


def url_of(name: str, settings: AudiosetSettings) -> str:
    """Where a file is downloaded from."""
    if name == ONTOLOGY:
        return settings.ontology_url
    below = "v1/qa" if name in (QUALITY_COUNTS, RERATED) else "v1/csv"
    return f"{settings.base_url}/{below}/{name}"


class _FileDownload:
    """One file: pieces gather under a temporary name in the same folder."""

    def __init__(
        self, client: IdentityClient, name: str, url: str, folder: Path, report: Report
    ) -> None:
        self._client, self._name, self._url, self._report = client, name, url, report
        self._target, self._part = folder / name, folder / f".{name}.part"
        self._have = 0  # bytes in the part
        self._version: str | None = None  # of the file that they are from
        self._most = 0  # bytes that ever were in the part
        self._idle = 0  # tries in a row that brought nothing beyond these
        self._not_whole = 0  # tries that brought all the server has, which was not the whole file

    async def fetch(self, sleep: Sleep) -> None:
        """Try until it is whole; gives up after some tries that brought nothing."""
        try:
            await AsyncRetrying(
                retry=retry_if_exception(is_worth_another_try),
                wait=wait_exponential(multiplier=0.5, max=10) + wait_random(0, 1),
                stop=lambda _: (
                    self._idle >= _TRIES_WITHOUT_PROGRESS or self._not_whole >= _TRIES_NOT_WHOLE
                ),
                sleep=sleep,
                reraise=True,
            )(self._attempt)
        except Transient as error:
            question = " Is the network up?" if is_worth_another_try(error) else ""
            raise SetupError(
                f"cannot download {self._name} from {self._url}: {error}.{question} The file can"
                f" also be put into {self._target.parent} by hand"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._part.unlink, missing_ok=True)

    async def _attempt(self) -> None:
        """One request for what is missing; afterwards the file is in its place."""
        self._idle += 1
        # Ranges count the bytes that are sent: they must be those of the file.
        headers = {"Accept-Encoding": "identity"}
        if self._version is None:
            self._have = 0  # the rest might be that of another file
        if self._have:
            headers |= {"Range": f"bytes={self._have}-", "If-Range": self._version or ""}
        async with self._client.get_file(self._url, headers) as response:
            total = self._begin(response)
            with _disk_errors(self._part):
                async with aiofiles.open(self._part, "r+b" if self._have else "wb") as file:
                    await file.seek(self._have)
                    async for piece in response.chunks():
                        await file.write(piece)
                        self._have += len(piece)
                        self._report(self._name, self._have, total)
                        if self._have > self._most:
                            self._most, self._idle = self._have, 0
        if total is not None and self._have < total:
            raise NetworkFault(f"only {self._have} of {total} bytes came", kind="short_body")
        try:
            with _disk_errors(self._part):
                await asyncio.to_thread(_check_whole, self._name, self._part, self._url)
                await asyncio.to_thread(seal, self._part, self._target)
        except Transient:
            # The server says this is all of it: not worth resuming.
            self._have, self._not_whole = 0, self._not_whole + 1
            raise

    def _begin(self, response: HttpResponse) -> int | None:
        """Understand the answer's head; the size of the whole file if known."""
        status, headers = response.status, response.headers
        if status == 407:
            raise SetupError(
                "the proxy wants another user and password (network.proxy): it answers 407"
            )
        if status == 416:  # the file is shorter than what is here: another one by now
            self._have = 0
        if status in (408, 416, 425, 429) or status >= 500:
            raise ServerFault(f"the server answers {status}")
        if status != 200 and not (status == 206 and self._have):
            raise SetupError(
                f"cannot download {self._name}: {self._url} answers {status}; see"
                " audioset.base_url and ontology_url, or put the file into"
                f" {self._target.parent} by hand"
            )
        encoded = headers.get("Content-Encoding", "identity") != "identity"
        version = headers.get("ETag") or headers.get("Last-Modified") or "W/"
        # A weak version (W/) may belong to different bytes: such a file is not resumed.
        self._version = None if encoded or version.startswith("W/") else version
        if status == 206:
            first, total = content_range(headers)
            if first == self._have:
                return total
            self._have, self._version = 0, None
            raise ServerFault("the answer is another part of the file than was asked for")
        self._have = 0
        return None if encoded else whole_number(headers.get("Content-Length"))


def _check_writable(folder: Path) -> None:
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{CLASS_LIST}.probe"
        probe.touch()
        probe.unlink()


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
