"""The checks of `doctor --online`: each joint between here and a clip, one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import TypeVar

from ascc_async.errors import (
    AsccError,
    LinkExpired,
    NetworkFault,
    Refused,
    ServerFault,
    SetupError,
    SourceUnusable,
    Unavailable,
)
from ascc_async.model import Resolved
from ascc_async.pipeline.probe import Probe
from ascc_async.progress.check import Check, State, failed, passed, warning
from ascc_async.progress.words import size
from ascc_async.settings import Settings
from ascc_async.youtube.license_sources import LicenseSource

_LONGEST = 120.0  # seconds for one check
_UPDATE = "pip install --upgrade ascc-async 'yt-dlp[default]'"
_T = TypeVar("_T")


def online_checks(settings: Settings) -> Iterator[Check]:
    """Licenses by each source, then one clip from beginning to end, kept nowhere."""
    with asyncio.Runner() as runner:
        checks = _all(settings)
        while (check := runner.run(anext(checks, None))) is not None:
            yield check


async def _all(settings: Settings) -> AsyncIterator[Check]:
    try:
        async with Probe.opened(settings) as probe:
            async for check in _sources(settings, probe):
                yield check
            for identity in sorted(probe.signed_out):
                yield warning(
                    f"cookies of {identity}",
                    "YouTube takes them as a guest's: they have expired or were signed out",
                    "export them again from the browser (docs/cookies.md)",
                )
            async for check in _one_clip(settings, probe):
                yield check
    except SetupError as error:
        yield failed("network", str(error))


async def _sources(settings: Settings, probe: Probe) -> AsyncIterator[Check]:
    """One source that works is enough for a run: the others are warnings then."""
    checks = []
    for identity in settings.network.all_identities():
        for source in probe.sources:
            checks.append(await _source(probe, source, identity.name))
    works = any(check.state is State.PASSED for check in checks)
    for check in checks:
        state = State.WARNING if works and check.state is State.FAILED else check.state
        yield Check(check.name, state, check.found, check.remedy)


async def _source(probe: Probe, source: LicenseSource, identity: str) -> Check:
    name, began = f"{source.name} as {identity}", time.monotonic()
    try:
        wrong = await _within(probe.misread(source, identity))
    except AsccError as error:
        return failed(name, str(error), _remedy(error))
    if wrong:
        return failed(name, f"reads {', '.join(wrong)}", f"YouTube's pages have changed: {_UPDATE}")
    took = time.monotonic() - began
    return passed(name, f"reads all {len(probe.known)} known videos right, in {took:.1f} s")


async def _one_clip(settings: Settings, probe: Probe) -> AsyncIterator[Check]:
    """The joints of a clip, on the first of the known videos that is still there."""
    resolved: Resolved | None = None
    check = failed("yt-dlp resolves", "no video in license.known_creative_commons")
    for video_id in settings.license.known_creative_commons:
        check, resolved = await _resolve(probe, video_id)
        if resolved is not None:
            break
    yield check
    if resolved is not None:
        yield await _fetch(probe, resolved)


async def _resolve(probe: Probe, video_id: str) -> tuple[Check, Resolved | None]:
    try:
        resolved = await _within(probe.resolve(video_id))
    except AsccError as error:
        return failed("yt-dlp resolves", f"{video_id}: {error}", _remedy(error)), None
    track = resolved.audio
    told = f"{video_id}: {track.format_id} {track.container} {track.codec}, as {resolved.identity}"
    return passed("yt-dlp resolves", told), resolved


async def _fetch(probe: Probe, resolved: Resolved) -> Check:
    try:
        done = await _within(probe.fetch(resolved))
    except AsccError as error:
        return failed("media and ffmpeg", f"{resolved.video_id}: {error}", _remedy(error))
    return passed(
        "media and ffmpeg",
        f"{done.clip.duration_seconds:.1f} s of sound out of {size(done.bytes)} in"
        f" {done.requests} requests; thrown away",
    )


async def _within(work: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout(_LONGEST):
            return await work
    except TimeoutError:
        raise ServerFault(f"nothing within {_LONGEST:.0f} s") from None


def _remedy(error: AsccError) -> str:
    """What to do about an error, by its class."""
    match error:
        case Refused():
            return "YouTube refuses this address for now: wait an hour, use cookies, or a proxy"
        case NetworkFault(kind="certificate"):
            return "name the proxy's certificate authority in network.ca_file"
        case NetworkFault(kind="proxy" | "proxy_auth"):
            return "look at network.proxy: host, port, user and password"
        case NetworkFault():
            return "is the network up? A proxy (network.proxy) may reach YouTube where you cannot"
        case SourceUnusable():
            return "look at license.api_keys (docs/data-api.md)"
        case Unavailable():
            return "name another video in license.known_creative_commons"
        case ServerFault() | LinkExpired():
            return "try again later"
    return f"YouTube may have changed: {_UPDATE}"
