"""A first line on the terminal within a moment, before the slow imports."""

from __future__ import annotations

import os
import sys

_ERASE_LINE = "\r\x1b[2K"


def say_starting(text: str) -> None:
    """Show on a terminal that work has begun; `unsay` takes it away."""
    if _can_erase():
        sys.stdout.write(text)
        sys.stdout.flush()


def unsay() -> None:
    """Take away what `say_starting` showed; harmless at the start of a line."""
    if _can_erase():
        sys.stdout.write(_ERASE_LINE)
        sys.stdout.flush()


def _can_erase() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
