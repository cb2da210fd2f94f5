"""What cannot work is reported at once: what, where and what to do; never a traceback."""

from __future__ import annotations

import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from scenario import Place, reach

from ascc_async.standin.process import StandinProcess


def stops_with(place: Place, *expected: str, code: int = 1) -> str:
    """Run, and check exit code and message, and that it did not take long."""
    began = time.monotonic()
    got, said = place.run(timeout=60)
    assert got == code, said
    assert time.monotonic() - began < 45
    assert "Traceback" not in said
    for text in expected:
        assert text in said, said
    return said


def having(place: Place, *settings: str) -> Place:
    return replace(place, settings=(*place.settings, *settings))


@pytest.fixture(scope="module")
def metadata(youtube: StandinProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Metadata as `plan` downloads it; it asks YouTube nothing."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "metadata").mkdir()
    own = (*reach(youtube), f"audioset.metadata_dir={folder / 'metadata'}")
    code, said = Place(folder / "out", own).run("plan")
    assert code == 0, said
    return folder / "metadata"


@pytest.fixture
def ready(place: Place, metadata: Path, tmp_path: Path) -> Place:
    """A place whose metadata is there already."""
    shutil.copytree(metadata, tmp_path / "metadata")
    return place


def test_a_proxy_that_is_down(ready: Place) -> None:
    """Nobody listens at network.proxy: its address is named, and the setting to look at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stops_with(
        having(ready, f"network.proxy=http://127.0.0.1:{port}"), f"127.0.0.1:{port}", "proxy"
    )


def test_a_folder_that_cannot_be_written(ready: Place, tmp_path: Path) -> None:
    """A file in the way of output.dir is named."""
    (tmp_path / "file").write_text("")
    missing = having(ready, f"output.dir={tmp_path / 'file' / 'out'}")
    stops_with(missing, "cannot be written", "output.dir")


def test_an_ffmpeg_that_does_not_start(ready: Place, tmp_path: Path) -> None:
    """A broken IMAGEIO_FFMPEG_EXE is named, with how to fix it."""
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    stops_with(
        replace(ready, environment={"IMAGEIO_FFMPEG_EXE": str(broken)}), str(broken), "ffmpeg"
    )


def test_a_missing_cookies_file(ready: Place, tmp_path: Path) -> None:
    """The file is named, and what to do."""
    stops_with(
        having(ready, f"network.cookies_file={tmp_path / 'no.txt'}"), "no.txt", "cookies_file"
    )


def test_wrong_options_end_with_code_two(ready: Place) -> None:
    """A misspelt section is reported with the nearest name, before anything starts."""
    stops_with(having(ready, "throtle.burst=3"), "Did you mean `throttle`?", code=2)
    assert not (ready.output / "state.sqlite3").exists()


def test_malformed_metadata_is_named(ready: Place) -> None:
    """An unknown MID, a captive portal's page: the file is named before anything is asked."""
    path = next(Path(one.partition("=")[2]) for one in ready.settings if "metadata_dir" in one)
    segments = path / "eval_segments.csv"
    whole = segments.read_text(encoding="utf-8")
    for text, message in (
        (whole.replace('"/m/', '"/m/zz', 1), "eval_segments.csv"),
        ("<html>sign in</html>", "eval_segments.csv"),
    ):
        segments.write_text(text, encoding="utf-8")
        stops_with(ready, message)
    assert not (ready.output / "dataset").exists()


def test_an_authority_that_is_not_trusted(ready: Place) -> None:
    """It is named, and the setting that would name it."""
    stops_with(having(ready, "network.ca_file=null"), "certificate", "ca_file")
