"""How numbers, times and texts are shown to people; on a terminal no word is broken."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from datetime import datetime
from typing import TextIO

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


def folded(text: str, width: int) -> str:
    """Long lines wrapped between words, each going on below its last column.

    A path or an address that is longer than a line stays whole, to be copied.
    """
    width = max(width, 10)  # below that nothing can be read however it is folded
    return "\n".join(_folded_line(line, width) for line in text.split("\n"))


def say(text: str, stream: TextIO | None = None) -> None:
    """Print it, folded where it goes to a terminal; to standard output unless another is given."""
    stream = stream or sys.stdout  # None where it is closed: then print says nothing
    if stream is not None and stream.isatty():
        text = folded(text, shutil.get_terminal_size().columns)
    print(text, file=stream, flush=True)


def _folded_line(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    columns = _columns(line)
    if columns and columns[-1] > width - 10:  # a table that is wider than the terminal
        line = re.sub(r"(?<=\S) {2,}", "  ", line)
        if columns[0] > width // 2 and line[0] == " ":
            line = f"  {line.lstrip()}"
        columns = _columns(line)
    # A command is to be copied: the shell must take it for one.
    command = re.match(r" +(cd|export|hf|python) ", line) and len(columns) == 1
    longest = max((len(word) for word in line.split() if len(word) <= width), default=0)
    room = min(width // 2, width - longest)
    lines = textwrap.wrap(
        line,
        width - 2 * bool(command),
        subsequent_indent=" " * max((at for at in columns if at <= room), default=0),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return (" \\\n" if command else "\n").join(lines)


def _columns(line: str) -> list[int]:
    """Where its columns begin."""
    return [gap.end() for gap in re.finditer(r"^ *- |^ +| {2,}", line)]
