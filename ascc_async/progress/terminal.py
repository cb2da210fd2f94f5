"""Text for people: on a terminal no word is broken at the end of a line."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from typing import TextIO


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
