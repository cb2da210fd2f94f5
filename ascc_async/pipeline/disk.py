"""Free disk: below `output.min_free_gb` no new clips are started until there is room again."""

from __future__ import annotations

import asyncio
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_LOOK_EVERY = 5.0  # seconds: nobody announces that a disk has room again
_GB = 1_000_000_000
# Room for some clips. A quota, or blocks kept for root, make writes fail while there seems to be
# room: without a step upwards the next clip would fail at once.
_STEP = 20_000_000


@dataclass(frozen=True, slots=True)
class DiskSnapshot:
    """Free and required bytes where the output lies; `waiting`: clips wait for room."""

    free: int
    needed: int
    waiting: bool


class Disk:
    """Watches the file system that `folder` lies on."""

    def __init__(self, folder: Path, min_free_gb: float) -> None:
        self._folder, self._needed = folder, int(min_free_gb * _GB)
        self._waiting = False
        self._after_full = 0

    def note_full(self) -> None:
        """A write failed for lack of room: wait until there is clearly more than now."""
        self._after_full = self._free() + _STEP

    async def wait_for_room(self) -> None:
        """Return when there is more free disk than `min_free_gb`; said once, and once when over."""
        while (free := self._free()) < max(self._needed, self._after_full):
            if not self._waiting:
                self._waiting = True
                log.warning(
                    "little free disk: no new clips until there is more",
                    extra={"free_bytes": free, "min_free_bytes": self._needed},
                )
            await asyncio.sleep(_LOOK_EVERY)
        self._after_full = 0
        if self._waiting:
            self._waiting = False
            log.warning("there is room again: going on", extra={"free_bytes": free})

    def snapshot(self) -> DiskSnapshot:
        """How things stand now."""
        return DiskSnapshot(self._free(), self._needed, self._waiting)

    def _free(self) -> int:
        return shutil.disk_usage(self._folder).free
