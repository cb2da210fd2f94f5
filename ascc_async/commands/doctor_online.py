"""The checks of `doctor --online`: each step between here and a clip, one after the other.

They ask and fetch through the same parts as a run, and keep nothing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ascc_async import UPGRADE
from ascc_async.audioset.download import fetch_missing
from ascc_async.audioset.metadata_files import files_of
from ascc_async.commands.doctor_checks import Check, State, failed, passed, warning
from ascc_async.errors import (
    AsccError,
    LinkExpired,
    NetworkFault,
    Refused,
    ServerFault,
    SetupError,
    SourceUnusable,
    Transient,
    Unavailable,
    Unexplained,
)
from ascc_async.files import size
from ascc_async.media.cut import Cutter
from ascc_async.media.ffmpeg import FFmpeg, find_ffmpeg
from ascc_async.media.ranges import Ranges
from ascc_async.model import Resolved, Segment
from ascc_async.network.cookies import CookieStore
from ascc_async.pipeline.known_videos import KnownVideos
from ascc_async.pipeline.source_router import CHANGED
from ascc_async.pipeline.watched_source import BLOCKED
from ascc_async.pipeline.youtube_access import YouTubeAccess
from ascc_async.progress.formatting import say
from ascc_async.settings import Settings
from ascc_async.youtube.license_sources import LicenseSource

_LONGEST = 120.0  # seconds for one check: a refused request is tried again after long pauses
_CLIP_MS = 10_000
_T = TypeVar("_T")


def online_checks(settings: Settings) -> Iterator[Check]:
    """Licenses by each source, then one clip from beginning to end."""
    say("asking YouTube, which takes up to a minute …", sys.stderr)
    # One event loop from first to last: connections and processes stay open between checks, while
    # each result is shown as soon as it is there.
    with asyncio.Runner() as runner:
        checks = _all_checks(settings)
        try:
            while (check := runner.run(anext(checks, None))) is not None:
                yield check
        except SetupError as error:
            yield failed("network", str(error))


async def _all_checks(settings: Settings) -> AsyncIterator[Check]:
    known = KnownVideos(settings.license, unreachable=lambda: False)
    cookies = CookieStore(settings.network)
    with tempfile.TemporaryDirectory(prefix="ascc-doctor-") as name:
        folder = Path(name)
        async with YouTubeAccess.opened(settings, cookies, folder / "yt-dlp", {}) as youtube:
            # Each source as each identity, on the known videos
            checks = [
                await _check_source(source, identity, known, youtube)
                for identity in youtube.identities
                for source in youtube.sources
            ]
            one_works = any(check.state is State.PASSED for check in checks)
            for check in checks:
                # One source that works is enough for a run: the others are warnings then.
                demoted = one_works and check.state is State.FAILED
                yield replace(check, state=State.WARNING) if demoted else check
            # Only an answer shows it: YouTube takes dead cookies without a word, as a guest's.
            for identity in sorted(youtube.signed_out):
                yield warning(
                    f"cookies of {identity}",
                    "YouTube takes them as a guest's: they have expired or were signed out",
                    "export them again from the browser (docs/cookies.md)",
                )
            async for check in _clip_checks(settings, youtube, folder):
                yield check
    audioset = settings.audioset
    if any(file.find(audioset.metadata_dir) is None for file in files_of(audioset.splits)):
        yield await _check_metadata(settings)


async def _check_metadata(settings: Settings) -> Check:
    with tempfile.TemporaryDirectory(prefix="ascc-doctor-") as name:
        # Without the splits: the small files are from the same two places.
        small = settings.audioset.model_copy(update={"metadata_dir": Path(name), "splits": ()})
        try:
            await _within_limit(fetch_missing(small, settings.network, lambda *progress: None))
        except AsccError as error:
            message = str(error).replace(name, str(settings.audioset.metadata_dir))
            remedy = "look at network.proxy, audioset.base_url and audioset.ontology_url"
            return failed("metadata download", message, remedy)
    return passed("metadata download", "the small files came, and were discarded")


async def _check_source(
    source: LicenseSource, identity: str, known: KnownVideos, youtube: YouTubeAccess
) -> Check:
    name, began = f"{source.name} as {identity}", time.monotonic()
    try:
        look = await _within_limit(known.read(source, known.all, identity))
    except AsccError as error:
        fault = error.__cause__ if isinstance(error.__cause__, Transient) else error
        if youtube.limiter.is_away(identity) and not isinstance(fault, NetworkFault):
            # After a fault that an earlier check has met, nobody is asked for some seconds.
            fault = error = NetworkFault("no network, as said above")
        return failed(name, str(error), _remedy(fault))
    if look.misread:
        return failed(name, f"reads {look.wrong}, which is wrong", CHANGED)
    if look.silent:
        return failed(name, f"shows no video whose license is known: {look.wrong}", BLOCKED)
    took = time.monotonic() - began
    return passed(name, f"reads videos whose license is known right, in {took:.1f} s")


async def _clip_checks(
    settings: Settings, youtube: YouTubeAccess, folder: Path
) -> AsyncIterator[Check]:
    """From yt-dlp to a cut clip, on the first of the known videos that is still there."""
    resolved: Resolved | None = None
    check = failed("yt-dlp finds media", "no video in license.known_creative_commons")
    for video_id in settings.license.known_creative_commons:
        try:
            resolved = await _within_limit(youtube.extractor.resolve(video_id))
        except AsccError as error:
            check = failed("yt-dlp finds media", f"{video_id}: {error}", _remedy(error))
            continue
        track = resolved.audio
        stream = f"{track.format_id} {track.container} {track.codec}"
        check = passed("yt-dlp finds media", f"{video_id}: {stream}, as {resolved.identity}")
        break
    yield check
    if resolved is None:
        return
    # In a temporary folder: a check must not leave a clip that no journal knows.
    cutter = Cutter(settings.clips, FFmpeg(await find_ffmpeg(), 1), folder)
    ranges = Ranges(youtube.media_links.source(resolved))
    segment = Segment(resolved.video_id, 0, _CLIP_MS, "", ())
    try:
        clip = await _within_limit(cutter.make(ranges, resolved, segment))
    except AsccError as error:
        yield failed("media and ffmpeg", f"{resolved.video_id}: {error}", _remedy(error))
        return
    yield passed(
        "media and ffmpeg",
        f"{clip.duration_seconds:.1f} s of sound out of {size(ranges.received)} in"
        f" {ranges.requests} requests; discarded",
    )


async def _within_limit(work: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout(_LONGEST):
            return await work
    except TimeoutError as error:
        raise ServerFault(f"nothing within {_LONGEST:.0f} s") from error


def _remedy(error: AsccError) -> str:
    """What to do about an error, by its class."""
    match error:
        case Refused() | Unexplained():
            return "YouTube refuses this address for now: wait an hour, use cookies, or a proxy"
        case NetworkFault(kind="certificate"):
            return "name the proxy's certificate authority in network.ca_file"
        case NetworkFault(kind="proxy" | "proxy_auth"):
            return "look at network.proxy: host, port, user and password"
        case NetworkFault():
            return "a proxy (network.proxy) may reach YouTube where you cannot"
        case SourceUnusable():
            return "look at license.api_keys (docs/data-api.md)"
        case Unavailable():
            return "name another video in license.known_creative_commons"
        case ServerFault() | LinkExpired():
            return "try again later"
    return f"YouTube may have changed: {UPGRADE}"
