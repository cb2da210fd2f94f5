"""All identities' cookies while a run lasts: watched, and copied privately for yt-dlp."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from ascc_async.errors import SetupError
from ascc_async.network.cookies import Jar, load_cookies
from ascc_async.settings import NetworkSettings

log = logging.getLogger(__name__)

FOLDER = ".private"
_Mark = tuple[int, int, int]


class PrivateCopy:
    """An identity's cookies as a file of our own (mode 0600), which yt-dlp may read."""

    def __init__(self, path: Path, jar: Jar) -> None:
        self.path = path
        self._jar = jar
        self._write()

    @property
    def signed_in(self) -> bool:
        """Whether these are an account's cookies."""
        return self._jar.signed_in

    @property
    def edition(self) -> int:
        """Rises when the user's file was read again."""
        return self._jar.edition

    def renew(self, jar: Jar) -> None:
        """Write these cookies in place of the former ones."""
        self._jar = jar
        self._write()

    def _write(self) -> None:
        handle, name = tempfile.mkstemp(dir=self.path.parent)  # mode 0600
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(self._jar.netscape())
        os.replace(name, self.path)


class CookieStore:
    """Reads every identity's cookie file; a context manager, for the private copies.

    Entering raises SetupError for a file that cannot be used, and removes what a crashed run left.
    All methods touch files: call them from a thread while a loop runs.
    """

    def __init__(self, network: NetworkSettings, output_dir: Path) -> None:
        self._files = {
            one.name: one.cookies_file
            for one in network.all_identities()
            if one.cookies_file is not None
        }
        self._parent = output_dir / FOLDER
        self._folder: Path | None = None
        self._marks: dict[str, _Mark] = {}
        self.jars: dict[str, Jar] = {}
        self.copies: dict[str, PrivateCopy] = {}

    def __enter__(self) -> Self:
        _remove_stale(self._parent)
        for name, path in self._files.items():
            self._marks[name] = _mark(path)
            self.jars[name] = load_cookies(path)
            for warning in self.jars[name].warnings:
                log.warning(warning, extra={"identity": name})
        if self.jars:
            self._make_copies()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        _remove_if_empty(self._parent)  # others keep theirs there while a run lasts

    def refresh(self) -> Mapping[str, Jar]:
        """Read changed files again: the new jars by identity (empty when nothing changed).

        A file that became unusable is said once; the former cookies stay in use.
        """
        renewed: dict[str, Jar] = {}
        for name, path in self._files.items():
            mark = _mark(path)
            if mark == self._marks.get(name):
                continue
            self._marks[name] = mark
            jar = self._load_again(name, path)
            if jar is not None:
                renewed[name] = self.jars[name] = jar
                self.copies[name].renew(jar)
        return renewed

    def _load_again(self, name: str, path: Path) -> Jar | None:
        try:
            jar = load_cookies(path, edition=self.jars[name].edition + 1)
        except SetupError as error:
            log.warning("changed cookie file not used", extra={"identity": name, "why": str(error)})
            return None
        log.info("cookie file read again", extra={"identity": name, "signed_in": jar.signed_in})
        return jar

    def _make_copies(self) -> None:
        self._parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._parent / f"cookies-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        self._folder = folder
        for name, jar in self.jars.items():
            self.copies[name] = PrivateCopy(folder / f"{name}.txt", jar)


def _mark(path: Path) -> _Mark:
    try:
        state = path.stat()
    except OSError:
        return (0, 0, 0)
    return (state.st_mtime_ns, state.st_size, state.st_ino)


def _remove_stale(parent: Path) -> None:
    """Remove the copies of runs that are no longer there."""
    for folder in parent.glob("cookies-*"):
        number = folder.name.removeprefix("cookies-")
        if not (number.isdigit() and _is_running(int(number))):
            shutil.rmtree(folder, ignore_errors=True)
    _remove_if_empty(parent)


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
