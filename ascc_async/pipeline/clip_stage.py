"""The clip stage: for every Creative Commons video, its ten seconds, checked and in place."""

from __future__ import annotations

import asyncio
import logging
import math
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.concurrency.stage import Stage
from ascc_async.dataset.reasons import REASON_FACTS
from ascc_async.errors import (
    AsccError,
    Closed,
    GaveUp,
    ItemError,
    LinkExpired,
    NetworkFault,
    Refused,
    Rejected,
    ServerFault,
    Unavailable,
    Unexplained,
)
from ascc_async.files import DiskFull
from ascc_async.journal.records import ClipRow
from ascc_async.journal.writer import Journal
from ascc_async.model import Outcome, Reason
from ascc_async.pipeline.clip_maker import ClipMaker, ClipResult
from ascc_async.pipeline.setbacks import NONE_YET, Setbacks
from ascc_async.pipeline.work_queue import WorkQueue

log = logging.getLogger(__name__)

_TRIES = 3  # failures that were this video's own, in one run
_LOOKS = 2  # at a video that YouTube does not play, in one run
# Refusals of one video while others were fetched. More than tries: YouTube refuses in bursts.
_MOST_SETBACKS = 12
_LOOK_EVERY = 1.0  # seconds: nobody announces that a disk has room again
_SAY_AGAIN_EVERY = 600.0  # seconds
_GB = 1_000_000_000
# Room for some clips. A quota, or blocks kept for root, make writes fail while there seems to be
# room: without a step upwards the next clip would fail at once.
_STEP = 20_000_000


class Disk:
    """Free disk where `folder` lies: below `min_free_gb` no new clips until there is room again."""

    def __init__(self, folder: Path, min_free_gb: float, give_up_after_hours: float) -> None:
        self._folder, self._needed = folder, int(min_free_gb * _GB)
        self._give_up_after_hours = give_up_after_hours
        self.waiting = False  # whether clips wait for room
        self._after_full = 0

    def note_full(self) -> None:
        """A write failed for lack of room: wait until there is clearly more than now."""
        self._after_full = self.free() + _STEP

    async def wait_for_room(self, licenses_go_on: Callable[[], bool]) -> None:
        """Return when there is more free disk than `min_free_gb`; said when it begins and ends.

        Said again every ten minutes once all licenses are asked. Raises GaveUp when it lasts
        longer than `give_up_after_hours` from then on.
        """
        now = asyncio.get_running_loop().time
        idle_since, said_at = math.inf, -math.inf
        while (free := self.free()) < max(self._needed, self._after_full):
            idle_since = math.inf if licenses_go_on() else min(idle_since, now())
            if now() - idle_since > self._give_up_after_hours * 3600:
                raise GaveUp(
                    f"{self._folder}: the disk has been full for"
                    f" {self._give_up_after_hours:g} hours ({_gigabytes(free)} are free),"
                    " and nothing is left to do but clips. Make room, or lower output.min_free_gb,"
                    " then run the same command again to go on"
                )
            if not self.waiting or now() - max(said_at, idle_since) >= _SAY_AGAIN_EVERY:
                self.waiting, said_at = True, now()
                log.warning(
                    "little free disk: no new clips until there is more",
                    extra={"free": _gigabytes(free), "min_free": _gigabytes(self._needed)},
                )
            await asyncio.sleep(_LOOK_EVERY)
        self._after_full = 0
        if self.waiting:
            self.waiting = False
            log.warning(
                "enough free disk again: clips are made again", extra={"free": _gigabytes(free)}
            )

    def free(self) -> int:
        """Free bytes."""
        return shutil.disk_usage(self._folder).free


@dataclass(slots=True)
class _Trouble:
    """What went wrong with one row so far in this run."""

    failures: int = 0
    unreadable: int = 0
    unplayed: int = 0
    setbacks: Setbacks = NONE_YET

    def failed(self, error: AsccError) -> ClipResult | None:
        """Not now: tried again in this run, a few times, and in every later one."""
        self.failures += 1
        if self.failures < _TRIES:
            return None
        reason = error.reason if isinstance(error, ItemError) else Reason.NETWORK
        return ClipResult(Outcome.PENDING, reason=reason, detail=str(error))


class ClipStage:
    """Takes Creative Commons rows from the work queue, leaves clips and records."""

    def __init__(
        self,
        workers: int,
        maker: ClipMaker,
        encoding: str,
        disk: Disk,
        network_away: Callable[[], bool],
        work_queue: WorkQueue,
        journal: Journal,
        shutdown: Shutdown,
    ) -> None:
        """`network_away`: some identity has no network, so that faults blame no video."""
        self._maker, self._encoding, self._disk = maker, encoding, disk
        self._network_away, self._work_queue, self._journal = network_away, work_queue, journal
        self._trouble: dict[int, _Trouble] = {}
        self.made = 0
        self._stage: Stage[int] = Stage(
            "clips", self._feed(), self._work, workers=workers, shutdown=shutdown
        )

    async def run(self) -> None:
        """Until every wanted clip is made or cannot be, or the run drains."""
        await self._stage.run()

    async def _feed(self) -> AsyncGenerator[int, None]:
        while True:
            row = self._work_queue.next_clip()
            if row is not None:
                await self._disk.wait_for_room(lambda: not self._work_queue.licenses_done)
                yield row
            # While licenses are asked more may come, and what is being made may come again.
            elif self._work_queue.licenses_done and not self._work_queue.making:
                return
            else:
                await self._work_queue.wait_change()

    async def _work(self, row: int) -> None:
        result = await self._make(row)
        if result is None:
            self._work_queue.clip_again(row)
            return
        segment = self._work_queue.segment(row)
        # Of what may not be shared nobody is named.
        credit = result.credit if result.outcome is not Outcome.NOT_SHAREABLE else None
        record = ClipRow(
            segment.segment_id,
            segment.video_id,
            self._encoding,
            result.outcome,
            time.time(),
            reason=result.reason,
            detail=result.detail,
            clip=result.clip,
            title=credit.title if credit else "",
            channel=credit.channel if credit else "",
            channel_id=credit.channel_id if credit else "",
        )
        await self._journal.record(record, *([result.evidence] if result.evidence else []))
        # Memory must not grow with the number of clips.
        del self._trouble[row]
        self._work_queue.clip_done(row, record)

    async def _make(self, row: int) -> ClipResult | None:
        """What becomes of it in this run; None: its turn comes again.

        Every kind of failure says what happens next; see the error tree in `errors`.
        """
        segment = self._work_queue.segment(row)
        trouble = self._trouble.setdefault(row, _Trouble())
        try:
            # Before a clip is given up as unreadable, the last try takes another container.
            other_container = trouble.unreadable >= _TRIES - 1
            result = await self._maker.make(segment, other_container=other_container)
            self.made += result.clip is not None
            return result
        except DiskFull as error:
            log.warning("the disk is full: the clip is made later", extra={"why": str(error)})
            self._disk.note_full()
            return None
        except Closed:
            return None  # the run is stopping: the next one makes it
        except GaveUp:
            # Licenses may still come from the Data API, for days: then clips only wait.
            if not self._work_queue.asking:
                raise
            await asyncio.sleep(_LOOK_EVERY)
            return None
        except (Refused, NetworkFault) as error:
            if isinstance(error, NetworkFault) and not self._network_away():
                return trouble.failed(error)
            # A refusal, or a network that is away, says nothing of the video: no attempt is used.
            trouble.setbacks = trouble.setbacks.one_more(self.made)
            again = trouble.setbacks.counted < _MOST_SETBACKS
            return None if again else ClipResult(Outcome.PENDING, detail=str(error))
        except (ServerFault, LinkExpired) as error:
            return trouble.failed(error)
        except Unexplained as error:
            # It may be a block: once more after the others, then in every later run.
            trouble.unplayed += 1
            if trouble.unplayed < _LOOKS:
                return None
            log.warning(
                "YouTube does not play a video and does not say why: you may be blocked"
                " (cookies or another identity may help), or it is gone; the next run asks"
                " again",
                extra={"video": segment.video_id, "why": str(error)},
            )
            return ClipResult(Outcome.PENDING, detail=str(error))
        except Unavailable as error:
            # A block may speak so, and is noticed by the second: what ends a video is said twice.
            trouble.unplayed += 1
            if REASON_FACTS[error.reason].hopeless and trouble.unplayed < _LOOKS:
                return None
            return ClipResult(Outcome.UNAVAILABLE, reason=error.reason, detail=str(error))
        except Rejected as error:
            # What is corrupt may have become so on its way: it is fetched again.
            trouble.unreadable += 1
            if error.reason is Reason.CORRUPT and trouble.unreadable < _TRIES:
                return None
            return ClipResult(Outcome.REJECTED, reason=error.reason, detail=str(error))
        except ItemError as error:
            log.warning(
                "yt-dlp or ffmpeg failed on a video: it is tried again, then left for the next run",
                extra={"video": segment.video_id, "why": str(error)},
            )
            trouble.unreadable += 1
            return trouble.failed(error)


def _gigabytes(number: int) -> str:
    return f"{number / _GB:.2f} GB"
