"""How far something has come whose steps are counted: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ascc_async.progress.picture import Picture

T = TypeVar("T")
_DRAW_EVERY = 0.1  # seconds


def progress_bar(items: Iterable[T], text: str, total: int) -> Iterator[T]:
    """The items, with a bar on standard error while they are taken."""
    with counted_bar(text) as show:
        for done, item in enumerate(items, 1):
            yield item
            show(done, total)


@contextmanager
def counted_bar(text: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; what this gives is told how many are done, of how many."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda done, total: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    bar = Progress(*columns, TimeRemainingColumn(), console=console, auto_refresh=False)
    task, next_at = bar.add_task(text, total=None), 0.0

    def show(done: int, total: int) -> None:
        nonlocal next_at
        bar.update(task, completed=done, total=total)
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + _DRAW_EVERY
            with suppress(OSError):  # a terminal that was closed
                picture.draw(bar.get_renderable())

    with Picture(console, one_line=True) as picture:
        picture.draw(bar.get_renderable())
        yield show
