"""Which fault, if any, hits a request: seeded by video, so that a run can be repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

from ascc_async.standin.world_settings import Fault

COMMON = ("next", "player", "watch", "data_api", "media")
"""Endpoints that a fault hits when it names none."""


class Faults:
    """Draws faults; keeps a count only for what was hit."""

    def __init__(self, seed: int, faults: Sequence[Fault]) -> None:
        self._seed, self._faults = seed, tuple(faults)
        self._hits: Counter[tuple[int, str]] = Counter()

    def draw(self, endpoint: str, videos: Sequence[str], path: str, identity: str) -> Fault | None:
        """The first fault that hits this request. Its use is counted."""
        for number, fault in enumerate(self._faults):
            if endpoint not in (fault.endpoints or COMMON):
                continue
            if fault.identities and identity not in fault.identities:
                continue
            if fault.videos is not None and not set(fault.videos) & set(videos):
                continue
            about = f"{endpoint} {videos[0] if videos else path}"
            if self._is_hit(number, fault, about):
                return fault
        return None

    def _is_hit(self, number: int, fault: Fault, about: str) -> bool:
        if fault.share < 1 and self._drawn(number, fault, about) >= fault.share:
            return False
        if fault.times == 0:
            return True
        if self._hits[number, about] >= fault.times:
            return False
        self._hits[number, about] += 1
        return True

    def _drawn(self, number: int, fault: Fault, about: str) -> float:
        text = f"{self._seed} {number} {fault.name} {about}".encode()
        return int.from_bytes(blake2b(text, digest_size=6).digest(), "big") / 2**48
