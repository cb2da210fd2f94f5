"""`python -m benchmarks.time_left_virtual`: does the foretold finish hold, on virtual time?

The rate limiter and the time left against limits they are not told, as `time_left` has it, without
a process or a network: a run of half an hour takes seconds, and a busy machine changes nothing.
Each case `--seeds` times, every ten seconds a sample. Wanted as there: under 20 %.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
from collections import Counter
from dataclasses import dataclass
from math import inf

from ascc_async.concurrency.shutdown import ShutdownSnapshot
from ascc_async.errors import Refused
from ascc_async.model import License
from ascc_async.pipeline.pace import Done, Pace
from ascc_async.pipeline.snapshot import Phase, RunSnapshot
from ascc_async.pipeline.work_queue import WorkQueueSnapshot
from ascc_async.progress.time_left import time_left
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter
from tests import fakeclock
from tests.throttle.hidden_limit import HiddenLimit

EVERY = 10.0
MISSING, SHAREABLE = 0.2, 0.015  # shares of the videos
VIDEOS_A_CALL = 49


@dataclass(frozen=True)
class Case:
    """A run of about so many `minutes`; `pause`: seconds of refusals after each breach."""

    minutes: float
    limit: float
    pause: float
    identities: int = 1
    key: bool = False


CASES = (
    *(Case(minutes, 12, minutes / 2) for minutes in (4, 10, 30)),
    *(Case(minutes, 3, minutes / 2) for minutes in (4, 30)),
    *(Case(minutes, 6, minutes / 2, identities=2) for minutes in (4, 30)),
    *(Case(minutes, 3, minutes / 2, key=True) for minutes in (4, 30)),
    Case(4, 12, 25),
    Case(10, 12, 25),
    Case(10, 3, 25, key=True),
    Case(30, 12, 60),
)


class VirtualRun:
    """Licenses and clips through the limiter, and what is foretold meanwhile."""

    def __init__(self, case: Case, seed: int) -> None:
        self.case, self.rng, self.pace = case, random.Random(seed), Pace()
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.servers = {
            f"i{n}": HiddenLimit(case.limit, case.pause) for n in range(case.identities)
        }
        self.limiter = RateLimiter(
            ThrottleSettings(),
            [*self.servers],
            clock=self.loop.time,
            wall=self.loop.time,
            rng=self.rng,
        )
        pages = 2.1 * SHAREABLE + (0 if case.key else 1 + MISSING)  # a video
        self.videos = round(case.minutes * 60 * case.limit * case.identities * 0.85 / pages)
        self.count = Counter[str]()
        self.found: asyncio.Queue[bool] = asyncio.Queue()
        self.samples: list[tuple[float, float | None]] = []

    async def run(self) -> list[tuple[float, float | None]]:
        """The samples after the first quarter: what was left, and how wrong that was foretold."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            clips = [tasks.create_task(self._make_clips()) for _ in range(8)]
            async with asyncio.TaskGroup() as licenses:
                for _ in range(32):
                    licenses.create_task(self._ask_licenses())
            for _ in clips:
                self.found.put_nowait(False)
            await asyncio.wait(clips)
            for _ in range(4):  # known videos
                await self._send(RequestKind.PAGES)
            await asyncio.sleep(2.5)  # the dataset
            watching.cancel()
        ended = self.loop.time()
        took = ended - self.began
        return [
            (
                ended - at,
                None if left is None else abs(left - (ended - at)) / max(ended - at, took / 10),
            )
            for at, left in self.samples
            if at - self.began >= took / 4
        ]

    async def _send(self, kind: RequestKind) -> None:
        while True:
            try:
                async with self.limiter.permit(kind) as permit:
                    counted = RequestKind.PAGES in kind.limits
                    server, now = self.servers[permit.identity], self.loop.time()
                    answered = not counted or server.answers(now)
                    await asyncio.sleep(self.rng.uniform(0.02, 0.15))
                    if not answered:
                        raise Refused("refused", kind="rate")
                    return
            except Refused:
                continue

    async def _ask_licenses(self) -> None:
        while (left := self.videos - self.count["taken"]) > 0:
            at_once = min(left, VIDEOS_A_CALL if self.case.key else 1)
            self.count["taken"] += at_once
            await self._send(RequestKind.DATA_API if self.case.key else RequestKind.PAGES)
            for _ in range(at_once):
                if not self.case.key and self.rng.random() < MISSING:
                    await self._send(RequestKind.PLAYER)
                if self.rng.random() < SHAREABLE:
                    self.count["found"] += 1
                    self.found.put_nowait(True)
                self.count["videos"] += 1

    async def _make_clips(self) -> None:
        while await self.found.get():
            self.count["clip pages"] += 1
            await self._send(RequestKind.PLAYER)
            self.count["extractions"] += 1
            self.count["clip pages"] += 1
            for kind in (RequestKind.PAGES, RequestKind.MEDIA, RequestKind.MEDIA):
                await self._send(kind)
            self.count["clips"] += 1

    async def _watch(self) -> None:
        while True:
            limiter, now, count = self.limiter.snapshot(), self.loop.time(), self.count
            sent: dict[str, dict[RequestKind, int]] = {}
            for bucket in limiter.buckets:
                sent.setdefault(bucket.identity, {})[bucket.kind] = bucket.sent
            done = Done(
                now,
                videos=count["videos"],
                clips=count["clips"],
                extractions=count["extractions"],
                clip_pages=count["clip pages"],
                requests=sent,
                paused=self.pace.paused(now, limiter),
            )
            self.pace.note(done)
            licenses = dict.fromkeys(License, 0) | {License.CREATIVE_COMMONS: count["found"]}
            frame = RunSnapshot(
                at=now,
                started_at=self.began,
                phase=Phase.WORKING,
                stopping=ShutdownSnapshot(False, "", None),
                work_queue=WorkQueueSnapshot(
                    self.videos,
                    count["videos"],
                    licenses,
                    {},
                    count["clips"],
                    count["found"] - count["clips"],
                    to_ask=self.videos - count["videos"],
                ),
                limiter=limiter,
                done=done,
                minute_ago=self.pace.at(now - 60),
                half_ago=self.pace.at((now + self.began) / 2),
            )
            left = time_left(frame).whole
            self.samples.append((now, None if left == inf else left))
            await asyncio.sleep(EVERY)


async def _samples(case: Case, seed: int) -> list[tuple[float, float | None]]:
    return await VirtualRun(case, seed).run()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.time_left_virtual")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each case")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print("minutes limit pause identities key   worst  over 20 %  unknown  mean")
    for case in CASES:
        runs = [fakeclock.run(_samples(case, seed)) for seed in range(options.seeds)]
        told = [wrong for run in runs for _, wrong in run if wrong is not None]
        number = sum(map(len, runs))
        over = f"{sum(wrong >= 0.2 for wrong in told)} of {number}"
        print(
            f"{case.minutes:7g} {case.limit:5g} {case.pause:5g} {case.identities:10} {case.key!s:5}"
            f" {max(told):6.0%} {over:>10} {number - len(told):8} {sum(told) / len(told):5.0%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
