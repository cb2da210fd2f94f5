"""How numbers, times and texts from outside are shown to people."""

from __future__ import annotations

from datetime import datetime

from ascc_async.dataset.text import one_line

_LAST = 253_000_000_000.0  # in the year 9987: `datetime` ends soon after


def count(number: int) -> str:
    """`1,234,567`."""
    return f"{number:,}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.5 h`, `2.5 days`."""
    # The smaller unit as long as it stays short: `80 s` says more than `1 min`.
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:,.1f} days"


def rate(per_second: float) -> str:
    """Requests or videos a second, an hour where that is easier to picture."""
    if per_second >= 10:
        return f"{per_second:.0f}/s"
    if per_second >= 0.1:
        return f"{per_second:.2f}/s"
    return f"{per_second * 3600:.0f}/h"


def share(part: int, whole: int) -> str:
    """`0.72 %`; `–` of nothing."""
    return f"{100 * part / whole:.2f} %" if whole else "–"


def moment(at: float) -> str:
    """A POSIX time as local date and time: `2026-01-31 14:05:09`."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def finish(at: float, now: float, *, seconds: bool = False) -> str:
    """The time of day at which something will be done, with the date when that is not today."""
    at = min(at, _LAST)
    then, today = (datetime.fromtimestamp(time).astimezone() for time in (at, now))
    if then.date() != today.date():
        return then.strftime("%Y-%m-%d %H:%M")
    return then.strftime("%H:%M:%S" if seconds else "%H:%M")


def safe(text: object) -> str:
    """Text from outside without control characters, line breaks or direction overrides."""
    return one_line(str(text))
