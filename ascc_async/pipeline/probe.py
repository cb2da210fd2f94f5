"""What a run is joined of, joined once more to try each joint alone: `doctor --online`."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ascc_async.concurrency.process_pool import ProcessPool
from ascc_async.media.clip import Cutter
from ascc_async.media.ffmpeg import FFmpeg, find_ffmpeg
from ascc_async.media.ranges import Ranges
from ascc_async.model import ClipFile, License, Resolved, Segment
from ascc_async.network.cookie_store import CookieStore
from ascc_async.pipeline.run import license_sources
from ascc_async.settings import Settings
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.extractor import Extractor
from ascc_async.youtube.license_sources import LicenseSource
from ascc_async.youtube.media_links import MediaSources
from ascc_async.youtube.session import Sessions

_CLIP_MS = 10_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """A clip that was made and thrown away; `bytes` and `requests` of media that it took."""

    clip: ClipFile
    bytes: int
    requests: int


class Probe:
    """Asks and fetches as a run does, through the same parts, and keeps nothing."""

    def __init__(
        self, settings: Settings, folder: Path, sessions: Sessions, extractor: Extractor
    ) -> None:
        self._settings, self._folder = settings, folder
        self._sessions, self._extractor = sessions, extractor
        self.sources: Sequence[LicenseSource] = license_sources(settings.license, sessions)

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings) -> AsyncIterator[Self]:
        """A probe, and a folder for it that is removed afterwards. Raises SetupError."""
        network = settings.network
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ascc-doctor-")))
            cookies = stack.enter_context(CookieStore(network, folder))
            limiter = RateLimiter(settings.throttle, [one.name for one in network.all_identities()])
            sessions = await stack.enter_async_context(Sessions(network, limiter, cookies.jars))
            pool = await stack.enter_async_context(ProcessPool(1))
            extractor = await stack.enter_async_context(
                Extractor(
                    pool, limiter, network, settings.clips, cookies.copies, private_dir=folder
                )
            )
            yield cls(settings, folder, sessions, extractor)

    @property
    def known(self) -> Mapping[str, License]:
        """The videos whose license is known."""
        license_ = self._settings.license
        return {
            **dict.fromkeys(license_.known_creative_commons, License.CREATIVE_COMMONS),
            **dict.fromkeys(license_.known_standard, License.STANDARD),
        }

    @property
    def signed_out(self) -> frozenset[str]:
        """The identities whose cookies YouTube did not take as signed in."""
        return self._sessions.signed_out

    async def misread(self, source: LicenseSource, identity: str) -> list[str]:
        """What a source reads wrong of the known videos, in words. Raises what `ask` raises."""
        known, wrong = self.known, []
        ids = list(known)
        for first in range(0, len(ids), source.batch_size):
            batch = ids[first : first + source.batch_size]
            for answer in await source.ask(batch, identity=identity):
                # A known video may be gone for good: that says nothing of the source.
                if answer.license not in (known[answer.video_id], License.UNAVAILABLE):
                    wrong.append(f"{answer.video_id} as {answer.license.value}")
        return wrong

    async def resolve(self, video_id: str) -> Resolved:
        """Where the media of a video is. Raises what `Resolver.resolve` raises."""
        return await self._extractor.resolve(video_id)

    async def fetch(self, resolved: Resolved) -> Fetched:
        """Fetch and cut the video's first ten seconds into nowhere. Raises what a clip raises."""
        ffmpeg = FFmpeg(await find_ffmpeg(), 1)
        cutter = Cutter(self._settings.clips, ffmpeg, self._folder)
        ranges = Ranges(MediaSources(self._sessions).source(resolved))
        segment = Segment(resolved.video_id, 0, _CLIP_MS, "", ())
        clip = await cutter.make(ranges, resolved, segment)
        counts = ranges.snapshot()
        return Fetched(clip, counts.bytes, counts.requests)
