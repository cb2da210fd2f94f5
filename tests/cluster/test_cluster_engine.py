"""Where the scheduler is, and that nobody is talked to who is not safe to talk to."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from ascc_async.cluster.engine import Connection, connect, scheduler_address
from ascc_async.commands.run import access_for
from ascc_async.errors import SettingsError, SetupError
from ascc_async.pipeline.youtube_access import YouTubeAccess
from ascc_async.settings import ClusterSettings, Settings
from ascc_async.settings_loader import load


def written(folder: Path, address: str) -> Path:
    path = folder / "scheduler.json"
    path.write_text(json.dumps({"address": address}))
    return path


@pytest.mark.parametrize("address", ["tcp://10.1.2.3:8786", "ws://node1:80", "tcp://[fd00::1]:1"])
def test_no_port_in_the_clear_beyond_this_machine(address: str, tmp_path: Path) -> None:
    """As an address and in a scheduler file; `insecure` takes it all the same."""
    for scheduler in (address, written(tmp_path, address)):
        with pytest.raises(SettingsError, match=r"not encrypted.*cluster\.insecure"):
            scheduler_address(ClusterSettings(scheduler=scheduler))
        insecure = ClusterSettings(scheduler=scheduler, insecure=True)
        assert scheduler_address(insecure) == address


@pytest.mark.parametrize("address", ["tls://10.1.2.3:8786", "tcp://127.0.0.1:1", "tcp://[::1]:1"])
def test_what_is_encrypted_or_here_is_taken(address: str, tmp_path: Path) -> None:
    """From the settings and from a file, whose path is seen from the settings file."""
    assert scheduler_address(ClusterSettings(scheduler=address)) == address
    written(tmp_path, address)
    (tmp_path / "settings.yaml").write_text("cluster: {scheduler: scheduler.json}")
    assert scheduler_address(load(tmp_path / "settings.yaml", (), {}).cluster) == address


@pytest.mark.parametrize(
    "address",
    ["tls://127.0.0.1", "tcp://127.0.0.1:9/x", "tcp://a:b@127.0.0.1:9", "http://127.0.0.1:9",
     "tls://a:99999", "tls://:9", "tls://[::1:9"],
)  # fmt: skip
def test_an_address_that_is_none_is_named(address: str, tmp_path: Path) -> None:
    """Without a port, with a path, of another kind: with what one looks like."""
    for scheduler in (address, written(tmp_path, address)):
        with pytest.raises(SettingsError, match="tls://host:port"):
            scheduler_address(ClusterSettings(scheduler=scheduler, insecure=True))


def test_an_address_in_capitals_is_one() -> None:
    """Dask knows small letters only."""
    assert scheduler_address(ClusterSettings(scheduler="TLS://a:9")) == "tls://a:9"
    with pytest.raises(SettingsError, match="tls://host:port"):  # it looks like a file
        scheduler_address(ClusterSettings(scheduler=Path("node1:8786")))


@pytest.mark.parametrize("content", [None, "", "{}", '{"address": '])
def test_a_file_that_is_none_is_named(content: str | None, tmp_path: Path) -> None:
    """With the command that writes it."""
    path = tmp_path / "scheduler.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match="dask scheduler --scheduler-file"):
        scheduler_address(ClusterSettings(scheduler=path))


async def test_tls_that_does_not_fit_is_a_mistake_in_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dask tells it by errors of many kinds: not a bug."""

    def client(*_: object, **__: object) -> None:
        raise RuntimeError("encryption required by Dask configuration")

    monkeypatch.setattr("ascc_async.cluster.engine.Client", client)
    with pytest.raises(SettingsError, match=r"TLS.*encryption required"):
        await connect("tcp://127.0.0.1:1")


async def test_a_scheduler_that_is_suspended_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes connections and says nothing: that is told. Nor does closing, of which Dask swallows
    a cancellation.
    """
    monkeypatch.setattr("ascc_async.cluster.engine._CONNECT_SECONDS", 0.1)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    connection = Connection(ClusterSettings(), f"tcp://127.0.0.1:{port}")
    async with silent:
        with pytest.raises(SetupError, match=r"no Dask scheduler answers.*TimeoutError"):
            await connection.open()

    class Deaf:
        async def close(self) -> None:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    connection._client = cast(Any, Deaf())
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing


def test_it_is_found_out_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 for a scheduler that is not safe, and, with the pip line, without the extra."""
    settings = Settings.model_validate({"cluster": {"engine": "dask", "scheduler": "tcp://a:1"}})
    with pytest.raises(SettingsError, match="not encrypted"):
        access_for(settings)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'ascc-async\[cluster\]'"):
        access_for(settings)
    assert access_for(Settings()) is YouTubeAccess
