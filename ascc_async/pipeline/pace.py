"""What a run got done and when: the source of the speeds shown and of the time left."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot
from ascc_async.throttle.limiter import RateLimiterSnapshot

_KEPT = 24 * 360  # a day's, of one every ten seconds


@dataclass(frozen=True, slots=True)
class Done:
    """All that this run had done by `at` (POSIX seconds).

    `videos`: licenses answered; `clips`: segments whose clip was made, or cannot be; `made`: those
    made; `media_bytes`: fetched for them; `extractions`:
    videos that yt-dlp answered about; `requests`: sent, by identity and kind; `clip_pages`: the
    pages among them that were for clips. `paused`: seconds in which no identity could ask, by kind.
    """

    at: float
    videos: int = 0
    clips: int = 0
    extractions: int = 0
    clip_pages: int = 0
    requests: dict[str, dict[RequestKind, int]] = field(default_factory=dict)
    paused: dict[RequestKind, float] = field(default_factory=dict)
    made: int = 0
    media_bytes: int = 0

    def sent(self, kind: RequestKind) -> int:
        """Requests of one kind, of all identities."""
        return sum(by_kind.get(kind, 0) for by_kind in self.requests.values())

    def sent_by(self, bucket: BucketSnapshot) -> int:
        """Requests of one identity and kind."""
        return self.requests.get(bucket.identity, {}).get(bucket.kind, 0)


class Pace:
    """Remembers what was done in the last day."""

    def __init__(self) -> None:
        self._noted: deque[Done] = deque(maxlen=_KEPT)

    def note(self, done: Done) -> None:
        """Remember; every ten seconds."""
        self._noted.append(done)

    def paused(self, at: float, limiter: RateLimiterSnapshot) -> dict[RequestKind, float]:
        """Seconds in which no identity could ask, up to now; those of a pause that is over may be
        some short.
        """
        last = self._noted[-1] if self._noted else Done(at)
        seconds = {}
        for kind in RequestKind:
            rests = [each.resting_since for each in limiter.buckets if each.kind is kind]
            since = max((at if each is None else each for each in rests), default=at)
            # A machine's clock may be ahead.
            seconds[kind] = last.paused.get(kind, 0.0) + max(0.0, at - max(since, last.at))
        return seconds

    def at(self, moment: float) -> Done | None:
        """How it stood then, or at the beginning when that was later."""
        first = self._noted[0] if self._noted else None
        return next((done for done in reversed(self._noted) if done.at <= moment), first)
