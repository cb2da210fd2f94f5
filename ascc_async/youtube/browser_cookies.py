"""YouTube's cookies out of a browser on this machine, by yt-dlp's own means."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import MozillaCookieJar
from pathlib import Path

from ascc_async.errors import SettingsError, SetupError
from ascc_async.settings import Settings
from ascc_async.youtube.extraction import WarningLogger


@contextmanager
def with_browser_cookies(settings: Settings, browser: str | None) -> Iterator[Settings]:
    """The settings with the cookies of a browser (`firefox`, `chrome:PROFILE`; None: as they are).

    The cookies are in a file that only the user can read, and that is removed at the end. Raises
    SettingsError for a browser that yt-dlp does not know, SetupError where it finds no cookies.
    """
    if browser is None:
        yield settings
        return
    # Half a second, which only those pay who want this.
    from yt_dlp.cookies import SUPPORTED_BROWSERS, extract_cookies_from_browser

    name, _, profile = browser.partition(":")
    if name not in SUPPORTED_BROWSERS:
        known = ", ".join(sorted(SUPPORTED_BROWSERS))
        raise SettingsError(f"--cookies-from-browser {name}: yt-dlp can read {known}")
    with tempfile.TemporaryDirectory(prefix="ascc-cookies-") as folder:  # mode 0700
        try:
            found = extract_cookies_from_browser(name, profile or None, WarningLogger())
        except Exception as error:  # whatever a browser's files make of it
            raise SetupError(
                f"the cookies of {name} cannot be read ({error}). Close the browser and try again,"
                " or export them to a file (docs/cookies.md)"
            ) from error
        jar = MozillaCookieJar(Path(folder) / "cookies.txt")
        for cookie in found:
            if f".{cookie.domain}".endswith(".youtube.com"):
                jar.set_cookie(cookie)
        if not len(jar):
            raise SetupError(
                f"{name} has no cookies of youtube.com: sign in there with it, or name another"
                f" profile (--cookies-from-browser {name}:PROFILE)"
            )
        os.close(os.open(str(jar.filename), os.O_CREAT | os.O_WRONLY, 0o600))
        jar.save(ignore_discard=True, ignore_expires=True)
        network = settings.network.model_copy(update={"cookies_file": Path(str(jar.filename))})
        yield settings.model_copy(update={"network": network})
