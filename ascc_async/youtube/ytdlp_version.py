"""Which yt-dlp is installed, and how old it is. Does not import it: that takes half a second."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True)
class ToolVersion:
    """`released` is read from the version (2026.8.19); None when it is of another form."""

    version: str
    released: date | None

    def age_days(self, today: date) -> int | None:
        """Days since its release; None when that is unknown."""
        return (today - self.released).days if self.released else None


def ytdlp_version() -> ToolVersion | None:
    """The installed yt-dlp; None when there is none."""
    try:
        found = version("yt-dlp")
    except PackageNotFoundError:
        return None
    return ToolVersion(found, released_on(found))


def released_on(version_text: str) -> date | None:
    """The date in a version such as `2026.8.19` or `2026.08.19.232842.dev0`."""
    told = re.match(r"(20\d\d)\.(\d{1,2})\.(\d{1,2})(\D|$)", version_text)
    try:
        return date(*map(int, told.groups()[:3])) if told else None
    except ValueError:
        return None
