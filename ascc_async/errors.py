"""The error tree. Each class answers one question: what happens next?

All are here but those with their file in brackets, which only the file's callers meet.

AsccError
├── StopRun              stop the run; the message is all the user needs         exit code 1
│   ├── SettingsError        a wrong setting or option                           exit code 2
│   ├── MetadataError        AudioSet's files are missing or malformed
│   ├── SetupError           ffmpeg, folder, proxy, certificate, cookies: the user's system
│   │   ├── DiskFull             no space left (files.py)
│   │   └── AlreadyRunning       another run works in this output folder (journal/lock.py)
│   ├── JournalError         the journal cannot be used
│   │   └── NoJournal            there is none yet
│   ├── SourcesExhausted     no license source can be trusted or used
│   ├── GaveUp               every identity paused too long                      exit code 3
│   └── StoppedOnRequest     the user stopped the run before this was done       exit code 3
├── Closed               the run is stopping: begin nothing new
├── Refused              YouTube refuses this identity: slow down, the video is not to blame
│   ├── RefusedAlone         so for long, and only this kind of request
│   └── StationLost          its machine in a cluster is gone: begin again at another one
├── Transient            try again, within bounds
│   ├── NetworkFault         no answer, or half of one
│   └── ServerFault          5xx, or an answer that is not one
│       └── UnexpectedAnswer     another try would not help: give up on this item
├── Unexplained          the video is not played, nobody says why: ask it again in a later run
├── LinkExpired          the media link no longer works: resolve it again
├── SourceUnusable       this license source cannot answer now: go to the next one
├── ItemError            give up on this item, with a reason of the closed list
│   ├── Unavailable          the video cannot be had
│   └── Rejected             the video is there, its sound is not usable
├── FFmpegFailed         ffmpeg could not do it: the caller knows of what (media/ffmpeg.py)
└── SlotError            a job in a worker process gave no result (concurrency/process_pool.py)
    ├── JobTimeout           it took too long and was killed
    ├── SlotDied             its process ended under it
    └── JobFailed            it raised: a bug
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from ascc_async.model import Reason

NetworkFaultKind = Literal[
    "dns",
    "proxy",
    "proxy_auth",
    "certificate",
    "connect",
    "timeout",
    "reset",
    "short_body",
    "other",
]
RefusalKind = Literal["rate", "bot_check", "try_later", "captcha", "media_forbidden", "other"]


ABORTED = 130  # the exit code after a second Ctrl-C, as shells have it


class AsccError(Exception):
    """Base of every error this project raises on purpose. Pickled and back it is what it was.

    `identity`: who was told so, where an extractor asked for a video.
    """

    identity = ""

    def __reduce__(self) -> tuple[Any, ...]:
        # By itself Python would call the class with `args`, which are not its arguments.
        return type(self).__new__, (type(self), *self.args), self.__dict__


class StopRun(AsccError):
    """Stop the run. The message says what is wrong, where, and what to do."""

    exit_code = 1


class SettingsError(StopRun):
    """A setting or option is wrong; raised before any work starts."""

    exit_code = 2


class MetadataError(StopRun):
    """A metadata file cannot be read safely.

    `path` and `line` (1-based, None for the whole file) say where; the message adds what was
    expected.
    """

    def __init__(self, path: Path | str, line: int | None, message: str) -> None:
        self.path, self.line = Path(path), line
        # In the form `file:line`, which editors open at a click.
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {message}")


class SetupError(StopRun):
    """The user's system does not allow a run: ffmpeg, a folder, proxy, certificate or cookies."""


class JournalError(StopRun):
    """The journal cannot be opened, is damaged, or is newer than this program."""


class NoJournal(JournalError):
    """No run has recorded anything here yet."""


class SourcesExhausted(StopRun):
    """No license source can be used or trusted any more."""


class GaveUp(StopRun):
    """Nothing could be done for longer than `throttle.give_up_after_hours`: every identity has
    paused, or the disk is full.
    """

    # As after Ctrl-C: nothing is broken, and the same command resumes.
    exit_code = 3


class StoppedOnRequest(StopRun):
    """The user asked to stop before this was done; the same command does it."""

    exit_code = 3


class Refused(AsccError):
    """YouTube refuses this identity for now. Never says anything about the video.

    `retry_after`: seconds YouTube asked for, or None.
    """

    def __init__(
        self, message: str, *, kind: RefusalKind = "other", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind: RefusalKind = kind
        self.retry_after = retry_after


class RefusedAlone(Refused):
    """This kind of request is refused for longer than the caller waits, while others go on."""


class StationLost(Refused):
    """The machine of a cluster that was asked, or was to go on with something, is gone."""


class Closed(AsccError):
    """The run is stopping: nothing new begins. Says nothing of any video."""


class Transient(AsccError):
    """Worth another try, within bounds."""


class NetworkFault(Transient):
    """No answer, or only part of one. `kind` tells a proxy that is down from a reset."""

    def __init__(self, message: str, *, kind: NetworkFaultKind = "other") -> None:
        super().__init__(message)
        self.kind: NetworkFaultKind = kind


class ServerFault(Transient):
    """A 5xx, or a body that is not what this address answers with."""


class UnexpectedAnswer(ServerFault):
    """The server answered, but not as this address does: a second try would not help."""


class Unexplained(AsccError):
    """YouTube does not play the video and names no certain reason.

    The video may be gone, or the identity blocked: blocked ones are told the same words.
    """


class LinkExpired(AsccError):
    """The media link answers 403 or 410: resolve the video again."""


class SourceUnusable(AsccError):
    """A license source cannot answer now (no key, quota used up, key refused).

    `until`: POSIX time at which it may be asked again; None means not in this run.
    """

    def __init__(self, message: str, *, until: float | None = None) -> None:
        super().__init__(message)
        self.until = until


class ItemError(AsccError):
    """Give up on this item. `reason` is from the closed list, the message in YouTube's words."""

    def __init__(self, reason: Reason, message: str = "") -> None:
        # Never empty: it becomes `detail` in unavailable.csv.
        super().__init__(message or reason.value)
        self.reason = reason


class Unavailable(ItemError):
    """The video cannot be had: gone, private, restricted."""


class Rejected(ItemError):
    """The video is there, but the clip is not usable: silent, too short, corrupt."""
