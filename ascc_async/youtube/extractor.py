"""Where a video's media is: the real yt-dlp, in processes that can be killed, through the rate
limiter."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from ascc_async import UPGRADE
from ascc_async.concurrency.process_pool import JobFailed, JobTimeout, ProcessPool, SlotDied
from ascc_async.errors import (
    AsccError,
    ItemError,
    NetworkFault,
    Refused,
    Rejected,
    SetupError,
    Unavailable,
    Unexplained,
)
from ascc_async.model import Reason, Resolved
from ascc_async.network.cookies import IdentityCookies
from ascc_async.settings import ClipsSettings, NetworkSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.client_choice import ClientChoice
from ascc_async.youtube.extraction import (
    Credentials,
    ExtractionFailure,
    ExtractionReport,
    PlayerClient,
    WorkerConfig,
    extract,
    lay_out,
)
from ascc_async.youtube.extraction_result import YtdlpText, clean, interpret, ready_at
from ascc_async.youtube.session import StickyIdentity

log = logging.getLogger(__name__)

PRIVATE_FOLDER = ".private"  # in `output.dir`
# Permits to take before: the player; page, player and script for the others. What was really sent
# is settled afterwards.
_EXPECTED_REQUESTS = {PlayerClient.GUEST: 1, PlayerClient.DEFAULT: 3}
# YouTube gives media out only after the advertisement it wanted shown; yt-dlp says when.
_LONGEST_WAIT_FOR_MEDIA = 60.0
# So often in a row not played, whatever is said: it may be the identity, not the videos. Words that
# end a video are said twice, so that no last video ends before a known one is looked at.
_MANY_UNPLAYED = 2
# So many processes in a row that died, with nothing done between: it is not the videos.
_MOST_DEATHS = 8


class _GuestClientFailed(Exception):
    """The guest client failed with `error`, and yt-dlp's default clients may succeed."""

    def __init__(self, identity: str, error: AsccError) -> None:
        self.identity, self.error = identity, error


class Extractor:
    """Resolves videos. One per run; an async context manager, for `private_dir`, yt-dlp's own.

    That is emptied, and gone at the end: no other run may use it. `cookies` by identity may change.
    `sticky`: who asked for a video's license resolves it, unless it rests.
    `known_videos` are there for certain: they show whether an identity is blocked.
    """

    def __init__(
        self,
        pool: ProcessPool,
        limiter: RateLimiter,
        network: NetworkSettings,
        clips: ClipsSettings,
        private_dir: Path,
        cookies: Mapping[str, IdentityCookies] | None = None,
        sticky: StickyIdentity | None = None,
        known_videos: Sequence[str] = (),
    ) -> None:
        self._pool, self._limiter, self._network, self._clips = pool, limiter, network, clips
        self._folder = private_dir
        self._cookies = cookies or {}
        self._sticky = sticky or StickyIdentity(limiter, identities=1)
        self._identities = {identity.name: identity for identity in network.all_identities()}
        self._choice = ClientChoice()
        self._known_videos = known_videos
        self._unplayed_in_a_row: Counter[str] = Counter()
        self._refused: set[str] = set()  # videos
        # Who would wait for a process must not hold a permit of the limiter meanwhile.
        self._processes = asyncio.Semaphore(pool.count)
        self._config: WorkerConfig | None = None
        self._deaths = 0
        self.extractions = self.sent = 0  # videos and requests so far
        self._warned_of_javascript = False

    async def __aenter__(self) -> Self:
        """Lay out the private folder."""
        self._config = await asyncio.to_thread(lay_out, self._folder, self._network)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def resolve(self, video_id: str, *, other_client: bool = False) -> Resolved:
        """Where the media is, and for whom.

        `other_client`: not the one-request client, whose links did not work; its answer has the
        license too. Raises Unavailable, Rejected (no sound), Unexplained, ItemError (`tool_failed`,
        yt-dlp's own words), Refused, NetworkFault, ServerFault, SetupError (no process lives).
        """
        try:
            return await self._resolve(video_id, other_client)
        except (Unavailable, Unexplained) as error:
            identity = error.identity
            if self._unplayed_in_a_row[identity] < _MANY_UNPLAYED:
                raise
            await self._plays_known(identity)
        except Refused as error:
            identity, again = error.identity, video_id in self._refused
            self._refused.add(video_id)
            if not (identity and again and await self._plays_known(identity)):
                raise
        # Known videos are played, maybe after a pause: what is said now is about the video.
        try:
            return await self._resolve(video_id, other_client)
        except Refused as error:
            if error.identity != identity or video_id not in self._refused:
                raise
            words = f"refused, while known videos are played: {error}"
            raise Unexplained(words) from error

    async def _plays_known(self, identity: str) -> bool:
        """Whether a known video is played. Raises Refused where none is for it either."""
        said = ""
        for known in self._known_videos:
            try:
                await self._attempt(known, identity, PlayerClient.DEFAULT)
                return True
            except Rejected:
                return True  # without a sound
            except (Unavailable, Unexplained) as error:
                said = str(error)
            except ItemError:
                pass  # yt-dlp failed: says nothing of the identity
        if said:
            refused = Refused(
                f"YouTube says «{said}» of videos in a row, and of known ones too: it seems to"
                " block this identity (if these are gone for everybody, name others in"
                " license.known_creative_commons)",
                kind="other",
            )
            self._limiter.were_refusals(RequestKind.PLAYER, identity, refused)
            raise refused
        return False

    async def _resolve(self, video_id: str, other_client: bool) -> Resolved:
        """By the client that is best for the identity, then by another one where that may help."""
        sticky = self._sticky.identity_for(video_id, RequestKind.PLAYER, RequestKind.MEDIA)
        client = PlayerClient.DEFAULT if other_client else None
        try:
            return await self._attempt(video_id, sticky, client)
        except _GuestClientFailed as failed:
            identity, guest_error = failed.identity, failed.error
        try:
            resolved = await self._attempt(
                video_id, identity, PlayerClient.DEFAULT, new_video=False
            )
        except AsccError as error:
            self._choice.note_fallback(identity, guest_error, error, time.monotonic())
            # The second answer counts, unless only the first one knew a reason.
            tells_nothing = isinstance(error, Unexplained) or _is_tool_failure(error)
            if tells_nothing and not _is_tool_failure(guest_error):
                raise guest_error from error
            raise
        self._choice.note_fallback(identity, guest_error, None, time.monotonic())
        return resolved

    async def _attempt(
        self,
        video_id: str,
        identity: str | None,
        client: PlayerClient | None,
        *,
        new_video: bool = True,
    ) -> Resolved:
        """One extraction; `client` None: the one that is best for the identity.

        Raises _GuestClientFailed for an error that the default clients may mend.
        """
        async with self._processes:
            # Before the limiter says who is ready first, the first identity stands for all.
            likely = identity or next(iter(self._identities))
            likely_client = client or self._choice.first(likely, time.monotonic())
            waiting = self._limiter.permit(
                RequestKind.PLAYER,
                identity=identity,
                cost=_EXPECTED_REQUESTS[likely_client],
                new_video=new_video,
                # The link is of use only to the identity that asked: no link while its media rests.
                also=(RequestKind.MEDIA,),
                video_id=video_id,
            )
            # What is raised in here decides what the limiter learns.
            async with waiting as permit:
                identity = permit.identity
                client = client or self._choice.first(identity, time.monotonic())
                report = await self._extract(identity, client, video_id)
                permit.sent(report.requests)
                self.sent += report.requests
                self.extractions += new_video
                self._sticky.note(video_id, identity)
                self._log_warnings(identity, report)
                try:
                    resolved = interpret(report, self._clips, identity, time.time())
                except AsccError as error:
                    error.identity = identity
                    cookies, now = self._cookies.get(identity), time.monotonic()
                    signed_in = cookies is not None and cookies.signed_in
                    is_guest = client is PlayerClient.GUEST
                    if is_guest and self._choice.may_fall_back(identity, error, signed_in, now):
                        permit.no_verdict()  # the next client's answer tells
                        raise _GuestClientFailed(identity, error) from error
                    if isinstance(error, Unavailable | Unexplained):
                        permit.no_verdict()  # a block may be worded so
                        self._unplayed_in_a_row[identity] += 1
                    raise
        self._unplayed_in_a_row[identity] = 0
        if client is PlayerClient.GUEST:
            self._choice.note_guest_success(identity)
        wait = ready_at(resolved, report) - time.time()
        if wait > 0:
            await asyncio.sleep(min(wait, _LONGEST_WAIT_FOR_MEDIA))
        return resolved

    def _log_warnings(self, identity: str, report: ExtractionReport) -> None:
        """What yt-dlp says besides, of itself and of what it lacks."""
        if isinstance(report.result, ExtractionFailure) and report.result.traceback:
            log.warning(
                "yt-dlp crashed on a video: update yt-dlp, or report it there if it is up to date",
                extra={"video": report.video_id, "why": clean(report.result.message)},
            )
            # For the log file: links in it may hold keys and passwords.
            lines = [clean(line) for line in report.result.traceback.splitlines()]
            log.debug("yt-dlp's traceback", extra={"traceback": "\n".join(lines)})
        for warning in report.warnings:
            if YtdlpText.UNKNOWN_CLIENT in warning:
                why = "this yt-dlp no longer knows it"
                self._choice.pause_guest(identity, why, time.monotonic())
            if YtdlpText.NO_JAVASCRIPT in warning and not self._warned_of_javascript:
                self._warned_of_javascript = True
                log.warning(
                    "yt-dlp finds no JavaScript runtime: some videos cannot be fetched; install"
                    f" one with: {UPGRADE}"
                )

    async def _extract(
        self, identity: str, client: PlayerClient, video_id: str
    ) -> ExtractionReport:
        """One extraction in a worker process. A process that dies is replaced and tried again."""
        assert self._config is not None, "enter the Extractor first"
        cookies = self._cookies.get(identity)
        text = cookies.as_netscape() if cookies is not None else None
        credentials = Credentials(identity, self._identities[identity].proxy, text)
        # Generous: each request may take its whole timeout, and a script may have to be solved.
        timeout = 30.0 + self._network.timeout_seconds * (1 + _EXPECTED_REQUESTS[client])
        for _ in range(2):
            try:
                report = await self._pool.run(
                    extract, self._config, credentials, client, video_id, timeout=timeout
                )
            except SlotDied as error:
                self._deaths += 1
                log.warning("a yt-dlp process died; starting another", extra={"video": video_id})
                if self._deaths >= _MOST_DEATHS:
                    raise SetupError(
                        f"{self._deaths} yt-dlp processes died in a row: is there enough memory?"
                        " Check yt-dlp with `doctor`, or lower concurrency.extractions"
                    ) from error
            except JobTimeout as error:
                message = f"yt-dlp did not finish within {timeout:.0f} s"
                raise NetworkFault(message, kind="timeout") from error
            except JobFailed as error:
                # All that yt-dlp raises is data by now: no outcome of a video may hide this.
                raise RuntimeError(f"a bug in our yt-dlp process: {error}") from error
            else:
                self._deaths = 0
                return report
        raise ItemError(Reason.TOOL_FAILED, "yt-dlp's process died twice on this video")


def _is_tool_failure(error: AsccError) -> bool:
    return isinstance(error, ItemError) and error.reason is Reason.TOOL_FAILED
