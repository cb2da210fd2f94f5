"""A small Dask cluster on this machine, for a look."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import dask
from distributed import Nanny, Scheduler, SpecCluster

from ascc_async.settings import Settings

# Ctrl-C at the terminal is for the run: what workers have in hand is finished.
_NO_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
# Whoever reaches a port of theirs can run programs; one of HTTP is opened all the same.
_HERE = {"host": "localhost", "dashboard_address": "localhost:0", "dashboard": False}
_NO_PAGES: dict[str, Any] = {
    f"distributed.{who}.http.routes": [] for who in ("scheduler", "worker")
}


@asynccontextmanager
async def local_cluster(settings: Settings, folder: Path) -> AsyncIterator[str]:
    """A worker for each identity. Gives the scheduler's address.

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
            **_HERE,
            "nthreads": 1,  # questions run on its event loop
            "env": environment,
            "memory_limit": 0,
            "silence_logs": logging.CRITICAL,
            "preload": [_NO_CTRL_C],
            "local_directory": str(folder),
        }
        workers[identity.name] = {"cls": Nanny, "options": options}
    scheduler = {"cls": Scheduler, "options": _HERE}
    # Its nannies start workers that may start processes of their own: yt-dlp's.
    config = {"distributed.worker.daemon": False} | _NO_PAGES
    quiet = {"asynchronous": True, "silence_logs": logging.CRITICAL}
    try:
        async with AsyncExitStack() as stack:
            stack.enter_context(dask.config.set(config))
            starting = SpecCluster(workers=workers, scheduler=scheduler, **quiet)
            # Nor may it end them before they know that: they begin with it blocked. What tracks
            # Python's processes is started before, as that unblocks it.
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                cluster = await stack.enter_async_context(starting)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            yield cluster.scheduler_address
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
