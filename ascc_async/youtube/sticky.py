"""Who asked for a video, so that its later requests come from the same identity."""

from __future__ import annotations

from ascc_async.throttle.limiter import RateLimiter, RequestKind

# Videos between their license request and their clip: more than ever wait there.
_KEPT = 20_000


class StickyIdentity:
    """Remembers the newest videos' identities, some thousand of them; idle where there is one."""

    def __init__(self, limiter: RateLimiter, *, identities: int) -> None:
        self._limiter = limiter
        self._kept = _KEPT if identities > 1 else 0
        self._by: dict[str, str] = {}

    def note(self, video_id: str, identity: str) -> None:
        """This identity asked for the video."""
        if not self._kept:
            return
        self._by.pop(video_id, None)
        if len(self._by) >= self._kept:  # the oldest goes
            del self._by[next(iter(self._by))]
        self._by[video_id] = identity

    def whom(self, video_id: str, *kinds: RequestKind) -> str | None:
        """Who is to ask next; None: anybody, since nobody is known or that one rests.

        `kinds`: of the requests that are to follow.
        """
        identity = self._by.get(video_id)
        if identity is None:
            return None
        resting = any(self._limiter.resting_until(kind, identity) is not None for kind in kinds)
        return None if resting else identity
