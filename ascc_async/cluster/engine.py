"""Dask `distributed`: where its scheduler is, how it is reached, and a small cluster for a look."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
from distributed import Client, Nanny, Scheduler, SpecCluster

from ascc_async.errors import SettingsError
from ascc_async.settings import ClusterSettings, Settings

_CONNECT_SECONDS = 10
_GREETING_SECONDS = 30  # the first one of a worker imports us
_SAFE = ("tls", "wss")
# Ctrl-C at the terminal is for the run: what workers have in hand is finished.
_NO_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


def scheduler_address(settings: ClusterSettings) -> str | None:
    """Where the scheduler is; None: nowhere yet. Raises SettingsError for one that is not safe."""
    place = settings.scheduler
    if isinstance(place, Path):
        try:
            address = str(json.loads(place.read_text())["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"cluster.scheduler: {place} is no scheduler file; `dask scheduler"
                f" --scheduler-file {place}` writes it ({error})"
            ) from error
    elif place is None:
        return None
    else:
        address = place
    parts = urlsplit(address)
    if parts.scheme not in _SAFE and not settings.insecure and not _is_loopback(parts.hostname):
        raise SettingsError(
            f"cluster.scheduler: {address} is not encrypted, and whoever reaches it can run"
            " programs as you, here and on every machine. Use tls:// (docs/machines.md says how),"
            " or set cluster.insecure: true in a network where nobody else is"
        )
    return address


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


async def connect(address: str) -> Client:
    """A client of the scheduler there. Raises OSError or TimeoutError when none answers, and
    SettingsError for TLS without certificates.
    """
    if address.startswith("tls://") and not dask.config.get("distributed.comm.tls.ca-file"):
        raise SettingsError(
            f"cluster.scheduler: {address} needs certificates: name the folder in which Dask finds"
            " them in DASK_CONFIG (docs/machines.md)"
        )
    # Its own warnings are about tasks and connections, which are looked after here.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    client: Client = await Client(
        address, asynchronous=True, set_as_default=False, timeout=_CONNECT_SECONDS
    )
    return client


async def greetings(address: str) -> dict[str, Any]:
    """By worker, what it greets with, or the error. Raises OSError or TimeoutError as `connect`."""
    from ascc_async.cluster.station import greet  # imports the whole pipeline

    async with await connect(address) as client, asyncio.timeout(_GREETING_SECONDS):
        told: dict[str, Any] = await client.run(greet, on_error="return")
        return told


@asynccontextmanager
async def local_cluster(settings: Settings, folder: Path) -> AsyncIterator[str]:
    """A cluster on this machine, for a look: a worker for each identity. Gives its address.

    `folder`: for the workers' files, cookies among them; emptied before.
    """
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    own = settings.network.model_dump(mode="json")
    workers = {}
    for identity in settings.network.all_identities():
        ways = own | identity.model_dump(mode="json", exclude={"name"}) | {"identities": []}
        sections = {"network": ways, "concurrency": settings.concurrency.model_dump(mode="json")}
        environment = {
            f"ASCC_{section}__{key}".upper(): json.dumps(value)
            for section, values in sections.items()
            for key, value in values.items()
        }
        options = {
            "nthreads": 1,  # questions run on its event loop
            "env": environment,
            "memory_limit": 0,
            "dashboard": False,
            "silence_logs": logging.CRITICAL,
            "preload": [_NO_CTRL_C],
            "local_directory": str(folder),
        }
        workers[identity.name] = {"cls": Nanny, "options": options}
    scheduler = {"cls": Scheduler, "options": {"host": "localhost", "dashboard": False}}
    # Its nannies start workers that may start processes of their own: yt-dlp's.
    daemons = dask.config.set({"distributed.worker.daemon": False})
    quiet = {"asynchronous": True, "silence_logs": logging.CRITICAL}
    try:
        with daemons:
            async with SpecCluster(workers=workers, scheduler=scheduler, **quiet) as cluster:
                yield cluster.scheduler_address
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
