"""The checks of `doctor` that need nobody but this machine."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.inputs import find, needed
from ascc_async.audioset.selection import select
from ascc_async.dataset.removals import read_removals
from ascc_async.errors import AsccError, StopRun
from ascc_async.journal.lock import holder
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.media.cut import check_settings, encoders
from ascc_async.media.ffmpeg import check_encoders, find_ffmpeg
from ascc_async.progress.check import Check, failed, passed, warning
from ascc_async.progress.words import count, size
from ascc_async.settings import Settings
from ascc_async.youtube.javascript import find_runtime, outdated_runtimes
from ascc_async.youtube.ytdlp_version import ytdlp_version

_OLD_DAYS = 60
_LEAST_PYTHON = (3, 11)
_GB = 1_000_000_000
_UPDATE = "pip install --upgrade 'yt-dlp[default]'"


def local_checks(settings: Settings) -> Iterator[Check]:
    """One after the other, as they are done."""
    yield _python()
    yield from _output(settings)
    yield _journal(settings.output.dir)
    yield _ffmpeg(settings)
    yield _ytdlp()
    yield _javascript()
    yield from _metadata(settings)


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()}"
    if sys.version_info[:2] < _LEAST_PYTHON:
        return failed("Python", found, "install Python 3.11 or later")
    return passed("Python", found)


def _output(settings: Settings) -> Iterator[Check]:
    folder = settings.output.dir
    there = next(path for path in (folder, *folder.parents) if path.exists())
    yield _writable(folder, there)
    free, least = shutil.disk_usage(there).free, settings.output.min_free_gb * _GB
    told = f"{size(free)} free, {size(least)} are kept free (output.min_free_gb)"
    if free < least:
        yield failed("disk", told, "make room, or choose another output.dir: no clips are fetched")
    else:
        yield passed("disk", told)
    by = holder(folder) if folder.exists() else None
    if by is not None:
        yield warning(
            "other run",
            f"process {by.pid} on {by.host} runs here since {by.since}",
            "wait for it: a second run in the same folder is refused (`status` shows it)",
        )


def _writable(folder: Path, there: Path) -> Check:
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        remedy = "choose another output.dir, or give yourself the right to write there"
        return failed("output folder", f"{there} cannot be written: {error.strerror}", remedy)
    new = "" if folder.exists() else " (made by the first run)"
    return passed("output folder", f"{folder}{new}")


def _journal(output: Path) -> Check:
    path = output / JOURNAL_NAME
    if not path.exists():
        return passed("journal", "none yet: nothing was done here so far")
    try:
        with closing(Reader(path)) as reader:
            reader.learned()
        read_removals(output)
    except AsccError as error:
        return failed("journal", str(error))
    return passed("journal", f"readable, {size(path.stat().st_size)}")


def _ffmpeg(settings: Settings) -> Check:
    try:
        check_settings(settings.clips)
        installed = asyncio.run(find_ffmpeg())
        check_encoders(installed, encoders(settings.clips))
    except StopRun as error:
        return failed("ffmpeg", str(error))
    made = " and ".join(encoders(settings.clips))
    return passed("ffmpeg", f"{installed.version} with {made} ({installed.path})")


def _ytdlp() -> Check:
    tool = ytdlp_version()
    if tool is None:
        return failed("yt-dlp", "not installed", _UPDATE)
    age = tool.age_days(date.today())
    told = f"{tool.version}" + (f", {age} days old" if age is not None else "")
    if age is not None and age > _OLD_DAYS:
        return warning("yt-dlp", told, f"YouTube changes often: {_UPDATE}")
    return passed("yt-dlp", told)


def _javascript() -> Check:
    runtime = find_runtime()
    if runtime is not None:
        return passed("JavaScript runtime", f"{runtime.name} {runtime.version} ({runtime.path})")
    old = ", ".join(f"{one.name} {one.version}" for one in outdated_runtimes())
    return warning(
        "JavaScript runtime",
        f"too old for yt-dlp: {old}" if old else "none found",
        "some videos cannot be resolved without: pip install --upgrade 'yt-dlp[default,deno]'",
    )


def _metadata(settings: Settings) -> Iterator[Check]:
    audioset = settings.audioset
    names = needed(audioset.splits)
    missing = [name for name in names if find(audioset.metadata_dir, name) is None]
    if missing:
        told = f"{len(missing)} of {len(names)} files are downloaded by the first run"
        yield passed("metadata", f"{told}, into {audioset.metadata_dir}")
        if _folder_refuses(audioset.metadata_dir):
            remedy = "choose another audioset.metadata_dir, or put the files there yourself"
            yield failed("metadata folder", f"{audioset.metadata_dir} cannot be written", remedy)
        return
    try:
        catalog = read_catalog(audioset)
        selection = select(catalog, settings.classes, settings.sampling)
    except StopRun as error:
        yield failed("metadata", str(error))
        return
    told = f"{count(len(catalog.segments))} segments, {count(len(selection))} selected"
    other = [one.name for one in catalog.inputs if not one.official and one.name in names]
    if other:
        remedy = "fine if you meant that; else delete them, and a run downloads Google's"
        yield warning("metadata", f"{told}; not Google's own: {', '.join(other)}", remedy)
    else:
        yield passed("metadata", f"{told}; all files are Google's own")


def _folder_refuses(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return not os.access(there, os.W_OK)
