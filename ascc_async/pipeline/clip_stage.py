"""The clip stage: for every Creative Commons video, its ten seconds, checked and in place."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import Stage
from ascc_async.errors import (
    AsccError,
    ItemError,
    LinkExpired,
    NetworkFault,
    Refused,
    Rejected,
    ServerFault,
    Unavailable,
)
from ascc_async.files import DiskFull
from ascc_async.journal.records import ClipRow
from ascc_async.journal.writer import Journal
from ascc_async.media.ranges import Ranges, RangeSource
from ascc_async.model import ClipFile, License, LicenseAnswer, Outcome, Reason, Resolved, Segment
from ascc_async.pipeline.disk import Disk
from ascc_async.pipeline.work_queue import WorkQueue
from ascc_async.throttle.limiter import Closed

log = logging.getLogger(__name__)

_TRIES = 3  # failures that were this video's own, in one run
_MOST_SETBACKS = 12
_LINKS = 3  # links resolved for one clip before it is left


class Extractor(Protocol):
    """Finds out where a video's media is."""

    async def resolve(self, video_id: str, *, other_client: bool = False) -> Resolved:
        """Raises Unavailable, Rejected, ItemError, Refused, NetworkFault, ServerFault."""
        ...


class Media(Protocol):
    """Makes the source of a resolved video's bytes."""

    def source(self, resolved: Resolved, *, again: bool = False) -> RangeSource: ...


class Cutter(Protocol):
    """Makes the clip, checked and in place."""

    async def make(self, ranges: Ranges, resolved: Resolved, segment: Segment) -> ClipFile:
        """Raises LinkExpired, Rejected, Refused, NetworkFault, ServerFault."""
        ...


# A second look at the license, by another source and as the identity that resolved the video.
LicenseConfirmation = Callable[[Resolved], Awaitable[LicenseAnswer | None]]


@dataclass(slots=True)
class _Trouble:
    """What went wrong with one row so far in this run."""

    failures: int = 0
    unreadable: int = 0
    setbacks: int = 0
    answered: int = -1


class ClipStage:
    """Takes Creative Commons rows from the ledger, leaves clips and records."""

    def __init__(
        self,
        workers: int,
        extractor: Extractor,
        media: Media,
        cutter: Cutter,
        form: str,
        confirm_license: LicenseConfirmation,
        disk: Disk,
        away: Callable[[], bool],
        work_queue: WorkQueue,
        journal: Journal,
        shutdown: Shutdown,
    ) -> None:
        """`away`: whether the network of some identity is away, so that faults blame no video."""
        self._extractor, self._media, self._cutter = extractor, media, cutter
        self._form, self._confirm_license, self._disk = form, confirm_license, disk
        self._away = away
        self._work_queue, self._journal = work_queue, journal
        self._trouble: dict[int, _Trouble] = {}
        self.made = 0
        self.received = 0
        self.stage: Stage[int] = Stage(
            "clips", self._feed(), self._work, workers=workers, shutdown=shutdown
        )

    async def run(self) -> None:
        """Until every wanted clip is made or cannot be, or the run drains."""
        await self.stage.run()

    async def _feed(self) -> AsyncIterator[int]:
        while True:
            row = self._work_queue.next_clip()
            if row is not None:
                await self._disk.wait_for_room()
                yield row
            elif self._work_queue.licenses_done and not self._work_queue.making:
                return
            else:
                await self._work_queue.wait_change()

    async def _work(self, row: int) -> None:
        segment = self._work_queue.segment(row)
        try:
            done = await self._clip(row, segment)
        except DiskFull as error:
            log.warning("a clip found no room", extra={"why": str(error)})
            self._disk.note_full()
            self._work_queue.clip_again(row)
        except Closed:
            self._work_queue.clip_again(row)
        except Refused as error:
            await self._set_back(row, segment, error)
        except NetworkFault as error:
            fail = self._set_back if self._away() else self._fail
            await fail(row, segment, error)
        except (ServerFault, LinkExpired) as error:
            await self._fail(row, segment, error)
        except Unavailable as error:
            await self._end(row, self._row(segment, Outcome.UNAVAILABLE, error.reason, str(error)))
        except Rejected as error:
            await self._reject(row, segment, error)
        except ItemError as error:
            log.warning(
                "a tool failed: dataset/unavailable.csv keeps its words",
                extra={"video": segment.video_id, "why": str(error)},
            )
            self._trouble.setdefault(row, _Trouble()).unreadable += 1
            await self._fail(row, segment, error)
        else:
            await self._end(row, done)

    async def _clip(self, row: int, segment: Segment) -> ClipRow:
        resolved = await self._extractor.resolve(segment.video_id)
        if self._work_queue.is_removed(segment, resolved.channel_id, resolved.channel):
            # Only now is the channel known. Kept as pending, should the list change again.
            detail = "the removal list names it"
            return self._row(segment, Outcome.PENDING, None, detail, resolved=resolved)
        seen = await self._confirm_license(resolved)
        if seen is not None and seen.license is License.STANDARD:
            detail = f"{seen.source} shows the standard license"
            return self._row(segment, Outcome.NOT_SHAREABLE, Reason.LICENSE_CHANGED, detail)
        clip, resolved = await self._make(row, segment, resolved)
        self.made += 1
        return self._row(segment, Outcome.CLIP, None, "", clip, resolved)

    async def _make(
        self, row: int, segment: Segment, resolved: Resolved
    ) -> tuple[ClipFile, Resolved]:
        for links in range(1, _LINKS + 1):
            resolved = self._readable(row, resolved)
            ranges = Ranges(self._media.source(resolved, again=links > 1))
            try:
                return await self._cutter.make(ranges, resolved, segment), resolved
            except LinkExpired:
                if links == _LINKS:
                    raise
            finally:
                self.received += ranges.snapshot().bytes
            resolved = await self._extractor.resolve(segment.video_id, other_client=links > 1)
        raise AssertionError("unreachable")

    def _readable(self, row: int, resolved: Resolved) -> Resolved:
        """Before it is given up, the same sound in another container is tried, if there is one."""
        trouble = self._trouble.get(row)
        if trouble is None or trouble.unreadable < _TRIES - 1 or resolved.other_audio is None:
            return resolved
        log.info(
            "sound that cannot be read is taken from another container",
            extra={"video": resolved.video_id, "format_id": resolved.other_audio.format_id},
        )
        return replace(resolved, audio=resolved.other_audio, other_audio=None)

    async def _set_back(self, row: int, segment: Segment, error: AsccError) -> None:
        """A refusal, or a network that is away, says nothing of the video: its turn comes again.

        No attempt is used. It counts only when other clips were made meanwhile, so that one video
        which always is refused does not keep a run from ending.
        """
        trouble = self._trouble.setdefault(row, _Trouble())
        trouble.setbacks += trouble.answered != self.made
        trouble.answered = self.made
        if trouble.setbacks < _MOST_SETBACKS:
            self._work_queue.clip_again(row)
            return
        await self._end(row, self._row(segment, Outcome.PENDING, None, str(error)))

    async def _fail(self, row: int, segment: Segment, error: AsccError) -> None:
        """Not now: tried again in this run, a few times, and in every later one."""
        trouble = self._trouble.setdefault(row, _Trouble())
        trouble.failures += 1
        if trouble.failures < _TRIES:
            self._work_queue.clip_again(row)
            return
        reason = error.reason if isinstance(error, ItemError) else Reason.NETWORK
        await self._end(row, self._row(segment, Outcome.PENDING, reason, str(error)))

    async def _reject(self, row: int, segment: Segment, error: Rejected) -> None:
        """What was corrupt may have become so on its way: it is fetched again."""
        trouble = self._trouble.setdefault(row, _Trouble())
        trouble.unreadable += 1
        if error.reason is Reason.CORRUPT and trouble.unreadable < _TRIES:
            self._work_queue.clip_again(row)
            return
        await self._end(row, self._row(segment, Outcome.REJECTED, error.reason, str(error)))

    async def _end(self, row: int, clip: ClipRow) -> None:
        await self._journal.record(clip)
        self._trouble.pop(row, None)
        self._work_queue.clip_done(row, clip)

    def _row(
        self,
        segment: Segment,
        outcome: Outcome,
        reason: Reason | None,
        detail: str,
        clip: ClipFile | None = None,
        resolved: Resolved | None = None,
    ) -> ClipRow:
        return ClipRow(
            segment.segment_id,
            segment.video_id,
            self._form,
            outcome,
            self._work_queue.now(),
            reason=reason,
            detail=detail,
            clip=clip,
            title=resolved.title if resolved else "",
            channel=resolved.channel if resolved else "",
            channel_id=resolved.channel_id if resolved else "",
        )
