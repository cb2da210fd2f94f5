"""Who is asked next: questions wait in line until a machine has room for them."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable

from ascc_async.cluster.machine import Machine
from ascc_async.errors import Closed, Refused
from ascc_async.throttle.bucket import RequestKind

_BEFORE_ANOTHER_TRY = 1.0  # seconds
_FOR_CLIPS = (RequestKind.PAGES, RequestKind.PLAYER, RequestKind.MEDIA)


class Turns:
    """Lines of questions. `most`: how many a machine has in flight; `working`: those there are.

    Clips go first, in at most half of what a machine has in flight: where only its player requests
    are refused, licenses go on there.
    """

    def __init__(
        self, most: int, working: Callable[[], list[Machine]], wall: Callable[[], float]
    ) -> None:
        self._most, self._working, self._wall = most, working, wall
        # For clips or not, and the license source that a question is about.
        self._lines: defaultdict[tuple[bool, str], deque[asyncio.Future[Machine]]]
        self._lines = defaultdict(deque)
        self.closed = False

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    async def take(self, source: str, for_clip: bool) -> Machine:
        """A machine with room for a question, which it has in flight until it is `given_back`.

        `source`: the license source it is about. Raises Closed, and Refused when that source is
        misread by all.
        """
        if self.closed:
            raise Closed("the run is stopping")
        granted: asyncio.Future[Machine] = asyncio.get_running_loop().create_future()
        self._lines[for_clip, source].append(granted)
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
                self.give_back(granted.result(), for_clip)
            raise

    def give_back(self, machine: Machine, for_clip: bool) -> None:
        """The machine has answered, or never will."""
        machine.in_flight -= 1
        machine.for_clips -= for_clip
        self.hand_out()

    def hand_out(self) -> None:
        """Let go who may go."""
        now, working = self._wall(), self._working()
        for (for_clip, source), line in sorted(self._lines.items(), reverse=True):
            kinds = _FOR_CLIPS if for_clip else (RequestKind.PAGES,)
            ready = [
                each
                for each in (working if line else ())
                if self._has_room(each, for_clip)
                and source not in each.shut
                and each.rests_until(*kinds) <= now
            ]
            while line:
                if not line[0].done():  # else cancelled
                    if ready:
                        machine = min(ready, key=lambda each: each.in_flight)
                        machine.in_flight += 1
                        machine.for_clips += for_clip
                        line[0].set_result(machine)
                        if not self._has_room(machine, for_clip):
                            ready.remove(machine)
                    elif working and all(source in each.shut for each in working):
                        line[0].set_exception(Refused(f"no machine reads {source} right"))
                    else:
                        break
                line.popleft()

    def _has_room(self, machine: Machine, for_clip: bool) -> bool:
        some = not for_clip or 2 * machine.for_clips < self._most
        return some and machine.in_flight < self._most

    def close(self) -> None:
        """Whoever waits is turned away, and whoever comes."""
        self.closed = True
        for line in self._lines.values():
            for granted in line:
                if not granted.done():
                    granted.set_exception(Closed("the run is stopping"))
        self._lines.clear()
