"""Which of yt-dlp's clients to ask first, and when another may help. Pure: `now` is handed in."""

from __future__ import annotations

import logging
import math
import re
from collections import defaultdict
from dataclasses import dataclass

from ascc_async.errors import AsccError, ItemError, Refused
from ascc_async.model import Reason
from ascc_async.youtube.extraction import PlayerClient

log = logging.getLogger(__name__)

# YouTube's rate limits of a session last up to an hour; a client it dropped stays dropped, and one
# try an hour costs nothing.
_GUEST_PAUSE = 3600.0
# Some refusals end in minutes: then the defaults are worth a try again.
_FALLBACK_PAUSE = 600.0
# Once says little: YouTube may just have stopped refusing between the two.
_USELESS_IN_A_ROW = 3
# Words that say more than «unavailable».
_GONE_FOR_CERTAIN = re.compile(
    r"removed|no longer|terminated|does ?n[o']t exist|closed", re.IGNORECASE
)
_SAME_FOR_EVERY_CLIENT = (
    Reason.ACCOUNT_TERMINATED,
    Reason.COPYRIGHT_CLAIM,
    Reason.COUNTRY_RESTRICTED,
    Reason.LIVE,
)


def another_client_may_help(error: AsccError, signed_in: bool) -> bool:
    """True when yt-dlp's default clients may succeed where the guest client failed."""
    if isinstance(error, Refused):
        return error.kind in ("bot_check", "other")
    if not isinstance(error, ItemError):
        return False
    # The guest client takes no cookies: an account may see more.
    if error.reason in (Reason.PRIVATE, Reason.MEMBERS_ONLY):
        return signed_in
    if error.reason is Reason.REMOVED:
        return not _GONE_FOR_CERTAIN.search(str(error))
    return error.reason not in _SAME_FOR_EVERY_CLIENT


@dataclass(slots=True)
class _Experience:
    """What one identity met."""

    guest_paused_until: float = -math.inf
    fallback_paused_until: float = -math.inf
    guest_useless: int = 0


class ClientChoice:
    """Remembers where the guest client is useless, and where a fallback only adds refusals.

    The guest client is not asked for an hour once yt-dlp's defaults succeeded several times in a
    row where it failed. After a refusal that the defaults met as well, there is no fallback for
    ten minutes: YouTube means the identity, not the client.
    """

    def __init__(self) -> None:
        self._experience: defaultdict[str, _Experience] = defaultdict(_Experience)

    def first(self, identity: str, now: float) -> PlayerClient:
        """Whom to ask first."""
        paused = now < self._experience[identity].guest_paused_until
        return PlayerClient.DEFAULT if paused else PlayerClient.GUEST

    def may_fall_back(self, identity: str, error: AsccError, signed_in: bool, now: float) -> bool:
        """Whether to ask the defaults after the guest client failed with `error`."""
        paused = now < self._experience[identity].fallback_paused_until
        return another_client_may_help(error, signed_in) and not (
            isinstance(error, Refused) and paused
        )

    def note_guest_success(self, identity: str) -> None:
        """The guest client brought media."""
        self._experience[identity].guest_useless = 0

    def note_fallback(
        self, identity: str, guest: AsccError, default: AsccError | None, now: float
    ) -> None:
        """What the defaults answered (None: the media) where the guest client met `guest`."""
        known = self._experience[identity]
        if default is None:
            known.guest_useless += 1
            if known.guest_useless >= _USELESS_IN_A_ROW:
                self.pause_guest(identity, str(guest), now)
        elif isinstance(guest, Refused) and isinstance(default, Refused):
            known.fallback_paused_until = now + _FALLBACK_PAUSE

    def pause_guest(self, identity: str, why: str, now: float) -> None:
        """Ask yt-dlp's defaults at once for an hour; logged once each time."""
        known = self._experience[identity]
        if now >= known.guest_paused_until:
            log.warning(
                "yt-dlp's one-request client does not work; using its default clients for an hour"
                " (about three requests per video)",
                extra={"identity": identity, "why": why},
            )
        known.guest_paused_until, known.guest_useless = now + _GUEST_PAUSE, 0
