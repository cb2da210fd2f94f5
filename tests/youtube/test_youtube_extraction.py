"""What of yt-dlp is installed here, and what passes between its processes and us."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ascc_async.youtube.extraction import (
    Credentials,
    javascript_runtimes,
    released_on,
    ytdlp_version,
)


def test_yt_dlp_says_which_javascript_runtimes_it_can_use() -> None:
    """deno comes from PyPI with us. This fails when yt-dlp gives them out in another way."""
    deno = next(runtime for runtime in javascript_runtimes() if runtime.name == "deno")
    assert deno.supported
    assert Path(deno.path).name == "deno"
    assert deno.version


def test_a_runtime_that_is_too_old_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By yt-dlp's own minimum; one that does not start at all is none."""
    for name, script in (("node", "echo v16.1.2"), ("bun", "exit 1")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    runtimes = {runtime.name: runtime.supported for runtime in javascript_runtimes()}
    assert runtimes == {"deno": True, "node": False}


def test_the_installed_yt_dlp_tells_its_release() -> None:
    """Its version is the day of its release: this is how doctor knows its age."""
    assert released_on(ytdlp_version() or "") is not None


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2026.8.19", date(2026, 8, 19)),
        ("2026.08.19.232842.dev0", date(2026, 8, 19)),
        ("2026.13.1", None),
        ("1.2.3", None),
        ("nightly", None),
    ],
)
def test_a_version_of_another_form_has_no_date(version: str, expected: date | None) -> None:
    """Unknown is None, not an error."""
    assert released_on(version) == expected


def test_no_secret_is_in_a_representation() -> None:
    """A proxy's password stays out of logs and errors."""
    assert "hunter2" not in repr(Credentials("main", "http://me:hunter2@proxy:1"))
