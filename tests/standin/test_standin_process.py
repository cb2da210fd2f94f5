"""The stand-in as a process: its handle, its changes while it runs, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pydantic import ValidationError

from ascc_async.standin.process import StandinFailed, StandinProcess
from ascc_async.standin.world_settings import Fault, ProxyListener, WorldSettings

PLAIN = WorldSettings(
    videos=10, listeners=(ProxyListener(), ProxyListener(name="tls", scheme="https"))
)
_PARENT = """
import os, sys
from pathlib import Path
from ascc_async.standin.process import StandinProcess
youtube = StandinProcess(folder=Path(sys.argv[1]))
youtube.__enter__()
print(youtube.pid, flush=True)
os._exit(0)
"""


def test_it_starts_again_on_the_same_ports_with_the_same_certificate(tmp_path: Path) -> None:
    """As a network that was away for a while; once it is gone for good, whoever asks is told."""
    with StandinProcess(PLAIN, folder=tmp_path) as youtube:
        before = dict(youtube.proxies), youtube.ca_file.read_bytes()
        youtube.stop()
        assert youtube.pid is None
        youtube.start()
        assert (dict(youtube.proxies), youtube.ca_file.read_bytes()) == before
        assert youtube.counters()["requests"] == {}
        pid = youtube.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(StandinFailed):
            youtube.counters()
    assert not psutil.pid_exists(pid)


def test_it_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """Even when the parent was killed."""
    parent = subprocess.run(
        [sys.executable, "-c", _PARENT, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    try:
        psutil.Process(int(parent.stdout)).wait(10)
    except psutil.NoSuchProcess:
        return  # it was quicker than we


def test_settings_change_while_it_runs(youtube: StandinProcess) -> None:
    """Sections are merged; the handle's world follows."""
    youtube.set_pages(license_row="gone")
    youtube.set_pages(kilobytes=100)
    assert (youtube.settings.pages.license_row, youtube.settings.pages.kilobytes) == ("gone", 100)
    youtube.set_faults(Fault(name="empty", share=0.5))
    assert youtube.settings.faults[0].share == 0.5
    youtube.set(licenses_changed=True)
    assert youtube.world.settings.licenses_changed


@pytest.mark.parametrize("change", [{"nonsense": 1}, {"pages": {"mask": "maybe"}}])
def test_changes_that_cannot_be_are_refused(
    youtube: StandinProcess, change: dict[str, object]
) -> None:
    """With the reason."""
    with pytest.raises(ValidationError):
        youtube.set(**change)


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    """Its error output is in the error."""
    (tmp_path / "standin-server.pem").write_text("not a certificate")
    with pytest.raises(StandinFailed, match=r"SSL|PEM"):
        StandinProcess(PLAIN, folder=tmp_path).__enter__()
