"""The workers that a run starts on its own machine, for a look."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import psutil
import pytest

from ascc_async.cluster.engine import connect
from ascc_async.cluster.local import local_cluster
from ascc_async.settings import Settings


def listening() -> list[str]:
    """The addresses at which this process and those it started are reached."""
    own = psutil.Process()
    sockets = [each for one in (own, *own.children(True)) for each in one.net_connections("tcp")]
    return [each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN]


def test_nobody_beyond_this_machine_reaches_them(tmp_path: Path) -> None:
    """All ports are on loopback, and those of HTTP tell nothing. Ctrl-C ends none that starts."""

    async def press_ctrl_c() -> None:
        while True:
            for child in psutil.Process().children():
                child.send_signal(signal.SIGINT)
            await asyncio.sleep(0.02)

    async def look() -> None:
        pressing = asyncio.create_task(press_ctrl_c())
        async with local_cluster(Settings(), tmp_path / "dask") as address:
            async with await connect(address) as client:
                await client.wait_for_workers(1)
                pressing.cancel()
                scheduler = await client.scheduler.identity()
            assert {ipaddress.ip_address(each).is_loopback for each in listening()} == {True}
            for one in (scheduler, *scheduler["workers"].values()):
                page = f"http://127.0.0.1:{one['services']['dashboard']}/json/identity.json"
                with pytest.raises(HTTPError, match="404"):
                    await asyncio.to_thread(urllib.request.urlopen, page, timeout=5)

    asyncio.run(look())
