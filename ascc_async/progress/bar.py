"""How far something has come whose steps are counted: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def progress_bar(items: Iterable[T], text: str, total: int) -> Iterable[T]:
    """The items, with a bar on standard error while they are taken."""
    console = Console(stderr=True)
    hidden = not console.is_terminal
    return track(items, text, total, console=console, transient=True, disable=hidden)
