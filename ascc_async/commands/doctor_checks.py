"""The checks of `doctor` that need nobody but this machine and the user's own proxies."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from ascc_async import UPGRADE
from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.metadata_files import files_of
from ascc_async.audioset.selection import select
from ascc_async.audioset.video_lists import read_video_lists
from ascc_async.dataset.removals import read_removals
from ascc_async.errors import AsccError, MetadataError, SetupError, StopRun
from ascc_async.files import network_file_system, size
from ascc_async.journal.backup import backup_of
from ascc_async.journal.lock import holder
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.media.encoding import encoders
from ascc_async.media.ffmpeg import check_encoders, find_ffmpeg
from ascc_async.network.client import trusted_authorities
from ascc_async.network.cookies import load_cookies
from ascc_async.progress.formatting import count, moment
from ascc_async.settings import IdentitySettings, Settings, without_password
from ascc_async.youtube.extraction import javascript_runtimes, released_on, ytdlp_version

_OLD_DAYS = 60  # YouTube changes every few weeks, and yt-dlp follows within days
_GB = 1_000_000_000
_CONNECT_SECONDS = 5.0
# Where the proxy's address names no port: the usual one of its scheme.
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_GUEST = "none: asks as a guest, who is permitted about a quarter of an account's requests"
_COOKIES_HELP = "docs/cookies.md shows how, step by step"


class State(StrEnum):
    """`LATER`: not there yet, a run gets it. `UNCHECKED`: nobody looked at it.

    `FAILED`: a run could not work like this.
    """

    PASSED = "passed"
    LATER = "later"
    UNCHECKED = "unchecked"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, what was found, and what to do about it ("": nothing)."""

    name: str
    state: State
    found: str
    remedy: str = ""


def passed(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, State.PASSED, found)


def warning(name: str, found: str, remedy: str) -> Check:
    """A run works, but less well than it could."""
    return Check(name, State.WARNING, found, remedy)


def failed(name: str, found: str, remedy: str = "") -> Check:
    """A run could not work."""
    return Check(name, State.FAILED, found, remedy)


def local_checks(settings: Settings) -> Iterator[Check]:
    """One after the other, as they are done."""
    yield passed("settings", "read, all values are allowed")
    yield passed("Python", f"{platform.python_version()} on {platform.system()}")
    for checks in (_output, _earlier_runs, _programs, _metadata, _lists):
        try:
            yield from checks(settings)
        except OSError as error:  # somebody else's folder: the other checks go on
            remedy = "give yourself the right to read and write there, or name another"
            yield failed("rights", f"{error.filename}: {error.strerror}", remedy)


def _output(settings: Settings) -> Iterator[Check]:
    folder = settings.output.dir
    existing = _existing(folder)
    try:
        # Tried, not looked up: permission bits say nothing of read-only mounts and quotas.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        remedy = "choose another output.dir, or give yourself the right to write there"
        yield failed("output folder", f"{existing} cannot be written: {error.strerror}", remedy)
    else:
        new = "" if folder.exists() else " (made by the first run)"
        yield passed("output folder", f"{folder}{new}")
    if (system := network_file_system(existing)) is not None:
        yield warning(
            "output folder",
            f"{existing} is on {system}: the database of a run may break there, and locks may fail",
            "choose an output.dir on a disk of this machine",
        )
    free, least = shutil.disk_usage(existing).free, settings.output.min_free_gb * _GB
    text = f"{size(free)} free, {size(least)} are kept free (output.min_free_gb)"
    if free < least:
        yield failed("disk", text, "make room, or choose another output.dir: no clips are fetched")
    else:
        yield passed("disk", text)


def _earlier_runs(settings: Settings) -> Iterator[Check]:
    """What runs have left in the output folder, or leave there just now."""
    folder = settings.output.dir
    if folder.exists() and (by := holder(folder)) is not None:
        yield warning(
            "other run",
            f"process {by.pid} on {by.host} runs here since {moment(by.began)}",
            "wait for it: a second run in the same folder is refused (`python -m"
            " ascc_async status` shows it)",
        )
    try:
        read_removals(folder)
    except AsccError as error:
        yield failed("removal list", str(error))
    journal = folder / JOURNAL_NAME
    if not journal.exists():
        yield passed("journal", "none yet: no run has worked in this folder so far")
        return
    try:
        with closing(Reader(journal)) as reader:
            reader.learned()  # one small table: a look through all of it is the run's own start
    except AsccError as error:
        if backup_of(journal).exists():
            yield warning("journal", str(error), "none needed: the next run uses the copy")
        else:
            yield failed("journal", str(error))
    else:
        yield passed("journal", f"readable, {size(journal.stat().st_size)}")


def _programs(settings: Settings) -> Iterator[Check]:
    try:
        # The same two steps with which a run begins, so that both say the same.
        installed = asyncio.run(find_ffmpeg())
        check_encoders(installed, encoders(settings.clips))
    except StopRun as error:
        yield failed("ffmpeg", str(error))
    else:
        made = " and ".join(encoders(settings.clips))
        yield passed("ffmpeg", f"{installed.version} with {made} ({installed.path})")

    version = ytdlp_version()
    # None for a build of one's own, whose version is no date: then its age is not judged.
    released = released_on(version) if version else None
    age = (date.today() - released).days if released else None
    text = f"{version}, {age} days old" if released else version or "not installed"
    if version is None:
        yield failed("yt-dlp", text, UPGRADE)
    elif age is not None and age > _OLD_DAYS:
        yield warning("yt-dlp", text, f"YouTube changes often: {UPGRADE}")
    else:
        yield passed("yt-dlp", text)

    runtimes = javascript_runtimes()
    if runtime := next((runtime for runtime in runtimes if runtime.supported), None):
        found = f"{runtime.name} {runtime.version} ({runtime.path})"
        yield passed("JavaScript runtime", found)
    else:
        # A warning only: most videos can be resolved without.
        old = ", ".join(f"{runtime.name} {runtime.version}" for runtime in runtimes)
        yield warning(
            "JavaScript runtime",
            f"too old for yt-dlp: {old}" if old else "none found",
            f"without one some videos cannot be fetched: {UPGRADE}",
        )


def _metadata(settings: Settings) -> Iterator[Check]:
    audioset = settings.audioset
    needed = files_of(audioset.splits)
    missing = [file for file in needed if file.find(audioset.metadata_dir) is None]
    if missing:
        # Nothing is downloaded here: `doctor` must be quick, and work without a network.
        new = "" if audioset.metadata_dir.exists() else " (no such folder yet)"
        text = f"{len(missing)} of {len(needed)} files will be downloaded"
        remedy = "if you have them already, name their folder in audioset.metadata_dir"
        yield Check("metadata", State.LATER, f"{text} into {audioset.metadata_dir}{new}", remedy)
        if not os.access(_existing(audioset.metadata_dir), os.W_OK):
            remedy = "choose another audioset.metadata_dir, or put the files there yourself"
            yield failed("metadata folder", f"{audioset.metadata_dir} cannot be written", remedy)
        return
    try:
        catalog = read_catalog(audioset)
        selection = select(catalog, settings.classes, settings.sampling)
    except StopRun as error:
        yield failed("metadata", str(error))
        return
    text = f"{count(len(catalog.segments))} segments, {count(len(selection))} selected"
    # Not wrong in itself: whoever cut the files down for a try means it so.
    other = [file.name for file in catalog.inputs if not file.official]
    if other:
        remedy = "fine if you meant that; else delete them, and a run downloads Google's"
        yield warning("metadata", f"{text}; not Google's own: {', '.join(other)}", remedy)
    else:
        yield passed("metadata", f"{text}; all files are Google's own")


def _lists(settings: Settings) -> Iterator[Check]:
    paths = settings.license.ask_first
    if not paths:
        return
    try:
        ids = sum(map(len, read_video_lists(paths).values()))
    except MetadataError as error:
        remedy = "correct the file, or license.ask_first"
        yield failed("lists to ask first", str(error), remedy)
    else:
        yield passed("lists to ask first", f"{count(ids)} ids (license.ask_first)")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def network_checks(settings: Settings) -> Iterator[Check]:
    """How YouTube is to be reached: identity by identity, then what all share."""
    network, license_ = settings.network, settings.license
    for identity in network.all_identities():
        yield _cookies(identity)
        yield _proxy(identity)
    if network.ca_file is not None:
        try:
            trusted_authorities(network.ca_file)
        except SetupError as error:
            yield failed("ca_file", str(error))
        else:
            yield passed("ca_file", f"{network.ca_file} is trusted beside the system's")
    if keys := len(license_.api_keys):
        yield passed("Data API keys", f"{keys} given, 50 licenses a request")
    elif license_.sources == ("data_api",):
        yield failed(
            "Data API keys",
            "none, and license.sources names no other source",
            "give one in ASCC_LICENSE__API_KEYS (docs/data-api.md), or name more sources",
        )
    else:
        yield passed("Data API keys", "none: licenses are read page by page (docs/data-api.md)")


def _cookies(identity: IdentitySettings) -> Check:
    name = f"cookies of {identity.name}"
    if identity.cookies_file is None:
        return passed(name, _GUEST)
    try:
        jar = load_cookies(identity.cookies_file)
    except SetupError as error:
        return failed(name, str(error), _COOKIES_HELP)
    if jar.warnings:
        return warning(name, "; ".join(jar.warnings), _COOKIES_HELP)
    return passed(name, f"{identity.cookies_file} holds a sign-in")


def _proxy(identity: IdentitySettings) -> Check:
    name = f"proxy of {identity.name}"
    if identity.proxy is None:
        return passed(name, "none: YouTube is asked directly")
    # Only whether it takes connections: whether it lets us through shows with `--online`.
    shown, parts = without_password(identity.proxy), urlsplit(identity.proxy)
    address = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        socket.create_connection(address, _CONNECT_SECONDS).close()
    except OSError as error:
        remedy = "is it running, is the port right?"
        why = error.strerror or "no answer"
        return failed(name, f"{shown} cannot be reached: {why}", remedy)
    return passed(name, f"{shown} takes connections")
