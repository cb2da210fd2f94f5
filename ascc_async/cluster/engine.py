"""Dask `distributed`: where its scheduler is, and how it and its workers are reached."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dask
from distributed import Client

from ascc_async.errors import SettingsError, SetupError
from ascc_async.settings import ClusterSettings

_CONNECT_SECONDS = 10
_NO_ANSWER = 20  # seconds without a word from the scheduler: it is gone
_GOODBYE = 5
_GREETING_SECONDS = 30  # the first one of a worker imports us
_SAFE = ("tls", "wss")


def scheduler_address(settings: ClusterSettings) -> str | None:
    """Where the scheduler is; None: nowhere yet. Raises SettingsError for one that is not safe."""
    place = settings.scheduler
    if isinstance(place, Path):
        try:
            address = str(json.loads(place.read_text())["address"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(
                f"cluster.scheduler: {place} is no scheduler file: `dask scheduler"
                f" --scheduler-file {place}` writes it; an address is tls://host:port ({error})"
            ) from error
    elif place is None:
        return None
    else:
        address = place
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in (*_SAFE, "tcp", "ws") and parts.hostname and parts.port
    except ValueError:
        is_one = False
    if not is_one or any(parts[2:]) or "@" in address:
        raise SettingsError(f"cluster.scheduler: {address} is no address: one is tls://host:port")
    address = parts.geturl()  # the scheme in small letters, as Dask knows it
    _refuse_unsafe(settings, address)
    return address


def _refuse_unsafe(settings: ClusterSettings, address: str) -> None:
    if not (settings.insecure or is_safe(address)):
        raise SettingsError(
            f"cluster.scheduler: {address} is not encrypted, and whoever reaches it can run"
            " programs as you, here and on every machine. Use tls:// (docs/machines.md says how),"
            " or set cluster.insecure: true in a network where nobody else is"
        )


def is_safe(address: str) -> bool:
    """Whether it is encrypted, or reached from this machine alone."""
    parts = urlsplit(address)
    try:
        here = (
            parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
        )
    except ValueError:
        here = False
    return here or parts.scheme in _SAFE


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
    try:
        client = Client(address, asynchronous=True, set_as_default=False, timeout=_CONNECT_SECONDS)
        try:
            async with asyncio.timeout(2 * _CONNECT_SECONDS):  # a suspended one takes connections
                return await client
        except BaseException:
            await _let_go(client)
            raise
    except (FileNotFoundError, TypeError, ValueError, RuntimeError) as error:
        raise SettingsError(
            f"cluster.scheduler: {address} and Dask's settings for TLS do not go together"
            f" ({error}): docs/machines.md says how scheduler, workers and run get the same ones"
        ) from error


async def _let_go(client: Client) -> None:
    # A task of its own: it swallows a cancellation, which may be that of the run.
    closing = asyncio.ensure_future(client.close())
    closing.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait([closing], timeout=_GOODBYE)


class Connection:
    """To the scheduler at `address`, which may be lost and found again."""

    def __init__(self, settings: ClusterSettings, address: str) -> None:
        self._settings, self._address = settings, address
        self._client: Client | None = None

    async def open(self) -> None:
        """Raises SettingsError as `connect`, and SetupError when none answers."""
        try:
            self._client = await connect(self._address)
        except (OSError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise SetupError(
                f"no Dask scheduler answers at {self._address} ({why}): start one with"
                " `dask scheduler`, or correct cluster.scheduler"
            ) from error

    @property
    def is_there(self) -> bool:
        """Whether it was when it was last asked."""
        return self._client is not None

    async def find_again(self) -> None:
        """Try once."""
        with suppress(OSError, TimeoutError, SettingsError):
            # Its file names another address after it was started again.
            address = scheduler_address(self._settings) or self._address
            self._client = await connect(address)

    async def workers(self) -> dict[tuple[str, str], str]:
        """By address and folder their names, empty where nobody gave one. Raises OSError or
        TimeoutError when it is gone, SettingsError when it is not safe.
        """
        if self._client is None:
            raise ConnectionError("no scheduler was found yet")
        async with asyncio.timeout(_NO_ANSWER):
            # What the client itself knows of is old, and of five workers at most.
            seen = await self._client.scheduler.identity(n_workers=-1)
        # Reached at loopback, others may reach it by this, which is its own.
        _refuse_unsafe(self._settings, seen["address"])
        named = {
            (address, each["local_directory"]): str(each["name"])
            for address, each in seen["workers"].items()
        }
        return {key: "" if "://" in name else name for key, name in named.items()}

    async def call(self, worker: str, function: Callable[..., Any], *args: Any) -> Any:
        """What the function returns there. Raises OSError when the worker or the way to it dies."""
        if self._client is None:
            raise ConnectionError("the Dask scheduler does not answer")
        # Not a task: the same engine and the same way, for half of the work, and it fails at once
        # where the worker dies.
        return (await self._client.run(function, *args, workers=[worker]))[worker]

    async def close(self) -> None:
        """Let go of it."""
        client, self._client = self._client, None
        if client is not None:
            await _let_go(client)


async def greetings(
    settings: ClusterSettings, address: str
) -> list[tuple[tuple[str, str], str, Any]]:
    """Of each worker key, name and what it greets with, or the error. Raises SettingsError,
    SetupError, OSError and TimeoutError as a `Connection` does.
    """
    from ascc_async.cluster.station import greet  # imports the whole pipeline

    connection = Connection(settings, address)

    async def greeting(worker: str) -> Any:
        try:
            async with asyncio.timeout(_GREETING_SECONDS):  # each: one may be suspended
                return await connection.call(worker, greet)
        except TimeoutError:
            return TimeoutError(f"no answer in {_GREETING_SECONDS} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is of this worker alone
            return error

    await connection.open()
    try:
        workers = await connection.workers()
        told = await asyncio.gather(*(greeting(worker) for worker, _ in workers))
        return [(*worker, facts) for worker, facts in zip(workers.items(), told, strict=True)]
    finally:
        await connection.close()
