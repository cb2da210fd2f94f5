"""All identities' cookies while a run lasts: watched for changes, and copied for yt-dlp."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from ascc_async.errors import SetupError
from ascc_async.network.cookies import IdentityCookies, load_cookies
from ascc_async.settings import NetworkSettings

log = logging.getLogger(__name__)

FOLDER = ".private"
_FileState = tuple[int, int, int]


@dataclass
class PrivateCopy:
    """An identity's cookies as a file of our own (mode 0600): yt-dlp rewrites the one it is given.

    `edition` rises when the user's file was read again.
    """

    path: Path
    cookies: IdentityCookies

    @property
    def signed_in(self) -> bool:
        """Whether these are an account's cookies."""
        return self.cookies.signed_in

    @property
    def edition(self) -> int:
        """Which reading of the user's file this is."""
        return self.cookies.edition

    def write(self, cookies: IdentityCookies) -> None:
        """Replace the file by one with these cookies, as a whole."""
        self.cookies = cookies
        # yt-dlp may be reading the file: a rename gives it the old cookies or the new ones.
        handle, name = tempfile.mkstemp(dir=self.path.parent)  # mode 0600
        os.close(handle)
        cookies.jar.save(name, ignore_discard=True, ignore_expires=True)
        os.replace(name, self.path)


class CookieStore:
    """Reads every identity's cookie file; a context manager, for the private copies.

    Entering raises SetupError for a file that cannot be used, and removes what a crashed run left.
    All methods touch files: call them from a thread while a loop runs.
    """

    def __init__(self, network: NetworkSettings, output_dir: Path) -> None:
        self._files = {
            identity.name: identity.cookies_file
            for identity in network.all_identities()
            if identity.cookies_file is not None
        }
        self._parent = output_dir / FOLDER
        self._folder = self._parent / f"cookies-{os.getpid()}"
        self._states: dict[str, _FileState | None] = {}
        self.jars: dict[str, IdentityCookies] = {}
        self.copies: dict[str, PrivateCopy] = {}

    def __enter__(self) -> Self:
        self._remove_what_crashed_runs_left()
        for name, path in self._files.items():
            self._states[name] = _state_of(path)
            self.jars[name] = load_cookies(path)
            for warning in self.jars[name].warnings:
                log.warning(warning, extra={"identity": name})
        if self.jars:
            self._parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700)
        for name, cookies in self.jars.items():
            self.copies[name] = PrivateCopy(self._folder / f"{name}.txt", cookies)
            self.copies[name].write(cookies)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # yt-dlp keeps its own files there while a run lasts
            self._parent.rmdir()

    def refresh(self) -> Mapping[str, IdentityCookies]:
        """Read changed files again: the new cookies by identity (empty when nothing changed).

        A file that became unusable is said once; the former cookies stay in use.
        """
        renewed: dict[str, IdentityCookies] = {}
        for name, path in self._files.items():
            state = _state_of(path)
            if state == self._states[name]:
                continue
            # Noted before it is read: a bad file is reported once, not at every look.
            self._states[name] = state
            try:
                cookies = load_cookies(path, edition=self.jars[name].edition + 1)
            except SetupError as error:
                log.warning(
                    "the changed cookie file cannot be used; going on with the former cookies",
                    extra={"identity": name, "why": str(error)},
                )
                continue
            signed_in = cookies.signed_in
            log.info(
                "the cookie file changed: using the new cookies",
                extra={"identity": name, "signed_in": signed_in},
            )
            self.copies[name].write(cookies)
            renewed[name] = self.jars[name] = cookies
        return renewed

    def _remove_what_crashed_runs_left(self) -> None:
        for folder in self._parent.glob("cookies-*"):
            process = folder.name.removeprefix("cookies-")
            # After a reboot our process id may be the one of the run that crashed.
            if folder == self._folder or not (process.isdigit() and _is_running(int(process))):
                shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            self._parent.rmdir()


def _state_of(path: Path) -> _FileState | None:
    """What changes when a file does; None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return (state.st_mtime_ns, state.st_size, state.st_ino)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except PermissionError:  # another user's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
