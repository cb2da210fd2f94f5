"""One stand-in for all tests of this folder; each test leaves it as it found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import DataApi, PageSettings, ProxyListener, WorldSettings
from tests.standin.client import Client

SETTINGS = WorldSettings(
    listeners=(
        ProxyListener(),
        ProxyListener(name="locked", user="anna", password="p w:ö"),
        ProxyListener(name="socks", scheme="socks5", user="anna", password="pw"),
    )
)


@pytest.fixture(scope="session")
def _running() -> Iterator[StandinProcess]:
    with StandinProcess(SETTINGS) as youtube:
        yield youtube


@pytest.fixture
def youtube(_running: StandinProcess) -> Iterator[StandinProcess]:
    """The stand-in with plain settings and counters at nothing."""
    _running.reset_counters()
    yield _running
    _running.set(
        faults=(),
        limits=(),
        pages=PageSettings(),
        data_api=DataApi(),
        licenses_changed=False,
        media=SETTINGS.media,
        log_requests=True,
    )


@pytest.fixture
def ask(youtube: StandinProcess) -> Client:
    """A client of the stand-in."""
    return Client(youtube)
