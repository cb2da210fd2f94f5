"""`python -m benchmarks.gate`: the rate limiter against limits it is not told.

On virtual time: hidden limits of 0.5, 3 and 20 requests a second (any 10 s), each breach punished
by 5 s, 60 s or 10 min in which all is refused, over 100 pauses and at least an hour; steady, then
dropping to a third half way, then doubling half way. Kept is a row with 80 % of what was permitted
and less than 2 % refused. Side by side: a fixed rate 20 % too high, one 20 % too low, and plain
halving at each refusal.

`--quick` leaves out the longest runs, `--ours` the others. `--real` instead takes two minutes each
against the stand-in, beside yt-dlp's own sleeping.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Literal

from ascc_async.errors import Refused
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter
from benchmarks import gate_real
from tests import fakeclock
from tests.throttle.hidden_limit import HiddenLimit, Sender, Trace, send

Change = Literal["steady", "to a third", "doubles"]
LIMITS, PAUSES = (0.5, 3.0, 20.0), (5.0, 60.0, 600.0)
CHANGES: tuple[Change, ...] = ("steady", "to a third", "doubles")
FACTORS: dict[Change, float] = {"steady": 1.0, "to a third": 1 / 3, "doubles": 2.0}
THROTTLE = ThrottleSettings(max_requests_per_second=100)
IN_FLIGHT = 32


@dataclass(frozen=True)
class Cell:
    """One run: requests a second permitted, seconds of a pause, what happens half way."""

    limit: float
    pause: float
    change: Change

    @property
    def seconds(self) -> float:
        """100 pauses and at least an hour."""
        return max(3600.0, 100 * self.pause)

    def server(self) -> HiddenLimit:
        """A fresh server."""
        return HiddenLimit(
            self.limit, self.pause, changes_at=self.seconds / 2, factor=FACTORS[self.change]
        )


@dataclass
class FixedRate:
    """What the others send with: one request every `1 / rate` seconds, no rest, no memory."""

    rate: float
    next_at: float = 0.0

    def wait(self, now: float, cost: int) -> float:
        """Seconds until the next may go."""
        return max(0.0, self.next_at - now) if self.next_at - now > 1e-9 else 0.0

    def take(self, now: float, cost: int) -> None:
        """One goes."""
        self.next_at = max(self.next_at, now) + 1 / self.rate

    def answered(self, now: float, started_at: float) -> None:
        """A fixed rate learns nothing."""

    def refused(self, now: float, started_at: float, error: Refused) -> None:
        """A fixed rate learns nothing."""


class Halving(FixedRate):
    """Half at each refusal, a hundredth more at each answer."""

    def answered(self, now: float, started_at: float) -> None:
        """A little faster."""
        self.rate = min(100.0, self.rate * 1.01)

    def refused(self, now: float, started_at: float, error: Refused) -> None:
        """Half as fast."""
        self.rate = max(0.02, self.rate / 2)


async def _through_the_limiter(cell: Cell) -> Trace:
    loop, rng, trace, server = asyncio.get_running_loop(), random.Random(7), Trace(), cell.server()
    begin = loop.time()
    limiter = RateLimiter(THROTTLE, ["main"], clock=loop.time, rng=rng)

    async def one_request() -> None:
        async with limiter.permit(RequestKind.PAGES):
            now = loop.time() - begin
            answered = server.answers(now)
            (trace.answered if answered else trace.refused).append(now)
            await asyncio.sleep(rng.uniform(0.05, 0.5))
            if not answered:
                raise Refused("refused", kind="rate")

    async def worker() -> None:
        while loop.time() - begin < cell.seconds:
            try:
                await one_request()
            except Refused:
                continue

    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(worker())
    return trace


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    cell: Cell
    who: str
    early: float
    late: float
    refused: float
    count: int
    within: float | None

    def __str__(self) -> str:
        cell = self.cell
        within = "" if self.within is None else f"{self.within:6.1f}"
        return (
            f"{cell.limit:5g} {cell.pause:5g}  {cell.change:<11} {self.who:<16}"
            f" {self.early:7.1%} {self.late:7.1%} {self.refused:8.2%} {self.count:7d} {within:>7}"
        )


HEAD = (
    "limit pause  half way    who                whole/   last  refused  number  pauses\n"
    "  /s     s                               half of 1   half                   to 90%"
)


def _row(cell: Cell, who: str, trace: Trace) -> Row:
    seconds, server = cell.seconds, cell.server()
    before, after = server.permitted(0), server.permitted(seconds)
    if cell.change == "steady":
        spans = ((0.0, seconds), (seconds / 2, seconds))
    else:
        spans = ((seconds / 4, seconds / 2), (seconds * 3 / 4, seconds))
    early = trace.goodput(*spans[0]) / before
    late = trace.goodput(*spans[1]) / after
    within = _pauses_to(trace, cell) if cell.change == "doubles" else None
    share, count = trace.refused_share(), len(trace.refused)
    return Row(cell, who, early, late, share, count, within)


def _pauses_to(trace: Trace, cell: Cell, span: float = 20.0) -> float:
    """Pauses from the change to the first `span` with 90 % of the new limit; inf: never."""
    half = cell.seconds / 2
    for step in itertools.count():
        end = half + span + step * 5
        if end > cell.seconds:
            return float("inf")
        if trace.goodput(end - span, end) >= 0.9 * 2 * cell.limit:
            return (end - half) / cell.pause
    raise AssertionError


def run(cell: Cell, who: str) -> Row:
    """One run, in this process."""
    logging.disable()
    if who == "the rate limiter":
        return _row(cell, who, fakeclock.run(_through_the_limiter(cell)))
    others: dict[str, Sender] = {
        "20 % too high": FixedRate(1.2 * cell.limit),
        "20 % too low": FixedRate(0.8 * cell.limit),
        "halve on refusal": Halving(0.28),
    }
    return _row(cell, who, send(others[who], cell.server(), cell.seconds))


WHO = ("the rate limiter", "20 % too high", "20 % too low", "halve on refusal")


def passes(row: Row) -> bool:
    """Whether a row of ours keeps the promise."""
    return row.early >= 0.8 and row.late >= 0.8 and row.refused < 0.02


def table(quick: bool, ours: bool) -> bool:
    """Print the table of the runs on virtual time; true when the limiter keeps every promise."""
    cells = [Cell(*one) for one in itertools.product(LIMITS, PAUSES, CHANGES)]
    if quick:
        cells = [cell for cell in cells if cell.limit * cell.seconds <= 200_000]
    spawn = multiprocessing.get_context("spawn")
    kept = True
    print(HEAD)
    with ProcessPoolExecutor(os.cpu_count(), spawn) as pool:
        runs = [pool.submit(run, cell, who) for cell in cells for who in WHO[: 1 if ours else None]]
        for done in runs:
            row = done.result()
            mark = ""
            if row.who == WHO[0]:
                kept = kept and passes(row)
                mark = "  kept" if passes(row) else "  MISSED"
            print(f"{row}{mark}", flush=True)
    return kept


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate")
    parser.add_argument("--quick", action="store_true", help="leave out the longest runs")
    parser.add_argument("--ours", action="store_true", help="leave out the others")
    parser.add_argument("--real", action="store_true", help="for real, against the stand-in")
    parser.add_argument("--seconds", type=float, default=120.0, help="length of each real run")
    options = parser.parse_args()
    if options.real:
        asyncio.run(gate_real.real(options.seconds))
        return
    raise SystemExit(0 if table(options.quick, options.ours) else 1)


if __name__ == "__main__":
    main()
