"""Fetch the metadata files that are missing: checked, and in place only when whole."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import aiofiles

from ascc_async.audioset.metadata_files import MetadataFile, files_of
from ascc_async.errors import NetworkFault, ServerFault, SettingsError, SetupError, Transient
from ascc_async.files import disk_errors, seal
from ascc_async.network.bandwidth import Bandwidth
from ascc_async.network.client import IdentityClient, trusted_authorities, whole_number
from ascc_async.network.retry import Bounds, RetrySettings, retry_faults
from ascc_async.settings import AudiosetSettings, NetworkSettings

Report = Callable[[str, int, int | None], None]

RETRIES = RetrySettings(server=Bounds(tries=5, first_wait=1.0))
_PROMISED_ROWS = re.compile(rb"num_segs\s*=\s*(\d{1,12})")


async def fetch_missing(
    settings: AudiosetSettings,
    network: NetworkSettings,
    report: Report,
    *,
    retries: RetrySettings = RETRIES,
) -> None:
    """Download what the chosen splits need and `metadata_dir` does not hold.

    `report(name, bytes, total or None)` tells how far each file is. Raises `SetupError` with a
    remedy when that cannot be done, SettingsError for no folder; files that are whole stay.
    """
    folder = settings.metadata_dir
    missing = await asyncio.to_thread(
        lambda: [file for file in files_of(settings.splits) if file.find(folder) is None]
    )
    if not missing:
        return
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise SettingsError(
            f"audioset.metadata_dir: {there} is a file. Name the folder that AudioSet's files are"
            " in, or are to be downloaded into"
        )
    trust = trusted_authorities(network.ca_file)
    bandwidth = Bandwidth(network.max_megabits_per_second)
    opening = IdentityClient(
        trust, network.timeout_seconds, proxy=network.proxy, bandwidth=bandwidth
    )
    async with opening as client:
        for file in missing:
            url = file.url.format(settings=settings, file=file)
            attempt = partial(_download, client, file, url, folder / file.name, report)
            try:
                await retry_faults(attempt, retries, is_away=lambda: False)
            except Transient as error:
                raise SetupError(
                    f"cannot download {file.name} from {url}: {error}. You can also put"
                    f" the file into {folder} by hand"
                ) from error


async def _download(
    client: IdentityClient, file: MetadataFile, url: str, target: Path, report: Report, again: bool
) -> None:
    """One try, from the start also if it is tried `again`; the file comes into its place whole."""
    # Always the same name: what a killed run left is written over, not kept beside.
    part = target.with_name(f".{target.name}.part")
    try:
        with disk_errors(target.parent):
            # Packed bytes would not be of the size that the server says.
            async with client.get_file(url, {"Accept-Encoding": "identity"}) as response:
                status = response.status
                if status == 407:
                    raise SetupError(
                        "the proxy wants another user and password (network.proxy): it answers 407"
                    )
                if status in (408, 425, 429) or status >= 500:
                    raise ServerFault(f"the server answers {status}")
                if status != 200:
                    raise SetupError(
                        f"cannot download {file.name}: {url} answers {status}; see"
                        " audioset.base_url and ontology_url, or put the file into"
                        f" {target.parent} by hand"
                    )
                total = whole_number(response.headers.get("Content-Length"))
                # Not before: without a network no empty folder is left.
                await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
                async with aiofiles.open(part, "wb") as out:
                    async for piece in response.chunks():
                        await out.write(piece)
                        report(file.name, response.received, total)
            await asyncio.to_thread(_check_whole, file, part, url)
            await asyncio.to_thread(seal, part, target)
    finally:
        with suppress(OSError):
            await asyncio.to_thread(part.unlink, missing_ok=True)


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
