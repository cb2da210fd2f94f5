"""Which of yt-dlp's clients to ask first, learned per identity. Pure: `now` is handed in."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from dataclasses import dataclass

from ascc_async.errors import AsccError, Refused
from ascc_async.youtube.ytdlp_records import Strategy

log = logging.getLogger(__name__)

# One request is all the cheap client needs. yt-dlp's defaults: page, player, config, script.
_FIRST_COSTS = {Strategy.CHEAP: 1.0, Strategy.DEFAULTS: 3.0}
_CHEAP_RESTS = 3600.0
_DETOUR_RESTS = 600.0
_FRUITLESS = 3


@dataclass(slots=True)
class _Identity:
    cheap_rests_until: float = -math.inf
    detours_rest_until: float = -math.inf
    fruitless: int = 0


class Routes:
    """Remembers where the cheap client is of no use, and where a detour only brings more refusals.

    The cheap client is left alone for an hour once yt-dlp's defaults succeeded `_FRUITLESS` times
    in a row where it brought nothing or was refused (once says little: a short pause may just have
    ended between the two). After a refusal that the
    defaults met as well, no detour is made for ten minutes: YouTube means the identity.
    """

    def __init__(self) -> None:
        self._identities: defaultdict[str, _Identity] = defaultdict(_Identity)
        self._costs = dict(_FIRST_COSTS)

    def first(self, identity: str, now: float) -> Strategy:
        """Whom to ask first."""
        resting = now < self._identities[identity].cheap_rests_until
        return Strategy.DEFAULTS if resting else Strategy.CHEAP

    def may_detour(self, identity: str, error: AsccError, now: float) -> bool:
        """Whether to try the defaults after the cheap client failed with `error`."""
        return (
            not isinstance(error, Refused) or now >= self._identities[identity].detours_rest_until
        )

    def cost(self, strategy: Strategy) -> int:
        """Requests to reserve for an extraction: what the last ones took, rounded up."""
        return math.ceil(self._costs[strategy] - 0.05)

    def note_cost(self, strategy: Strategy, requests: int) -> None:
        """Learn from what an extraction really sent."""
        if requests:
            self._costs[strategy] += 0.2 * (requests - self._costs[strategy])

    def note_cheap_success(self, identity: str) -> None:
        """The cheap client brought media."""
        self._identities[identity].fruitless = 0

    def note_detour(
        self, identity: str, cheap: AsccError, defaults: AsccError | None, now: float
    ) -> None:
        """What became of a video whose cheap answer was `cheap`. `defaults` None: it succeeded."""
        known = self._identities[identity]
        if isinstance(cheap, Refused) and isinstance(defaults, Refused):
            known.detours_rest_until = now + _DETOUR_RESTS
        if defaults is not None:
            return
        known.fruitless += 1
        if known.fruitless >= _FRUITLESS:
            self.rest_cheap(identity, str(cheap), now)

    def rest_cheap(self, identity: str, why: str, now: float) -> None:
        """Ask yt-dlp's defaults at once for an hour; said once each time."""
        known = self._identities[identity]
        if now >= known.cheap_rests_until:
            log.warning(
                "yt-dlp's cheapest client brings nothing, its defaults are asked",
                extra={"identity": identity, "why": why, "seconds": _CHEAP_RESTS},
            )
        known.cheap_rests_until, known.fruitless = now + _CHEAP_RESTS, 0
