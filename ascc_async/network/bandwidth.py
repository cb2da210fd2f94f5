"""How fast large downloads may be, all of a run's together."""

from __future__ import annotations

import asyncio


class Bandwidth:
    """At most so many megabits a second; None for as fast as it goes."""

    def __init__(self, megabits_per_second: float | None) -> None:
        self._seconds_a_byte = 8e-6 / megabits_per_second if megabits_per_second else 0.0
        self._free_at = 0.0

    async def spend(self, size: int) -> None:
        """So many bytes have come: wait until they might have come at that speed."""
        if not self._seconds_a_byte:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + size * self._seconds_a_byte
        await asyncio.sleep(self._free_at - now)
