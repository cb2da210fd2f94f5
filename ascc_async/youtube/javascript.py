"""A JavaScript runtime for yt-dlp: deno from PyPI, else deno, node or bun on PATH."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

# What yt-dlp asks for at least (yt_dlp/utils/_jsruntime.py, 2026.8).
LEAST_VERSIONS: dict[str, tuple[int, ...]] = {
    "deno": (2, 3, 0),
    "node": (22, 0, 0),
    "bun": (1, 2, 11),
}
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that yt-dlp can use. `name` is what yt-dlp calls it."""

    name: str
    path: str
    version: str


def find_runtime() -> Runtime | None:
    """The first runtime that starts and is new enough; None when there is none.

    Starts programs: call it in a thread. Without a runtime yt-dlp still works with clients that
    need none.
    """
    return next((found for found in _candidates() if is_new_enough(found)), None)


def outdated_runtimes() -> list[Runtime]:
    """Runtimes that are here but too old for yt-dlp, for advice."""
    return [found for found in _candidates() if not is_new_enough(found)]


def is_new_enough(runtime: Runtime) -> bool:
    """True when yt-dlp accepts this version."""
    found = _VERSION.search(runtime.version)
    return found is not None and tuple(map(int, found.groups())) >= LEAST_VERSIONS[runtime.name]


def _candidates() -> Iterator[Runtime]:
    for name, path in _places():
        version = _version_of(path)
        if version:
            yield Runtime(name, path, version)


def _places() -> Iterator[tuple[str, str]]:
    packaged = _packaged_deno()
    if packaged:
        yield "deno", packaged
    for name in LEAST_VERSIONS:
        path = shutil.which(name)
        if path and path != packaged:
            yield name, path


def _packaged_deno() -> str | None:
    try:
        from deno import find_deno_bin  # type: ignore[import-untyped]
    except ImportError:
        return None
    try:
        return str(find_deno_bin())
    except FileNotFoundError:
        return None


def _version_of(path: str) -> str | None:
    try:
        answer = subprocess.run(
            [path, "--version"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_ANSWER_SECONDS,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    found = _VERSION.search(answer.stdout)
    return found.group() if found else None
