"""Who is asked next: questions wait in line until a machine has room for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from ascc_async.cluster.machine import Machine
from ascc_async.errors import Closed, Refused

_BEFORE_ANOTHER_TRY = 1.0  # seconds


class Turns:
    """A line of questions. `most`: how many a machine has in flight; `working`: those there are."""

    def __init__(
        self, most: int, working: Callable[[], list[Machine]], wall: Callable[[], float]
    ) -> None:
        self._most, self._working, self._wall = most, working, wall
        self._line: deque[tuple[str, asyncio.Future[Machine]]] = deque()  # with the source
        self.closed = False

    def __len__(self) -> int:
        return len(self._line)

    async def take(self, source: str, first: bool) -> Machine:
        """A machine with room for a question, which it has in flight from now on.

        `source`: the license source it is about; `first`: before all others that wait. Raises
        Closed, and Refused when that source is misread by all.
        """
        if self.closed:
            raise Closed("the run is stopping")
        granted: asyncio.Future[Machine] = asyncio.get_running_loop().create_future()
        put_in_line = self._line.appendleft if first else self._line.append
        put_in_line((source, granted))
        self.hand_out()
        try:
            return await granted
        except Refused:
            # Whoever tries again at once would hold the event loop, and machines that read it right
            # could not come.
            await asyncio.sleep(_BEFORE_ANOTHER_TRY)
            raise
        except asyncio.CancelledError:
            if not granted.cancelled() and granted.exception() is None:
                granted.result().in_flight -= 1
            raise

    def hand_out(self) -> None:
        """Let go who may go."""
        now, working = self._wall(), self._working()
        ready = [
            each for each in working if each.in_flight < self._most and each.rests_until() <= now
        ]
        while self._line:
            source, granted = self._line[0]
            if not granted.done():  # else cancelled
                free = [each for each in ready if source not in each.shut]
                if free:
                    machine = min(free, key=lambda each: each.in_flight)
                    machine.in_flight += 1
                    granted.set_result(machine)
                    if machine.in_flight == self._most:
                        ready.remove(machine)
                elif working and all(source in each.shut for each in working):
                    granted.set_exception(Refused(f"no machine reads {source} right"))
                else:
                    return
            self._line.popleft()

    def close(self) -> None:
        """Whoever waits is turned away, and whoever comes."""
        self.closed = True
        for _, granted in self._line:
            if not granted.done():
                granted.set_exception(Closed("the run is stopping"))
        self._line.clear()
