"""The JavaScript runtime, and which yt-dlp there is."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from ascc_async.youtube.javascript import Runtime, find_runtime, is_new_enough, outdated_runtimes
from ascc_async.youtube.ytdlp_version import released_on, ytdlp_version


def test_a_runtime_is_found_and_starts() -> None:
    """deno comes from PyPI with us."""
    found = find_runtime()
    assert found is not None
    assert found.name == "deno"
    assert os.access(found.path, os.X_OK)
    assert is_new_enough(found)


@pytest.mark.parametrize(
    ("name", "version", "accepted"),
    [
        ("deno", "2.3.0", True),
        ("deno", "2.2.9", False),
        ("node", "22.0.0", True),
        ("node", "v20.20.2", False),
        ("bun", "1.2.11", True),
        ("bun", "1.2.9", False),
        ("bun", "odd", False),
    ],
)
def test_versions_are_compared_by_number(name: str, version: str, accepted: bool) -> None:
    """1.2.11 is newer than 1.2.9."""
    assert is_new_enough(Runtime(name, "/usr/bin/x", version)) is accepted


def test_a_program_that_is_too_old_is_named_for_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not start at all is not a runtime."""
    for name, words in (("node", "echo v16.1.2"), ("bun", "exit 1")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{words}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert outdated_runtimes() == [Runtime("node", str(tmp_path / "node"), "16.1.2")]


def test_the_installed_yt_dlp_tells_its_age() -> None:
    """Its version is the day of its release."""
    found = ytdlp_version()
    assert found is not None
    assert found.released is not None
    assert found.age_days(date(2036, 1, 1)) == (date(2036, 1, 1) - found.released).days


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
def test_a_version_of_another_form_has_no_age(version: str, expected: date | None) -> None:
    """Unknown is None, not an error."""
    assert released_on(version) == expected
