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

from ascc_async.audioset.metadata_files import MetadataFile, files_of
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
_PROMISED_ROWS = re.compile(rb"num_segs\s*=\s*(\d{1,12})")


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
    missing = await asyncio.to_thread(
        lambda: [file for file in files_of(settings.splits) if file.find(folder) is None]
    )
    # For optional files alone nothing is asked: a machine without network can do without them.
    if all(file.optional for file in missing):
        return
    with _disk_errors(folder):
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    trust = trusted_authorities(network.ca_file)
    async with IdentityClient(trust, network.timeout_seconds, proxy=network.proxy) as client:
        for file in missing:
            url = file.url.format(settings=settings, file=file)
            download = _FileDownload(client, file, url, folder, report)
            try:
                await download.run(sleep)
            except SetupError as error:
                if not file.optional:
                    raise
                log.warning(
                    "optional %s not downloaded; continuing without it", file.name,
                    extra={"why": str(error)},
                )  # fmt: skip


class _FileDownload:
    """One file: pieces gather under a temporary name in the same folder."""

    def __init__(
        self, client: IdentityClient, file: MetadataFile, url: str, folder: Path, report: Report
    ) -> None:
        self._client, self._file, self._url, self._report = client, file, url, report
        self._target, self._part = folder / file.name, folder / f".{file.name}.part"
        self._have = 0  # bytes in the part
        self._version: str | None = None  # of the file that they are from
        self._most = 0  # bytes that ever were in the part
        self._idle = 0  # tries in a row that brought nothing beyond these

    async def run(self, sleep: Sleep) -> None:
        """Try until the file is whole; gives up after some tries that brought nothing new."""
        try:
            await AsyncRetrying(
                retry=retry_if_exception(is_worth_another_try),
                wait=wait_exponential(multiplier=0.5, max=10) + wait_random(0, 1),
                stop=lambda _: self._idle >= _TRIES_WITHOUT_PROGRESS,
                sleep=sleep,
                reraise=True,
            )(self._attempt)
        except Transient as error:
            question = " Is the network up?" if is_worth_another_try(error) else ""
            raise SetupError(
                f"cannot download {self._file.name} from {self._url}: {error}.{question} You can"
                f" also put the file into {self._target.parent} by hand"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._part.unlink, missing_ok=True)

    async def _attempt(self) -> None:
        """One request for what is missing; afterwards the file is in its place."""
        self._idle += 1
        # Ranges count the bytes that are sent: they must be those of the file.
        headers = {"Accept-Encoding": "identity"}
        if self._have and self._version:  # without a version the rest might be of another file
            headers |= {"Range": f"bytes={self._have}-", "If-Range": self._version}
        async with self._client.get_file(self._url, headers) as response:
            total = self._read_headers(response)
            with _disk_errors(self._part):
                async with aiofiles.open(self._part, "r+b" if self._have else "wb") as file:
                    await file.seek(self._have)
                    async for piece in response.chunks():
                        await file.write(piece)
                        self._have += len(piece)
                        self._report(self._file.name, self._have, total)
                        if self._have > self._most:
                            self._most, self._idle = self._have, 0
        if total is not None and self._have < total:
            raise NetworkFault(f"only {self._have} of {total} bytes came", kind="short_body")
        try:
            with _disk_errors(self._part):
                await asyncio.to_thread(_check_whole, self._file, self._part, self._url)
                await asyncio.to_thread(seal, self._part, self._target)
        except Transient:
            self._have = 0  # the server says this is all of it: not worth resuming
            raise

    def _read_headers(self, response: HttpResponse) -> int | None:
        """Whether the answer begins or goes on with the file; its whole size if known."""
        status, headers = response.status, response.headers
        if status == 407:
            raise SetupError(
                "the proxy wants another user and password (network.proxy): it answers 407"
            )
        if status == 416:  # the file is shorter than what is here: another one by now
            self._have = 0
        if status in (408, 416, 425, 429) or status >= 500:
            raise ServerFault(f"the server answers {status}")
        if status == 206 and self._have:
            first, total = content_range(headers)
            if first == self._have:
                return total
            self._have = 0
            raise ServerFault("the server sent another part of the file than was asked for")
        if status != 200:
            raise SetupError(
                f"cannot download {self._file.name}: {self._url} answers {status}; see"
                " audioset.base_url and ontology_url, or put the file into"
                f" {self._target.parent} by hand"
            )
        self._have = 0
        encoded = headers.get("Content-Encoding", "identity") != "identity"
        version = headers.get("ETag") or headers.get("Last-Modified") or "W/"
        # A weak version (W/) may belong to different bytes: such a file is not resumed.
        self._version = None if encoded or version.startswith("W/") else version
        return None if encoded else whole_number(headers.get("Content-Length"))


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cause = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise SetupError(
            f"cannot write {path}: {cause}; make room, or choose an audioset.metadata_dir that can"
            " be written"
        ) from error


def _check_whole(file: MetadataFile, path: Path, url: str) -> None:
    """Whether a file that came is the file it should be, and all of it, as far as a look tells.

    Raises `NetworkFault` for half a file, while it can be fetched again, and `SetupError` for
    something else altogether, such as a portal's page. Reading it properly comes later.
    """
    content = path.read_bytes()
    head = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head or head.startswith(b"<") or not re.match(file.beginning, head):
        beginning = content[:40].decode("utf-8", "replace")
        raise SetupError(
            f"{url} answers with something else than {file.name} (it begins with {beginning!r}): a"
            " sign-in page of this network? Sign in and start again, or correct audioset.base_url"
        )
    cut_short = f"{file.name} came cut short"
    if file.name.endswith(".json"):
        try:
            json.loads(content)
        except ValueError as error:
            raise NetworkFault(f"{cut_short} ({error})", kind="short_body") from error
    if file.split:
        if not content.endswith(b"\n"):
            raise NetworkFault(f"{cut_short} within a line", kind="short_body")
        comments = sum(line.startswith(b"#") for line in head.split(b"\n"))
        header, rows = _PROMISED_ROWS.search(head), content.count(b"\n") - comments
        if header and rows < (promised := int(header[1])):
            raise NetworkFault(f"{cut_short}: {rows} of {promised} rows", kind="short_body")
