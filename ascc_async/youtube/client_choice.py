"""Which of yt-dlp's clients to ask first, and whether another one may help. No network; the time is
handed in.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict

from ascc_async.errors import AsccError, ItemError, Refused, Unexplained
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
_SAME_FOR_EVERY_CLIENT = (
    Reason.REMOVED,
    Reason.ACCOUNT_TERMINATED,
    Reason.COPYRIGHT_CLAIM,
    Reason.COUNTRY_RESTRICTED,
    Reason.LIVE,
)


class ClientChoice:
    """Remembers by identity where the guest client is useless, and where a fallback is.

    The guest client is not asked for an hour once yt-dlp's defaults succeeded several times in a
    row where it failed. After a refusal that the defaults met as well, there is no fallback for
    ten minutes: YouTube means the identity, not the client.
    """

    def __init__(self) -> None:
        self._guest_paused_until = defaultdict[str, float](float)
        self._fallback_paused_until = defaultdict[str, float](float)
        self._useless_in_a_row: Counter[str] = Counter()

    def first(self, identity: str, now: float) -> PlayerClient:
        """Whom to ask first."""
        paused = now < self._guest_paused_until[identity]
        return PlayerClient.DEFAULT if paused else PlayerClient.GUEST

    def may_fall_back(self, identity: str, error: AsccError, signed_in: bool, now: float) -> bool:
        """Whether to ask the defaults after the guest client failed with `error`."""
        paused = isinstance(error, Refused) and now < self._fallback_paused_until[identity]
        return not paused and another_client_may_help(error, signed_in)

    def note_guest_success(self, identity: str) -> None:
        """The guest client brought media."""
        self._useless_in_a_row[identity] = 0

    def note_fallback(
        self, identity: str, guest: AsccError, default: AsccError | None, now: float
    ) -> None:
        """What the defaults answered (None: the media) where the guest client met `guest`."""
        if default is None:
            self._useless_in_a_row[identity] += 1
            if self._useless_in_a_row[identity] >= _USELESS_IN_A_ROW:
                self.pause_guest(identity, str(guest), now)
        elif isinstance(guest, Refused) and isinstance(default, Refused):
            self._fallback_paused_until[identity] = now + _FALLBACK_PAUSE

    def pause_guest(self, identity: str, why: str, now: float) -> None:
        """Ask yt-dlp's defaults at once for an hour; logged once each time."""
        if self.first(identity, now) is PlayerClient.GUEST:
            log.warning(
                "yt-dlp's quickest way to a video does not work: for an hour it uses its usual way,"
                " which takes about three requests instead of one",
                extra={"identity": identity, "why": why},
            )
        self._guest_paused_until[identity] = now + _GUEST_PAUSE
        self._useless_in_a_row[identity] = 0


def another_client_may_help(error: AsccError, signed_in: bool) -> bool:
    """True when yt-dlp's default clients may succeed where the guest client failed."""
    if isinstance(error, Refused):
        return error.kind in ("bot_check", "other")
    if isinstance(error, Unexplained):
        return True
    if not isinstance(error, ItemError):
        return False
    # The guest client takes no cookies: an account may see more.
    if error.reason in (Reason.PRIVATE, Reason.MEMBERS_ONLY):
        return signed_in
    return error.reason not in _SAME_FOR_EVERY_CLIENT
